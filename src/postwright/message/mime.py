"""MIME (RFC 2045 to 2049, 2183, 2387): text, HTML and attachments become one entity of headers and pieces.

The order of nesting is mixed(alternative(text, related(html, images)), attachments); layers that would have one part
only are left out. Everything is 7-bit but messages as attachments, which must not be encoded (RFC 2046 5.2.1).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from postwright.errors import ForbiddenCharacter, InvalidHeader, InvalidValue
from postwright.lazy import pattern
from postwright.message import headers
from postwright.message.body import Encoded, FileSource, Memory
from postwright.message.encoded_words import to_bytes
from postwright.message.stamps import boundary
from postwright.message.transfer_encodings import base64_lines, base64_size, least_quoted, quoted_printable
from postwright.record import Frozen
from postwright.wire.lines import CHUNK, LineEnds, canonical, fits
from postwright.words import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postwright.message.body import Source

    Randomness: TypeAlias = Callable[[int], bytes]

_TYPE = pattern(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+", re.ASCII)
PARAMETER = pattern(r';[ \t]*([\w!#$&^.+*-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*+)"|([^\s;"]+))[ \t]*', re.ASCII)
_CONTENT_ID = pattern(r"[!-;=?-~]+")
_NOT_ASCII = pattern(r"[^ -~]")


class Attachment(Frozen):
    """Something attached to a message.

    Args:
        content: The octets, or a path, or an object with ``read(count)`` that gives bytes (perhaps a coroutine).
        name: The file name that the reader sees; by default that of the file.
        content_type: Its media type, such as "image/png"; by default guessed from the name.
        content_id: What the HTML calls it, without "cid:"; it makes the attachment a part of the HTML.
    """

    content: bytes | str | os.PathLike[str] | Any
    name: str | None = None
    content_type: str | None = None
    content_id: str | None = None


class Entity:
    """A part of a message: its MIME headers, and its content in pieces.

    Attributes:
        eight_bit: Whether it has 8-bit data, or may have, for all that is known.
        loose: The pieces in which a boundary could occur: those that are not encoded.
    """

    __slots__ = ("eight_bit", "headers", "loose", "pieces")

    def __init__(
        self, headers: bytes, pieces: list[bytes | Source], eight_bit: bool = False, loose: Sequence[bytes] = ()
    ) -> None:
        self.headers = headers
        self.pieces = pieces
        self.eight_bit = eight_bit
        self.loose = loose

    @property
    def whole(self) -> bytes | None:
        """The content where all of it is in memory, encoded."""
        return b"".join(self.pieces) if set(map(type, self.pieces)) == {bytes} else None  # type: ignore[arg-type]

    def sources(self) -> tuple[Source, ...]:
        """Return the content as sources, what is in memory joined."""
        found: list[Source] = []
        run: list[bytes] = []
        for piece in self.pieces:
            if isinstance(piece, bytes):
                run.append(piece)
                continue
            if run:
                found.append(Memory(b"".join(run)))
                run = []
            found.append(piece)
        if run:
            found.append(Memory(run[0] if len(run) == 1 else b"".join(run)))
        return tuple(found)


def encoded_text(text: str, charset: str) -> tuple[bytes, str]:
    """Return text in a character set, its lines ended by LF, and the name of the character set.

    Raises:
        ForbiddenCharacter: It has a NUL, which no mail can carry as text, or half a character.
    """
    if "\0" in text:
        raise ForbiddenCharacter(f"the text has a NUL at character {text.index(chr(0)) + 1}")
    try:
        raw, name = to_bytes(text, charset)
    except InvalidHeader as error:
        raise ForbiddenCharacter(error.detail) from error
    return (canonical(raw).replace(b"\r\n", b"\n") if b"\r" in raw else raw), name


def text_entity(text: str, subtype: str, charset: str) -> Entity:
    """Return text as an entity, in the shortest transfer encoding that carries it safely (RFC 2045 section 6)."""
    data, name = encoded_text(text, charset)
    encoding = b"7bit"
    loose: list[bytes] = []
    if data.isascii() and fits(canonical_of := data.replace(b"\n", b"\r\n")):
        data = canonical_of
        loose.append(data)
    else:
        encoding, data = shorter(data)
    head = b'Content-Type: text/%b; charset="%b"\r\nContent-Transfer-Encoding: %b\r\n'
    return Entity(head % (subtype.encode(), name.encode(), encoding), [data], loose=loose)


def shorter(data: bytes) -> tuple[bytes, bytes]:
    """Return the shorter one of quoted-printable and base64, for text with LF: (its name, the encoded text)."""
    limit = base64_size(len(data) + data.count(b"\n"))
    if least_quoted(data) <= limit:
        quoted = quoted_printable(data)
        if len(quoted) <= limit:
            return b"quoted-printable", quoted
    return b"base64", base64_lines(data.replace(b"\n", b"\r\n"))


def compose(text: str, html: str, attachments: Sequence[Attachment], charset: str, randomness: Randomness) -> Entity:
    """Return all of a message's content, nested as mail readers expect it.

    Raises:
        InvalidValue: An attachment can't be written as it is.
        ForbiddenCharacter: A text or a name has a character that can't be sent.
    """
    inline = [a for a in attachments if html and a.content_id is not None] if attachments else []
    others = [a for a in attachments if not (html and a.content_id is not None)] if attachments else []
    parts: list[Entity] = []
    if text or not (html or attachments):
        parts.append(text_entity(text, "plain", charset))
    if html:
        part = text_entity(html, "html", charset)
        if inline:
            related = [part, *(attachment_entity(a, inline=True) for a in inline)]
            part = multipart("related", related, randomness, ' type="text/html";')
        parts.append(part)
    if len(parts) == 2:
        parts = [multipart("alternative", parts, randomness)]
    if others:
        return multipart("mixed", [*parts, *(attachment_entity(a) for a in others)], randomness)
    return parts[0]


def multipart(subtype: str, parts: Sequence[Entity], randomness: Randomness, more: str = "") -> Entity:
    """Put parts into one entity, between boundaries that occur in none of them (RFC 2046 section 5.1)."""
    loose: list[bytes] = []
    eight_bit = False
    for part in parts:
        loose += part.loose
        eight_bit |= part.eight_bit
    mark = boundary(randomness(16)).encode()
    while loose and any(mark in piece for piece in loose):
        mark = boundary(randomness(16) + mark[-8:]).encode()
    head = b'Content-Type: multipart/%b;%b\r\n boundary="%b"\r\n' % (subtype.encode(), more.encode(), mark)
    if eight_bit:  # RFC 2045 section 6.4: no entity may claim less than what its parts have
        head += b"Content-Transfer-Encoding: 8bit\r\n"
    pieces: list[bytes | Source] = []
    delimiter = b"--%b\r\n" % mark
    for part in parts:
        pieces.append(b"%b%b\r\n" % (delimiter, part.headers))
        pieces += part.pieces
        delimiter = b"\r\n--%b\r\n" % mark
    pieces.append(b"\r\n--%b--\r\n" % mark)
    return Entity(head, pieces, eight_bit, loose)


def attachment_entity(attachment: Attachment, *, inline: bool = False) -> Entity:
    """Return an attachment as an entity, in base64 (RFC 2183); a message goes as it is (RFC 2046 section 5.2.1).

    Raises:
        InvalidValue: Its type or identifier is none, or it is a message with NUL or overlong lines.
        ForbiddenCharacter: Its name has a control character.
    """
    content = attachment.content
    name = _name(attachment)
    media, values = _media_type(attachment, name)
    if name and not name.isascii():
        values.append(("name", _ascii_name(name)))  # for readers that don't know RFC 2231
    head = headers.parameters("Content-Type", media, values)
    is_message = media.lower().startswith("message/")
    if media.lower().startswith("multipart/"):
        raise InvalidValue(f"an attachment can't be {media}: attach its parts")
    entity = _message(content) if is_message else _encoded(content)
    shown = [("filename", name)] if name else []
    entity.headers = head + entity.headers
    entity.headers += headers.parameters("Content-Disposition", "inline" if inline else "attachment", shown)
    if attachment.content_id is not None:
        identifier = attachment.content_id.removeprefix("<").removesuffix(">")
        if not _CONTENT_ID.fullmatch(identifier):
            raise InvalidValue(f"{printable(attachment.content_id)!r} is no content identifier")
        entity.headers += headers.structured("Content-ID", f"<{identifier}>")
    return entity


def _encoded(content: object) -> Entity:
    head = b"Content-Transfer-Encoding: base64\r\n"
    if isinstance(content, bytes | bytearray | memoryview):
        data = bytes(content)
        return Entity(head, [base64_lines(data) if len(data) <= CHUNK else Encoded(data)])
    return Entity(head, [FileSource(content, encode="base64", close=False)])


def _message(content: object) -> Entity:
    if isinstance(content, bytes | bytearray | memoryview):
        lines = LineEnds(strict=True)
        data = lines.feed(bytes(content))
        cte = b"8bit" if lines.eight_bit else b"7bit"
        return Entity(b"Content-Transfer-Encoding: %b\r\n" % cte, [data], lines.eight_bit, [data])
    # What is in the file shows only as it is sent: 8bit is true for any content without overlong lines.
    return Entity(b"Content-Transfer-Encoding: 8bit\r\n", [FileSource(content, close=False)], eight_bit=True)


def _name(attachment: Attachment) -> str:
    if attachment.name is not None:
        return attachment.name
    content = attachment.content
    if isinstance(content, bytes | bytearray | memoryview):
        return ""
    given = content if isinstance(content, str | os.PathLike) else getattr(content, "name", "")
    return os.path.basename(os.fspath(given)) if isinstance(given, str | os.PathLike) else ""


def _media_type(attachment: Attachment, name: str) -> tuple[str, list[tuple[str, str]]]:
    given = attachment.content_type
    if given is None:
        if not name:
            return "application/octet-stream", []
        import mimetypes  # noqa: PLC0415 (its tables come from files of the system)

        guess, coding = mimetypes.guess_type(name)
        # A type that is packed (.csv.gz) is not that type any more.
        usable = guess is not None and coding is None and not guess.startswith(("message/", "multipart/"))
        return (guess if usable and guess else "application/octet-stream"), []
    match = _TYPE.match(given)
    if match:
        end = match.end()
        values = []
        while found := PARAMETER.match(given, end):
            attribute, quoted, token = found.groups()
            values.append((attribute, token if quoted is None else re.sub(r"\\(.)", r"\1", quoted)))
            end = found.end()
        if end == len(given.rstrip()):
            return match.group(), values
    raise InvalidValue(f"{printable(given)!r} is no media type such as image/png")


def _ascii_name(name: str) -> str:
    """Return a file name's nearest likeness in ASCII."""
    import unicodedata  # noqa: PLC0415 (few names need it)

    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return _NOT_ASCII.sub("_", bare)
