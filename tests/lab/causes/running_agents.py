"""The project's own agents on the nodes of a scenario's cluster, as the exports have them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.causes.scenario import Scenario

from wayhome.clouds.estate import Estate
from wayhome.lab import agent_log
from wayhome.lab.agents import agents_in, without_agents
from wayhome.lab.compiled import LabNetwork
from wayhome.lab.compiled.held import held_in
from wayhome.lab.programs import RunningProgram
from wayhome.lab.running_agents import PATIENCE_SECONDS, RunningAgents


@contextmanager
def running(found: Scenario, folder: Path) -> Iterator[tuple[LabNetwork, RunningAgents]]:
    """Build the scenario's network without what its agents do, and let them do it."""
    estate, network = found.estate, found.network
    agents = RunningAgents(agents_in(estate, network), folder)
    bare = without_agents(network, agents.agents)
    with LabNetwork(bare, own=held_in(estate, network)) as lab:
        agents.configure(estate)
        agents.start(lab.built)
        agents.wait_until_applied()
        yield lab, agents


def configure(agents: RunningAgents, estate: Estate) -> None:
    """Show the agents the ConfigMap that this estate has, and wait until all have applied it."""
    assert agents.running
    before = [_applied(one) for one in agents.running]
    assert agents.configure(estate)
    for one, number in zip(agents.running, before, strict=True):
        one.wait_until(lambda _, one=one, number=number: _applied(one) > number, PATIENCE_SECONDS)  # type: ignore[misc]


def _applied(agent: RunningProgram) -> int:
    return sum(event.event == agent_log.APPLIED for event in agent_log.events(agent.text()))
