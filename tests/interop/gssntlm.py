"""GSS-NTLMSSP as the judge of NTLM logins: a server's side in C, which checks the channel binding.

It is a mechanism of the system's GSSAPI library, which reads its configuration once in a process: so it runs in one of
its own, this file. A line there is what the client said and the channel binding, in base64; the answer is a verdict's name
and the next challenge.
"""

import base64
import os
import subprocess
import sys
from pathlib import Path

from tests.interop.judged import Verdict
from tests.interop.servers import STATE, missing

NTLM = "1.3.6.1.4.1.311.2.2.10"


def mechanism() -> Path:
    """The mechanism, as unpacked by install.sh."""
    found = next((STATE / "prefix" / "gssapi").glob("usr/lib/*/gssntlmssp/gssntlmssp.so"), None)
    return found or missing("GSS-NTLMSSP is not installed (tests/interop/install.sh)")


class GssNtlm:
    """One login, seen by GSS-NTLMSSP, which knows alice of the domain EXAMPLE.

    Args:
        folder: Where its two files may be.
        bindings: The channel bindings; a login that is not bound to the one of the certificate is refused.
    """

    acting = ""

    def __init__(self, folder: Path, bindings: dict[str, bytes]) -> None:
        mechanisms, users = folder / "mechanisms", folder / "users"
        mechanisms.write_text(f"ntlmssp {NTLM} {mechanism()}\n")
        users.write_text("EXAMPLE:alice:alicepw\n")
        here = {
            "GSS_MECH_CONFIG": str(mechanisms),
            "NTLM_USER_FILE": str(users),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        self._binding = base64.b64encode(b"tls-server-end-point:" + bindings["tls-server-end-point"]).decode()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            env=os.environ | here,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def step(self, said: bytes | None) -> tuple[Verdict, bytes]:
        """Its verdict so far, and its next challenge."""
        if said is None:
            return Verdict.NOT_YET, b""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{base64.b64encode(said).decode()} {self._binding}\n")
        self._process.stdin.flush()
        verdict, _, challenge = self._process.stdout.readline().strip().partition(" ")
        return Verdict[verdict], base64.b64decode(challenge)

    def close(self) -> None:
        self._process.communicate()


def judge() -> None:
    """Answer the lines on standard input."""
    import gssapi
    from gssapi import raw

    name = raw.import_name(b"smtp@localhost", gssapi.NameType.hostbased_service)
    ours = raw.acquire_cred(name, mechs=[gssapi.OID.from_int_seq(NTLM)], usage="accept").creds
    context, verdict, challenge = None, Verdict.NOT_YET, b""
    for line in sys.stdin:
        said, binding = map(base64.b64decode, line.split())
        try:
            answer = raw.accept_sec_context(said, ours, context, raw.ChannelBindings(application_data=binding))
        except raw.GSSError:
            verdict = Verdict.NO
        else:
            context, challenge = answer.context, answer.token or b""
            bound = bool(int(answer.flags) & gssapi.RequirementFlag.channel_bound)
            verdict = Verdict.NOT_YET if answer.more_steps else Verdict.YES if bound else Verdict.NO
        sys.stdout.write(f"{verdict.name} {base64.b64encode(challenge).decode()}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    judge()
