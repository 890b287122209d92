"""Write random.json, what PyTorch draws in the programs of random_streams.py. Needs PyTorch 2.13 (CPU)."""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path

import torch

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent))
import random_streams  # noqa: E402

SEED = 1234


def state() -> dict:
    """A state in the middle of a stream, with a normal number in waiting, and what follows it."""
    torch.manual_seed(-7)
    torch.rand(1000)
    torch.randn(3)
    saved = bytes(torch.get_rng_state().tolist()).hex()
    return {"state": saved, "normal": torch.randn(3).tolist(), "uniform": torch.rand(700)[::50].tolist()}


streams = {}
for name, expressions in random_streams.PROGRAMS.items():
    results = random_streams.run(torch, name, SEED)
    streams[name] = [
        {"call": e, **random_streams.plain(r)} for e, r in zip(expressions, results, strict=True)
    ]
torch.manual_seed(11)
words = torch.empty(10**5, dtype=torch.int32).random_()
checksum = zlib.crc32(bytes(w & 255 for w in words.tolist()))
content = {
    "made_by": f"PyTorch {torch.__version__}",
    "seed": SEED,
    "saved": state(),
    "checksum": checksum,
    "streams": streams,
}
# One result a line: a change of one shows as one.
text = json.dumps(content, separators=(",", ":")).replace('{"call"', '\n{"call"') + "\n"
(here / "random.json").write_text(text)
