"""Names that scripts annotate with."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple  # noqa: UP035  what programs import from here

__all__ = ["Any", "Dict", "List", "Optional", "Tuple"]

BroadcastingList1 = BroadcastingList2 = BroadcastingList3 = list
BroadcastingList4 = BroadcastingList5 = BroadcastingList6 = list
