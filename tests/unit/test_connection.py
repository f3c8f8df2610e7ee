"""The format of ctnetlink: what the kernel wrote (kept here as it came), and what it could write."""

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayhome.kernel import attributes as nla
from wayhome.kernel.connection import Connection, Endpoints, parse
from wayhome.kernel.selection import Selection
from wayhome.prefixes import Family, Intervals, parse_address

MASQUERADED_SERVICE = bytes.fromhex(
    "020000003400018014000180080001000a040003080002000a6000011c0002800500010006000000060002009c41"
    "000006000300005000003400028014000180080001000a09000108000200cb0071011c0002800500010006000000"
    "0600020000500000060003009c41000008000300000001be080008000000000008000c0070db0bb608000b000000"
    "00010800070000000258300004802c00018005000100030000000500020000000000050003000000000006000400"
    "0000000006000500000000001c001880080001000000000008000200000000000800030000000000"
)
IPV6 = bytes.fromhex(
    "0a0000004c0001802c00018014000300fd04000000000000000000000000000214000400fd020000000000000000"
    "0000000000011c0002800500010006000000060002009c4100000600030001bb00004c0002802c00018014000300"
    "fd0200000000000000000000000000011400040020010db80000000000000000000000011c000280050001000600"
    "00000600020001bb0000060003009c410000080003000000019e080008000000000008000c00ef60505208000b00"
    "0000000108000700000002581c001880080001000000000008000200000000000800030000000000"
)
ZONE_OF_ONE_DIRECTION = bytes.fromhex(
    "020000003c00018014000180080001000a040005080002000a0200011c0002800500010011000000060002009c40"
    "0000060003000035000006000300000900003400028014000180080001000a020001080002000a0400051c000280"
    "0500010011000000060002000035000006000300 9c400000080003000000000e080008000000000008000c006489"
    "61e608000b000000000108000700000002581c001880080001000000000008000200000000000800030000000000"
)


def ip(text: str) -> int:
    return parse_address(text)[1]


def test_what_a_kernel_wrote() -> None:
    connection = parse(MASQUERADED_SERVICE)
    assert connection == Connection(
        family=Family.IPV4,
        protocol=6,
        original=Endpoints(ip("10.4.0.3"), ip("10.96.0.1"), 40001, 80),
        reply=Endpoints(ip("10.9.0.1"), ip("203.0.113.1"), 80, 40001),
        status=0x1BE,
        zone=0,
        id=0x70DB0BB6,
        timeout=600,
        name=MASQUERADED_SERVICE[4:56] + bytes.fromhex("08000c0070db0bb6"),
    )


def test_what_a_kernel_wrote_in_ipv6() -> None:
    connection = parse(IPV6)
    assert connection.original == Endpoints(ip("fd04::2"), ip("fd02::1"), 40001, 443)
    assert connection.reply == Endpoints(ip("fd02::1"), ip("2001:db8::1"), 443, 40001)
    assert connection.source_translated
    assert not connection.destination_translated


def test_a_zone_of_one_direction_stays_in_the_name() -> None:
    connection = parse(ZONE_OF_ONE_DIRECTION)
    assert connection.zone == 9
    assert connection.name == ZONE_OF_ONE_DIRECTION[4:64] + bytes.fromhex("08000c00648961e6")
    assert not connection.source_translated


def test_an_entry_in_a_flow_table_has_no_timeout() -> None:
    timeout = bytes.fromhex("0800070000000258")
    assert parse(MASQUERADED_SERVICE.replace(timeout, b"")).timeout is None


@pytest.mark.parametrize("length", range(len(MASQUERADED_SERVICE)))
def test_a_message_that_was_cut_is_refused_or_lacks_its_end_only(length: int) -> None:
    try:
        connection = parse(MASQUERADED_SERVICE[:length])
    except (ValueError, KeyError, struct.error, IndexError):
        return
    assert replace(connection, timeout=600) == parse(MASQUERADED_SERVICE)


families = st.sampled_from(Family)


@st.composite
def messages(draw: st.DrawFn) -> tuple[Connection, bytes]:
    """Any entry, as the kernel would write it: with ports or ICMP's fields, in any zone."""
    family = draw(families)
    address = st.integers(0, family.last)
    port = st.integers(0, 65535)
    protocol = draw(st.integers(0, 255))
    with_ports = draw(st.booleans())
    zone = draw(st.one_of(st.just(0), st.integers(1, 65535)))
    zone_in = draw(st.sampled_from(["both", "original", "reply"])) if zone else ""
    ends = [
        Endpoints(draw(address), draw(address), *((draw(port), draw(port)) if with_ports else ()))
        for _ in range(2)
    ]
    tuples = [
        _tuple(
            kind, family, protocol, end, ports=with_ports, zone=zone if zone_in == where else None
        )
        for kind, end, where in zip((1, 2), ends, ("original", "reply"), strict=True)
    ]
    zoned = nla.attribute(18, zone.to_bytes(2)) if zone_in == "both" else b""
    number, status = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 2**32 - 1))
    timeout = draw(st.one_of(st.none(), st.integers(0, 2**32 - 1)))
    ended = b"" if timeout is None else nla.u32(7, timeout)
    body = (
        bytes([family.socket_family, 0, 0, 0])
        + b"".join(tuples)
        + zoned
        + nla.u32(3, status)
        + nla.u32(8, 0)
        + nla.u32(12, number)
        + ended
    )
    name = tuples[0] + zoned + nla.u32(12, number)
    there, back = ends
    return Connection(family, protocol, there, back, status, zone, number, timeout, name), body


def _tuple(
    kind: int, family: Family, protocol: int, end: Endpoints, *, ports: bool, zone: int | None
) -> bytes:
    first = 1 if family is Family.IPV4 else 3
    size = family.bits // 8
    fields = [nla.attribute(1, bytes([protocol]))]
    if ports:
        fields += [
            nla.attribute(2, end.source_port.to_bytes(2)),
            nla.attribute(3, end.destination_port.to_bytes(2)),
        ]
    else:
        fields += [
            nla.attribute(4, b"\x12\x34"),
            nla.attribute(5, b"\x08"),
            nla.attribute(6, b"\0"),
        ]
    return nla.nested(
        kind,
        nla.nested(
            1,
            nla.attribute(first, end.source.to_bytes(size)),
            nla.attribute(first + 1, end.destination.to_bytes(size)),
        ),
        nla.nested(2, *fields),
        b"" if zone is None else nla.attribute(3, zone.to_bytes(2)),
    )


@given(messages())
def test_any_entry_is_read_as_it_was_written(written: tuple[Connection, bytes]) -> None:
    connection, body = written
    assert parse(body) == connection


@given(messages(), st.data())
def test_looking_at_the_bytes_never_loses_what_is_wanted(
    written: tuple[Connection, bytes], data: st.DataObject
) -> None:
    """And lets nothing else pass where the message is as every kernel writes it."""
    connection, body = written
    address = st.one_of(
        st.integers(0, connection.family.last),
        st.integers(-1, 1).map(
            lambda by: min(max(connection.translated_destination + by, 0), connection.family.last)
        ),
    )
    spans = data.draw(st.lists(st.tuples(address, address).map(lambda s: (min(s), max(s)))))
    selection = Selection(destinations={connection.family: Intervals.of(spans)})
    assert selection.may_hold(connection.family)(body) == selection.holds(connection)


def test_a_message_of_another_shape_is_read_before_it_is_judged() -> None:
    addresses_swapped = bytearray(MASQUERADED_SERVICE)
    reply = slice(64, 80)
    there, back = addresses_swapped[64:72], addresses_swapped[72:80]
    addresses_swapped[reply] = back + there
    body = bytes(addresses_swapped)
    wanted = Selection(destinations={Family.IPV4: Intervals.of([(ip("10.9.0.1"),) * 2])})
    assert wanted.may_hold(Family.IPV4)(body)
    assert parse(body) == parse(MASQUERADED_SERVICE)
    assert wanted.holds(parse(body))
