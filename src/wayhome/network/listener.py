"""Proxies: a listener ends a flow and opens a new one from the node's own address."""

from dataclasses import dataclass

from wayhome.network.evidence import Evidence
from wayhome.network.flow import Protocol
from wayhome.network.translation import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """What a proxy accepts, at all addresses of its node, and where it connects to.

    The flows spread over several upstreams. The second flow has a reply of its own; both must come home.
    """

    protocol: Protocol
    port: int
    upstreams: tuple[Target, ...]
    evidence: Evidence | None = None

    def __post_init__(self) -> None:
        if self.protocol is Protocol.ICMP:
            raise ValueError("a proxy listens on tcp or udp")
        if not self.upstreams:
            raise ValueError(f"the listener on {self.port} has no upstream")
