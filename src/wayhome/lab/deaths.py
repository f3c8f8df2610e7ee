"""Which packets died in a lab that is kept up, as they die: counted by node, cause and ends, the last ones kept.

They are written to a file of the lab's folder, which `wayhome lab status` reads: whoever has waited in vain for an answer
sees where it was lost, and by what.
"""

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from socket import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # who reads them has no network
    from wayhome.lab.compiled import Sighted

MOST = 100
"""Kinds of deaths that are kept."""
FILE = "deaths.json"
_TRANSPORTS = {
    IPPROTO_TCP: "tcp",
    IPPROTO_UDP: "udp",
    IPPROTO_ICMP: "icmp",
    IPPROTO_ICMPV6: "icmpv6",
}


@dataclass(frozen=True, slots=True)
class Death:
    """What packets have in common that died alike; a port of 0 is none. `node` is its full name."""

    node: str
    cause: str
    source: str
    source_port: int
    destination: str
    destination_port: int
    transport: str


@dataclass(frozen=True, slots=True)
class Counted:
    """How many died alike, and when the last one did (seconds since 1970)."""

    death: Death
    times: int
    last: float


class Deaths:
    """Those that were seen."""

    def __init__(self) -> None:
        self._counted: dict[Death, Counted] = {}

    def add(self, sighted: "Sighted") -> bool:
        """Note one, if it is a death of something that can be named."""
        packet = sighted.packet
        if sighted.cause is None or packet is None:
            return False
        death = Death(
            sighted.node,
            sighted.cause,
            str(packet.source),
            packet.source_port,
            str(packet.destination),
            packet.destination_port,
            _TRANSPORTS.get(packet.transport, str(packet.transport)),
        )
        before = self._counted.pop(death, None)
        self._counted[death] = Counted(death, before.times + 1 if before else 1, time.time())
        if len(self._counted) > MOST:
            del self._counted[next(iter(self._counted))]
        return True

    def write(self, folder: Path) -> None:
        """Write them to their file in a lab's folder; whoever reads sees all of it or what was there before."""
        new = folder / f"{FILE}.new"
        with suppress(OSError):  # the folder is gone, and the lab ends
            new.write_text(json.dumps([asdict(one) for one in self._counted.values()]))
            new.rename(folder / FILE)


def read(folder: Path) -> list[Counted]:
    """Those of the lab that is up, the last one last."""
    try:
        found = json.loads((folder / FILE).read_text())
    except FileNotFoundError:
        return []
    return [Counted(Death(**one["death"]), one["times"], one["last"]) for one in found]
