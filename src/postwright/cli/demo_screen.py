"""What the demonstration shows: the dialogue, the progress, the recipients, and what arrived.

Everything that stays on the screen is also printed to a second console that is never shown: its picture has no trace of
the moving bar.
"""

from __future__ import annotations

import email
import hashlib
import io
import re
from email import policy
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

import postwright
from postwright.cli.progress import megabytes
from postwright.cli.trail import ARROWS
from postwright.enums import Direction

if TYPE_CHECKING:
    from email.message import MIMEPart

    from rich.console import RenderableType

    from postwright.component.smtp import SMTP
    from postwright.events import PITrail, Transfer
    from postwright.words import RecipientResult, SendResult

WIDTH: Final = 100
_BAR: Final = 44
_STYLES: Final = {Direction.CLIENT: "bold cyan", Direction.SERVER: "green", Direction.INFO: "magenta"}


_WEB_FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""A picture that is looked at must not ask another host for anything."""


class DemoScreen:
    """The screen of one demonstration.

    Args:
        record: Whether ``save`` will be called.
    """

    def __init__(self, *, record: bool = False) -> None:
        shown = Console(highlight=False, soft_wrap=False)
        shown.width = min(shown.width, WIDTH)
        self._shown = shown
        self._consoles = [shown]
        if record:
            self._consoles.append(
                Console(
                    highlight=False,
                    record=True,
                    width=WIDTH,
                    file=io.StringIO(),
                    force_terminal=True,
                    color_system="truecolor",
                    legacy_windows=False,
                )
            )
        self._bar = Progress(
            TextColumn("      [bold]the message"),
            BarColumn(_BAR),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[size]}"),
            console=shown,
            transient=True,
        )
        self._task: Any = None
        self._bytes = 0

    def _print(self, *parts: RenderableType) -> None:
        for console in self._consoles:
            for part in parts:
                console.print(part)

    def _title(self, title: str, remark: str = "") -> None:
        heading = Text.assemble((f"{title}   ", "bold yellow"), (remark, "dim"))
        self._print("")
        for console in self._consoles:
            console.print(Rule(heading.copy(), align="left", style="dim"))  # a rule cuts its title to its console

    def begin(self, port: int, file: str, size: int) -> None:
        """Say what is going to happen."""
        self._print(
            Text.assemble((f"postwright {postwright.__version__}   ", "bold"), "one mail, from end to end"),
            Text.assemble(
                f"To a server inside this process (127.0.0.1 port {port}), with {file} of {megabytes(size)} attached.",
                style="dim",
            ),
        )
        self._title("The dialogue", "-> this client   <- the server   ** a remark")

    def follow(self, smtp: SMTP) -> None:
        """Show the dialogue and the progress of the client's mail."""
        smtp.on_pi_trail = self._line
        smtp.on_transfer = self._moved

    def _line(self, event: PITrail) -> None:
        self._settle()
        refusal = event.direction is Direction.SERVER and event.message[:1] in {"4", "5"}
        style = "bold red" if refusal else _STYLES[event.direction]
        self._print(
            Text.assemble("   ", (f"{ARROWS[event.direction]} ", style), (event.message, style if refusal else ""))
        )

    def _moved(self, event: Transfer) -> None:
        self._bytes = event.bytes_transferred
        if self._task is None:
            if self._shown.is_terminal:
                self._bar.start()
            self._task = self._bar.add_task("", total=100, size="")
        self._bar.update(self._task, completed=event.percent_done, size=megabytes(self._bytes))

    def _settle(self) -> None:
        """Put the full bar in the place of the moving one."""
        if self._task is None:
            return
        self._bar.stop()
        self._task = None
        line = Table.grid(padding=(0, 1))
        line.add_row(
            Text.assemble("   ", ("->", "bold cyan")),
            Text("the message", "bold"),
            ProgressBar(total=100, completed=100, width=_BAR, finished_style="bold cyan"),
            f"100 %  {megabytes(self._bytes)}",
        )
        self._print(line)

    def recipients(self, result: SendResult) -> None:
        """Show what the server said of each recipient."""
        self._title("The recipients", "a refused Bcc does not stop the mail, and is not overlooked")
        table = _table("Recipient", "Named in", "", "Code", "Status", "The server's words")
        for each in result.recipients:
            table.add_row(*_recipient_row(each))
        self._print(table)

    def arrival(self, content: bytes, size: int, digest: str) -> bool:
        """Show what arrived, as Python's own email package reads it; return whether it is what was sent."""
        message = email.message_from_bytes(content, policy=policy.default)
        text = message.get_body(("plain",))
        parts = list(message.iter_attachments())
        data = parts[0].get_payload(decode=True) if parts else b""
        same = isinstance(data, bytes) and len(data) == size and hashlib.sha256(data).hexdigest() == digest
        self._title("What arrived", "as Python's email package reads it")
        table = _table("", "")
        table.show_header = False
        for name in ("From", "To", "Cc", "Bcc", "Subject"):
            value = str(message[name]) if message[name] is not None else Text("in no header", "dim")
            table.add_row("", name, value)
        table.add_row("", "Text", _line_of(text))
        if parts:
            table.add_row("", "Attachment", f"{parts[0].get_filename()}, {parts[0].get_content_type()}")
            table.add_row("", "Size", _judged(f"{len(data):,} octets", ok=len(data) == size))
            table.add_row("", "SHA-256", _judged(digest, ok=same))
        self._print(table)
        return same

    def end(self, *, good: bool) -> None:
        """Say how it went."""
        if good:
            self._print("", Text("Sent, received, and equal to the last octet.", "bold green"))
            self._print(Text("Your turn: postwright send --help", "dim"))
        else:
            self._print("", Text("What arrived is not what was sent: please report this.", "bold red"))

    def save(self, path: str) -> None:
        """Write the picture.

        Raises:
            OSError: That is not possible.
        """
        picture = self._consoles[-1].export_svg(title="postwright demo", unique_id="postwright-demo")
        with open(path, "w", encoding="utf-8") as file:
            file.write(_WEB_FONTS.sub("", picture))


def _table(*titles: str) -> Table:
    made = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    made.add_column("", width=1)
    for title in titles:
        made.add_column(title, overflow="fold")
    return made


def _recipient_row(each: RecipientResult) -> tuple[RenderableType, ...]:
    code = str(each.reply.code) if each.reply else ""
    enhanced = (each.reply.enhanced or "") if each.reply else ""
    words = each.reply.text if each.reply else ""
    style = "green" if each.accepted else "bold red"
    verdict = Text("accepted" if each.accepted else "refused", style)
    return "", each.address, each.type.name.capitalize(), verdict, Text(code, style), Text(enhanced, style), words


def _judged(text: str, *, ok: bool) -> Text:
    """Return a fact, and whether it is as it was before sending."""
    return Text.assemble(f"{text}   ", ("as on disk", "green") if ok else ("not as on disk", "bold red"))


def _line_of(part: MIMEPart | None) -> str:
    """Return the line of the text that has the difficult characters."""
    lines = str(part.get_content()).splitlines() if part is not None else []
    return max(lines, key=len, default="")
