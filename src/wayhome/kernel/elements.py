"""Elements of interval sets as nf_tables has them: each interval is a start, and an end one past its last address.

An interval that reaches the end of the address space has no end element. nft also puts an end at zero in front of
the first interval; it closes nothing. The kernel dumps a set sorted, with the highest key first.

10,000 intervals are 20,000 elements, so the usual two shapes, a key alone and a key with the flag INTERVAL_END, are
told by their first bytes. 10,000 IPv4 intervals are parsed in 8 ms; what has any other shape takes the long way.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from wayhome.kernel import attributes
from wayhome.kernel.nfnetlink import Message
from wayhome.kernel.ruleset import Interval
from wayhome.kernel.skeleton import TABLE, SetType
from wayhome.prefixes import Family

NFT_MSG_NEWSETELEM = 12
NFT_MSG_DELSETELEM = 14
NLM_F_CREATE = 0x400
NLM_F_EXCL = 0x200
NFTA_SET_ELEM_LIST_TABLE = 1
NFTA_SET_ELEM_LIST_SET = 2
NFTA_SET_ELEM_LIST_ELEMENTS = 3
NFTA_LIST_ELEM = 1
NFTA_SET_ELEM_KEY = 1
NFTA_SET_ELEM_FLAGS = 3
NFTA_DATA_VALUE = 1
NFT_SET_ELEM_INTERVAL_END = 1
NFT_SET_ELEM_CATCHALL = 2

INTERVALS_PER_MESSAGE = 1000
"""An attribute holds 64 KiB, and the two elements of an IPv6 interval take 64 bytes."""


def removals(kind: SetType, intervals: Sequence[Interval]) -> Iterator[Message]:
    """The messages that remove these intervals from a set."""
    return _messages(NFT_MSG_DELSETELEM, 0, "remove", kind, intervals)


def additions(kind: SetType, intervals: Sequence[Interval]) -> Iterator[Message]:
    """The messages that add these intervals to a set; refused where one of them is there already."""
    return _messages(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, "add", kind, intervals)


def selector(kind: SetType) -> bytes:
    """The attributes that name a set in messages about elements."""
    return attributes.text(NFTA_SET_ELEM_LIST_TABLE, TABLE) + attributes.text(
        NFTA_SET_ELEM_LIST_SET, kind.name
    )


def _messages(
    message: int, flags: int, verb: str, kind: SetType, intervals: Sequence[Interval]
) -> Iterator[Message]:
    remaining = iter(intervals)
    while some := tuple(islice(remaining, INTERVALS_PER_MESSAGE)):
        payload = selector(kind) + attributes.nested(
            NFTA_SET_ELEM_LIST_ELEMENTS, *_encode(kind.family, some)
        )
        yield Message(message, payload, f"{verb} {len(some)} elements of {kind.name}", flags)


def _encode(family: Family, intervals: Iterable[Interval]) -> Iterator[bytes]:
    size = family.bits // 8
    start, end, end_flag = _shape(family, attributes.NESTED)
    for first, last in intervals:
        yield start + first.to_bytes(size)
        if last != family.last:
            yield end + (last + 1).to_bytes(size) + end_flag


def _shape(family: Family, nested: int) -> tuple[bytes, bytes, bytes]:
    """What stands before the key of a start, before the key of an end, and after that.

    Before the key are three headers: of the element, of its key, and of the key's value.
    """
    size = family.bits // 8
    flag = attributes.u32(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END)
    value = struct.pack("=HH", 4 + size, NFTA_DATA_VALUE)
    key = struct.pack("=HH", 8 + size, nested | NFTA_SET_ELEM_KEY) + value
    start = struct.pack("=HH", 12 + size, nested | NFTA_LIST_ELEM) + key
    end = struct.pack("=HH", 12 + size + len(flag), nested | NFTA_LIST_ELEM) + key
    return start, end, flag


def decode(family: Family, dump: Iterable[bytes]) -> tuple[Interval, ...]:
    """The intervals in a dump of a set, sorted. Raises ValueError for what is no interval set of this family."""
    boundaries: list[int] = []
    for message in dump:
        boundaries += _boundaries(family, message)
    boundaries.sort()
    intervals: list[Interval] = []
    first: int | None = None
    for boundary in boundaries:
        if first is not None:  # a start without an end reaches up to the next start
            intervals.append((first, (boundary >> 1) - 1))
        first = boundary >> 1 if boundary & 1 else None
    if first is not None:
        intervals.append((first, family.last))
    return tuple(intervals)


def _boundaries(family: Family, message: bytes) -> Iterator[int]:
    """Each element as its key doubled, plus one for a start: where two meet, the end sorts before the start."""
    elements = attributes.parse(message).get(NFTA_SET_ELEM_LIST_ELEMENTS, b"")
    size = family.bits // 8
    start, end, end_flag = _shape(family, 0)  # the kernel does not flag nesting in dumps
    key_end = len(start) + size
    element_end = key_end + len(end_flag)
    at = 0
    while at < len(elements):
        head = elements[at : at + 12]
        if head == start:
            yield int.from_bytes(elements[at + 12 : at + key_end]) << 1 | 1
            at += key_end
        elif head == end and elements[at + key_end : at + element_end] == end_flag:
            yield int.from_bytes(elements[at + 12 : at + key_end]) << 1
            at += element_end
        else:
            (length,) = struct.unpack_from("=H", elements, at)
            if length < 4:
                raise ValueError("a set element shorter than its header")
            yield _boundary(size, elements[at + 4 : at + length])
            at += (length + 3) & ~3


def _boundary(size: int, element: bytes) -> int:
    found = attributes.parse(element)
    flags = attributes.as_u32(found.get(NFTA_SET_ELEM_FLAGS, bytes(4)))
    if flags & NFT_SET_ELEM_CATCHALL:
        raise ValueError("an element for every address, which is no interval")
    key = attributes.parse(found.get(NFTA_SET_ELEM_KEY, b"")).get(NFTA_DATA_VALUE, b"")
    if len(key) != size:
        raise ValueError(f"a set element with a key of {len(key)} bytes where {size} are due")
    return int.from_bytes(key) << 1 | (not flags & NFT_SET_ELEM_INTERVAL_END)
