"""The zip format of torch.save: records that lie in the file as they are in memory, 64 bytes aligned.

Reading believes nothing: records are stored, not compressed; they lie inside the file and apart from each
other, so that all of them together are no larger than the file.
"""

from __future__ import annotations

import zipfile
import zlib

__all__ = ["ALIGNMENT", "Reader", "Writer", "is_zip"]

ALIGNMENT = 64
_LOCAL = 30  # bytes of a local header before the name
_CHUNK = 1 << 24
_BROKEN = "PytorchStreamReader failed reading zip archive: "


def broken(why: str) -> RuntimeError:
    return RuntimeError(
        f"{_BROKEN}{why}. The file is damaged or was not written completely: save it again, or use another "
        f"copy."
    )


def is_zip(file) -> bool:
    """Whether a file at its present position begins as a zip archive does."""
    at = file.tell()
    start = file.read(4)
    file.seek(at)
    return start == b"PK\x03\x04"


class Reader:
    """The records of an archive that begins at the file's present position.

    Args:
        file: open for reading, with seek().
        size: the length of the file.
        mapped: the whole file as memory, or None.
    """

    def __init__(self, file, size: int, mapped=None) -> None:
        self.file, self.size, self.mapped = file, size, mapped
        self.start = file.tell()
        try:
            entries = zipfile.ZipFile(file).infolist()
        except (
            zipfile.BadZipFile,
            NotImplementedError,
            UnicodeDecodeError,
            ValueError,
            OverflowError,
        ) as error:
            raise broken(f"failed finding central directory ({error})") from None
        except OSError as error:
            raise broken(str(error)) from None
        if not entries:
            raise broken("it holds no records")
        self.entries = {}
        self.places = {}
        spans = []
        for entry in entries:
            if entry.is_dir():
                continue
            if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
                raise broken(
                    f"the record {entry.filename} is compressed or encrypted, and torch.save never does "
                    f"that; "
                    "unpack and repack the archive without compression"
                )
            if entry.file_size != entry.compress_size:
                raise broken(f"the record {entry.filename} has two sizes")
            begin = self._place(entry)
            if begin + entry.file_size > size:
                raise broken(f"the record {entry.filename} reaches past the end of the file")
            spans.append((entry.header_offset, begin + entry.file_size))
            self.entries[entry.filename] = entry
            self.places[entry.filename] = begin
        spans.sort()
        if any(a[1] > b[0] for a, b in zip(spans, spans[1:])):
            raise broken("records overlap")
        first = next(iter(self.entries), "")
        self.prefix = first.partition("/")[0] if "/" in first else ""

    def _place(self, entry) -> int:
        self.file.seek(entry.header_offset)
        header = self.file.read(_LOCAL)
        if len(header) < _LOCAL or header[:4] != b"PK\x03\x04":
            raise broken(f"the record {entry.filename} has no header")
        return (
            entry.header_offset
            + _LOCAL
            + int.from_bytes(header[26:28], "little")
            + int.from_bytes(header[28:30], "little")
        )

    def _name(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    def __contains__(self, name: str) -> bool:
        return self._name(name) in self.entries

    def names(self) -> list[str]:
        """The names of all records, without the prefix."""
        cut = len(self.prefix) + 1 if self.prefix else 0
        return [name[cut:] for name in self.entries]

    def length(self, name: str) -> int:
        """The bytes of a record; RuntimeError if there is none."""
        entry = self.entries.get(self._name(name))
        if entry is None:
            raise RuntimeError(
                f"{_BROKEN[:-2]}: file not found: {self._name(name)}. The file is no checkpoint, or a part "
                f"is missing."
            )
        return entry.file_size

    def place(self, name: str) -> int:
        """Where a record begins in the file."""
        return self.places[self._name(name)]

    def read(self, name: str, limit: int | None = None) -> bytes:
        """A record as bytes."""
        size = self.length(name)
        if limit is not None and size > limit:
            raise broken(f"the record {name} is too large")
        buffer = bytearray(size)
        self.read_into(name, memoryview(buffer))
        return bytes(buffer)

    def read_into(self, name: str, buffer: memoryview) -> None:
        """The first bytes of a record into memory, as many as there is room for; the checksum is tested."""
        size = self.length(name)
        if len(buffer) > size:
            raise broken(f"the record {name} has {size} bytes where {len(buffer)} are needed")
        self.file.seek(self.place(name))
        checksum = 0
        for at in range(0, len(buffer), _CHUNK):
            part = buffer[at : at + _CHUNK]
            read_exactly(self.file, part)
            checksum = zlib.crc32(part, checksum)
        expected = self.entries[self._name(name)].CRC
        # Zero is what PyTorch writes when it has been told to compute none.
        if len(buffer) == size and expected not in (0, checksum):
            raise broken(f"the record {name} has a wrong checksum")


def read_exactly(file, buffer: memoryview) -> None:
    """Fills the buffer, or raises RuntimeError."""
    done = 0
    into = getattr(file, "readinto", None)
    while done < len(buffer):
        if into is not None:
            count = into(buffer[done:])
        else:
            data = file.read(len(buffer) - done)
            count = len(data)
            buffer[done : done + count] = data
        if not count:
            raise broken(f"the file ends {len(buffer) - done} bytes early")
        done += count


class Writer:
    """Writes an archive record by record.

    Args:
        file: open for writing.
        prefix: the folder that all records are in.
        checksums: whether they are computed; zeros otherwise.
    """

    def __init__(self, file, prefix: str, checksums: bool = True) -> None:
        self.zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED)
        self.file = file
        self.prefix = prefix
        self.checksums = checksums
        self.identity = 0

    def write(self, name: str, data) -> None:
        """One record: any bytes."""
        view = memoryview(data).cast("B") if len(memoryview(data)) else memoryview(b"")
        entry = zipfile.ZipInfo(
            f"{self.prefix}/{name}"
        )  # the date is the epoch of zip: equal input, equal file
        entry.external_attr = 0o600 << 16
        large = len(view) > zipfile.ZIP64_LIMIT // 2
        header = _LOCAL + len(entry.filename.encode()) + (20 if large else 0) + 4
        fill = -(self.zip.start_dir + header) % ALIGNMENT
        entry.extra = b"FB" + fill.to_bytes(2, "little") + b"Z" * fill
        entry.file_size = len(view)
        self.identity = zlib.crc32(view[:64], zlib.crc32(f"{name} {len(view)}".encode(), self.identity))
        with self.zip.open(entry, "w", force_zip64=large) as out:
            if not self.checksums:
                out._crc = 0
            for at in range(0, len(view), _CHUNK):
                out.write(view[at : at + _CHUNK])
            if not self.checksums:
                out._crc = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace) -> None:
        if kind is None:
            self.close()
        else:
            self.zip.fp = None  # else zipfile would write a directory when it is collected

    def close(self) -> None:
        """Writes the last records and the directory."""
        self.write("version", b"3\n")
        self.write(".data/serialization_id", f"{self.identity:040d}".encode())
        self.zip.close()
