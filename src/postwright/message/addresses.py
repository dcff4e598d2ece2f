"""Mailboxes: read strictly (RFC 5322 section 3.4, RFC 6532), written so that they can mean one thing only.

An address that two programs read differently is how mail goes to somebody else, so this parser refuses what is
doubtful: it never picks one of two addresses, knows no obsolete routes, and takes no encoded word for an address.
Every token is looked at once, without backtracking, and comments nest a few levels only.
"""

from __future__ import annotations

from typing import NamedTuple

from postwright.errors import InvalidAddress
from postwright.lazy import pattern
from postwright.message.domains import MAX_LABEL, ascii_domain, domain_fault, unicode_domain
from postwright.message.encoded_words import decode
from postwright.words import Address, printable

MAX_LOCAL_PART = 64
"""In octets (RFC 5321 section 4.5.3.1.1)."""

MAX_COMMENT_DEPTH = 8

# Never allowed, not even between quotes: controls, lone surrogates, Unicode's own line ends.
_FORBIDDEN = "\\x00-\\x08\\x0a-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\u2028\\u2029"

# What nearly all addresses are made of. Labels of over 63 octets show in the length of the domain.
_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++)*+"
_LABEL = r"[A-Za-z0-9]++(?:[_-]++[A-Za-z0-9]++)*+"
_SPEC = rf"({_ATOMS})@({_LABEL}(?:\.{_LABEL})*+)"
_BARE = pattern(_SPEC)
_NAMED = pattern(rf"""(?:([A-Za-z0-9'+/_-]++(?: [A-Za-z0-9'+/_-]++)*+)|"([ !#-\[\]-~]*+)")? ?<{_SPEC}>""")
_HARD = pattern(r'["(:;\[\\]')
_ATOM_CHARACTER = r"[^\x00-\x20()<>\[\]:;@\\,.\"" + _FORBIDDEN + "]"
_DOT_ATOM = pattern(rf"{_ATOM_CHARACTER}++(?:\.{_ATOM_CHARACTER}++)*+")
_WORD = pattern(
    rf'({_ATOM_CHARACTER}++)|"((?:[^"\\{_FORBIDDEN}]++|\\[^{_FORBIDDEN}])*+)"|(\.)',
)
_SPACE = pattern(r"[ \t]++")
_COMMENT_TEXT = pattern(rf"(?:[^()\\{_FORBIDDEN}]++|\\[^{_FORBIDDEN}])++")
_DOMAIN_TEXT = pattern(rf"\[[^\[\]\\\s{_FORBIDDEN}]*+\]|[^\x00-\x20()<>\[\]:;@\\,\"{_FORBIDDEN}]++")
_CONTROL = pattern(f"[{_FORBIDDEN}]")
_PAIR = pattern(r"\\(.)")
_SPECIAL = pattern(r'(["\\])')
_ENCODED_WORD = pattern(r"=\?[^?]*\?[bBqQ]\?")


def parse_mailbox(text: str) -> Address:
    """Read exactly one mailbox, with or without a display name (RFC 5322 section 3.4).

    Raises:
        InvalidAddress: The text is not one mailbox; the error says why, and at which character.
    """
    quick = _quick(text)
    if quick is not None:
        return quick
    parser = _Parser(text)
    address = parser.mailbox()
    if parser.at < len(text):
        raise parser.unexpected()
    return address


def parse_mailbox_list(text: str) -> tuple[Address, ...]:
    """Read mailboxes separated by commas; a group stands for its members (RFC 5322 section 3.4); "" is none.

    Raises:
        InvalidAddress: The text is no such list; the error says why, and at which character.
    """
    quick = _quick(text)
    if quick is not None:
        return (quick,)
    if not _HARD.search(text):
        found = [_quick(part.strip(" ")) for part in text.split(",")]
        if None not in found:
            return tuple(address for address in found if address is not None)
    parser = _Parser(text)
    parser.skip()
    return tuple(parser.addresses()) if parser.at < len(text) else ()


def _quick(text: str) -> Address | None:
    """Read the forms that nearly all addresses have; None means that the full parser must look at it."""
    if match := _BARE.fullmatch(text):
        name, (local, domain) = "", match.groups()
    elif match := _NAMED.fullmatch(text):
        bare, quoted, local, domain = match.groups()
        name = bare or quoted or ""
    else:
        return None
    # An ASCII dot-atom and a domain name need no further look.
    if len(local) > MAX_LOCAL_PART or len(domain) > MAX_LABEL or "=?" in local or domain[-1].isdigit():
        return None
    address = Address(local, domain, name)
    address.spec = f"{local}@{domain}"
    return address


class _Word(NamedTuple):
    text: str
    quoted: bool
    gap: bool
    """Whether space or a comment stood before it."""
    at: int


class _Parser:
    """One pass over the text; ``at`` is where it stands."""

    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def fault(self, what: str, at: int | None = None) -> InvalidAddress:
        shown = self.text if len(self.text) <= 200 else self.text[:200] + "..."
        place = (self.at if at is None else at) + 1
        return InvalidAddress(f'"{printable(shown)}": {what} at character {place}')

    def unexpected(self) -> InvalidAddress:
        c = self.peek()
        if not c:
            return self.fault("the address is not complete")
        if c == ",":
            return self.fault("there is more than one address, or a comma that belongs between quotes,")
        if c == ";":
            return self.fault("addresses are separated by commas, not by semicolons,")
        if c == '"':
            return self.fault("a quoted string that is not closed, or has a control character,")
        if c == "<":
            return self.fault("an address that stands before another one's angle bracket")
        return self.fault(f"unexpected {printable(c)!r}" if c.isprintable() else f"forbidden character {printable(c)}")

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, c: str) -> bool:
        if self.text.startswith(c, self.at):
            self.at += 1
            return True
        return False

    def skip(self) -> bool:
        """Pass white space and comments; say whether there were any."""
        start = self.at
        while True:
            match = _SPACE.match(self.text, self.at)
            if match:
                self.at = match.end()
            if self.peek() != "(":
                return self.at > start
            self.comment()

    def comment(self) -> None:
        start = self.at
        depth = 0
        while True:
            if self.take("("):
                depth += 1
                if depth > MAX_COMMENT_DEPTH:
                    raise self.fault(f"comments nested deeper than {MAX_COMMENT_DEPTH}", self.at - 1)
            elif self.take(")"):
                depth -= 1
                if not depth:
                    return
            else:
                match = _COMMENT_TEXT.match(self.text, self.at)
                if not match:
                    raise self.fault("a comment that is not closed, or has a control character,", start)
                self.at = match.end()

    def addresses(self) -> list[Address]:
        found: list[Address] = []
        while True:
            words = self.words()
            if words and self.peek() == ":":
                self.at += 1
                found += self.members()
            else:
                found.append(self.mailbox(words))
            if self.at == len(self.text):
                return found
            if not self.take(","):
                raise self.unexpected()

    def members(self) -> list[Address]:
        """Read the rest of a group, after its colon, up to and with its semicolon."""
        found: list[Address] = []
        self.skip()
        if not self.take(";"):
            while True:
                found.append(self.mailbox())
                if self.take(";"):
                    break
                if not self.take(","):
                    raise self.unexpected()
        self.skip()
        return found

    def words(self) -> list[_Word]:
        """Read atoms, dots and quoted strings."""
        words: list[_Word] = []
        while True:
            gap = self.skip()
            match = _WORD.match(self.text, self.at)
            if not match:
                return words
            atom, quoted, dot = match.groups()
            if quoted is None:
                words.append(_Word(atom or dot, False, gap, self.at))
            else:
                words.append(_Word(_PAIR.sub(r"\1", quoted), True, gap, self.at))
            self.at = match.end()

    def mailbox(self, words: list[_Word] | None = None) -> Address:
        """Read one mailbox and the space behind it; ``words`` are those that were read already."""
        if words is None:
            words = self.words()
        if self.take("<"):
            address = self.angle(_phrase(words, self))
        elif self.peek() == "@" and words:
            address = self.at_domain(words)
        elif self.at == len(self.text) or self.peek() in ",;":
            address = self.bare_word(words)
        else:
            raise self.unexpected()
        self.skip()
        return address

    def bare_word(self, words: list[_Word], name: str = "") -> Address:
        """RFC 5321 section 4.1.1.3: only the postmaster needs no domain."""
        if not words:
            raise self.fault("an address is missing")
        if len(words) == 1 and words[0].text.lower() == "postmaster":
            return Address(words[0].text, "", name)
        raise self.fault("no @ and domain in the address that ends")

    def angle(self, name: str) -> Address:
        self.skip()
        if self.peek() in ("@", ","):
            raise self.fault("an obsolete source route")
        words = self.words()
        address = self.at_domain(words, name) if self.peek() == "@" else self.bare_word(words, name)
        if not self.take(">"):
            raise self.unexpected()
        return address

    def at_domain(self, words: list[_Word], name: str = "") -> Address:
        """Read the rest of an addr-spec, from its @, the words before it being the local part."""
        local = self.local_part(words)
        self.at += 1
        self.skip()
        match = _DOMAIN_TEXT.match(self.text, self.at)
        if not match:
            raise self.unexpected() if self.at < len(self.text) else self.fault("no domain after the @")
        domain = match.group()
        if fault := domain_fault(domain):
            raise self.fault(fault)
        self.at = match.end()
        self.skip()
        return Address(local, domain, name)

    def local_part(self, words: list[_Word]) -> str:
        text = "".join(word.text for word in words)
        start = words[0].at
        for number, word in enumerate(words):
            if number and word.gap:
                raise self.fault("a space or comment inside the address", word.at)
            if word.quoted and len(words) > 1:
                raise self.fault("a local part that is quoted in part only", word.at)
        if not words[0].quoted and not _DOT_ATOM.fullmatch(text):
            raise self.fault("a dot at the wrong place in the local part that starts", start)
        if fault := _local_part_fault(text):
            raise self.fault(fault, start)
        return text


def _phrase(words: list[_Word], parser: _Parser) -> str:
    """Return a display name as text; encoded words (RFC 2047 section 5) count outside of quotes only."""
    parts: list[str] = []
    run = ""
    for text, quoted, gap, _ in words:
        space = " " if gap and (parts or run) else ""
        if quoted:
            parts += (decode(run), space, text)
            run = ""
        else:
            run += space + text
    parts.append(decode(run))
    name = "".join(parts)
    if _CONTROL.search(name):
        raise parser.fault("an encoded word that hides a control character before", parser.at - 1)
    return name


def _local_part_fault(local: str) -> str:
    """Say what is wrong with a local part, given without quotes; "" when nothing is."""
    if not local.isprintable():
        return "a control or invisible character in the local part"
    # Some programs decode these and then find another address in them, so nobody should let them pass.
    if "=?" in local and _ENCODED_WORD.search(local):
        return "an encoded word in place of an address"
    if len(_quoted_local_part(local).encode()) > MAX_LOCAL_PART:
        return f"a local part longer than {MAX_LOCAL_PART} octets"
    return ""


def _quoted_local_part(local: str) -> str:
    return local if _DOT_ATOM.fullmatch(local) else '"' + _SPECIAL.sub(r"\\\1", local) + '"'


def addr_spec(address: Address) -> str:
    """Return local part and domain as they stand in a header, quoted where needed (RFC 5322 section 3.4.1).

    The domain is written in A-labels; behind a local part that is not ASCII, which travels by SMTPUTF8 alone, in
    U-labels (RFC 6531 section 3.3), as such mailboxes stand in servers' tables. Any address may be given.

    Raises:
        InvalidAddress: It is not a valid address.
    """
    if address.spec is None:
        address.spec = _spec(address.local_part, address.domain)
    return address.spec


def _spec(local: str, domain: str) -> str:
    if not domain:
        if local.lower() == "postmaster":
            return local
        raise InvalidAddress(f'"{printable(local)}": no domain')
    if fault := _local_part_fault(local) or domain_fault(domain):
        raise InvalidAddress(f'"{printable(local)}@{printable(domain)}": {fault}')
    return f"{_quoted_local_part(local)}@{ascii_domain(domain) if local.isascii() else unicode_domain(domain)}"


def wire_path(address: Address) -> str:
    """Return the address as MAIL and RCPT have it between their brackets; "" for the null reverse-path.

    Raises:
        InvalidAddress: It is not a valid address.
    """
    if address.spec is not None:
        return address.spec
    return addr_spec(address) if address.local_part or address.domain else ""


def needs_utf8(address: Address) -> bool:
    """Whether the address can be sent only with SMTPUTF8 (RFC 6531): its local part is not ASCII."""
    return not address.local_part.isascii()
