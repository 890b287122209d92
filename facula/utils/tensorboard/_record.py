"""The format of event files: length, checksum, message, checksum; and messages in protobuf's encoding."""

from __future__ import annotations

import struct

__all__ = ["RecordWriter", "crc32c", "double", "float32", "message", "packed_doubles", "text", "varint"]


def _table() -> list:
    table = []
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)  # Castagnoli's polynomial, reflected
        table.append(i)
    return table


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """Castagnoli's checksum."""
    crc = 0xFFFFFFFF
    table = _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    """The checksum as TFRecord stores it: rotated, and shifted by a constant."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


class RecordWriter:
    """Appends records to a file, each written at once, so that what has been added can be followed live."""

    def __init__(self, path) -> None:
        self.path = path
        self._file = open(path, "ab", buffering=0)

    def write(self, data: bytes) -> None:
        """Adds a record."""
        length = struct.pack("<Q", len(data))
        self._file.write(length + _masked(length) + data + _masked(data))

    def flush(self) -> None:
        """Does nothing: every record has been written."""

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return self._file.closed


def _number(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def varint(field: int, value: int) -> bytes:
    """A whole number (int32, int64, bool, enum)."""
    return _number(field << 3) + _number(int(value))


def double(field: int, value: float) -> bytes:
    """A double."""
    return _number(field << 3 | 1) + struct.pack("<d", value)


def float32(field: int, value: float) -> bytes:
    """A float; numbers beyond its range become infinite."""
    try:
        packed = struct.pack("<f", value)
    except OverflowError:
        packed = struct.pack("<f", float("inf") if value > 0 else float("-inf"))
    return _number(field << 3 | 5) + packed


def message(field: int, *parts: bytes) -> bytes:
    """A message, or bytes."""
    body = b"".join(parts)
    return _number(field << 3 | 2) + _number(len(body)) + body


def text(field: int, value: str) -> bytes:
    """A string."""
    return message(field, value.encode())


def packed_doubles(field: int, values) -> bytes:
    """Repeated doubles."""
    return message(field, struct.pack(f"<{len(values)}d", *values))
