"""Writes tests/golden/programs.json: what the programs of tests/programs print under PyTorch.

python tests/golden/make_programs.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from programs import every_program, written  # noqa: E402

golden: dict[str, dict[str, list[str]]] = {}
for subject, name in every_program():
    golden.setdefault(subject, {})[name] = written(subject, name, torch)
text = json.dumps(golden, indent=0, ensure_ascii=False)
(Path(__file__).parent / "programs.json").write_text(text + "\n")
