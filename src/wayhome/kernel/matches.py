"""The statements that test a packet: what our rules ask, in nft's language and as expressions."""

from dataclasses import dataclass
from typing import Literal

from wayhome.kernel.expressions import (
    Base,
    Comparison,
    Meta,
    address_type,
    compare,
    conntrack,
    lookup,
    mask,
    meta,
    native,
    payload,
    random_number,
    to_network_order,
)
from wayhome.kernel.statements import (
    HEADER,
    NFPROTO,
    AddressField,
    Statement,
    address,
    of_family,
)
from wayhome.prefixes import Family

PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
NFT_CT_STATUS = 2
IPS_DST_NAT = 1 << 5
NFTA_FIB_F: dict[AddressField, int] = {"saddr": 1 << 0, "daddr": 1 << 1}
RTN_LOCAL = 2
"""linux/rtnetlink.h: an address of this node."""

PortField = Literal["sport", "dport"]
_PORT_AT: dict[PortField, int] = {"sport": 0, "dport": 2}
_TCP_FLAGS_AT = 13
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10


@dataclass(frozen=True, slots=True)
class MarkBit(Statement):
    """The packet's mark has this bit."""

    bit: int

    def __str__(self) -> str:
        return f"meta mark & 0x{1 << self.bit:08x} == 0x{1 << self.bit:08x}"

    def __bytes__(self) -> bytes:
        bit = native(1 << self.bit)
        return meta(Meta.MARK) + mask(bit) + compare(Comparison.EQ, bit)


@dataclass(frozen=True, slots=True)
class NotOf(Statement):
    """The packet is not of this family."""

    family: Family

    def __str__(self) -> str:
        return f"meta nfproto != ipv{self.family:d}"

    def __bytes__(self) -> bytes:
        return meta(Meta.NFPROTO) + compare(Comparison.NEQ, bytes([NFPROTO[self.family]]))


@dataclass(frozen=True, slots=True)
class NoInputInterface(Statement):
    """The packet came in through no interface: this node sent it, or a bridge shows it."""

    def __str__(self) -> str:
        return "meta iif 0"

    def __bytes__(self) -> bytes:
        return meta(Meta.IIF) + compare(Comparison.EQ, native(0))


@dataclass(frozen=True, slots=True)
class IsLocal(Statement):
    """The address is one of this node's own."""

    field: AddressField

    def __str__(self) -> str:
        return f"fib {self.field} type local"

    def __bytes__(self) -> bytes:
        found = compare(Comparison.EQ, native(RTN_LOCAL))
        return address_type(NFTA_FIB_F[self.field]) + found


@dataclass(frozen=True, slots=True)
class InSet(Statement):
    """The address is in a set, or (inverted) an address of that family that is not in it."""

    family: Family
    field: AddressField
    name: str
    inverted: bool = False

    def __str__(self) -> str:
        return f"{HEADER[self.family]} {self.field} {'!= ' if self.inverted else ''}@{self.name}"

    @property
    def requires(self) -> bytes:
        """The family."""
        return of_family(self.family)

    def __bytes__(self) -> bytes:
        return address(self.family, self.field) + lookup(self.name, inverted=self.inverted)


@dataclass(frozen=True, slots=True)
class DestinationTranslated(Statement):
    """Somebody has translated the connection's destination."""

    def __str__(self) -> str:
        return "ct status dnat"

    def __bytes__(self) -> bytes:
        bit_is_set = compare(Comparison.NEQ, native(0))
        return conntrack(NFT_CT_STATUS) + mask(native(IPS_DST_NAT)) + bit_is_set


@dataclass(frozen=True, slots=True)
class OpensNothing(Statement):
    """A TCP packet that is no client's first one: no SYN alone."""

    def __str__(self) -> str:
        return "tcp flags & (fin | syn | rst | ack) != syn"

    @property
    def requires(self) -> bytes:
        """TCP."""
        return _carries("tcp")

    def __bytes__(self) -> bytes:
        flags = bytes([_FIN | _SYN | _RST | _ACK])
        load = payload(Base.TRANSPORT, _TCP_FLAGS_AT, 1)
        return load + mask(flags) + compare(Comparison.NEQ, bytes([_SYN]))


@dataclass(frozen=True, slots=True)
class TcpPort(Statement):
    """A port of TCP below a limit, or from it on."""

    field: PortField
    how: Literal["<", ">="]
    limit: int

    def __str__(self) -> str:
        return f"tcp {self.field} {self.how} {self.limit}"

    @property
    def requires(self) -> bytes:
        """TCP."""
        return _carries("tcp")

    def __bytes__(self) -> bytes:
        how = Comparison.LT if self.how == "<" else Comparison.GTE
        load = payload(Base.TRANSPORT, _PORT_AT[self.field], 2)
        return load + compare(how, self.limit.to_bytes(2))


@dataclass(frozen=True, slots=True)
class Carries(Statement):
    """The packet is of this protocol."""

    protocol: str

    def __str__(self) -> str:
        return f"meta l4proto {self.protocol}"

    def __bytes__(self) -> bytes:
        return _carries(self.protocol)


@dataclass(frozen=True, slots=True)
class Dice(Statement):
    """So many packets out of so many, at random."""

    share: int
    of: int

    def __str__(self) -> str:
        return f"numgen random mod {self.of} < {self.share}"

    def __bytes__(self) -> bytes:
        below = compare(Comparison.LT, self.share.to_bytes(4))
        return random_number(self.of) + to_network_order() + below


def _carries(protocol: str) -> bytes:
    return meta(Meta.L4PROTO) + compare(Comparison.EQ, bytes([PROTOCOLS[protocol]]))
