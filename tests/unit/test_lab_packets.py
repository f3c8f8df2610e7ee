import struct
from ipaddress import IPv4Address, IPv6Address, ip_address

from hypothesis import given
from hypothesis import strategies as st

from wayhome.lab.packets import Packet, decode
from wayhome.lab.prober import match
from wayhome.probe.flow import Flow, identifiers
from wayhome.probe.observation import Leg

CLIENT, TARGET, OTHER = map(ip_address, ("172.16.2.2", "10.2.0.1", "10.1.0.3"))
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58


def ipv4(transport: int, payload: bytes, *, options: int = 0, fragment: int = 0) -> bytes:
    head = struct.pack(
        "!BBHHHBBH4s4s",
        0x45 + options,
        0,
        0,
        0,
        fragment,
        64,
        transport,
        0,
        CLIENT.packed,
        TARGET.packed,
    )
    return head + b"\0" * 4 * options + payload


def test_ports_are_found_behind_options() -> None:
    segment = struct.pack("!HH", 40000, 80) + b"\0" * 16
    assert decode(ipv4(TCP, segment, options=3)) == Packet(CLIENT, TARGET, TCP, 40000, 80)


def test_an_echos_identifier_is_the_port_of_who_asked() -> None:
    asked = decode(ipv4(ICMP, struct.pack("!BBHHH", 8, 0, 0, 777, 1)))
    answered = decode(ipv4(ICMP, struct.pack("!BBHHH", 0, 0, 0, 777, 1)))
    assert asked == Packet(CLIENT, TARGET, ICMP, 777, 0)
    assert answered == Packet(CLIENT, TARGET, ICMP, 0, 777)


def test_ipv6() -> None:
    source, destination = IPv6Address("fd00::1"), IPv6Address("fd00::2")
    head = struct.pack("!IHBB", 6 << 28, 8, UDP, 64) + source.packed + destination.packed
    assert decode(head + struct.pack("!HH", 1, 2)) == Packet(source, destination, UDP, 1, 2)


def test_what_has_no_ports_is_none() -> None:
    segment = struct.pack("!HH", 40000, 80)
    assert decode(ipv4(TCP, segment, fragment=100)) is None
    assert decode(ipv4(ICMP, struct.pack("!BBHHH", 3, 1, 0, 0, 0))) is None
    assert decode(ipv4(TCP, segment[:3])) is None
    assert decode(b"") is None


@given(st.binary(max_size=120))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    decode(data)


HTTP = Flow(TCP, TARGET, 80, 40000)
GREETING = Flow(TCP, TARGET, 23, 40001)


def reply(port: int, *, of: int = 80, to: IPv4Address | IPv6Address = CLIENT) -> Packet:
    return Packet(TARGET, to, TCP, of, port)


def test_requests_and_replies_are_told_apart() -> None:
    flows = [HTTP, GREETING]
    assert match(Packet(CLIENT, TARGET, TCP, 40000, 80), flows) == (HTTP, Leg.REQUEST)
    assert match(reply(40001, of=23), flows) == (GREETING, Leg.REPLY)
    assert match(Packet(CLIENT, TARGET, UDP, 40000, 80), flows) is None
    assert match(Packet(CLIENT, OTHER, TCP, 40000, 80), flows) is None


def test_a_translated_port_counts_only_where_one_attempt_can_be_meant() -> None:
    twin = Flow(TCP, TARGET, 80, 40007)
    assert match(reply(1024, to=OTHER), [HTTP, GREETING]) == (HTTP, Leg.REPLY)
    assert match(reply(1024, to=OTHER), [HTTP, twin]) is None
    assert match(reply(40007), [HTTP, twin]) == (twin, Leg.REPLY)


def test_a_repeated_reply_to_an_earlier_attempt_is_not_held_against_a_later_one() -> None:
    assert match(reply(39999), [HTTP], spent={39999}) is None


def test_identifiers_do_not_come_again_soon_and_stay_in_the_ephemeral_range() -> None:
    fresh = identifiers()
    taken = [next(fresh) for _ in range(60999 - 32768 + 1)]
    assert len(set(taken)) == len(taken)
    assert (min(taken), max(taken)) == (32768, 60999)
