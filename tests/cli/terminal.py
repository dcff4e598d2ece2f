"""A terminal for a program: a pseudo-terminal that it has for itself."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from tests.cli.conftest import PROGRAM, environment

# The leader of a new session gets the terminal that it opens first as its own, as after a login. Ctrl-C is heard there, even
# where the tests themselves were started in the background of a shell, which has it ignored (POSIX.1-2024, sh, 2.12).
_LOGIN = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.close(os.open(os.ttyname(0), os.O_RDWR))
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    def __init__(self, command: list[str], env: dict[str, str] | None = None) -> None:
        self._master, slave = pty.openpty()
        start = [sys.executable, "-c", _LOGIN, *command]
        variables = environment(**{"TERM": "xterm", "COLUMNS": "100", "LINES": "30", **(env or {})})
        variables.pop("NO_COLOR", None)
        self.program = subprocess.Popen(
            start, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=variables
        )
        os.close(slave)
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def wait_for(self, condition: Callable[[], bool], seconds: float = 15) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.shown
            self._read(0.02)

    def end(self) -> int:
        self.wait_for(lambda: self.program.poll() is not None)
        while self._read(0.02):
            pass
        return self.program.wait()

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # nobody has the other end any more
            data = b""
        self.shown += data.decode("utf-8", "replace")
        return bool(data)

    def close(self) -> None:
        if self.program.poll() is None:
            self.program.send_signal(signal.SIGKILL)
            self.program.wait()
        os.close(self._master)


@contextlib.contextmanager
def terminal(*words: str, env: dict[str, str] | None = None, code: str = "") -> Iterator[Terminal]:
    """Run the program (or code that does) on a terminal."""
    made = Terminal([sys.executable, "-c", code, *words] if code else [*PROGRAM, *words], env)
    try:
        yield made
    finally:
        made.close()
