"""API mode, the design's table row by row: a real agent, a real kernel, an API server over TLS.

Each time: what the kernel holds, and that the log says it, once.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agent.agent_process import CASE, CASE_RANGES, DEFAULTS, wait_for_kept
from tests.agent.api_agent import Api, ApiAgent

from wayhome.lab.namespaces import NetworkNamespace

pytestmark = pytest.mark.kernel

OTHER = "nonMasqueradeCIDRs: [192.168.7.0/24]\n"
OTHER_RANGES = ("192.168.7.0/24",)


@pytest.fixture
def api(netns: NetworkNamespace, tmp_path: Path) -> Iterator[Api]:
    server = Api(tmp_path)
    yield server
    if server.process.poll() is None:
        server.stop()


@pytest.fixture
def agent(api: Api, tmp_path: Path) -> Iterator[ApiAgent]:
    process = ApiAgent(tmp_path, api)
    yield process
    process.kill()


@pytest.fixture
def configured(api: Api, agent: ApiAgent) -> ApiAgent:
    """Holds the case's list."""
    api.write({"config": CASE})
    agent.watch()
    agent.wait_for("applied")
    wait_for_kept(*CASE_RANGES)
    return agent


def test_never_configured_means_upstreams_defaults(agent: ApiAgent) -> None:
    agent.watch()
    line = agent.wait_for("no configuration")
    assert "--from-file=config=FILE --namespace kube-system" in line["message"]
    wait_for_kept(*DEFAULTS)


def test_a_configuration_takes_effect_at_once(api: Api, configured: ApiAgent) -> None:
    assert not configured.errors() or configured.said("no configuration") == 0
    started = time.monotonic()
    api.write({"config": OTHER})
    wait_for_kept(*OTHER_RANGES)
    assert time.monotonic() - started < 2


def test_a_node_without_a_memory_never_holds_the_defaults_before_the_first_answer(
    api: Api, agent: ApiAgent
) -> None:
    api.write({"config": CASE})
    agent.watch()
    assert agent.wait_for("applied")["message"] == "the kernel holds the configuration"
    assert agent.said("applied") == 1
