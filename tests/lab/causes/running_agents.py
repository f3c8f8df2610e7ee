"""The project's own agent on every node of a scenario's cluster, watching a ConfigMap volume with what was exported.

The network is built without what agents do: what is seen is what the agents' own rules make of it.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.lab.causes.scenario import Scenario

from wayhome.clouds.estate import Estate
from wayhome.clouds.kubernetes.resources.config_map import ConfigMap
from wayhome.lab import agent_log
from wayhome.lab.compiled import LabNetwork
from wayhome.lab.compiled.held import held_in
from wayhome.lab.programs import Program, RunningProgram
from wayhome.lab.volume import ConfigMapVolume
from wayhome.network import Network

AGENTS_CHAIN = "ip-masq-agent"
ITEMS = {"config": "ip-masq-agent"}
"""Of the volume in the exported DaemonSet."""
SECONDS = 20.0


@dataclass
class RunningAgents:
    """The lab, and the agents on its nodes."""

    lab: LabNetwork
    volumes: list[ConfigMapVolume]
    agents: list[RunningProgram]

    def configure(self, data: Mapping[str, bytes]) -> bool:
        """Show a ConfigMap's data in all volumes, and wait until what changed is applied. Returns whether any changed."""
        applied = [_applied(one.text()) for one in self.agents]
        changed = [volume.project(data) for volume in self.volumes]
        if not any(changed):
            return False
        for agent, before in zip(self.agents, applied, strict=True):
            agent.wait_until(lambda text, before=before: _applied(text) > before, SECONDS)  # type: ignore[misc]
        return True

    def said(self, event: str) -> list[str]:
        """What the agents said in events of this name."""
        texts = (agent.text() for agent in self.agents)
        return [e.message for text in texts for e in agent_log.events(text) if e.event == event]


@contextmanager
def running(found: Scenario, folder: Path) -> Iterator[RunningAgents]:
    """Build the scenario's network, and start the agents on what its ConfigMap holds.

    A node that was seen to hold rules has its agent's among them, and gets no other.
    """
    network, nodes = _without_agents(found.network)
    with LabNetwork(network, own=held_in(found.estate, found.network)) as lab:
        running = RunningAgents(lab, [], [])
        for number, node in enumerate(nodes):
            here = folder / f"agent-{number}"
            (here / "volume").mkdir(parents=True)
            volume = ConfigMapVolume(here / "volume", ITEMS)
            volume.project(data_of(found.estate))
            running.volumes.append(volume)
            running.agents.append(lab.built.start(_agent(node, here)))
        for agent in running.agents:
            agent.wait_until(lambda text: _applied(text) > 0, SECONDS)
        yield running


def data_of(estate: Estate) -> dict[str, bytes]:
    """What the agents' ConfigMap holds in kube-system."""
    return {
        key: (text or "").encode()
        for found in estate.all(ConfigMap).values()
        if (found.value.metadata.namespace, found.value.metadata.name)
        == ("kube-system", "ip-masq-agent")
        for key, text in (found.value.data or {}).items()
    }


def _without_agents(network: Network) -> tuple[Network, list[str]]:
    nodes, names = [], []
    for node in network.nodes:
        left = tuple(chain for chain in node.translation_out if chain.name != AGENTS_CHAIN)
        if left != node.translation_out:
            names.append(node.name)
        nodes.append(replace(node, translation_out=left))
    return Network.of(nodes, network.links), names


def _agent(node: str, folder: Path) -> Program:
    config, state = str(folder / "volume/ip-masq-agent"), str(folder / "state")
    options = ("--config", config, "--state", state, "--log-format", "json")
    return Program(node, "agent", (sys.executable, "-m", "wayhome.agent", *options))


def _applied(text: str) -> int:
    return sum(event.event == "applied" for event in agent_log.events(text))
