"""What the training examples use to stop and go on: all that a training consists of, in one file."""

from pathlib import Path

import torch


class Checkpoint:
    """Saves and restores the state of each part (model, optimizer, schedule ...) and of the random numbers.

    A training that goes on from its file does the same, bit for bit, as one that was not stopped. Without a
    file name nothing is saved.
    """

    def __init__(self, file, **parts):
        self.file = Path(file) if file else None
        self.parts = parts

    def save(self, epochs_done):
        if self.file:
            states = {name: part.state_dict() for name, part in self.parts.items()}
            torch.save({"epochs": epochs_done, "random": torch.get_rng_state(), **states}, self.file)

    def resume(self):
        """How many epochs are done: 0 if there is no file yet."""
        if not self.file or not self.file.exists():
            return 0
        saved = torch.load(self.file)
        for name, part in self.parts.items():
            part.load_state_dict(saved[name])
        torch.set_rng_state(saved["random"])
        print(f"going on after epoch {saved['epochs']}")
        return saved["epochs"]
