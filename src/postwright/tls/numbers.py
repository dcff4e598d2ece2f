"""Private keys from the bare numbers that PuTTY, XML and JWK write down."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from postwright.tls.contents import LARGEST_RSA

_LARGEST_WITHOUT_PRIMES = 4096

CURVES: dict[str, type[ec.EllipticCurve]] = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}


def rsa_key(
    modulus: int, exponent: int, private: int, primes: tuple[int, int] | None, inverse: int | None = None
) -> rsa.RSAPrivateKey:
    """Return an RSA key; without the primes they are found, without the inverse it is computed.

    Raises:
        ValueError: The numbers are no key.
    """
    if modulus.bit_length() > LARGEST_RSA or not 1 < private < modulus or not 1 < exponent < modulus:
        raise ValueError("its numbers make no RSA key")
    if primes is None:
        if modulus.bit_length() > _LARGEST_WITHOUT_PRIMES:
            raise ValueError("its primes are missing, and to find them for a key of that size takes too long")
        if pow(2, exponent * private, modulus) != 2:  # else the search for the primes goes on for very long
            raise ValueError("its numbers make no RSA key")
        primes = rsa.rsa_recover_prime_factors(modulus, exponent, private)
    p, q = primes
    if min(p, q) < 3 or p * q != modulus:
        raise ValueError("its numbers make no RSA key")
    return rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=private,
        dmp1=rsa.rsa_crt_dmp1(private, p),
        dmq1=rsa.rsa_crt_dmq1(private, q),
        iqmp=rsa.rsa_crt_iqmp(p, q) if inverse is None else inverse,
        public_numbers=rsa.RSAPublicNumbers(exponent, modulus),
    ).private_key()


def ec_key(curve: str, private: int) -> ec.EllipticCurvePrivateKey:
    """Return a key on one of the curves of ``CURVES``.

    Raises:
        ValueError: The curve is another one, or the number does not fit it.
    """
    if curve not in CURVES:
        raise ValueError(f"its curve is {curve!r}, and TLS needs P-256, P-384 or P-521")
    made = CURVES[curve]()
    if private <= 0 or private.bit_length() > made.key_size:
        raise ValueError(f"its number does not fit {curve}")
    return ec.derive_private_key(private, made)


def edwards_key(curve: str, private: bytes) -> ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey:
    """Return an Ed25519 or Ed448 key from its seed.

    Raises:
        ValueError: The curve is another one, or the seed has the wrong size.
    """
    if curve == "Ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(private)
    if curve == "Ed448":
        return ed448.Ed448PrivateKey.from_private_bytes(private)
    raise ValueError(f"its curve is {curve!r}, which can't sign in TLS: Ed25519 and Ed448 can")
