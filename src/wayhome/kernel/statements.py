"""The statements that our rules are made of: what each is in nft's language, and what it is to the kernel.

A statement is data with both in it, made by a function that writes them side by side. So what `wayhome policy render`
prints is what the agent sends. (A class for each kind of statement would cost the agent 200 KiB of memory.)

Some statements only make sense on packets of one kind: a source of four bytes is there in IPv4 alone. nft asks for the
kind without being told, once in a rule and right before the first statement that needs it; `requires` is that question.
"""

from dataclasses import dataclass
from typing import Literal

from wayhome.kernel.expressions import (
    NFT_CMP_EQ,
    NFT_CMP_GTE,
    NFT_CMP_LT,
    NFT_CMP_NEQ,
    NFT_CONTINUE,
    NFT_CT_DIRECTION,
    NFT_CT_STATE,
    NFT_CT_STATUS,
    NFT_META_IIF,
    NFT_META_L4PROTO,
    NFT_META_MARK,
    NFT_META_NFPROTO,
    NFT_PAYLOAD_NETWORK_HEADER,
    NFT_PAYLOAD_TRANSPORT_HEADER,
    NFT_RETURN,
    address_type,
    compare,
    conntrack,
    lookup,
    mask,
    masquerade,
    meta,
    native,
    object_reference,
    payload,
    random_number,
    source_translation,
    to_network_order,
    verdict,
)
from wayhome.kernel.nf_tables import NFT_OBJECT_COUNTER
from wayhome.prefixes import Family

NFPROTO = {Family.IPV4: 2, Family.IPV6: 10}
"""linux/netfilter.h"""
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
IPS_DST_NAT = 1 << 5
IP_CT_DIR_REPLY = 1
"""linux/netfilter/nf_conntrack_tuple_common.h"""
NF_CT_STATE_INVALID, NF_CT_STATE_UNTRACKED = 1 << 0, 1 << 6
NFTA_FIB_F = {"saddr": 1 << 0, "daddr": 1 << 1}
RTN_LOCAL = 2
"""linux/rtnetlink.h: an address of this node."""

AddressField = Literal["saddr", "daddr"]
PortField = Literal["sport", "dport"]

_HEADER = {Family.IPV4: "ip", Family.IPV6: "ip6"}
_ADDRESS_AT: dict[tuple[Family, AddressField], int] = {
    (Family.IPV4, "saddr"): 12,
    (Family.IPV4, "daddr"): 16,
    (Family.IPV6, "saddr"): 8,
    (Family.IPV6, "daddr"): 24,
}
_PORT_AT: dict[PortField, int] = {"sport": 0, "dport": 2}
_TCP_FLAGS_AT = 13
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10


@dataclass(frozen=True, slots=True)
class Statement:
    """A test, or what is done with the packets that passed all tests before it."""

    text: str
    """In nft's language."""
    expressions: bytes
    requires: bytes = b""
    """The expressions that ask for packets of the kind that this is about."""


RETURN = Statement("return", verdict(NFT_RETURN))
"""Our chain has nothing more to say."""
CONTINUE = Statement("continue", verdict(NFT_CONTINUE))
"""On to the next rule: the tests before were for their counters."""


def mark_bit(bit: int) -> Statement:
    """The packet's mark has this bit."""
    text = f"0x{1 << bit:08x}"
    value = native(1 << bit)
    return Statement(
        f"meta mark & {text} == {text}",
        meta(NFT_META_MARK) + mask(value) + compare(NFT_CMP_EQ, value),
    )


def not_of(family: Family) -> Statement:
    """The packet is not of this family."""
    return Statement(
        f"meta nfproto != ipv{family:d}",
        meta(NFT_META_NFPROTO) + compare(NFT_CMP_NEQ, bytes([NFPROTO[family]])),
    )


def no_input_interface() -> Statement:
    """The packet came in through no interface: this node sent it, or a bridge shows it."""
    return Statement("meta iif 0", meta(NFT_META_IIF) + compare(NFT_CMP_EQ, native(0)))


def is_local(field: AddressField) -> Statement:
    """The address is one of this node's own."""
    return Statement(
        f"fib {field} type local",
        address_type(NFTA_FIB_F[field]) + compare(NFT_CMP_EQ, native(RTN_LOCAL)),
    )


def in_set(family: Family, field: AddressField, name: str) -> Statement:
    """The address is in a set."""
    return Statement(
        f"{_HEADER[family]} {field} @{name}",
        _address(family, field) + lookup(name),
        requires=_of(family),
    )


def not_in_set(family: Family, field: AddressField, name: str) -> Statement:
    """The address is of this family and not in a set."""
    return Statement(
        f"{_HEADER[family]} {field} != @{name}",
        _address(family, field) + lookup(name, inverted=True),
        requires=_of(family),
    )


def destination_translated() -> Statement:
    """Somebody has translated the connection's destination."""
    status = conntrack(NFT_CT_STATUS) + mask(native(IPS_DST_NAT))
    return Statement("ct status dnat", status + compare(NFT_CMP_NEQ, native(0)))


def is_a_reply() -> Statement:
    """The packet goes against the direction in which its connection was opened."""
    direction = conntrack(NFT_CT_DIRECTION) + compare(NFT_CMP_EQ, bytes([IP_CT_DIR_REPLY]))
    return Statement("ct direction reply", direction)


def of_no_connection() -> Statement:
    """Connection tracking knows no connection of the packet, or was told not to look."""
    states = native(NF_CT_STATE_INVALID | NF_CT_STATE_UNTRACKED)
    return Statement(
        "ct state invalid,untracked",
        conntrack(NFT_CT_STATE) + mask(states) + compare(NFT_CMP_NEQ, native(0)),
    )


def opens_nothing() -> Statement:
    """A TCP packet that is no client's first one: no SYN alone."""
    flags = payload(NFT_PAYLOAD_TRANSPORT_HEADER, _TCP_FLAGS_AT, 1) + mask(
        bytes([_FIN | _SYN | _RST | _ACK])
    )
    return Statement(
        "tcp flags & (fin | syn | rst | ack) != syn",
        flags + compare(NFT_CMP_NEQ, bytes([_SYN])),
        requires=_carries("tcp"),
    )


def tcp_port(field: PortField, how: Literal["<", ">="], limit: int) -> Statement:
    """A port of TCP below a limit, or from it on."""
    port = payload(NFT_PAYLOAD_TRANSPORT_HEADER, _PORT_AT[field], 2)
    comparison = NFT_CMP_LT if how == "<" else NFT_CMP_GTE
    return Statement(
        f"tcp {field} {how} {limit}",
        port + compare(comparison, limit.to_bytes(2)),
        requires=_carries("tcp"),
    )


def carries(protocol: str) -> Statement:
    """The packet is of this protocol."""
    return Statement(f"meta l4proto {protocol}", _carries(protocol))


def dice(share: int, of: int) -> Statement:
    """So many packets out of so many, at random."""
    number = random_number(of) + to_network_order()
    below = compare(NFT_CMP_LT, share.to_bytes(4))
    return Statement(f"numgen random mod {of} < {share}", number + below)


def count_in(name: str) -> Statement:
    """Count in a counter of the table."""
    return Statement(f'counter name "{name}"', object_reference(NFT_OBJECT_COUNTER, name))


def keep_source(family: Family) -> Statement:
    """Translate the source to itself, so that nobody translates it to something else."""
    header = _HEADER[family]
    return Statement(
        f"snat {header} to {header} saddr",
        _address(family, "saddr") + source_translation(NFPROTO[family]),
        requires=_of(family),
    )


def masquerades(ports: tuple[int, int] | None, *, fully_random: bool) -> Statement:
    """Translate the source to the address of the outgoing interface.

    `ports` are the first and the last one to choose from, after a test of the protocol only.
    """
    to = f" to :{ports[0]}-{ports[1]}" if ports else ""
    return Statement(
        f"masquerade{to}{' fully-random' if fully_random else ''}",
        masquerade(ports, fully_random=fully_random),
    )


def _of(family: Family) -> bytes:
    return meta(NFT_META_NFPROTO) + compare(NFT_CMP_EQ, bytes([NFPROTO[family]]))


def _carries(protocol: str) -> bytes:
    return meta(NFT_META_L4PROTO) + compare(NFT_CMP_EQ, bytes([PROTOCOLS[protocol]]))


def _address(family: Family, field: AddressField) -> bytes:
    return payload(NFT_PAYLOAD_NETWORK_HEADER, _ADDRESS_AT[family, field], family.bits // 8)
