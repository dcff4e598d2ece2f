"""Text alone as a body: plain ASCII stays as it is, without any MIME; the rest gets what it needs (RFC 2045).

MIME headers that the user wrote by hand are believed: the body follows them, and only what is missing is added.
"""

from __future__ import annotations

from postwright.errors import InvalidValue, TextNotEncodable
from postwright.message.encoded_words import charset_name
from postwright.message.mime import PARAMETER, encoded_text, shorter, text_entity
from postwright.message.transfer_encodings import base64_lines, quoted_printable
from postwright.wire.lines import canonical, fits
from postwright.words import printable

_NONE: frozenset[str] = frozenset()
_VERSION = b"MIME-Version: 1.0\r\n"


def compose(
    text: str, charset: str, given: dict[str, str], *, followed: bool = False, frozen: bool = False
) -> tuple[bytes, bytes, frozenset[str]]:
    """Return MIME headers, the body, and which of the given fields the headers stand in place of.

    Args:
        text: The text.
        charset: The character set for what is not ASCII.
        given: Header fields that the user wrote: names in lower case, and values.
        followed: Whether a file follows as it is, which a transfer encoding would have to include.
        frozen: Whether no header may be added.

    Raises:
        ForbiddenCharacter: The text has a NUL, or half a character.
        InvalidValue: It has overlong lines and can't be encoded, or contradicts the given headers.
    """
    if text.isascii() and "\0" not in text:
        data = canonical(text.encode())
        if fits(data):
            return _version(given) if given else b"", data, _NONE
    encoding = given.get("content-transfer-encoding", "").strip().lower()
    media = given.get("content-type", "")
    is_text = not media or media.lower().startswith("text/")
    if encoding or frozen or followed or not is_text:
        return _as_given(text, charset, given, frozen=frozen)
    if not media:
        entity = text_entity(text, "plain", charset)
        (piece,) = entity.pieces
        assert isinstance(piece, bytes)
        return _VERSION + entity.headers, piece, frozenset({"mime-version"})
    data, name = encoded_text(text, _charset_of(media) or charset)
    chosen, data = shorter(data)
    head = _VERSION + b"Content-Type: " + _with_charset(media, name).encode()
    head += b"\r\nContent-Transfer-Encoding: " + chosen + b"\r\n"
    return head, data, frozenset({"mime-version", "content-type"})


def _as_given(text: str, charset: str, given: dict[str, str], *, frozen: bool) -> tuple[bytes, bytes, frozenset[str]]:
    """Follow the given headers; without a transfer encoding the text goes out as it is, as 8-bit data."""
    encoding = given.get("content-transfer-encoding", "").strip().lower()
    media = given.get("content-type", "")
    wanted = _charset_of(media)
    data, name = encoded_text(text, wanted or charset)
    plain = data.isascii()
    if wanted and not plain and name != charset_name(wanted):
        raise TextNotEncodable(f"the text has characters that are not in {wanted}, the charset of Content-Type")
    if encoding == "quoted-printable" and not plain:
        data = quoted_printable(data)
    elif encoding == "base64" and not plain:
        data = base64_lines(data.replace(b"\n", b"\r\n"))
    elif encoding == "7bit" and not plain:
        raise InvalidValue("the text is not ASCII, which Content-Transfer-Encoding: 7bit says it is")
    else:
        data = data.replace(b"\n", b"\r\n")
    if not fits(data):
        raise InvalidValue("a line of the text is longer than 998 octets, and it can't be encoded here")
    if frozen:
        return b"", data, _NONE
    head = _VERSION
    superseded = {"mime-version"}
    if not media or (media.lower().startswith("text/") and not wanted and not plain):
        head += b"Content-Type: " + _with_charset(media or "text/plain", name).encode() + b"\r\n"
        superseded.add("content-type")
    if not encoding:
        head += b"Content-Transfer-Encoding: 8bit\r\n"
    return head, data, frozenset(superseded)


def _version(given: dict[str, str]) -> bytes:
    """RFC 2045 section 4: whoever has MIME fields must have this one."""
    wanted = "content-type" in given or "content-transfer-encoding" in given
    return _VERSION if wanted and "mime-version" not in given else b""


def _charset_of(media: str) -> str:
    for attribute, quoted, token in PARAMETER.findall(media):
        if attribute.lower() == "charset":
            return str(quoted or token)
    return ""


def _with_charset(media: str, name: str) -> str:
    """Return a media type that says the character set that was used: the given one may lack a character."""
    if not media.isascii():
        raise InvalidValue(f"Content-Type is not ASCII: {printable(media)!r}")
    kept = PARAMETER.sub(lambda m: "" if m[1].lower() == "charset" else m[0], media).rstrip()
    return f'{kept}; charset="{name}"'
