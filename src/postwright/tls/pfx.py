"""PKCS#12 (PFX, .p12; RFC 7292), with all of its keys: the ``cryptography`` package gives the first one only."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key, pkcs12

from postwright.errors import CredentialsUnusable
from postwright.tls import costs
from postwright.tls.contents import Contents, damaged, distinct, measured, wrong_password
from postwright.tls.octets import INTEGER, OID, SEQUENCE, expect, node, nodes, octets, walk

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from postwright.tls.octets import Node

WHAT = "the PFX file"

_DATA = bytes.fromhex("2a864886f70d010701")
_KEY_BAG = bytes.fromhex("2a864886f70d010c0a0101")
_SHROUDED_KEY_BAG = bytes.fromhex("2a864886f70d010c0a0102")


def read(data: bytes, password: str) -> Contents:
    """Read all keys and certificates.

    Raises:
        CertificateStoreUnreadable: It is damaged, or the password is wrong.
        CredentialsUnusable: It holds what can't be read.
    """
    try:
        bags, empty = _key_bags(data)
    except (ValueError, IndexError) as error:
        raise damaged(WHAT, error) from None
    if empty:
        return Contents(WHAT)
    costs.check(data)
    bundle = _opened(data, password)
    keys: list[PrivateKeyTypes] = [bundle.key] if bundle.key else []
    if len(bags) > 1:
        keys += [found for found in (_from_bag(bag, password) for bag in bags) if found]
    certs = ([bundle.cert] if bundle.cert else []) + bundle.additional_certs
    return Contents(WHAT, distinct(keys), tuple(cert.certificate for cert in certs))


def _opened(data: bytes, password: str) -> pkcs12.PKCS12KeyAndCertificates:
    ber = any(value.whole[1:2] == b"\x80" for value in walk(data))
    # An empty password and none at all are two ways to write "without a password", and programs do both.
    for secret in (password.encode(), None) if not password else (password.encode(),):
        try:
            if not ber:
                return pkcs12.load_pkcs12(data, secret)
            with warnings.catch_warnings():  # it would warn that this is no DER; some programs write BER
                warnings.simplefilter("ignore", UserWarning)
                return pkcs12.load_pkcs12(data, secret)
        except UnsupportedAlgorithm as error:
            raise CredentialsUnusable(f"{WHAT} has a key, or an encryption, that is not supported: {error}") from None
        except ValueError:
            continue
    raise wrong_password(WHAT, password)


def _key_bags(data: bytes) -> tuple[list[Node], bool]:
    """Return the private keys, still encrypted, and whether nothing at all is in it.

    Keys stand in safes that are not encrypted as a whole. Checked here: that the file is whole, and what opening costs.
    """
    outer = node(data)
    version, safe, *mac = expect(outer, SEQUENCE)
    if version.tag != INTEGER or version.content != b"\x03":
        raise ValueError("it does not begin as it should")
    for part in nodes(mac[0].content) if mac else []:
        if part.tag == INTEGER:
            costs.rounds(int.from_bytes(part.content, "big"))
    name, content = expect(safe, SEQUENCE)
    if name.content != _DATA:
        raise ValueError("it is signed with a key instead of a password")
    safes = expect(node(octets(node(content.content))), SEQUENCE)
    return [bag for one in safes for bag in _bags_of(one)], not safes


def _bags_of(safe: Node) -> list[Node]:
    name, *content = expect(safe, SEQUENCE)
    if name.tag != OID or name.content != _DATA or not content:
        return []
    bags = [expect(bag, SEQUENCE) for bag in expect(node(octets(node(content[0].content))), SEQUENCE)]
    keys = [node(bag[1].content) for bag in bags if bag[0].content in {_KEY_BAG, _SHROUDED_KEY_BAG}]
    for key in keys:
        measured(key.whole, WHAT)
    return keys


def _from_bag(bag: Node, password: str) -> PrivateKeyTypes | None:
    encrypted = nodes(bag.content)[0].tag == SEQUENCE  # an unencrypted key begins with its version, a number
    try:
        return load_der_private_key(bag.whole, password.encode() if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None  # a bag has a password of its own, or a kind of key that TLS can't use; the others still count
