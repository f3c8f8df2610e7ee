"""Interval sets on the wire: what is written is read, and what the kernel never says is not believed."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayhome.kernel import Count, attributes, elements
from wayhome.kernel.expressions import NFTA_DATA_VALUE, NFTA_LIST_ELEM
from wayhome.kernel.ruleset import Interval
from wayhome.kernel.skeleton import SetType
from wayhome.prefixes import Family

KEEP4 = SetType("keep4", "ipv4_addr")
KEEP6 = SetType("keep6", "ipv6_addr")


@st.composite
def disjoint(draw: st.DrawFn) -> tuple[Family, tuple[Interval, ...]]:
    family = draw(st.sampled_from(Family))
    near = st.integers(0, 30) | st.integers(family.last - 30, family.last)
    cuts = draw(st.sets(near | st.integers(0, family.last), max_size=40))
    borders = sorted(cuts)
    return family, tuple(zip(borders[::2], borders[1::2], strict=False))


@given(disjoint())
def test_what_is_written_is_read(sample: tuple[Family, tuple[Interval, ...]]) -> None:
    family, intervals = sample
    kind = KEEP4 if family is Family.IPV4 else KEEP6
    written = [message.payload for message in elements.additions(kind, intervals)]
    assert elements.decode(family, written) == intervals


def test_large_changes_are_spread_over_messages() -> None:
    intervals = [(i * 4, i * 4 + 1) for i in range(2500)]
    messages = list(elements.removals(KEEP6, intervals))
    assert [m.purpose for m in messages] == ["remove 500 elements of keep6"] * 5
    assert all(len(m.payload) < 65536 for m in messages)
    counts = {first: Count(1, 1) for first, _ in intervals}
    assert all(len(m.payload) < 65536 for m in elements.additions(KEEP6, intervals, counts))


@given(disjoint(), st.data())
def test_counts_are_read_as_they_were_written_and_the_rest_does_not_depend_on_them(
    sample: tuple[Family, tuple[Interval, ...]], data: st.DataObject
) -> None:
    family, intervals = sample
    kind = KEEP4 if family is Family.IPV4 else KEEP6
    number = st.integers(0, 2**64 - 1)
    values = [Count(data.draw(number), data.draw(number)) for _ in intervals]
    counts = {first: count for (first, _), count in zip(intervals, values, strict=True)}
    written = [m.payload for m in elements.additions(kind, intervals, counts)]
    zeros = dict.fromkeys(counts, Count())
    blank = [m.payload for m in elements.additions(kind, intervals, zeros)]
    assert elements.decode_counts(family, written) == {
        first: count for first, count in counts.items() if count != Count()
    }
    assert [elements.without_counts(message) for message in written] == blank
    assert elements.decode(family, blank) == elements.decode(family, written) == intervals


def element(key: bytes, *more: bytes, nested: int = 0) -> bytes:
    value = attributes.attribute(NFTA_DATA_VALUE, key)
    inner = attributes.attribute(nested | elements.NFTA_SET_ELEM_KEY, value)
    return attributes.attribute(nested | NFTA_LIST_ELEM, inner + b"".join(more))


def dump(*parts: bytes) -> list[bytes]:
    return [
        elements.selector(KEEP4)
        + attributes.attribute(elements.NFTA_SET_ELEM_LIST_ELEMENTS, b"".join(parts))
    ]


END = attributes.u32(elements.NFTA_SET_ELEM_FLAGS, elements.NFT_SET_ELEM_INTERVAL_END)
COMMENT = attributes.attribute(6, b"\0\4abc\0")


@pytest.mark.parametrize("nested", [0, attributes.NESTED])
@pytest.mark.parametrize("more", [b"", COMMENT])
def test_elements_of_other_shapes(nested: int, more: bytes) -> None:
    """As nft adds comments and other kernels flag nesting; from the highest key, as the kernel dumps."""
    parts = [
        element(b"\xff\0\0\0", more, nested=nested),  # reaches the end
        element(b"\x0b\0\0\0", END, more, nested=nested),
        element(b"\x0a\0\0\0", more, nested=nested),
        element(b"\0\0\0\0", END, more, nested=nested),  # nft's end in front of everything
    ]
    assert elements.decode(Family.IPV4, dump(*parts)) == (
        (0x0A000000, 0x0AFFFFFF),
        (0xFF000000, 0xFFFFFFFF),
    )


def test_a_start_without_an_end_reaches_up_to_the_next_start() -> None:
    parts = [element(b"\x0c\0\0\0", END), element(b"\x0b\0\0\0"), element(b"\x0a\0\0\0")]
    assert elements.decode(Family.IPV4, dump(*parts)) == (
        (0x0A000000, 0x0AFFFFFF),
        (0x0B000000, 0x0BFFFFFF),
    )


def test_an_empty_dump_is_an_empty_set() -> None:
    assert elements.decode(Family.IPV4, []) == ()
    assert elements.decode(Family.IPV4, [elements.selector(KEEP4)]) == ()


@pytest.mark.parametrize(
    "broken",
    [
        attributes.attribute(1, attributes.u32(3, elements.NFT_SET_ELEM_CATCHALL)),  # nft's `*`
        element(bytes(16)),  # a key of the other family
        struct.pack("=HH", 0, 1),
        struct.pack("=HH", 3, 1) + bytes(8),
        struct.pack("=HHHH", 12, 1, 200, 1) + bytes(4),
    ],
)
def test_what_is_no_element_is_an_error(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r"element|attribute"):
        elements.decode(Family.IPV4, dump(broken))
