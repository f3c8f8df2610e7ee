"""Ports of the node that lead to one of its Pods, as the plugin portmap has them.

What comes to the node's address and such a port goes on to the Pod; a Pod in the node's own network needs none.

Source: Kubernetes, the API reference of `hostPort`; the plugin portmap of containernetworking/plugins.
"""

from collections.abc import Iterator

from wayhome.clouds.kubernetes.network_policy import pod_prefixes
from wayhome.clouds.kubernetes.resources.pod import ContainerPort, Pod
from wayhome.clouds.located import Located
from wayhome.network.address import Address
from wayhome.network.flow import Protocol
from wayhome.network.node import Node
from wayhome.network.prefix_set import PrefixSet
from wayhome.network.protocol_match import ProtocolMatch
from wayhome.network.translation import DestinationRule, Target

_PROTOCOLS = {"TCP": Protocol.TCP, "UDP": Protocol.UDP}


def host_port_rules(pod: Located[Pod], host: Node) -> Iterator[DestinationRule]:
    """What the node translates for a Pod that runs on it."""
    if pod.value.spec.host_network or pod.value.status.phase != "Running":
        return
    for at, container in enumerate(pod.value.spec.containers):
        for number, port in enumerate(container.ports or ()):
            if 0 < port.host_port < 65536 and port.protocol in _PROTOCOLS:
                place = pod.at("spec", "containers", at, "ports", number, "hostPort")
                for prefix in pod_prefixes(pod):
                    own = [a for a in _meant(port, host) if a.family is prefix.family]
                    if own:
                        yield DestinationRule(
                            action=(
                                Target(Address(prefix.family, prefix.first), port.container_port),
                            ),
                            destinations=PrefixSet(tuple(address.prefix for address in own)),
                            protocols=(
                                ProtocolMatch(
                                    _PROTOCOLS[port.protocol], ((port.host_port, port.host_port),)
                                ),
                            ),
                            evidence=place,
                        )


def _meant(port: ContainerPort, host: Node) -> tuple[Address, ...]:
    try:
        one = Address.parse(port.host_ip)
    except ValueError:
        return host.addresses
    return (one,) if one.value else host.addresses
