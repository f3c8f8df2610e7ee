"""Proxies: what a repair would run on an instance or in a Pod. No export tells of one.

A proxy ends the flows that it accepts and opens flows of its own, from its own address. That is a fact about a guest,
which the clouds' objects do not say: so it is an object of its own, that only a repair creates.
"""

from dataclasses import replace
from typing import ClassVar

from wayhome.clouds.estate import Estate
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import IpAddress
from wayhome.network import Address, Listener, Node, Protocol, Target


class Proxy(Resource, frozen=True, kw_only=True, rename="camel", gc=False):
    """A proxy: `program` on the instance or in the Pod `host` (full name), and where it connects to.

    Its full name is `HOST/proxies/PORT`. It connects to the port that it listens on.
    """

    KIND: ClassVar[str] = "wayhome#proxy"
    COLLECTION: ClassVar[str] = "proxies"

    host: str
    program: str
    protocol: str
    port: int
    upstream: IpAddress

    def owners(self) -> tuple[str, ...]:
        """Where it runs."""
        return (self.host,)


def add_proxies(estate: Estate, nodes: dict[str, Node]) -> None:
    """Have the proxies' hosts listen. A proxy on a host that is not there serves nobody."""
    for proxy in estate.all(Proxy).values():
        value = proxy.value
        host = nodes.get(value.host)
        if host is None:
            continue
        listener = Listener(
            protocol=Protocol(value.protocol),
            port=value.port,
            upstreams=(Target(Address(value.upstream.family, value.upstream.value), value.port),),
            evidence=proxy.evidence,
        )
        nodes[host.name] = replace(
            host,
            listeners=(*host.listeners, listener),
            assumptions=(*host.assumptions, f"{value.program} runs on {value.host} as configured"),
        )
