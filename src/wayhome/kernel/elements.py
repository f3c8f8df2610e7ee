"""Elements of interval sets as nf_tables has them: each interval is a start, and an end one past its last address.

An interval that reaches the end of the address space has no end element. nft also puts an end at zero in front of
the first interval; it closes nothing. The kernel dumps a set sorted, with the highest key first.

10,000 intervals are 20,000 elements, so the usual shapes, a key with a counter or without, and a key with the flag
INTERVAL_END, are told by their first bytes; what has any other shape takes the long way. Only starts have counters.

Counters change with every connection, and a set would never be read twice alike. So their values are blanked
(`without_counts`) before anything is remembered or compared, and read on their own (`decode_counts`).
"""

import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from wayhome.kernel import attributes
from wayhome.kernel.counts import Count
from wayhome.kernel.expressions import (
    NFTA_DATA_VALUE,
    NFTA_EXPR_DATA,
    NFTA_EXPR_NAME,
    NFTA_LIST_ELEM,
)
from wayhome.kernel.netlink import NLM_F_CREATE, NLM_F_EXCL
from wayhome.kernel.nf_tables import NFTA_COUNTER_BYTES, NFTA_COUNTER_PACKETS
from wayhome.kernel.nfnetlink import Message
from wayhome.kernel.ruleset import Interval
from wayhome.kernel.skeleton import TABLE, SetType
from wayhome.prefixes import Family

NFT_MSG_NEWSETELEM = 12
NFT_MSG_GETSETELEM = 13
NFT_MSG_DELSETELEM = 14
NFTA_SET_ELEM_LIST_TABLE = 1
NFTA_SET_ELEM_LIST_SET = 2
NFTA_SET_ELEM_LIST_ELEMENTS = 3
NFTA_SET_ELEM_KEY = 1
NFTA_SET_ELEM_FLAGS = 3
NFTA_SET_ELEM_EXPR = 7
NFT_SET_ELEM_INTERVAL_END = 1
NFT_SET_ELEM_CATCHALL = 2

INTERVALS_PER_MESSAGE = 500
"""An attribute holds 64 KiB, and the two elements of an IPv6 interval take 108 bytes with a counter."""

_OCTETS, _PACKETS = (
    struct.pack("=HH", 12, NFTA_COUNTER_BYTES),
    struct.pack("=HH", 12, NFTA_COUNTER_PACKETS),
)
_COUNTER = (
    struct.pack("=HH", 44, NFTA_SET_ELEM_EXPR)
    + struct.pack("=HH8s", 12, NFTA_EXPR_NAME, b"counter")
    + struct.pack("=HH", 28, NFTA_EXPR_DATA)
    + _OCTETS
)
_BLANK = _COUNTER + bytes(8) + _PACKETS + bytes(8)
_ANY = re.escape(_COUNTER) + b"(.{8})" + re.escape(_PACKETS) + b"(.{8})"
_COUNTERS = re.compile(_ANY, re.DOTALL)


def removals(kind: SetType, intervals: Sequence[Interval]) -> Iterator[Message]:
    """The messages that remove these intervals from a set."""
    return _messages(kind, intervals, {}, message=NFT_MSG_DELSETELEM, verb="remove")


def additions(
    kind: SetType, intervals: Sequence[Interval], counts: Mapping[int, Count] | None = None
) -> Iterator[Message]:
    """The messages that add these intervals to a set; refused where one of them is there already.

    `counts` are by first address; the other elements begin with zero.
    """
    flags = NLM_F_CREATE | NLM_F_EXCL
    return _messages(
        kind, intervals, counts or {}, message=NFT_MSG_NEWSETELEM, flags=flags, verb="add"
    )


def selector(kind: SetType, first: int | None = None) -> bytes:
    """The attributes that name a set in messages about elements, and the one element that begins there."""
    named = attributes.text(NFTA_SET_ELEM_LIST_TABLE, TABLE) + attributes.text(
        NFTA_SET_ELEM_LIST_SET, kind.name
    )
    if first is None:
        return named
    size = kind.family.bits // 8
    element = _before_key(size, 0) + first.to_bytes(size)
    return named + attributes.nested(NFTA_SET_ELEM_LIST_ELEMENTS, element)


def _messages(
    kind: SetType,
    intervals: Sequence[Interval],
    counts: Mapping[int, Count],
    *,
    message: int,
    flags: int = 0,
    verb: str,
) -> Iterator[Message]:
    remaining = iter(intervals)
    while some := tuple(islice(remaining, INTERVALS_PER_MESSAGE)):
        payload = selector(kind) + attributes.nested(
            NFTA_SET_ELEM_LIST_ELEMENTS, *_encode(kind.family, some, counts)
        )
        yield Message(message, payload, f"{verb} {len(some)} elements of {kind.name}", flags)


def _encode(
    family: Family, intervals: Iterable[Interval], counts: Mapping[int, Count]
) -> Iterator[bytes]:
    size = family.bits // 8
    start, end = _before_key(size, 0), _before_key(size, len(_END))
    counted = _before_key(size, len(_BLANK))
    for first, last in intervals:
        if count := counts.get(first):
            yield counted + first.to_bytes(size) + _counter(count)
        else:
            yield start + first.to_bytes(size)
        if last != family.last:
            yield end + (last + 1).to_bytes(size) + _END


_END = attributes.u32(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END)


def _counter(count: Count) -> bytes:
    return _COUNTER + count.bytes.to_bytes(8) + _PACKETS + count.packets.to_bytes(8)


def _before_key(size: int, after: int) -> bytes:
    """The three headers before a key of `size` bytes, of the element, its key and the key's value.

    `after` bytes follow the key. Nesting is not flagged: the kernel does not in dumps, and does not ask for it.
    """
    lengths = 12 + size + after, 8 + size, 4 + size
    kinds = NFTA_LIST_ELEM, NFTA_SET_ELEM_KEY, NFTA_DATA_VALUE
    return b"".join(map(struct.Struct("=HH").pack, lengths, kinds))


def without_counts(message: bytes) -> bytes:
    """A message of a dump with every counter at zero."""
    return _COUNTERS.sub(_BLANK, message)


def decode_counts(family: Family, dump: Iterable[bytes]) -> dict[int, Count]:
    """What each element of a dumped set has counted, by its first address; without those that counted nothing."""
    size = family.bits // 8
    head = re.escape(_before_key(size, len(_BLANK)))
    element = re.compile(b"%b(.{%d})%b" % (head, size, _ANY), re.DOTALL)
    zero = bytes(8)
    return {
        int.from_bytes(key): Count(int.from_bytes(packets), int.from_bytes(octets))
        for message in dump
        for key, octets, packets in element.findall(message)
        if packets != zero or octets != zero
    }


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
    shapes = {
        _before_key(size, len(after)): (12 + size + len(after), after, is_start)
        for after, is_start in ((b"", 1), (_BLANK, 1), (_END, 0))
    }
    key_end = 12 + size
    unknown = (0, None, 0)
    at = 0
    while at < len(elements):
        length, after, is_start = shapes.get(elements[at : at + 12], unknown)
        if elements[at + key_end : at + length] == after:
            yield int.from_bytes(elements[at + 12 : at + key_end]) << 1 | is_start
            at += length
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
