"""A speaker as BIRD's configuration. Pure.

Each session has a table of its own, with what is announced over it and what is heard: so nothing that is learned over one
session is told over another, which a Cloud Router does not do either. All that is heard comes together in one table,
from which BIRD writes to the kernel's: what the fabric or the site looks up. Where a prefix is there already, the
network's own route goes first (`metric`).

The ends of a session stand behind tunnels, several hops from each other (`multihop`), and each reaches the other by
the port of the session alone.

Keepalives and hold time are a Cloud Router's. Names in exports may be hostile, so a session is called by its number.
Source: BIRD 2.0 User's Guide, https://bird.network.cz/?get_doc&v=20.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wayhome.lab.bgp.sessions import Session

RETRY_SECONDS = 1
KEEPALIVE_SECONDS, HOLD_SECONDS = 20, 60
_HOPS = 8


@dataclass(frozen=True, slots=True)
class Speaking:
    """A speaker in the kernel: its sessions, each with the interface that it leaves by, and the kernel's tables."""

    sessions: Sequence[tuple[Session, str]]
    tables: Sequence[int]


def session_name(number: int) -> str:
    """What BIRD calls a session."""
    return f"session{number}"


def configuration(speaking: Speaking) -> str:
    """The text of bird.conf."""
    return "".join(f"{line}\n" for line in _lines(speaking))


def _lines(speaking: Speaking) -> Iterator[str]:
    first, _ = speaking.sessions[0]
    yield "log stderr all;"
    yield f"router id {first.local.address};"
    yield "ipv4 table ends;"
    yield "ipv4 table learned;"
    yield "protocol device { }"
    for number, kernel_table in enumerate(speaking.tables):
        yield from _kernel(number, kernel_table)
    for number, (session, interface) in enumerate(speaking.sessions):
        yield from _session(session_name(number), session, interface)


def _kernel(number: int, kernel_table: int) -> Iterator[str]:
    yield f"ipv4 table kernel{number}_routes;"
    yield f"protocol pipe kernel{number}_pipe {{"
    yield f"  table kernel{number}_routes; peer table learned; import all; export none;"
    yield "}"
    yield f"protocol kernel kernel{number} {{"
    yield f"  kernel table {kernel_table}; metric 32; merge paths on;"
    yield f"  ipv4 {{ table kernel{number}_routes; import none; export where source = RTS_BGP; }};"
    yield "}"


def _session(name: str, session: Session, interface: str) -> Iterator[str]:
    local, remote = session.local, session.remote
    yield f"ipv4 table {name}_routes;"
    yield f"protocol static {name}_end {{"
    yield f'  ipv4 {{ table ends; }}; route {remote.address}/32 via "{interface}";'
    yield "}"
    yield f"protocol static {name}_announced {{"
    yield f"  ipv4 {{ table {name}_routes; }};"
    for one in session.announced:
        yield f"  route {one.prefix} unreachable {{ bgp_med = {one.med}; }};"
    yield "}"
    yield f"protocol bgp {name} {{"
    yield f"  local {local.address} as {local.asn}; neighbor {remote.address} as {remote.asn};"
    yield f"  multihop {_HOPS}; connect delay time {RETRY_SECONDS}; connect retry time {RETRY_SECONDS};"
    yield f"  error wait time {RETRY_SECONDS}, {RETRY_SECONDS};"
    yield f"  keepalive time {KEEPALIVE_SECONDS}; hold time {HOLD_SECONDS};"
    yield f"  ipv4 {{ table {name}_routes; igp table ends; gateway recursive;"
    yield "    import all; export where source = RTS_STATIC; };"
    yield "}"
    yield f"protocol pipe {name}_heard {{"
    yield f"  table learned; peer table {name}_routes; import where source = RTS_BGP; export none;"
    yield "}"
