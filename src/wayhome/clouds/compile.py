"""Everything that an estate says, as one network: the clouds' fabrics, then what runs behind their instances."""

from wayhome.clouds.collector import paused_collector
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.compile.compile import compile_gcp
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes
from wayhome.clouds.kubernetes.attach import attach
from wayhome.clouds.proxy import add_proxies
from wayhome.network import Network


def compile_estate(estate: Estate, routes: EffectiveRoutes | None = None) -> Network:
    """Compile an estate. `routes`: Google's, if they were derived already.

    Raises network.NetworkError where the exports contradict each other so that no network can be made of them.
    """
    with paused_collector():
        compiled = compile_gcp(estate, routes)
        attach(estate, compiled.nodes, compiled.links)
        add_proxies(estate, compiled.nodes)
        return Network.of(compiled.nodes.values(), compiled.links)
