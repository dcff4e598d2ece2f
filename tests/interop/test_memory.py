"""A body of any size goes out in constant memory: the whole process is measured, from outside."""

import subprocess
import sys

import pytest

from tests.interop.servers import Exim, Sink

PROGRAM = """
import io, re, sys
from postwright import SMTP

def most():
    # The most that this program held; getrusage would count what its parent held when it was forked.
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1]) // 1024

class Endless(io.RawIOBase):
    def __init__(self, octets):
        self.left = octets
        self.block = (b"x" * 76 + b"\\r\\n") * 3360
    def readable(self):
        return True
    def read(self, count=-1):
        part = self.block[: min(count, self.left)]
        self.left -= len(part)
        return part

port, octets, chunking = (int(word) for word in sys.argv[1:])
client = SMTP(mail_server="127.0.0.1", mail_port=port, ssl_start_mode=3, from_="a@example.test", send_to="x@capture.test")
client.settings.use_chunking = bool(chunking)
client.set_message_stream(Endless(octets))
before = most()
assert client.send().reply.code == 250
print(before, most())
"""


def measured(port: int, octets: int, *, chunking: bool) -> tuple[int, int]:
    """MiB that the process held at the most, before and after sending."""
    arguments = [sys.executable, "-c", PROGRAM, str(port), str(octets), str(int(chunking))]
    result = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr
    before, after = result.stdout.split()
    return int(before), int(after)


def test_a_stream_of_a_gibibyte_stays_under_64_mebibytes(sink: Sink) -> None:
    before, after = measured(sink.discard, 1 << 30, chunking=False)
    assert after < 64
    assert after - before < 8


@pytest.mark.parametrize("chunking", [True, False])
def test_a_stream_takes_no_more_with_chunking(exim: Exim, chunking: bool) -> None:
    before, after = measured(exim.plain, 18 << 20, chunking=chunking)
    assert after < 64
    assert after - before < 8
