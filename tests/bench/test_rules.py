"""Lists that can be told apart, and rules that real programs accept and count."""

import subprocess
from itertools import pairwise

import pytest
from bench.figure import LackError
from bench.lists import List
from bench.upstream import UpstreamAgent

from bench import kube_proxy, node_commands
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.lab.programs import environment

VARIANTS = node_commands.VARIANTS


def test_a_list_has_as_many_ranges_as_it_says_with_gaps_between() -> None:
    for wanted in (List(64), List(10_000, "200.1.2.0", first=20), List(64, added=3)):
        prefixes = wanted.prefixes()
        assert len(prefixes) == wanted.entries + wanted.added
        ordered = sorted((prefix.first, prefix.last) for prefix in prefixes)
        assert all(one[1] + 1 < other[0] for one, other in pairwise(ordered))


def test_lists_differ_as_they_are_meant_to() -> None:
    before = set(List(64).prefixes())
    assert len(before ^ set(List(64, "200.0.1.0").prefixes())) == 2
    assert not before & set(List(64, "200.0.1.0", first=20).prefixes())
    assert [str(p) for p in set(List(64, added=1).prefixes()) - before] == ["201.1.0.0/24"]


def test_upstreams_chain_is_split_as_upstream_runs_it() -> None:
    chain = List(64).upstream()
    assert chain.jump[0] == "POSTROUTING"
    assert "POSTROUTING" not in chain.chain
    assert chain.chain.count("-j RETURN") == 64


@pytest.mark.parametrize("rules", [7, 50, 50_000])
def test_kube_proxys_rules_are_as_many_as_wanted(rules: int) -> None:
    lines = kube_proxy.restore_text(rules).splitlines()
    count = sum(line.startswith("-A ") for line in lines)
    assert rules <= count < rules + kube_proxy.RULES_OF_A_SERVICE + 1
    assert len(set(lines)) == len(lines)


def loaded(variant: str) -> list[str]:
    saved = subprocess.run(
        [f"{variant}-save", "-t", "nat"],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    ).stdout
    return [line for line in saved.splitlines() if line.startswith("-A ")]


@pytest.mark.kernel
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_kernel_holds_them_and_upstreams_sync_leaves_one_jump(
    variant: str, netns: NetworkNamespace
) -> None:
    text = kube_proxy.restore_text(200)
    node_commands.run(f"{variant}-restore", text=text)
    assert len(loaded(variant)) == text.count("\n-A ")
    upstream = UpstreamAgent(variant, List(64))
    for _ in range(3):
        upstream.sync()
    rules = [line for line in loaded(variant) if "IP-MASQ-AGENT" in line]
    assert len(rules) == 1 + 64 + 1  # the jump, the list, MASQUERADE
    assert len(loaded(variant)) == text.count("\n-A ") + len(rules)


@pytest.mark.kernel
def test_what_a_program_refuses_is_told(netns: NetworkNamespace) -> None:
    with pytest.raises(LackError, match=r"^nft -f - ended with 1: .*syntax error"):
        node_commands.run("nft", "-f", "-", text="nonsense\n")
    with pytest.raises(LackError, match="no-such-program is not installed"):
        node_commands.run("no-such-program")
