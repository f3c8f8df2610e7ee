"""Labs of one set of exports: the network that they make, with what its nodes hold themselves."""

from wayhome.clouds.estate import Estate
from wayhome.lab.compiled.held import held_in
from wayhome.lab.compiled.lab_network import LabNetwork
from wayhome.network import Network


class ExportedLabs:
    """Builds the exports' network, or one in which something is decided that the exports leave open.

    `refused` says of which nodes a kernel did not take the rules, and why: these do what was read of their rules.
    """

    def __init__(self, estate: Estate, network: Network) -> None:
        self._own = held_in(estate, network)
        self.refused: dict[str, str] = {}

    def __call__(self, network: Network) -> LabNetwork:
        """Build it. Raises OSError, ProgramError."""
        own = {name: rules for name, rules in self._own.items() if name in network.places}
        lab = LabNetwork(network, own=own)
        self.refused |= lab.built.refused
        return lab
