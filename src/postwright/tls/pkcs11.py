"""Tokens as certificate stores (SSLCertStoreType 23): the certificate is read, the key stays where it is.

A token is found by a PKCS#11 URI, or by its library's path alone. Looking needs no PIN as a rule; with the PIN we log in
to the one token that was chosen, and never to another, whose PIN it may not be: wrong tries lock a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from postwright.errors import CertificateStoreUnreadable, CredentialsUnusable
from postwright.tls import cryptoki, pkcs11uri
from postwright.tls.contents import Contents, certificate, der_of
from postwright.tls.credentials import PKCS11Key
from postwright.tls.names import to_der
from postwright.tls.pkcs11uri import WHAT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postwright.tls.cryptoki import Library, Session, Token
    from postwright.tls.pkcs11uri import Place


def read(store: bytes, password: str, encoded: bytes = b"") -> Contents:
    """Read the certificates of the tokens that a store names, and the addresses of their keys.

    Args:
        store: A PKCS#11 URI or the path of a library; on the next line perhaps a certificate that was saved before.
        password: The PIN.
        encoded: A certificate (DER) whose key is sought, which need not be in the token.

    Raises:
        CertificateStoreUnreadable: There is no such library or token, or the PIN is wrong.
    """
    place = pkcs11uri.parse(store, password)
    saved = to_der(place.saved) if place.saved else b""
    named = place.wanted.get("id"), place.wanted.get("object")
    if saved and any(named):
        uri = pkcs11uri.key_uri(place.wanted, named[0] or b"", named[1] or b"")
        return Contents(
            WHAT, certificates=(certificate(saved),), tokens={saved: PKCS11Key(uri, place.pin, place.module)}
        )
    with cryptoki.GUARD:
        library = cryptoki.Library(place.module)
        tokens = [token for token in library.tokens() if _fits(token, place.wanted)]
        if not tokens:
            raise CertificateStoreUnreadable(_no_token(library, place))
        sought = [certificate(der) for der in (saved, encoded) if der]
        found = [_look(library, token, place, sought) for token in tokens]
        if len(tokens) == 1 and place.pin and not found[0].certificates:
            found = [_look(library, tokens[0], place, sought, place.pin)]  # it shows its certificates to its owner only
    certs = {der_of(cert): cert for one in found for cert in one.certificates}
    bound = {der: key for one in found for der, key in one.tokens.items()}
    if saved:  # it says which certificate is meant: the others are there for the chain
        bound = {der: key for der, key in bound.items() if der == saved}
    return Contents(WHAT, certificates=tuple(certs.values()), tokens=bound)


def confirm(key: PKCS11Key) -> None:
    """Log in to a key's token, and make sure that the key is there.

    Raises:
        CertificateStoreUnreadable: The token is not there, or its PIN is wrong or missing.
        CredentialsUnusable: There is no such key in it.
    """
    place = pkcs11uri.parse(key.uri.encode("utf-8", "surrogateescape"), key.pin)
    with cryptoki.GUARD:
        library = cryptoki.Library(key.module)
        tokens = [token for token in library.tokens() if _fits(token, place.wanted)]
        if not tokens:
            raise CertificateStoreUnreadable(_no_token(library, place))
        token = tokens[0]
        if not key.pin and token.flags & cryptoki.LOGIN_REQUIRED:
            if token.flags & cryptoki.PIN_PAD:
                return  # the reader itself asks for the PIN when the key is used
            raise CertificateStoreUnreadable(f"{WHAT} {_shown(token)} needs its PIN: set ssl_cert_store_password")
        sought = {
            name: place.wanted[given] for name, given in (("id", "id"), ("label", "object")) if given in place.wanted
        }
        with library.session(token, key.pin) as session:
            if not session.find(cryptoki.PRIVATE_KEY, **sought):
                raise CredentialsUnusable(
                    f"{WHAT} {_shown(token)} holds the certificate, but no private key with the same id: import the key, "
                    "or name it in the URI by object= or id="
                )


def _fits(token: Token, wanted: dict[str, bytes]) -> bool:
    return all(token.names[name] == wanted[name] for name in pkcs11uri.TOKEN if name in wanted)


def _shown(token: Token) -> str:
    return repr(token.names["token"].decode("utf-8", "replace"))


def _no_token(library: Library, place: Place) -> str:
    there = ", ".join(map(_shown, library.tokens()))
    wanted = ", ".join(
        f"{name} {place.wanted[name].decode('utf-8', 'replace')!r}" for name in pkcs11uri.TOKEN if name in place.wanted
    )
    which = f"no token has the {wanted}" if wanted else "there is no token"
    return f"the PKCS#11 library {library.name}: {which}; " + (f"there is {there}" if there else "is it plugged in?")


def _look(library: Library, token: Token, place: Place, sought: Iterable[x509.Certificate], pin: str = "") -> Contents:
    """Read one token."""
    bound: dict[bytes, PKCS11Key] = {}
    certs: list[x509.Certificate] = []
    with library.session(token, pin) as session:
        public = {session.get(item, cryptoki.ID) for item in session.find(cryptoki.PUBLIC_KEY)} - {b""}
        for item in session.find(cryptoki.CERTIFICATE):
            try:
                cert = certificate(session.get(item, cryptoki.VALUE))
            except ValueError:
                continue  # a certificate of another kind, or none yet in this slot of a card
            key_id, label = session.get(item, cryptoki.ID), session.get(item, cryptoki.LABEL)
            certs.append(cert)
            meant = key_id == place.wanted.get("id", key_id) and label == place.wanted.get("object", label)
            if meant and (key_id in public or not _is_authority(cert)):
                bound[der_of(cert)] = _address(token, place, key_id, label)
        for cert in sought:
            if der_of(cert) not in bound and (names := _by_public_key(session, cert)):
                bound[der_of(cert)] = _address(token, place, *names)
                certs.append(cert)
    return Contents(WHAT, certificates=tuple(certs), tokens=bound)


def _address(token: Token, place: Place, key_id: bytes, label: bytes) -> PKCS11Key:
    return PKCS11Key(pkcs11uri.key_uri(token.names, key_id, label), place.pin, place.module)


def _is_authority(cert: x509.Certificate) -> bool:
    try:
        return cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound):
        return False


def _by_public_key(session: Session, cert: x509.Certificate) -> tuple[bytes, bytes] | None:
    """Return id and label of the public key that a certificate has, where the token holds that."""
    public = cert.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        modulus = public.public_numbers().n
        items = session.find(cryptoki.PUBLIC_KEY, modulus=modulus.to_bytes((modulus.bit_length() + 7) // 8, "big"))
    elif isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        wrapped = b"\x04" + (bytes([len(point)]) if len(point) < 0x80 else bytes([0x81, len(point)])) + point
        items = session.find(cryptoki.PUBLIC_KEY, ec_point=wrapped)  # as an OCTET STRING in DER
    else:
        items = []
    return next(((session.get(item, cryptoki.ID), session.get(item, cryptoki.LABEL)) for item in items), None)
