"""The reference's code pages and the Python codecs that can do them.

A page that is not here has no codec in Python: asking for it is error 434, at the moment it is asked for.
"""

from __future__ import annotations

CODECS: dict[int, str] = {
    # the reference's numbers for macOS
    1: "ascii",
    3: "euc_jp",
    4: "utf_8",
    5: "iso8859_1",
    8: "shift_jis",
    9: "iso8859_2",
    10: "utf_16",
    11: "cp1251",
    12: "cp1252",
    13: "cp1253",
    14: "cp1254",
    15: "cp1250",
    21: "iso2022_jp",
    30: "mac_roman",
    0x90000100: "utf_16_be",
    0x94000100: "utf_16_le",
    0x8C000100: "utf_32",
    0x98000100: "utf_32_be",
    0x9C000100: "utf_32_le",
    # IBM and Windows
    **{
        page: f"cp{page:03}"
        for page in (
            *(37, 437, 500, 720, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869, 874, 875),
            *(932, 949, 950, 1026, 1140, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258),
        )
    },
    708: "iso8859_6",
    936: "gbk",
    1200: "utf_16_le",
    1201: "utf_16_be",
    1361: "johab",
    # Macintosh
    10000: "mac_roman",
    10004: "mac_arabic",
    10006: "mac_greek",
    10007: "mac_cyrillic",
    10010: "mac_romanian",
    10029: "mac_latin2",
    10079: "mac_iceland",
    10081: "mac_turkish",
    10082: "mac_croatian",
    12000: "utf_32_le",
    12001: "utf_32_be",
    20127: "ascii",
    20273: "cp273",
    20424: "cp424",
    20866: "koi8_r",
    20932: "euc_jp",
    20936: "gb2312",
    21866: "koi8_u",
    # ISO 8859
    **{28590 + part: f"iso8859_{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    38598: "iso8859_8",
    # East Asia
    50220: "iso2022_jp",
    50221: "iso2022_jp_ext",
    50222: "iso2022_jp_ext",
    50225: "iso2022_kr",
    51932: "euc_jp",
    51936: "gb2312",
    51949: "euc_kr",
    52936: "hz",
    54936: "gb18030",
    65000: "utf_7",
    65001: "utf_8",
}

UTF_8 = 65001


def missing(page: int) -> str:
    """Return what is wrong with a code page, "" when nothing is."""
    if page in CODECS:
        return ""
    return "Python has no codec for it; 65001 (UTF-8) can hold every text"
