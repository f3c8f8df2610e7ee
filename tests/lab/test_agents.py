"""Agents of a lab of exports: what translates there is their own rules, and nothing else does."""

import json
from pathlib import Path

import pytest
from tests.lab.conftest import WayhomeCommand
from tests.lab.daemon_sets import CASE, started_as

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.read import read_estate
from wayhome.lab.agents import agents_in, with_configmap, without_agents
from wayhome.lab.check import check
from wayhome.lab.compiled import Asked, BuiltNetwork, LabNetwork
from wayhome.lab.exported import ExportedLabs
from wayhome.lab.programs import Program
from wayhome.lab.questions import questions, sample
from wayhome.lab.the_case import CLUSTER
from wayhome.lab.the_case.files import CONFIGURATION
from wayhome.network import Address, Flow, Protocol
from wayhome.trace import Lost

pytestmark = pytest.mark.kernel

UNCOVERED = Path(__file__).parents[2] / "examples/the-case-uncovered"
POD, TARGET, NODE = map(Address.parse, ("172.25.0.2", "10.2.0.1", "10.1.0.3"))


def test_a_pod_comes_home_by_the_agents_rules_and_by_no_others() -> None:
    """The case's uncovered range is masqueraded by upstream's defaults, where an agent has them."""
    estate = read_estate(UNCOVERED)
    network = compile_estate(estate)
    agents = agents_in(estate, network)
    asking = next(node.name for node in network.owners(POD))
    asked = [Asked(Flow(POD, TARGET, Protocol.TCP, 80), asking)]
    with LabNetwork(without_agents(network, agents)) as lab:
        (alone,) = lab.ask(asked)
    with ExportedLabs(estate, network, agents)(network) as lab:
        (seen,) = lab.ask(asked)
        assert "wayhome_lab" in _ruleset(lab.built, agents[0].node)
        assert _ruleset(lab.built, agents[0].node).count("type nat hook postrouting") == 1
    assert (alone.lost, alone.source_seen) == (Lost.REPLY, POD)
    assert (seen.reached, seen.source_seen) == (True, NODE)


@pytest.mark.parametrize(
    ("image", "flags", "key"),
    [
        ("wayhome-agent:1", ("--configmap=kube-system/ip-masq-agent", "--scope=pods"), "config"),
        ("ip-masq-agent-v2:v0.1", (), "ip-masq-agent"),
        ("ip-masq-agent:v2", ("--nomasq-all-reserved-ranges", "--enable-ipv6"), "config"),
    ],
)
def test_whosever_agent_it_is_the_tracer_says_what_it_does(
    image: str, flags: tuple[str, ...], key: str
) -> None:
    listed = with_configmap(CASE, CLUSTER, {key: CONFIGURATION})
    estate = started_as(image, *flags, estate=listed)
    network = compile_estate(estate)
    agents = agents_in(estate, network)
    assert len(agents) == 2
    asked = sample(list(questions(network)), 60, seed=0)
    done = check(network, asked, ExportedLabs(estate, network, agents))
    assert not done.disagreements, "\n".join(map(str, done.disagreements))


def _ruleset(network: BuiltNetwork, node: str) -> str:
    return network.run(Program(node, "nft", ("nft", "list", "ruleset")), 5)[1]


def test_run_says_where_agents_ran(wayhome_command: WayhomeCommand) -> None:
    command = ("lab", "run", "--from", str(UNCOVERED), "my-pod", "target-gce-01:80")
    done = wayhome_command(*command)
    assert done.returncode == 0, done.stderr
    assert (
        "the project's agent ran on my-gke-default-pool-xxx, my-gke-default-pool-yyy" in done.stdout
    )
    document = json.loads(wayhome_command(*command, "--json").stdout)
    assert [name.rpartition("/")[2] for name in document["agents"]] == [
        "my-gke-default-pool-xxx",
        "my-gke-default-pool-yyy",
    ]
