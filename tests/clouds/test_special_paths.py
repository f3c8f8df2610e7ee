"""Where Google's health checks and proxies ask from: past every route, and so from nobody that a route leads to."""

from pathlib import Path

import pytest

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.read import read_estate
from wayhome.network import Address, Network

EXPORTS = Path(__file__).parents[2] / "examples" / "the-case" / "exports"


@pytest.fixture(scope="module")
def network() -> Network:
    return compile_estate(read_estate(EXPORTS))


@pytest.mark.parametrize("address", ["35.191.0.1", "130.211.3.255", "35.199.192.1", "35.235.240.9"])
def test_nobody_is_said_to_have_their_addresses(network: Network, address: str) -> None:
    assert network.owners(Address.parse(address)) == ()


@pytest.mark.parametrize("address", ["8.8.8.8", "130.211.4.0", "35.192.0.1"])
def test_their_neighbours_are_on_the_internet(network: Network, address: str) -> None:
    assert [node.name for node in network.owners(Address.parse(address))] == ["internet/hosts"]
