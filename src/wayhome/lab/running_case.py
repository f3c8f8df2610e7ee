"""A case that is up: its network, its servers, its agents and the ConfigMap volumes that they watch.

Everything starts at once and is then waited for: servers until they listen, agents until they have applied a policy.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from wayhome.lab import agent_log
from wayhome.lab.case import Case
from wayhome.lab.network import Network
from wayhome.lab.programs import Program
from wayhome.probe.server import LISTENING

PATIENCE_SECONDS = 20.0
APPLIED = "applied"


@dataclass(frozen=True, slots=True)
class AgentSaid:
    """What an agent said; `number` counts the events of its log."""

    node: str
    number: int
    message: str


class RunningCase:
    """Build it with the ConfigMap's data of the beginning; `folder` takes the volumes, states and logs."""

    def __init__(self, case: Case, folder: Path, configmap: Mapping[str, bytes] | None) -> None:
        """Start everything and wait until it works. Raises OSError, ProgramError."""
        self.case = case
        self.volumes = case.volumes(folder)
        self.configure(configmap)
        logs = _made(folder / "logs")
        self.network = Network(case.topology, logs)
        try:
            self.agents = [
                self.network.start(
                    case.make_agent(node, volume.folder, _made(folder / "states" / node))
                )
                for node, volume in zip(case.agents, self.volumes, strict=True)
            ]
            servers = [self.network.start(_server(node)) for node in case.servers]
            for server in servers:
                server.wait_until(lambda text: LISTENING in text, PATIENCE_SECONDS)
            for agent in self.agents:
                agent.wait_until(_has_applied, PATIENCE_SECONDS)
        except BaseException:
            self.network.close()
            raise

    def configure(self, configmap: Mapping[str, bytes] | None) -> bool:
        """Show a ConfigMap's data in all volumes. Returns whether that changed any."""
        changed = [volume.project(configmap or {}) for volume in self.volumes]
        return any(changed)

    def said(self, event: str) -> AgentSaid | None:
        """What the last of the agents said last in an event of that name; None where none did."""
        for agent in reversed(self.agents):
            events = agent_log.events(agent.text())
            for number, found in reversed(list(enumerate(events))):
                if found.event == event:
                    return AgentSaid(agent.program.node, number, found.message)
        return None

    def close(self) -> None:
        """End it."""
        self.network.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _server(node: str) -> Program:
    return Program(node, "server", (sys.executable, "-m", "wayhome.probe.server"))


def _has_applied(text: str) -> bool:
    return any(event.event == APPLIED for event in agent_log.events(text))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
