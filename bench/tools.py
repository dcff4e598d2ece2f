"""What the measurements need, installed into a cache folder once; whatever can't be had is named, and done without."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CACHE = Path(os.environ.get("POSTWRIGHT_BENCH", Path.home() / ".cache" / "postwright-bench"))
SERVERS = Path(os.environ.get("POSTWRIGHT_INTEROP", "/var/lib/postwright-interop"))
POSTFIX = SERVERS / "prefix" / "postfix"

CPUS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
CLIENT, SERVER = CPUS[0], CPUS[-1]
"""The processors of the clients and of the servers; the same one where there is only one."""


@dataclass
class Tools:
    """What is there; ``missing`` says of everything else why it is not."""

    sink: str = ""
    delay: str = ""
    smtp_sink: str = ""
    smtp_source: str = ""
    curl: str = ""
    msmtp: str = ""
    node: str = ""
    peers: str = ""
    certificate: str = ""
    key: str = ""
    authority: str = ""
    taskset: str = ""
    strace: str = ""
    missing: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def lack(self, name: str, why: str) -> str:
        """Note, and say, that something is missing."""
        self.missing[name] = why
        print(f"missing: {name}: {why}", flush=True)
        return ""


def python() -> str:
    """Return which Python this is: how it was built makes a difference."""
    return f"{platform.python_version()} in {sys.base_prefix}"


def source() -> str:
    """Return a digest of postwright's own source, so that a run notices when it changes meanwhile."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "src").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


class Failed(Exception):  # noqa: N818 - it says what happened
    """A command did not do what it should; the text has its last words."""


def run(*words: str, env: dict[str, str] | None = None, cwd: Path | None = None, timeout: float = 600) -> str:
    """Run a command and return what it says.

    Raises:
        Failed: It failed, or is not there.
    """
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            cwd=cwd,
            env={**os.environ, **(env or {})},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{words[0]}: {error}") from error
    if done.returncode:
        raise Failed(f"{Path(words[0]).name}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


def library_path() -> dict[str, str]:
    """Return what Postfix's tools need to find their libraries in the unpacked prefix."""
    return {"LD_LIBRARY_PATH": str(POSTFIX / "usr/lib/postfix")} if POSTFIX.exists() else {}


def gather() -> Tools:
    """Install and build everything, and say what is missing."""
    CACHE.mkdir(parents=True, exist_ok=True)
    tools = Tools()
    tools.taskset = shutil.which("taskset") or tools.lack("taskset", "nothing is pinned to a processor")
    tools.strace = shutil.which("strace") or ""
    _programs(tools)
    _postfix(tools)
    _certificates(tools)
    _peers(tools)
    _nodemailer(tools)
    tools.curl = _debian(tools, "curl")
    tools.msmtp = _debian(tools, "msmtp")
    return tools


def _newer(made: Path, *sources: Path) -> bool:
    return made.exists() and all(made.stat().st_mtime >= source.stat().st_mtime for source in sources)


def _programs(tools: Tools) -> None:
    """Build the sink and the line with a delay."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    for name in ("sink", "delay"):
        source, made = HERE / f"{name}.c", CACHE / name
        if not _newer(made, source):
            try:
                if compiler is None:
                    raise Failed("there is no C compiler")
                _compile(tools, compiler, source, made)
            except Failed as error:
                tools.lack(name, str(error))
                continue
        setattr(tools, name, str(made))


def _compile(tools: Tools, compiler: str, source: Path, made: Path) -> None:
    libraries = ["-lssl", "-lcrypto"] if source.stem == "sink" else []
    try:
        run(compiler, "-O2", "-o", str(made), str(source), *libraries)
    except Failed:
        if not libraries:
            raise
        run(compiler, "-O2", "-DNO_TLS", "-o", str(made), str(source))
        tools.lack("TLS", "OpenSSL's headers (libssl-dev) are not there, so the sink has no TLS")
        os.utime(made, (0, 0))  # it is built again the next time


def _postfix(tools: Tools) -> None:
    """Find smtp-sink and smtp-source: in the prefix of the tests, which is made where that is possible, or installed."""
    names = ("smtp-sink", "smtp-source")
    if not (POSTFIX / "usr/sbin/smtp-sink").exists() and shutil.which("smtp-sink") is None:
        try:
            run("bash", str(ROOT / "tests/interop/install.sh"))
        except Failed as error:
            print(error)
    for name in names:
        unpacked = POSTFIX / "usr/sbin" / name
        place = str(unpacked) if unpacked.exists() else shutil.which(name)
        setattr(
            tools, name.replace("-", "_"), place or tools.lack(name, "Postfix is not there (tests/interop/install.sh)")
        )
    control = POSTFIX / "libraries"
    tools.versions["Postfix's smtp-source, smtp-sink"] = "unpacked package" if control.exists() else "installed"


def _certificates(tools: Tools) -> None:
    """Make an authority and a certificate for this host; a set is used for a week."""
    folder = CACHE / "certificates"
    names = {"certificate": "server.pem", "key": "server.key", "authority": "ca.pem"}
    script = (
        "import sys, trustme; from pathlib import Path; d = Path(sys.argv[1]); d.mkdir(exist_ok=True); ca = trustme.CA();"
        "c = ca.issue_cert('localhost', '127.0.0.1'); (d/'server.key').write_bytes(c.private_key_pem.bytes());"
        "(d/'server.pem').write_bytes(b''.join(b.bytes() for b in c.cert_chain_pems));"
        "(d/'ca.pem').write_bytes(ca.cert_pem.bytes())"
    )
    made = folder / "ca.pem"
    if not made.exists() or made.stat().st_mtime < time.time() - 7 * 86400:
        try:
            run(sys.executable, "-c", script, str(folder))
        except Failed as error:
            tools.lack("certificates", str(error))
            return
    for attribute, name in names.items():
        setattr(tools, attribute, str(folder / name))


def _peers(tools: Tools) -> None:
    """Make an environment of its own for aiosmtplib."""
    folder = CACHE / f"peers-{platform.python_version()}"
    python = folder / "bin/python"
    try:
        if not python.exists():
            run(sys.executable, "-m", "venv", str(folder))
        try:
            version = run(str(python), "-c", "import aiosmtplib; print(aiosmtplib.__version__)")
        except Failed:
            run(str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "aiosmtplib")
            version = run(str(python), "-c", "import aiosmtplib; print(aiosmtplib.__version__)")
    except Failed as error:
        tools.lack("aiosmtplib", str(error))
        return
    tools.peers = str(python)
    tools.versions["aiosmtplib"] = version.strip()


def _nodemailer(tools: Tools) -> None:
    folder = CACHE / "npm"
    package = folder / "node_modules/nodemailer/package.json"
    try:
        if shutil.which("node") is None:
            raise Failed("Node.js is not there")
        if not package.exists():
            folder.mkdir(exist_ok=True)
            run(
                "npm",
                "install",
                "--silent",
                "--no-audit",
                "--no-fund",
                "--prefix",
                str(folder),
                "nodemailer",
                cwd=folder,
            )
        version = run("node", "-p", f"require({str(package)!r}).version + ' on Node.js ' + process.version")
    except Failed as error:
        tools.lack("Nodemailer", str(error))
        return
    tools.node = str(folder / "node_modules")
    tools.versions["Nodemailer"] = version.strip()


def _debian(tools: Tools, name: str) -> str:
    """Return a program that is installed, or that can be unpacked from its Debian package."""
    place = shutil.which(name) or str(CACHE / name / "usr/bin" / name)
    try:
        if not Path(place).exists():
            if shutil.which("apt-get") is None:
                raise Failed("it is not installed, and this is no Debian")
            debs = CACHE / f"{name}-debs"
            debs.mkdir(exist_ok=True)
            run("apt-get", "download", "-q", name, cwd=debs)
            for deb in debs.glob("*.deb"):
                run("dpkg", "-x", str(deb), str(CACHE / name))
        tools.versions[name] = " ".join(run(place, "--version").splitlines()[0].split()[:3])
    except Failed as error:
        return tools.lack(name, str(error))
    return place
