from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.agent_process import AgentProcess

from wayhome.lab.namespaces import NetworkNamespace


@pytest.fixture
def agent(netns: NetworkNamespace, tmp_path: Path) -> Iterator[AgentProcess]:
    process = AgentProcess(tmp_path)
    yield process
    process.kill()


@pytest.fixture
def running(agent: AgentProcess) -> AgentProcess:
    agent.write("nonMasqueradeCIDRs: [10.0.0.0/8]\n")
    agent.start()
    agent.wait_for("applied")
    return agent
