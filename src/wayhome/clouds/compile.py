"""Everything that an estate says, as one network: the clouds' fabrics, then what runs behind their instances."""

from collections.abc import Callable

from wayhome.clouds.collector import paused_collector
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.compile.compile import compile_gcp
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes
from wayhome.clouds.kubernetes.attach import attach
from wayhome.clouds.proxy import add_proxies
from wayhome.network import Network, Node


def compile_estate(estate: Estate, routes: EffectiveRoutes | None = None) -> Network:
    """Compile an estate. `routes`: Google's, if they were derived already.

    Raises network.NetworkError where the exports contradict each other so that no network can be made of them.
    """
    with paused_collector():
        compiled = compile_gcp(estate, routes)
        attach(estate, compiled.nodes, compiled.links)
        add_proxies(estate, compiled.nodes)
        return Network.of(compiled.nodes.values(), compiled.links)


def compile_open(
    estate: Estate, routes: EffectiveRoutes | None = None
) -> tuple[Network, Callable[[Estate], dict[str, Node]]]:
    """Compile an estate, and keep what is needed to compile others fast that differ in their clusters' Pods alone.

    The second value gives such an estate's nodes by name. Raises network.NetworkError.
    """
    with paused_collector():
        compiled = compile_gcp(estate, routes)
        without_pods = dict(compiled.nodes)
        attach(estate, compiled.nodes, compiled.links)
        add_proxies(estate, compiled.nodes)
        network = Network.of(compiled.nodes.values(), compiled.links)

    def nodes_of(changed: Estate) -> dict[str, Node]:
        nodes = dict(without_pods)
        with paused_collector():
            attach(changed, nodes, [])
            add_proxies(changed, nodes)
        return nodes

    return network, nodes_of
