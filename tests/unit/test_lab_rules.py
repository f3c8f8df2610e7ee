"""A node's rules as text: what is dropped is counted and told of, whatever the reason, and no name gets into them."""

from itertools import count

import pytest
from tests.lab.small import CLIENT, allowing, only, small_network
from tests.trace.case import ACCOUNT, Case

from wayhome.lab.compiled.names import Names
from wayhome.lab.compiled.paths import paths_of
from wayhome.lab.compiled.rules import render
from wayhome.network import Network, Protocol
from wayhome.prefixes import Family

FAMILIES = (Family.IPV4, Family.IPV6)
HOSTILE = 'cause" ; } \n add table inet theirs'
NETWORKS = {
    "small": small_network(
        sources=(f"{CLIENT}/32",),
        to_server=only(allowing(Protocol.TCP, 80), cause=HOSTILE),
        drops=(("10.9.0.0/16", HOSTILE),),
    ),
    "case": Case(configuration=ACCOUNT).network(),
}


def rules(network: Network, node: str, *, log: bool = True) -> list[str]:
    place = network.places[node]
    names = Names.of(place.node, count(2), {})
    paths_of(place, names, FAMILIES)  # the sinks are named by the routes
    return render(place, names, FAMILIES, log=log).splitlines()


@pytest.mark.parametrize("which", NETWORKS)
def test_each_drop_is_counted_and_told_of(which: str) -> None:
    network = NETWORKS[which]
    for node in network.places:
        lines = rules(network, node)
        assert all(line.startswith("add ") for line in lines)
        drops = [line for line in lines if line.endswith(" drop")]
        assert all(" counter log group 1 prefix " in line for line in drops)
        silent = rules(network, node, log=False)
        assert not any(" log " in line for line in silent)
        counted = [line for line in silent if line.endswith(" counter drop")]
        assert len(counted) == len(drops)


def test_a_fabric_drops_what_its_filter_its_ports_and_its_routes_say() -> None:
    lines = rules(NETWORKS["small"], "fabric")
    told = {line.split('prefix "')[1].split('"')[0] for line in lines if 'prefix "' in line}
    # Foreign sources, the filter and the route of one cause, no route, loops; and what is delivered.
    assert told == {"c0", "c1", "c2", "c3", "delivered"}
    assert not any("theirs" in line for line in lines)
