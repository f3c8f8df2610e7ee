"""Nodes with rules of their own: a kernel obeys those, whatever was read of them, or what was read where it cannot."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.golden.corpus import golden

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.node.held_rules import HeldRules, Load
from wayhome.clouds.node.rules import CHAIN
from wayhome.clouds.read import read_estate
from wayhome.lab.compiled import Asked, LabNetwork, Seen
from wayhome.lab.compiled.held import Held, held_in, without
from wayhome.network import Address, Flow, Network, Protocol, TranslationChain

pytestmark = pytest.mark.kernel

NODE = "projects/source-project/zones/asia-northeast1-a/instances/gke-node-02"
POD = "projects/source-project/locations/asia-northeast1-a/clusters/my-gke/k8s/namespaces/default/pods/my-pod"
TO_TEST = Flow(Address.parse("172.16.2.2"), Address.parse("10.1.0.4"), Protocol.TCP, 80)
AS_POD, AS_NODE = TO_TEST.source, Address.parse("10.1.0.3")


def exported(case: str, directory: Path) -> tuple[Network, Held]:
    estate = read_estate(golden(case, directory))
    network = compile_estate(estate)
    return network, held_in(estate, network)


def ask(lab: LabNetwork) -> Seen:
    (seen,) = lab.ask([Asked(TO_TEST, POD)])
    return seen


def ruleset(lab: LabNetwork) -> str:
    with lab.built.namespace(NODE).entered():
        done = subprocess.run(
            ["nft", "list", "ruleset"], capture_output=True, text=True, check=True
        )
    return done.stdout


@pytest.mark.parametrize("case", ["foreign-rule", "foreign-rule-of-nft"])
def test_it_is_the_rule_itself_that_translates(case: str, tmp_path: Path) -> None:
    """The network is told that the node translates nothing: only the kernel's own rule can do it."""
    network, own = exported(case, tmp_path)
    node = replace(network.places[NODE].node, translation_out=(TranslationChain(CHAIN, ()),))
    silent = Network.of([node, *(one for one in network.nodes if one.name != NODE)], network.links)
    with LabNetwork(silent, own=own) as lab:
        assert lab.built.refused == {}
        assert ask(lab).source_seen == AS_NODE
        assert 'oifname "eth0"' in ruleset(lab) or "docker0" in ruleset(lab)
    with LabNetwork(silent) as lab:
        assert ask(lab).source_seen == AS_POD


def test_rules_that_this_machine_does_not_take_leave_nothing_behind(tmp_path: Path) -> None:
    network, own = exported("foreign-rule", tmp_path)
    unknown = "*nat\n-A POSTROUTING -m set --match-set none-of-these src -j MASQUERADE\nCOMMIT\n"
    loads = (*own[NODE].loads, Load(("iptables-nft-restore",), unknown))
    with LabNetwork(network, own={NODE: HeldRules(loads, own[NODE].devices)}) as lab:
        assert "iptables-nft-restore ended with" in lab.built.refused[NODE]
        assert "table ip nat" not in ruleset(lab)
        assert ask(lab).source_seen == AS_NODE, "what was read of the rules says so"


def test_a_rule_that_may_match_is_built_each_way_and_not_loaded(tmp_path: Path) -> None:
    _, own = exported("rule-that-may-match", tmp_path)
    assert all(one.loads == () for one in own.values())


def test_only_what_the_node_holds_is_left_out(tmp_path: Path) -> None:
    network, own = exported("foreign-rule", tmp_path)
    bare = without(network, own)
    assert bare.places[NODE].node.translation_out == ()
    assert [node for node in bare.nodes if node.name != NODE] == [
        node for node in network.nodes if node.name != NODE
    ]
