"""Which source address a connection left this node with, as the kernel tracks it: masquerading, seen and not supposed.

The entry of a connection that has ended stays for a while (TCP's for two minutes, an echo's for 30 s), and one that
never got an answer has an entry too. Where something else than netfilter forwards (eBPF), there is none.
"""

from ipaddress import ip_address

from wayhome.agent.query_server import Document
from wayhome.kernel.backend import KernelError
from wayhome.kernel.connection import Endpoints, Flow
from wayhome.kernel.conntrack import Conntrack
from wayhome.prefixes import Family, format_address
from wayhome.probe.target import parse_target

_PROTOCOLS = {"tcp": {4: 6, 6: 6}, "icmp": {4: 1, 6: 58}}


def translation(protocol: str, source: str, destination: str) -> tuple[Document, int]:
    """The document and the exit code."""
    try:
        flow = _flow(protocol, source, destination)
    except ValueError as error:
        return {"schema": 1, "problem": str(error)}, 2
    try:
        with Conntrack() as conntrack:
            found = conntrack.find(flow)
    except KernelError as error:
        return {"schema": 1, "problem": str(error)}, 4
    if found is None:
        return {"schema": 1, "known": False}, 3
    return {
        "schema": 1,
        "known": True,
        "source": format_address(found.family, found.translated_source),
        "translated": found.source_translated,
        "destination": format_address(found.family, found.translated_destination),
    }, 0


def _flow(protocol: str, source: str, destination: str) -> Flow:
    """Raises ValueError with a sentence."""
    ends = parse_target(source), parse_target(destination)
    addresses = [ip_address(end.host) for end in ends]
    version = addresses[0].version
    if addresses[1].version != version:
        raise ValueError(f"{source} and {destination} are not of one IP version")
    family = Family.IPV4 if version == 4 else Family.IPV6
    there = Endpoints(int(addresses[0]), int(addresses[1]), ends[0].port or 0, ends[1].port or 0)
    return Flow(family, _PROTOCOLS[protocol][version], there)
