"""The routes of one network, as derived."""

from typing import Any

from tests.clouds.google import full_network

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.effective import NetworkRoutes, effective_routes


def routes_of(estate: Estate, name: str) -> NetworkRoutes:
    return effective_routes(estate).networks[full_network(name)]


def rows(routes: Any) -> set[tuple[str, str]]:
    return {(route.type.value, str(route.destination)) for route in routes}
