"""What exports describe, up: the network with its nodes' own rules, the agents, and servers on those nodes that are asked.

Everything starts at once and is waited for together: servers until they listen, agents until they have applied a policy.
In between there is time for other things.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from wayhome.clouds.endpoints import names
from wayhome.clouds.estate import Estate
from wayhome.lab.agents import agents_in, program, without_agents
from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.compiled.held import held_in
from wayhome.lab.node_names import NodeNames
from wayhome.lab.programs import Program, RunningProgram
from wayhome.lab.running_agents import PATIENCE_SECONDS, MakeAgent, RunningAgents
from wayhome.network import Network
from wayhome.probe.server import LISTENING


class RunningEstate:
    """A network of exports, built, and what runs in it."""

    def __init__(
        self, estate: Estate, compiled: Network, folder: Path, described: Network | None = None
    ) -> None:
        """Build it; volumes, states and logs are below `folder`. Nothing runs yet. Raises OSError, ProgramError.

        `described` is what is built, where that is not all of what was compiled.
        """
        whole = compiled if described is None else described
        self._names = NodeNames.of(compiled, names(estate, compiled))
        found = [one for one in agents_in(estate, compiled) if one.node in whole.places]
        self.agents = RunningAgents(found, folder)
        self.agents.configure(estate)
        own = {n: held for n, held in held_in(estate, compiled).items() if n in whole.places}
        logs = folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self.network = BuiltNetwork(without_agents(whole, found), logs, own)
        self._servers: list[RunningProgram] = []

    def node(self, name: str) -> str:
        """The full name of the node that people call so. Raises NodeNameError."""
        return self._names.find(name)

    def start_agents(self, make: MakeAgent = program) -> None:
        """Start them. Raises OSError."""
        self.agents.start(self.network, make)

    def serve(self, nodes: Iterable[str], *options: str) -> None:
        """Start the project's server on nodes, by their full names. Raises OSError."""
        command = (sys.executable, "-m", "wayhome.probe.server", *options)
        for node in nodes:
            self._servers.append(self.network.start(Program(node, "server", command)))

    def wait_until_ready(self) -> None:
        """Wait until the servers listen and the agents have applied a policy. Raises ProgramError."""
        for server in self._servers:
            server.wait_until(lambda text: LISTENING in text, PATIENCE_SECONDS)
        self.agents.wait_until_applied()

    def close(self) -> None:
        """End all of it."""
        self.network.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
