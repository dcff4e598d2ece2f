"""``python -m postwright`` is the program ``postwright``."""

from __future__ import annotations

import sys

from postwright.cli import main

sys.exit(main())
