from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.agent_process import AgentProcess
from tests.kernel.wire import Wire

from wayhome.lab.namespaces import NetworkNamespace


@pytest.fixture
def agent(netns: NetworkNamespace, tmp_path: Path) -> Iterator[AgentProcess]:
    process = AgentProcess(tmp_path)
    yield process
    process.kill()


@pytest.fixture
def wire(netns: NetworkNamespace) -> Iterator[Wire]:
    """A network for packets, with the calling thread in the node's part. Ask for it before the agent."""
    made = Wire()
    try:
        with made.node.entered():
            yield made
    finally:
        made.close()
