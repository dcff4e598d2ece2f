"""Certificate stores that can't be opened: each error says why and what to do, quickly, and holds no secret."""

from __future__ import annotations

import base64
import pickle
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat

from postwright import enums
from postwright.errors import (
    CertificateStoreUnreadable,
    CredentialsUnusable,
    SecurityLibraryMissing,
    SMTPError,
)
from postwright.tls import pfx, stores
from postwright.tls.octets import node
from postwright.tls.stores import load
from tests.support.client_certificates import (
    PLAIN,
    der,
    java_protected,
    java_store,
    leaf,
)
from tests.support.stores import HALVES, KEY_FORMS, WHOLE, pem_file, public

if TYPE_CHECKING:
    from collections.abc import Callable

K = enums.SSLCertStoreType


# --- what can't be opened --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [K.USER, K.MACHINE])
def test_the_stores_of_windows_are_an_error_that_names_pfx(kind: enums.SSLCertStoreType) -> None:
    with pytest.raises(CertificateStoreUnreadable, match=r"Export .* PFX file") as caught:
        load(kind, b"MY", "", "*", b"")
    assert caught.value.code == 271


@pytest.mark.parametrize(("kind", "words"), [(20, "23 .PKCS11."), (21, "-deststoretype PKCS12"), (22, "2 .PFX_FILE.")])
def test_what_nothing_reads_is_error_270_that_says_what_to_do(kind: int, words: str) -> None:
    with pytest.raises(SecurityLibraryMissing, match=words) as caught:
        load(K(kind), b"x", "", "*", b"")
    assert caught.value.code == 270


FILES = [kind for kind in K if kind.name.endswith("_FILE") and kind != K.BCFKS_FILE]


@pytest.mark.parametrize("kind", FILES, ids=lambda kind: kind.name)
def test_a_file_that_is_not_there_is_named(kind: enums.SSLCertStoreType, tmp_path: Path) -> None:
    with pytest.raises(CertificateStoreUnreadable, match=r"nothing\.here: No such file .* BLOB"):
        load(kind, bytes(tmp_path / "nothing.here"), "", "*", b"")
    with pytest.raises(CertificateStoreUnreadable, match="Is a directory"):
        load(kind, bytes(tmp_path), "", "*", b"")
    with pytest.raises(CertificateStoreUnreadable, match="ssl_cert_store is empty"):
        load(kind, b"", "", "*", b"")
    (tmp_path / "empty").touch()
    with pytest.raises(CertificateStoreUnreadable, match="an empty file"):
        load(kind, bytes(tmp_path / "empty"), "", "*", b"")


def test_a_file_beyond_all_measure_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(stores, "LARGEST", 1000)
    (tmp_path / "big").write_bytes(bytes(1001))
    with pytest.raises(CertificateStoreUnreadable, match="larger than 1000 bytes"):
        load(K.PFX_FILE, bytes(tmp_path / "big"), "", "*", b"")


@pytest.mark.parametrize("form", [*WHOLE, "secret"])
def test_a_key_given_where_a_file_name_belongs_is_not_shown(form: str, tmp_path: Path) -> None:
    data = WHOLE[form][3](tmp_path, leaf(WHOLE[form][2])) if form in WHOLE else b'{"kty":"oct","k":"c2VjcmV0IGtleQ"}'
    for given in (data, base64.b64encode(data)):
        with pytest.raises(CertificateStoreUnreadable) as caught:
            load(K.PFX_FILE, given, "", "*", b"")
        assert len(str(caught.value)) < 300
        assert base64.b64encode(data)[:20].decode() not in str(caught.value)
        assert "secret key" not in str(caught.value)


def test_a_name_that_no_file_can_have_is_an_error() -> None:
    with pytest.raises(CertificateStoreUnreadable, match="what ssl_cert_store holds is no file's name"):
        load(K.PFX_FILE, b"a\0b", "", "*", b"")


def test_auto_says_that_it_found_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"Hello!")
    with pytest.raises(CertificateStoreUnreadable, match="set ssl_cert_store_type"):
        load(K.AUTO, bytes(tmp_path / "file"), "", "*", b"")
    with pytest.raises(CertificateStoreUnreadable, match="No such file"):
        load(K.AUTO, b"/nowhere/at/all", "", "*", b"")


def test_a_missing_library_is_error_270(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(SecurityLibraryMissing, match=r"pip install .postwright\[tls\]"):
        load(K.PEM_KEY_BLOB, b"x", "", "*", b"")


# --- passwords -------------------------------------------------------------------------------------------------------

LOCKED = {"pfx": K.PFX_FILE, "jks": K.JKS_FILE}


@pytest.mark.parametrize("form", LOCKED)
def test_a_wrong_password_a_missing_one_and_damage_are_told_apart(form: str, tmp_path: Path) -> None:
    data = WHOLE[form][3](tmp_path, leaf(WHOLE[form][2]))
    kind = WHOLE[form][1]
    with pytest.raises(
        CertificateStoreUnreadable, match=r"the password does not open .* check ssl_cert_store_password"
    ):
        load(K(kind), data, "not it", "*", b"")
    with pytest.raises(CertificateStoreUnreadable, match="is encrypted: set ssl_cert_store_password"):
        load(K(kind), data, "", "*", b"")
    with pytest.raises(CertificateStoreUnreadable, match="is damaged, cut short"):
        load(K(kind), data[:-1], PLAIN, "*", b"")


def test_no_error_holds_a_password_or_a_key(tmp_path: Path) -> None:
    secret = "a secret that is wrong"
    for form, (_, blob, kind, maker) in WHOLE.items():
        data = maker(tmp_path, leaf(kind))
        for cut in (data, data[:-9]):
            error = failure(K(blob), cut, secret)
            carried = pickle.dumps(error) + repr(error).encode() + str(error).encode()
            assert secret.encode() not in carried
            assert data[100:120] not in carried
            assert error is None or error.__context__ is None, form


def failure(kind: enums.SSLCertStoreType, store: bytes, password: str, encoded: bytes = b"") -> SMTPError | None:
    try:
        load(kind, store, password, "*", encoded)
    except SMTPError as error:
        return error
    return None


def test_credentials_show_no_key() -> None:
    credential = load(K.PEM_KEY_BLOB, pem_file(Path(), leaf()), "", "*", b"")
    assert repr(credential) == f"Credential(certificate of {len(leaf().der)} bytes, chain of 1)"


# --- contents that nobody can use ---------------------------------------------------------------------------------

CURVE, OPENSSH = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", b"openssh-key-v1\0"


def openssh(old: bytes, new: bytes, password: str = "") -> bytes:
    """Return an OpenSSH key with something in it replaced by something of the same length."""
    lines = leaf("ed25519").key_pem(PrivateFormat.OpenSSH).splitlines()
    data = base64.b64decode(b"".join(lines[1:-1]))
    if password:  # as far as can be seen without the password
        bcrypt = (4).to_bytes(4, "big") + b"salt" + (16).to_bytes(4, "big")
        words = (b"aes256-ctr", b"bcrypt", bcrypt)
        head = OPENSSH + b"".join(len(word).to_bytes(4, "big") + word for word in words)
        data = head + data[len(OPENSSH) + 20 :]
    assert old in data
    return b"\n".join([lines[0], base64.b64encode(data.replace(old, new)), lines[-1]])


@pytest.mark.parametrize(
    ("store", "code", "words"),
    [
        (lambda: b"-----BEGIN SECRET-----\nAAAA\n-----END SECRET-----", 271, "it has a block 'SECRET'"),
        (lambda: b"-----BEGIN PRIVATE KEY-----\nAAAA\n", 271, "a block has no end"),
        (lambda: public(Encoding.PEM), 271, "neither a private key nor a certificate"),
        (lambda: leaf().key_der().replace(CURVE, CURVE[:-1] + b"\x63"), 273, "is not supported"),
        (lambda: openssh(OPENSSH, b"openssh-key-v9\0"), 271, "does not begin as it should"),
        (lambda: openssh(b"ssh-ed25519", b"ssh-unknown"), 273, "'ssh-unknown', which TLS can't use"),
        (lambda: openssh(b"\0\0\0\0\0\0\0\1", b"\0\0\0\0\0\0\0\2"), 271, "not hold exactly one key"),
        (lambda: openssh(b"aes256-ctr", b"aes999-ctr", PLAIN), 273, "not supported"),
        (lambda: openssh(b"salt\0\0", b"salt\xff\xff", PLAIN), 271, "4294901776 rounds"),
    ],
)
def test_contents_that_nobody_can_use_are_named(store: Callable[[], bytes], code: int, words: str) -> None:
    with pytest.raises(SMTPError) as caught:
        load(K.PEM_KEY_BLOB, store(), PLAIN, "*", b"")
    assert (caught.value.code, words in caught.value.message) == (code, True), caught.value


DATA, SIGNED = bytes.fromhex("06092a864886f70d010701"), bytes.fromhex("06092a864886f70d010702")


@pytest.mark.parametrize(
    ("store", "words"),
    [
        (der(0x30, b"\x02\x01\x03" + der(0x30, SIGNED + der(0xA0, b"\x30\0"))), "it is signed with a key"),
        (der(0x30, b"\x02\x01\x04" + der(0x30, DATA + der(0xA0, der(4, b"\x30\0")))), "does not begin as it should"),
        (der(0x30, b"\x02\x01\x03" + der(0x30, DATA + der(0xA0, der(4, b"\x30\0")))), "There is no certificate in"),
    ],
)
def test_odd_pfx_files_are_named(store: bytes, words: str) -> None:
    with pytest.raises(SMTPError, match=words):
        load(K.PFX_BLOB, store, "", "anyone", b"")


def test_a_key_of_a_pfx_that_can_t_be_read_leaves_the_others() -> None:
    assert pfx._from_bag(node(der(0x30, der(0x30, b"") + der(4, b"nothing"))), PLAIN) is None
    assert pfx._from_bag(node(der(0x30, b"\x02\x01\0")), PLAIN) is None


def test_a_certificate_whose_kind_of_key_is_unknown_has_none_here() -> None:
    unknown = leaf().der.replace(bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0263"))
    with pytest.raises(CredentialsUnusable, match="no private key in"):
        load(K.PEM_KEY_BLOB, leaf().key_pem(), "", "", unknown)


# --- damage --------------------------------------------------------------------------------------------------------


def samples(folder: Path) -> dict[str, tuple[int, bytes]]:
    made = {form: (blob, maker(folder, leaf(kind))) for form, (_, blob, kind, maker) in WHOLE.items()}
    made |= {form: (blob, maker()) for form, (_, blob, maker, _) in HALVES.items()}
    for form, maker in KEY_FORMS.items():
        made[f"PEM: {form}"] = (K.PEM_KEY_BLOB, maker(leaf()))
    return made


@pytest.mark.timeout(120)
@pytest.mark.parametrize("form", [*WHOLE, *HALVES, *(f"PEM: {form}" for form in KEY_FORMS)])
def test_damaged_stores_are_our_errors(form: str, tmp_path: Path) -> None:
    kind, data = samples(tmp_path)[form]
    places = range(0, len(data), max(1, len(data) // 60))
    spoilt = [data[:at] for at in places] + [data + data[:50]]
    spoilt += [data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :] for at in places for bit in (0x01, 0x80)]
    failed = 0
    for given in spoilt:
        for store_type in (K(kind), K.AUTO):
            error = failure(store_type, given, PLAIN, leaf().der if form.startswith("PEM") else b"")
            assert error is None or error.code in {270, 271, 272, 273, 274}
            failed += error is not None
    assert failed > len(spoilt)


def test_keys_beyond_all_measure_are_not_checked_for_minutes() -> None:
    """The numbers of an RSA key with 16384 bits, which are not even one: nobody looks at them."""
    part = (1 << 8191 | 1).to_bytes(1024, "big")
    numbers = [b"\0", b"\0" + part * 2, b"\1\0\1", b"\0" + part * 2, *[b"\0" + part] * 5]
    text = der(0x30, b"".join(der(0x02, number) for number in numbers))
    for key in (
        text,
        b"-----BEGIN RSA PRIVATE KEY-----\n" + base64.encodebytes(text) + b"-----END RSA PRIVATE KEY-----\n",
    ):
        with pytest.raises(CredentialsUnusable, match="larger than RSA with 8192 bits"):
            load(K.PEM_KEY_BLOB, key, "", "*", b"")
    store = java_store([("me", java_protected(text, PLAIN), [leaf().der])], PLAIN)
    with pytest.raises(CredentialsUnusable, match="larger than RSA with 8192 bits"):
        load(K.JKS_BLOB, store, PLAIN, "*", b"")


def test_noise_is_our_error() -> None:
    kinds = [kind for kind in K if kind.name.endswith("BLOB")]
    for size in (1, 2, 3, 19, 20, 21, 64, 500):
        noise = random.Random(size).randbytes(size)
        for start in (b"", b"\x30", b"\x30\x80", b"\xfe\xed\xfe\xed", b"{", b"<", b"-----BEGIN PRIVATE KEY-----\n"):
            for kind in kinds:
                with pytest.raises(SMTPError):
                    load(kind, start + noise, PLAIN, "*", b"")


def test_deep_nesting_ends() -> None:
    deep = b"\x30\x80" * 200_000
    for kind, store in (
        (K.PFX_BLOB, deep),
        (K.P7B_BLOB, deep),
        (K.PEM_KEY_BLOB, deep),
        (K.JWK_BLOB, b'{"a":' * 100_000),
        (K.JWK_BLOB, b"[" * 100_000),
        (K.XML_BLOB, b"<a>" * 100_000),
    ):
        with pytest.raises(CertificateStoreUnreadable):
            load(kind, store, PLAIN, "*", b"")
