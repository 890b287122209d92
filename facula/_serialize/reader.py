"""torch.PyTorchFileReader: records of a PyTorch zip file, for libraries that look into one themselves."""

from __future__ import annotations

import os

from .archive import Reader

__all__ = ["PyTorchFileReader"]


class PyTorchFileReader:
    """The records of a file.

    Args:
        file: a path or an open binary file.
    """

    def __init__(self, file) -> None:
        self._file = open(file, "rb") if isinstance(file, (str, os.PathLike)) else file  # noqa: SIM115
        self._file.seek(0, os.SEEK_END)
        size = self._file.tell()
        self._file.seek(0)
        self._reader = Reader(self._file, size)

    def get_record(self, name: str) -> bytes:
        """The bytes of a record."""
        return self._reader.read(name)

    def has_record(self, name: str) -> bool:
        """Whether there is one of the name."""
        return name in self._reader

    def get_all_records(self) -> list[str]:
        """The names of all."""
        return self._reader.names()

    def get_storage_from_record(self, name: str, numel: int, dtype):
        """A record as a tensor of one dimension."""
        import facula as torch

        return torch.frombuffer(bytearray(self.get_record(name)), dtype=dtype, count=numel)
