"""Two networks that are peers of a third one, and not of each other: what a peer has learnt is never passed on."""

from wayhome.clouds.gcp.resources.network import Network, Peering
from wayhome.clouds.located import Located
from wayhome.diagnosis.path import networks_at
from wayhome.diagnosis.situation import Situation
from wayhome.network import Address


def peering_between(
    here: Located[Network] | None, there: Located[Network] | None
) -> Peering | None:
    """The peering of `here` with a network that both are peers of; None where they are peers, or have none in common."""
    if here is None or there is None or here.name == there.name:
        return None
    mine = {peering.network: peering for peering in reversed(here.value.peerings)}
    theirs = {peering.network for peering in there.value.peerings}
    if there.name in mine:
        return None
    return next((mine[name] for name in sorted(mine.keys() & theirs) if name), None)


def said_of(here: Located[Network], there: Located[Network], between: Peering) -> str:
    """Why nothing leads from the one to the other."""
    return (
        f"{here.name} and {there.name} are both peers of {between.network} and not of each other; a network never passes on "
        "what it has learnt from a peer"
    )


def network_of(situation: Situation, address: Address) -> Located[Network] | None:
    """The VPC network in which an address is: of the fabric that its owner hangs on."""
    for owner in situation.network.owners(address):
        for name in networks_at(situation, owner.name):
            return situation.estate.get(Network, name)
    return None
