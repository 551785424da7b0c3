"""The protobuf wire format, as much of it as ONNX files need: fields of varints, 32-bit floats and bytes.

https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

# A message longer than this is read by no protobuf library.
LIMIT = 2**31 - 1


def _varint(value: int) -> bytes:
    value &= 2**64 - 1  # negative numbers in two's complement
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def integer(field: int, value: int) -> bytes:
    """Return the field of an int64, an enum or a bool."""
    return _varint(field << 3) + _varint(value)


def real(field: int, value: float) -> bytes:
    """Return the field of a float."""
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def message(field: int, content: bytes | str | Iterable[bytes]) -> bytes:
    """Return the field of a message (its fields), a string or bytes."""
    if isinstance(content, str):
        content = content.encode()
    elif not isinstance(content, bytes):
        content = b"".join(content)
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def fields(content: memoryview) -> Iterator[tuple[int, int | float | memoryview]]:
    """Yield number and value of each field; ValueError if the bytes are no message."""
    position = 0

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = content[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value - 2**64 if value >= 2**63 else value
            shift += 7

    while position < len(content):
        key = varint()
        wire = key & 7
        if wire == 0:
            yield key >> 3, varint()
        elif wire == 5:
            yield key >> 3, struct.unpack("<f", content[position : position + 4])[0]
            position += 4
        elif wire == 2:
            length = varint()
            yield key >> 3, content[position : position + length]
            position += length
        else:
            raise ValueError(f"field {key >> 3} has wire type {wire}, which this reader does not know")
