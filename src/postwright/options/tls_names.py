"""The reference's names of cipher suites, groups and signature algorithms, and what OpenSSL calls them.

One table each: the options say by it what they take, and the TLS providers what they offer.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from postwright.lazy import pattern


def _suites() -> dict[str, str]:
    """Return the suites up to TLS 1.2: every pair of an exchange and a cipher that OpenSSL still has."""
    found = {}
    for exchange in ("ECDHE_ECDSA", "ECDHE_RSA", "DHE_RSA", "DHE_DSS", "RSA"):
        last = "SHA384" if exchange.startswith("ECDHE") else "SHA256"  # of AES_256_CBC: RFC 5289, RFC 5246
        prefix = "" if exchange == "RSA" else exchange.replace("_", "-") + "-"
        for cipher, name in (
            ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
            ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
            (f"AES_256_CBC_{last}", f"AES256-{last}"),
            ("AES_128_CBC_SHA256", "AES128-SHA256"),
            ("AES_256_CBC_SHA", "AES256-SHA"),
            ("AES_128_CBC_SHA", "AES128-SHA"),
        ):
            found[f"TLS_{exchange}_WITH_{cipher}"] = prefix + name
        if exchange in {"ECDHE_ECDSA", "ECDHE_RSA", "DHE_RSA"}:  # RFC 7905
            found[f"TLS_{exchange}_WITH_CHACHA20_POLY1305_SHA256"] = f"{prefix}CHACHA20-POLY1305"
    return found


SUITES: Final = _suites()
"""The suites up to TLS 1.2, with OpenSSL's names."""

SUITES_13: Final = ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256")
"""The suites of TLS 1.3, which OpenSSL calls the same."""

_SUITE = pattern(r"TLS_[A-Z0-9]+(?:_[A-Z0-9]+)*")
_RETIRED = pattern(r"_(?:3DES|DES|DES40|RC2|RC4|IDEA|NULL)_|_EXPORT_|_SHA$|_MD5$")


class _Algorithm(NamedTuple):
    """What one of Windows' algorithm names restricts, and the part of a suite's name that it leaves."""

    kind: str
    part: str


_ALGORITHMS: Final = {
    "CALG_AES": _Algorithm("cipher", "AES_"),
    "CALG_AES_128": _Algorithm("cipher", "AES_128_"),
    "CALG_AES_256": _Algorithm("cipher", "AES_256_"),
    "CALG_DH_EPHEM": _Algorithm("exchange", "TLS_DHE_"),
    "CALG_ECDH": _Algorithm("exchange", "TLS_ECDHE_"),
    "CALG_ECDH_EPHEM": _Algorithm("exchange", "TLS_ECDHE_"),
    "CALG_RSA_KEYX": _Algorithm("exchange", "TLS_RSA_"),
    "CALG_DSS_SIGN": _Algorithm("signature", "_DSS_WITH_"),
    "CALG_ECDSA": _Algorithm("signature", "_ECDSA_WITH_"),
    "CALG_RSA_SIGN": _Algorithm("signature", "_RSA_WITH_"),
    "CALG_SHA": _Algorithm("hash", "_SHA"),
    "CALG_SHA1": _Algorithm("hash", "_SHA"),
    "CALG_SHA_256": _Algorithm("hash", "_SHA256"),
    "CALG_SHA_384": _Algorithm("hash", "_SHA384"),
}
"""Windows' names that mean something in TLS today; a kind of which none is named is not restricted."""


def split(value: str, mark: str) -> list[str]:
    """Return the words of a list, without the blanks around them."""
    return [word.strip() for word in value.split(mark) if word.strip()]


def chosen_suites(value: str) -> tuple[str, ...]:
    """Return the suites that a valid value of SSLEnabledCipherSuites names, in its order; all for ``*``."""
    words = split(value.upper(), ";")
    if words == ["*"]:
        return (*SUITES_13, *SUITES)
    found = [word for word in words if not word.startswith("CALG_")]
    rules = [_ALGORITHMS[word] for word in words if word.startswith("CALG_")]
    if rules:
        found += [name for name in (*SUITES_13, *SUITES) if _allowed(name, rules)]
    return tuple(dict.fromkeys(found))


def _allowed(suite: str, rules: list[_Algorithm]) -> bool:
    kinds = {rule.kind for rule in rules}
    if suite in SUITES_13:  # its name leaves exchange and signature open
        kinds -= {"exchange", "signature"}
    name = suite if "_WITH_" in suite else suite.replace("TLS_", "TLS__WITH_")

    def fits(rule: _Algorithm) -> bool:
        return name.endswith(rule.part) if rule.kind == "hash" else rule.part in name

    return all(any(fits(rule) for rule in rules if rule.kind == kind) for kind in kinds)


def wrong_suites(value: str) -> str:
    """Say what is wrong with a value of SSLEnabledCipherSuites, each bad name by itself; "" when nothing is."""
    words = split(value.upper(), ";")
    if words == ["*"]:
        return ""
    if not words:
        return "is empty; allowed is * for all suites, or suites such as TLS_AES_256_GCM_SHA384;..."
    bad = [f"{word} ({why})" for word in words if (why := _wrong_suite(word))]
    if bad:
        return "names what can't be used: " + ", ".join(bad)
    return "" if chosen_suites(value) else f"leaves no suite: no one fits all of {', '.join(words)}"


def _wrong_suite(word: str) -> str:
    if word in SUITES or word in SUITES_13 or word in _ALGORITHMS:
        return ""
    if word.startswith("CALG_"):
        return "no TLS library of today has suites with it"
    if "_DH_ANON_" in word or "_ECDH_ANON_" in word:
        return "it shows no certificate, so anybody could be the server"
    if word.startswith(("TLS_DH_", "TLS_ECDH_")):
        return "OpenSSL no longer has static Diffie-Hellman"
    if word.startswith("TLS_") and "_WITH_" in word and _RETIRED.search(word):
        return "OpenSSL no longer has this cipher"
    if not _SUITE.fullmatch(word):
        return "no name of a cipher suite"
    return "not known here; OpenSSLCipherList takes OpenSSL's own names"


GROUPS_12: Final = {"ecdhe_secp256r1": "P-256", "ecdhe_secp384r1": "P-384", "ecdhe_secp521r1": "P-521"}
"""The curves of TLS 1.2."""

GROUPS_13: Final = {
    "ecdhe_x25519": "X25519",
    "ecdhe_x448": "X448",
    **GROUPS_12,
    **{f"ffdhe_{bits}": f"ffdhe{bits}" for bits in (2048, 3072, 4096, 6144, 8192)},
}
"""The groups of TLS 1.3, best first."""

SIGNATURES_12: Final = {
    f"sha{size}-{key.lower()}": f"{key}+SHA{size}"
    for size in (512, 384, 256, 224, 1)
    for key in ("ECDSA", "RSA", "DSA")
}
"""The signatures of TLS 1.2, as hash-key."""

SIGNATURES_13: Final = {
    **{f"rsa_pss_sha{size}": f"rsa_pss_rsae_sha{size}:rsa_pss_pss_sha{size}" for size in (256, 384, 512)},
    **{f"rsa_pkcs1_sha{size}": f"rsa_pkcs1_sha{size}" for size in (256, 384, 512)},
    "ecdsa_secp256r1_sha256": "ecdsa_secp256r1_sha256",
    "ecdsa_secp384r1_sha384": "ecdsa_secp384r1_sha384",
    "ecdsa_secp521r1_sha512": "ecdsa_secp521r1_sha512",
    "ed25519": "ed25519",
    "ed448": "ed448",
}
"""The signatures of TLS 1.3 and of its certificates; an RSA key may sign with PSS in two ways (RFC 8446 section 4.2.3)."""


def wrong_names(value: str, known: dict[str, str], empty: str) -> str:
    """Say what is wrong with a comma-separated list of names; ``empty`` says it of a list without any."""
    words = split(value.casefold(), ",")
    if not words:
        return f"is empty: {empty}"
    if bad := [word for word in words if word not in known]:
        return f"names what is not known here: {', '.join(bad)}; allowed is {', '.join(known)}"
    return ""
