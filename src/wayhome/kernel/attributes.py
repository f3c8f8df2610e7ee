"""Netlink attributes: length, type, payload, padded to four bytes (netlink(7), nla_*() in the kernel).

Lengths and types are in the machine's byte order; what nf_tables puts into payloads is big-endian.
"""

import struct

NESTED = 0x8000
"""NLA_F_NESTED: the payload is attributes."""
TYPE_MASK = 0x3FFF

_header = struct.Struct("=HH")
_u32 = struct.Struct(">I")
_s32 = struct.Struct(">i")


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute with its padding. Raises struct.error where the payload is longer than an attribute can be."""
    length = _header.size + len(payload)
    return _header.pack(length, kind) + payload + bytes(-length % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(NESTED | kind, b"".join(attributes))


def text(kind: int, value: str) -> bytes:
    """A string attribute, which ends with a NUL."""
    return attribute(kind, value.encode() + b"\0")


def u32(kind: int, value: int) -> bytes:
    """A 32-bit number as nf_tables wants it."""
    return attribute(kind, _u32.pack(value))


def s32(kind: int, value: int) -> bytes:
    """The same for the attributes that are signed, such as a priority."""
    return attribute(kind, _s32.pack(value))


def parse(data: bytes) -> dict[int, bytes]:
    """The payloads by type; of several of one type the last one stays. Raises ValueError for what cannot be read."""
    found: dict[int, bytes] = {}
    at = 0
    while at + _header.size <= len(data):
        length, kind = _header.unpack_from(data, at)
        if not _header.size <= length <= len(data) - at:
            raise ValueError(f"netlink attribute of {length} bytes where {len(data) - at} are left")
        found[kind & TYPE_MASK] = data[at + _header.size : at + length]
        at += (length + 3) & ~3
    return found


def as_text(payload: bytes) -> str:
    """The value of a string attribute."""
    return payload.rstrip(b"\0").decode(errors="replace")


def as_u32(payload: bytes) -> int:
    """The value of a 32-bit attribute of nf_tables."""
    value: int = _u32.unpack(payload)[0]
    return value


def as_s32(payload: bytes) -> int:
    """The same for the attributes that are signed, such as a priority."""
    value: int = _s32.unpack(payload)[0]
    return value
