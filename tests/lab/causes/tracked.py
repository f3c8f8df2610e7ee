"""The connections that a node of a lab really tracks, as `conntrack -L` prints them, and their end."""

import socket
from contextlib import closing
from pathlib import Path

from wayhome.kernel.attributes import as_u32, parse
from wayhome.kernel.connection import Connection, Endpoints
from wayhome.kernel.conntrack import NFNL_SUBSYS_CTNETLINK, Conntrack
from wayhome.kernel.netlink import NLM_F_DUMP, Netlink
from wayhome.kernel.nfnetlink import NETLINK_NETFILTER, NFGENMSG_SIZE, nfgenmsg
from wayhome.kernel.selection import Selection
from wayhome.lab.compiled import LabNetwork
from wayhome.network import Address
from wayhome.prefixes import Family

UDP = 17
STATISTICS, CTA_STATS_INSERT_FAILED = NFNL_SUBSYS_CTNETLINK << 8 | 4, 9
STATUS_SEEN_REPLY = 1 << 1
EVERYTHING = Selection()


def listed(lab: LabNetwork, node: str) -> str:
    """What `conntrack -L -p udp` prints there."""
    with lab.built.namespace(node).entered(), Conntrack() as conntrack:
        found = [one for one in conntrack.dump(EVERYTHING) if one.protocol == UDP]
    return "".join(f"{_line(one)}\n" for one in found)


def keep(lab: LabNetwork, node: str) -> None:
    """Let the node keep entries for ten minutes, as a busy machine may need; the kernel's own is half a minute."""
    with lab.built.namespace(node).entered():
        for name in ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"):
            Path("/proc/sys/net/netfilter", name).write_text("600")


def forget(lab: LabNetwork, node: str) -> None:
    """What `conntrack -D` does."""
    with lab.built.namespace(node).entered(), Conntrack() as conntrack:
        list(conntrack.delete(conntrack.dump(EVERYTHING)))


def insert_failed(lab: LabNetwork, node: str) -> int:
    """What `conntrack -S` says of all processors together: connections that could not be entered, and were dropped."""
    with lab.built.namespace(node).entered(), closing(Netlink(NETLINK_NETFILTER)) as channel:
        rows = list(channel.ask(STATISTICS, nfgenmsg(socket.AF_UNSPEC), NLM_F_DUMP))
    return sum(as_u32(parse(row[NFGENMSG_SIZE:])[CTA_STATS_INSERT_FAILED]) for row in rows)


def _line(one: Connection) -> str:
    answered = "" if one.status & STATUS_SEEN_REPLY else "[UNREPLIED] "
    original, reply = _ends(one.family, one.original), _ends(one.family, one.reply)
    return f"udp      17 {one.timeout} {original} {answered}{reply} mark=0 use=1"


def _ends(family: Family, ends: Endpoints) -> str:
    source, destination = Address(family, ends.source), Address(family, ends.destination)
    return f"src={source} dst={destination} sport={ends.source_port} dport={ends.destination_port}"
