"""What an estate comes to where BGP alone tells who has which route. Pure."""

from dataclasses import dataclass

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.effective import effective_routes
from wayhome.lab.bgp.network import with_bgp_alone
from wayhome.lab.bgp.sessions import Speaker, speakers
from wayhome.network import Network


@dataclass(frozen=True, slots=True)
class Told:
    """An estate, what its speakers announce, and the network that follows once everybody has heard it."""

    estate: Estate
    speakers: tuple[Speaker, ...]
    network: Network

    @classmethod
    def of(cls, estate: Estate) -> "Told":
        """Compile an estate. Raises NetworkError."""
        network = compile_estate(estate)
        found = speakers(estate, effective_routes(estate), network)
        return cls(estate, found, with_bgp_alone(network, found))
