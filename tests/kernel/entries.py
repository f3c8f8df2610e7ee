"""Entries of connection tracking made through ctnetlink, without packets: any tuple, any translation, any zone."""

from dataclasses import dataclass

from wayhome.kernel import attributes as nla
from wayhome.kernel.connection import Connection
from wayhome.kernel.conntrack import Conntrack
from wayhome.kernel.netlink import NLM_F_ACK, Netlink
from wayhome.kernel.nfnetlink import NETLINK_NETFILTER, nfgenmsg
from wayhome.kernel.selection import Selection
from wayhome.prefixes import Family, parse_address

IPCTNL_MSG_CT_NEW = 1 << 8
NLM_F_CREATE_NEW = 0x600
CTA_PROTOINFO, CTA_NAT_SRC, CTA_NAT_DST, CTA_ZONE = 4, 6, 13, 18
IPS_SEEN_REPLY, IPS_ASSURED, IPS_CONFIRMED = 2, 4, 8
TCP, UDP = 6, 17


@dataclass(frozen=True)
class Entry:
    """`masqueraded_to` and `service` are addresses; `service` is what the client asked for."""

    source: str
    destination: str
    protocol: int = UDP
    source_port: int = 40000
    destination_port: int = 53
    masqueraded_to: str | None = None
    service: str | None = None
    zone: int | None = None
    zone_of_original: int | None = None

    @property
    def family(self) -> Family:
        return parse_address(self.source)[0]


def insert(*entries: Entry) -> None:
    """Make entries in this network. Raises OSError where the kernel refuses one."""
    netlink = Netlink(NETLINK_NETFILTER)
    try:
        for entry in entries:
            family = int(entry.family.socket_family)
            body = nfgenmsg(family) + b"".join(_attributes(entry))
            list(netlink.ask(IPCTNL_MSG_CT_NEW, body, NLM_F_CREATE_NEW | NLM_F_ACK))
    finally:
        netlink.close()


def connections(selection: Selection | None = None) -> list[Connection]:
    """What this network tracks."""
    with Conntrack() as conntrack:
        return list(conntrack.dump(selection or Selection()))


def _attributes(entry: Entry) -> list[bytes]:
    asked = entry.service or entry.destination
    sport, dport = entry.source_port, entry.destination_port
    made = [
        _tuple(1, entry, (entry.source, asked), (sport, dport), entry.zone_of_original),
        _tuple(2, entry, (asked, entry.source), (dport, sport)),
        nla.u32(3, IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED),
        nla.u32(7, 600),
    ]
    if entry.protocol == TCP:
        established = nla.attribute(1, bytes([3]))
        made.append(nla.nested(CTA_PROTOINFO, nla.nested(1, established)))
    if entry.masqueraded_to:
        made.append(_nat(CTA_NAT_SRC, entry.masqueraded_to))
    if entry.service:
        made.append(_nat(CTA_NAT_DST, entry.destination))
    if entry.zone is not None:
        made.append(nla.attribute(CTA_ZONE, entry.zone.to_bytes(2)))
    return made


def _tuple(
    kind: int,
    entry: Entry,
    addresses: tuple[str, str],
    ports: tuple[int, int],
    zone: int | None = None,
) -> bytes:
    first = 1 if entry.family is Family.IPV4 else 3
    return nla.nested(
        kind,
        nla.nested(1, *(nla.attribute(first + n, _packed(a)) for n, a in enumerate(addresses))),
        nla.nested(
            2,
            nla.attribute(1, bytes([entry.protocol])),
            *(nla.attribute(2 + n, port.to_bytes(2)) for n, port in enumerate(ports)),
        ),
        b"" if zone is None else nla.attribute(3, zone.to_bytes(2)),
    )


def _nat(kind: int, address: str) -> bytes:
    first, last = (1, 2) if ":" not in address else (4, 5)
    return nla.nested(
        kind, nla.attribute(first, _packed(address)), nla.attribute(last, _packed(address))
    )


def _packed(text: str) -> bytes:
    family, address = parse_address(text)
    return address.to_bytes(family.bits // 8)
