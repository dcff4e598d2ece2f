"""An email package object's fields and content as bytes: encoded parts as they are, signed parts octet by octet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postwright.errors import InvalidAddress, InvalidValue
from postwright.lazy import pattern
from postwright.message import blocks, headers
from postwright.message.blocks import Field
from postwright.message.encoded_words import decode
from postwright.message.stamps import boundary
from postwright.words import Address, printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import Message

_ANY_END = pattern(r"\r\n|\r|\n")
_MAX_DEPTH = 100


def write_field(name: str, value: Any, message: Message[Any, Any], *, exact: bool = False) -> bytes:
    """Write one field as bytes that end with CRLF.

    A field that was parsed from a source keeps its folds; one that was assigned is written by our rules.

    Args:
        name: The field's name.
        value: A str (a parsed source, or anything in the old API), a header object, or an email.header.Header.
        message: Whose field it is.
        exact: Write a header object as the message's own policy folds it, because a signature covers that.

    Raises:
        InvalidHeader: It can't be written.
        InvalidAddress: It has an address that is none.
        ForbiddenCharacter: It has a control character.
    """
    if callable(fold := getattr(value, "fold", None)):
        if exact:
            folded: str = fold(policy=message.policy.clone(linesep="\r\n"))
            return folded.encode("utf-8", "surrogateescape")
        return _header_object(name, value, message)
    if not isinstance(value, str):  # email.header.Header of the old API, which encodes itself
        value = value.encode(linesep="\r\n") if hasattr(value, "append") else str(value)
    text = _ANY_END.sub("\r\n", value)
    if exact:
        return f"{name}: {text}\r\n".encode("utf-8", "surrogateescape")
    if not text.isascii():
        text = blocks.header_text(text.encode("utf-8", "surrogateescape"))
    return blocks.write(Field(name, text), utf8=True)


def _header_object(name: str, value: Any, message: Message[Any, Any]) -> bytes:
    text = str(value)
    if hasattr(value, "addresses"):
        return _addresses(name, value, message)
    media = getattr(value, "content_type", None) or getattr(value, "content_disposition", None)
    if media and hasattr(value, "params"):
        return headers.parameters(name, str(media), [(k, str(v)) for k, v in value.params.items()])
    if name.lower() in blocks.STRUCTURED:
        return headers.structured(name, text)
    return headers.unstructured(name, text)


def _addresses(name: str, value: Any, message: Message[Any, Any]) -> bytes:
    if any(group.display_name is not None for group in value.groups):
        text: str = value.fold(policy=message.policy.clone(linesep="\n"))
        return blocks.write(Field(name, _ANY_END.sub("\r\n", text.partition(":")[2].strip())), utf8=True)
    for defect in value.defects:
        if type(defect).__name__ == "InvalidHeaderDefect":  # the email package guesses then, and drops the rest
            raise InvalidAddress(f"{name} has something else than mailboxes: {printable(str(defect))}")
    found = [Address(a.username, a.domain, a.display_name or "") for a in value.addresses]
    return headers.mailboxes(name, found, utf8=True)


def content_of(message: Message[Any, Any], randomness: Callable[[int], bytes]) -> tuple[bytes, bytes]:
    """Return MIME header lines that must stand in place of Content-Type (b"" for none), and the content.

    Raises:
        InvalidValue: Its structure can't be written.
    """
    return _content(message, randomness, exact=False, depth=0)


def _content(
    message: Message[Any, Any], randomness: Callable[[int], bytes], *, exact: bool, depth: int
) -> tuple[bytes, bytes]:
    if depth > _MAX_DEPTH:
        raise InvalidValue(f"the message's parts are nested deeper than {_MAX_DEPTH}")
    # get_payload() decodes 8-bit data, with loss; the attribute is what the package's own generator uses.
    payload: Any = message._payload  # type: ignore[attr-defined]
    if not isinstance(payload, list):
        return b"", _leaf(payload, message)
    kind = message.get_content_type()
    if kind.startswith("message/"):
        parts = [_entity(part, randomness, exact=exact, depth=depth + 1) for part in payload]
        if kind == "message/delivery-status":  # blocks of fields, an empty line between them (RFC 3464 section 2.1)
            return b"", b"\r\n".join(part.removesuffix(b"\r\n") for part in parts)
        return b"", b"".join(parts)
    if not kind.startswith("multipart/"):
        raise InvalidValue(f"the message has parts, but its Content-Type is {kind}")
    exact = exact or kind == "multipart/signed"  # RFC 1847 section 2.1
    return _multipart(message, [_entity(p, randomness, exact=exact, depth=depth + 1) for p in payload], randomness)


def _entity(part: Message[Any, Any], randomness: Callable[[int], bytes], *, exact: bool, depth: int) -> bytes:
    mime_headers, content = _content(part, randomness, exact=exact, depth=depth)
    lines = [
        write_field(str(name), value, part, exact=exact)
        for name, value in part.raw_items()
        if not (mime_headers and str(name).lower() == "content-type")
    ]
    return b"".join([*lines, mime_headers, b"\r\n", content])


def _leaf(payload: Any, message: Message[Any, Any]) -> bytes:
    if payload is None:
        return b""
    if isinstance(payload, bytes):
        return payload
    if not isinstance(payload, str):
        raise InvalidValue(f"a part of the message has neither text nor bytes: {type(payload).__name__}")
    try:
        return payload.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:  # text that was set without a character set
        charset = message.get_content_charset("utf-8")
    try:
        return payload.encode(charset)
    except (LookupError, UnicodeEncodeError):
        return payload.encode("utf-8", "surrogateescape")


def _multipart(
    message: Message[Any, Any], parts: list[bytes], randomness: Callable[[int], bytes]
) -> tuple[bytes, bytes]:
    """Write parts as the package's own generator does: preamble, delimiters, epilogue."""
    mime_headers = b""
    mark = message.get_boundary()
    if not mark:
        mark = boundary(randomness(16))
        while any(mark.encode() in part for part in parts):
            mark = boundary(randomness(16) + mark.encode()[-8:])
        given = message.get_params([("", "")])[1:]
        values = [(key, decode(str(value))) for key, value in given if key.lower() != "boundary"]
        mime_headers = headers.parameters("Content-Type", message.get_content_type(), [*values, ("boundary", mark)])
    delimiter = b"--" + mark.encode("ascii", "surrogateescape")
    out = [_octets(message.preamble) + b"\r\n"] if message.preamble is not None else []
    out.append(delimiter + b"\r\n" + (b"\r\n" + delimiter + b"\r\n").join(parts) + b"\r\n" + delimiter + b"--\r\n")
    if message.epilogue is not None:
        out.append(_octets(message.epilogue))
    return mime_headers, b"".join(out)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
