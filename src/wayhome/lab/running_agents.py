"""Agents that run in a network that is up, and the ConfigMap volumes that they watch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wayhome.clouds.estate import Estate
from wayhome.lab import agent_log
from wayhome.lab.agents import NodeAgent, Places, program
from wayhome.lab.compiled.built import BuiltNetwork
from wayhome.lab.programs import Program, RunningProgram

PATIENCE_SECONDS = 20.0

MakeAgent = Callable[[NodeAgent, Places], Program]
"""The agent's program for a node."""


@dataclass(frozen=True, slots=True)
class AgentSaid:
    """What an agent said; `number` counts the events of its log."""

    node: str
    number: int
    message: str


class RunningAgents:
    """Agents on nodes of one network. Their volumes, states and logs are below `folder`; they end with the network."""

    def __init__(self, agents: Sequence[NodeAgent], folder: Path) -> None:
        """None of them runs yet."""
        self.agents = agents
        self.folder = folder
        self.running: list[RunningProgram] = []
        self._volumes = [one.volume(folder) for one in agents]

    def configure(self, estate: Estate) -> bool:
        """Show them the ConfigMaps that an estate has. Returns whether that changed any volume. Raises OSError."""
        changed = [
            volume.project(one.data(estate))
            for one, volume in zip(self.agents, self._volumes, strict=True)
        ]
        return any(changed)

    def start(self, network: BuiltNetwork, make: MakeAgent = program) -> None:
        """Start them on their nodes. Raises OSError."""
        self.running = [network.start(make(one, one.places(self.folder))) for one in self.agents]

    def wait_until_applied(self) -> None:
        """Wait until each has applied a policy; many that start at once share few processors. Raises ProgramError."""
        for one in self.running:
            one.wait_until(agent_log.has_applied, PATIENCE_SECONDS + len(self.running))

    def said(self, event: str) -> AgentSaid | None:
        """What the last of the agents said last in an event of that name; None where none did."""
        for one in reversed(self.running):
            events = agent_log.events(one.text())
            for number, found in reversed(list(enumerate(events))):
                if found.event == event:
                    return AgentSaid(one.program.node, number, found.message)
        return None
