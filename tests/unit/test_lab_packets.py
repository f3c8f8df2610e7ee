import struct
from ipaddress import IPv6Address, ip_address

from hypothesis import given
from hypothesis import strategies as st

from wayhome.lab.packets import Packet, decode

CLIENT, TARGET = map(ip_address, ("172.16.2.2", "10.2.0.1"))
TCP, UDP, ICMP = 6, 17, 1
SYN, RST, ACK = 0x02, 0x04, 0x10


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


def segment(flags: int) -> bytes:
    return struct.pack("!HHIIBBHHH", 40000, 80, 7, 8, 0x50, flags, 0, 0, 0)


def test_ports_and_numbers_are_found_behind_options() -> None:
    packet = decode(ipv4(TCP, segment(ACK), options=3))
    assert packet == Packet(CLIENT, TARGET, TCP, 40000, 80, sequence=7, acknowledgement=8)


def test_a_first_packet_acknowledges_nothing() -> None:
    packet = decode(ipv4(TCP, segment(SYN)))
    assert packet == Packet(CLIENT, TARGET, TCP, 40000, 80, sequence=7, acknowledgement=None)


def test_a_reset_has_no_number_of_its_own() -> None:
    """Of a connection that somebody does not have, it repeats the number of whoever has it."""
    assert decode(ipv4(TCP, segment(RST))) == Packet(CLIENT, TARGET, TCP, 40000, 80)
    refused = decode(ipv4(TCP, segment(RST | ACK)))
    assert refused == Packet(CLIENT, TARGET, TCP, 40000, 80, acknowledgement=8)


def test_an_echos_identifier_is_the_port_of_who_asked() -> None:
    asked = decode(ipv4(ICMP, struct.pack("!BBHHH", 8, 0, 0, 777, 1) + b"nonce"))
    answered = decode(ipv4(ICMP, struct.pack("!BBHHH", 0, 0, 0, 777, 1)))
    assert asked == Packet(CLIENT, TARGET, ICMP, 777, 0, payload=b"nonce")
    assert answered == Packet(CLIENT, TARGET, ICMP, 0, 777)


def test_ipv6() -> None:
    source, destination = IPv6Address("fd00::1"), IPv6Address("fd00::2")
    head = struct.pack("!IHBB", 6 << 28, 8, UDP, 64) + source.packed + destination.packed
    assert decode(head + struct.pack("!HH", 1, 2)) == Packet(source, destination, UDP, 1, 2)


def test_what_has_no_ports_is_none() -> None:
    assert decode(ipv4(TCP, segment(ACK), fragment=100)) is None
    assert decode(ipv4(ICMP, struct.pack("!BBHHH", 3, 1, 0, 0, 0))) is None
    assert decode(ipv4(TCP, segment(ACK)[:13])) is None
    assert decode(ipv4(UDP, segment(ACK)[:3])) is None
    assert decode(b"") is None


@given(st.binary(max_size=120))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    decode(data)
