"""How Sphinx makes the pages. The reference is generated before, by generate_reference.py."""

from __future__ import annotations

import re
from pathlib import Path

_SOURCE = Path(__file__).parents[1] / "src" / "postwright" / "__init__.py"
_VERSION = re.search(r'__version__ = "([^"]+)"', _SOURCE.read_text(encoding="utf-8"))

project = "postwright"
author = "The postwright founders"
project_copyright = "The postwright founders"
release = version = _VERSION.group(1) if _VERSION else ""

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}
root_doc = "index"

html_theme = "furo"
html_title = f"postwright {release}"
html_copy_source = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
