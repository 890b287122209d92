"""The training examples and how they are run by tests: in full, and shortened."""

from __future__ import annotations

import re
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"

# Options that leave a second or two of each; what is left has every part of the program in it.
SHORT = {
    "digits_mlp": ["--epochs", "6"],
    "digits_cnn": ["--epochs", "2"],
    "digits_vae": ["--epochs", "6"],
    "char_gpt": ["--epochs", "2", "--steps", "12", "--write", "40"],
    "lstm_tagger": ["--epochs", "2", "--lines", "600"],
}


def losses(text: str) -> list[float]:
    """Every loss that a run printed, in order."""
    return [float(number) for number in re.findall(r"loss (\d+\.\d+)", text)]
