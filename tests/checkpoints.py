"""What the tests of files share: objects to save, and ways to save them."""

import collections
import dataclasses
import enum
import io
import subprocess
import sys
import textwrap

import facula as torch


@dataclasses.dataclass
class Config:
    width: int = 3
    names: list = dataclasses.field(default_factory=list)


class Colour(enum.Enum):
    RED = 1


Point = collections.namedtuple("Point", "x y")


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 3)
        self.act = torch.nn.functional.gelu
        self.register_buffer("steps", torch.tensor(4))

    def forward(self, x):
        return self.act(self.layer(x))


def through(obj, legacy=False, protocol=2, **options):
    file = io.BytesIO()
    torch.save(obj, file, _use_new_zipfile_serialization=not legacy, pickle_protocol=protocol)
    file.seek(0)
    return torch.load(file, **options)


def run(code, **options):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, **options
    )
