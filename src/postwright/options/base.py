"""The settings of the library itself."""

from __future__ import annotations

import sys

import postwright
from postwright.options.kinds import BOOLEAN, LINE, MILLISECONDS, Integer
from postwright.options.option import Option, OptionSet


def _build() -> str:
    return f"postwright {postwright.__version__}, Python {sys.version.split()[0]} on {sys.platform}"


class BaseSettings(OptionSet):
    """Build, code page, masking and waiting."""

    __slots__ = ()

    build_info = Option(
        "BuildInfo", LINE, "", "This version and the Python it runs on.", read_only=True, compute=_build
    )
    code_page = Option(
        "CodePage",
        Integer(1, 2**32 - 1),
        65001,
        "The code page of texts on the wire; 65001 is UTF-8.",
        later="other code pages",
    )
    license_info = Option(
        "LicenseInfo",
        LINE,
        "",
        "The licence of this library.",
        read_only=True,
        compute=lambda: "MIT License: free to use, change and share; see the file LICENSE",
    )
    mask_sensitive = Option("MaskSensitive", BOOLEAN, True, "Whether PITrail hides passwords and tokens.")
    process_idle_events = Option(
        "ProcessIdleEvents", BOOLEAN, True, "Whether events fire between calls.", later="idle events"
    )
    select_wait_millis = Option(
        "SelectWaitMillis", MILLISECONDS, 20, "How long do_events() waits for the server to say something."
    )
    use_fips_compliant_api = Option(
        "UseFIPSCompliantAPI", BOOLEAN, False, "Whether only FIPS-certified algorithms are used.", later="FIPS mode"
    )
    use_internal_security_api = Option(
        "UseInternalSecurityAPI",
        BOOLEAN,
        False,
        "Whether SSLProvider AUTOMATIC means INTERNAL.",
        later="the Internal provider",
        differs="the system's TLS library gets its security fixes from the system",
    )
