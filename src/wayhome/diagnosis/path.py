"""The VPC networks that a flow's way out goes through, in their order, those at its ends, and the peerings between them."""

from dataclasses import dataclass

from wayhome.clouds import endpoints
from wayhome.clouds.gcp.resources.network import Network, Peering
from wayhome.clouds.located import Located
from wayhome.clouds.values import NETWORK_NAME
from wayhome.diagnosis.situation import Situation


def vpc_of(name: str) -> str | None:
    """The VPC network that a full name is that of, or of a part of; None where it is of none."""
    found = NETWORK_NAME.match(name)
    return found[0] if found else None


def networks_on_the_way(situation: Situation) -> tuple[str, ...]:
    """Full names, each once."""
    names = (vpc_of(hop.node) for hop in situation.trace.forward)
    return tuple(dict.fromkeys(name for name in names if name))


def networks_at(situation: Situation, node: str) -> tuple[str, ...]:
    """The networks that a node is in; a Pod is in those of the node that it runs on."""
    return endpoints.networks_at(situation.network, node)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a peering: the network, and the place of the peering in it."""

    network: Located[Network]
    number: int

    @property
    def peering(self) -> Peering:
        """The peering itself."""
        return self.network.value.peerings[self.number]


def side(situation: Situation, network: str, peer: str) -> Side | None:
    """The peering of a network with another one; None where it is not exported, or not there."""
    found = situation.estate.get(Network, network)
    for number, peering in enumerate(found.value.peerings if found else ()):
        if found and peering.network == peer:
            return Side(found, number)
    return None
