"""Labs of one set of exports: the network that they make, with what its nodes hold themselves and the agents that run."""

from collections.abc import Sequence

from wayhome.clouds.estate import Estate
from wayhome.lab.agents import NodeAgent, without_agents
from wayhome.lab.compiled.held import held_in
from wayhome.lab.compiled.lab_network import LabNetwork
from wayhome.lab.running_agents import RunningAgents
from wayhome.network import Network


class ExportedLabs:
    """Builds the exports' network, or one in which something is decided that the exports leave open.

    `agents` run on their nodes, with what the exports' ConfigMaps hold; all others are built of what was read of them.
    `refused` says of which nodes a kernel did not take the rules, and why: these do what was read of their rules.
    """

    def __init__(self, estate: Estate, network: Network, agents: Sequence[NodeAgent] = ()) -> None:
        self._estate = estate
        self._own = held_in(estate, network)
        self.agents = agents
        self.refused: dict[str, str] = {}

    def __call__(self, network: Network) -> LabNetwork:
        """Build it, and start its agents. Raises OSError, ProgramError."""
        own = {name: rules for name, rules in self._own.items() if name in network.places}
        agents = [one for one in self.agents if one.node in network.places]
        lab = LabNetwork(without_agents(network, agents), own=own)
        self.refused |= lab.built.refused
        try:
            running = RunningAgents(agents, lab.built.output)
            running.configure(self._estate)
            running.start(lab.built)
            running.wait_until_applied()
        except BaseException:
            lab.close()
            raise
        return lab
