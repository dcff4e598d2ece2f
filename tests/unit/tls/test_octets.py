"""Reading binary formats: never beyond the end, never for ever; and what opening a store may cost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postwright.errors import CertificateStoreUnreadable
from postwright.tls import costs
from postwright.tls.octets import Cursor, expect, from_base64, node, nodes, octets, walk


def test_a_cursor_reads_lengths_and_values() -> None:
    cursor = Cursor(b"\0\x02ab\0\0\0\x01\xff!")
    assert (cursor.string(2), cursor.mpint(), cursor.take(1), cursor.at) == (b"ab", 255, b"!", 10)
    with pytest.raises(ValueError, match="ends at byte 10"):
        cursor.take(1)


@pytest.mark.parametrize(
    ("data", "tag", "content"),
    [
        (b"\x02\x01\x05", 0x02, b"\x05"),
        (b"\x04\x81\x02ab", 0x04, b"ab"),
        (b"\x04\x82\x00\x02ab", 0x04, b"ab"),
        (b"\x30\x80\x02\x01\x05\0\0", 0x30, b"\x02\x01\x05"),
        (b"\x30\x80\x30\x80\0\0\0\0", 0x30, b"\x30\x80\0\0"),
        (b"\x05\x00", 0x05, b""),
    ],
)
def test_values_are_read_in_all_forms_of_length(data: bytes, tag: int, content: bytes) -> None:
    assert node(data + b"more") == (tag, content, data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x1f\x01\x00",
        b"\x30\x02\x05",
        b"\x30\x84\x7f\xff\xff\xff",
        b"\x04\x80\0\0",
        b"\x30\x80\x02\x01\x05",
        b"\x30\xff",
    ],
)
def test_what_is_no_value_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"byte|value"):
        node(data)


def test_octets_may_come_in_pieces() -> None:
    assert octets(node(b"\x24\x80\x04\x01a\x24\x03\x04\x01b\0\0")) == b"ab"
    with pytest.raises(ValueError, match="bytes are missing"):
        octets(node(b"\x02\x01\x05"))
    with pytest.raises(ValueError, match="stands where"):
        expect(node(b"\x02\x01\x05"), 0x30)


def test_base64_is_taken_in_lines_and_nothing_else_is() -> None:
    assert from_base64(b" YWJj\r\nZGVm ") == b"abcdef"
    for text in (b"YWJ", b"YWJj!", b"-----", b"YW=Jj"):
        with pytest.raises(ValueError, match="base64"):
            from_base64(text)


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=200))
def test_any_bytes_end(data: bytes) -> None:
    found = list(walk(data))
    assert all(value.whole in data for value in found)
    try:
        assert b"".join(value.whole for value in nodes(data)) == data
    except ValueError:
        assert data


def tlv(tag: int, *content: bytes) -> bytes:
    whole = b"".join(content)
    return bytes([tag, len(whole)]) + whole


def number(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def derivation(oid: str, *parameters: bytes) -> bytes:
    return tlv(0x30, tlv(0x30, tlv(0x06, bytes.fromhex(oid)), tlv(0x30, *parameters)), tlv(0x04, b"\x30secret"))


PBKDF2, PKCS12, SCRYPT = "2a864886f70d01050c", "2a864886f70d010c0103", "2b06010401da47040b"
SALT = tlv(0x04, b"salt")


@pytest.mark.parametrize("oid", [PBKDF2, PKCS12])
def test_rounds_are_bounded(oid: str) -> None:
    costs.check(derivation(oid, SALT, number(costs.ROUNDS)))
    for count in (costs.ROUNDS + 1, 1 << 100, 0):
        with pytest.raises(CertificateStoreUnreadable, match="rounds of hashing"):
            costs.check(derivation(oid, SALT, number(count)))


@pytest.mark.parametrize(
    ("cost", "block", "parallel", "fine"),
    [
        (1 << 14, 8, 1, True),
        (1 << 20, 8, 4, True),
        (1 << 20, 8, 5, False),
        (1 << 21, 8, 1, False),
        (1, 1 << 40, 1, False),
    ],
)
def test_memory_is_bounded(cost: int, block: int, parallel: int, fine: bool) -> None:
    asked = derivation(SCRYPT, SALT, number(cost), number(block), number(parallel))
    if fine:
        costs.check(asked)
        return
    with pytest.raises(CertificateStoreUnreadable, match="MiB of memory"):
        costs.check(tlv(0x04, asked))


@pytest.mark.parametrize("parameters", [b"", b"\x02", SALT, b"\xff\xff"])
def test_what_has_no_numbers_is_left_to_whoever_opens_it(parameters: bytes) -> None:
    costs.check(derivation(PBKDF2, parameters))
    costs.check(derivation(SCRYPT, parameters))
