from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.agent_process import CASE, CASE_RANGES, AgentProcess, wait_for_kept
from tests.agent.api_agent import Api, ApiAgent
from tests.agent.cluster import Cluster

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


@pytest.fixture
def api(netns: NetworkNamespace, tmp_path: Path) -> Iterator[Api]:
    server = Api(tmp_path)
    yield server
    if server.process.poll() is None:
        server.stop()


@pytest.fixture
def watching(api: Api, tmp_path: Path) -> Iterator[ApiAgent]:
    """An agent in API mode that is not started yet."""
    process = ApiAgent(tmp_path, api)
    yield process
    process.kill()


@pytest.fixture
def configured(api: Api, watching: ApiAgent) -> ApiAgent:
    """One that holds the case's list, and has said so."""
    api.write({"config": CASE})
    watching.watch()
    watching.wait_for("applied")
    wait_for_kept(*CASE_RANGES)
    return watching


@pytest.fixture
def cluster(netns: NetworkNamespace, tmp_path: Path) -> Iterator[Cluster]:
    server = Cluster(tmp_path)
    yield server
    if server.process.poll() is None:
        server.stop()


@pytest.fixture
def told_agent(cluster: Cluster, tmp_path: Path) -> Iterator[ApiAgent]:
    """An agent that is not started yet, of that cluster."""
    process = ApiAgent(tmp_path, cluster)
    yield process
    process.kill()
