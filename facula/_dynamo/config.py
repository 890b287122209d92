"""Settings of the compiler: kept, without effect."""

from __future__ import annotations

import sys

from . import config

sys.modules[__name__] = config  # pyright: ignore
