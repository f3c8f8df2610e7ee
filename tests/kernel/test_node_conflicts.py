"""`wayhome node conflicts` beside the rules that others really write; what it says is what packets meet."""

import json
import subprocess
from contextlib import closing
from typing import Any

import pytest
from tests.kernel.foreign import (
    KUBE_PROXY,
    UPSTREAM,
    agent_chain,
    apply,
    kube_proxy_iptables,
    needs_rulesets,
    restore,
    wayhome_node,
)
from tests.kernel.nodes import nft
from tests.kernel.policies import make_policy
from tests.kernel.wire import Wire

from wayhome.kernel import Masquerade
from wayhome.kernel.iptables_backend import IptablesBackend
from wayhome.kernel.masquerade import Preserve
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.prefixes import parse_address

pytestmark = pytest.mark.kernel


@pytest.fixture(autouse=True)
def xtables_lock(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XTABLES_LOCKFILE", str(tmp_path_factory.mktemp("lock") / "xtables.lock"))


def document(*arguments: str) -> dict[str, Any]:
    result = wayhome_node("conflicts", "--json", *arguments)
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["schema"] == 1
    assert result.exit_code == (1 if found["conflicts"] else 0)
    return found


def conflicts(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document(*arguments)["conflicts"]
    return found


def test_without_our_table_there_is_nothing_to_compare(netns: NetworkNamespace) -> None:
    result = wayhome_node("conflicts")
    assert result.exit_code == 4
    assert "start the agent on this node first" in result.output


@pytest.mark.parametrize("variant", ["iptables-nft", "iptables-legacy"])
def test_an_agents_chain_stands_for_our_table(netns: NetworkNamespace, variant: str) -> None:
    policy = make_policy("10.0.0.0/8")
    with closing(IptablesBackend(variant, Masquerade())) as backend:
        backend.apply(policy)
    assert document()["conflicts"] == []
    alone = wayhome_node("conflicts").output.splitlines()
    assert alone[0].startswith("there is no table inet wayhome; the agent's is ")
    assert "IP-MASQ-AGENT" in alone[0]
    assert alone[-1] == "no conflicts"
    nft(
        "add table ip other\nadd chain ip other p { type nat hook postrouting priority srcnat + 5 ; }"
    )
    nft("add rule ip other p ip daddr 10.1.0.0/16 masquerade")
    (found,) = conflicts()
    assert found["breaks"] == ["10.1.0.0/16"]
    assert (
        "the agent's chain keeps the Pod's address towards 10.1.0.0/16"
        in wayhome_node("conflicts").output
    )


def test_alone_on_the_node(netns: NetworkNamespace) -> None:
    apply()
    result = wayhome_node("conflicts")
    assert result.exit_code == 0
    assert result.output.splitlines()[1:] == [
        "  110  inet wayhome postrouting  <- ours",
        "no conflicts",
    ]


@needs_rulesets
@pytest.mark.parametrize("preserve", list(Preserve))
def test_kube_proxy_in_both_modes_is_no_conflict(netns: NetworkNamespace, preserve: Preserve) -> None:  # fmt: skip
    restore(kube_proxy_iptables())
    restore(kube_proxy_iptables(), "iptables-legacy")
    nft((KUBE_PROXY / "nftables.nft").read_text())
    apply(make_policy("10.0.0.0/8", "172.16.0.0/12"), Masquerade(preserve=preserve))
    found = document()
    assert found["conflicts"] == []
    assert [chain["variant"] for chain in found["chains"]] == ["iptables-nft", "nft", "nft", "iptables-legacy"]  # fmt: skip


@needs_rulesets
def test_kube_proxy_is_known_by_the_mark_and_not_by_its_names(netns: NetworkNamespace) -> None:
    renamed = kube_proxy_iptables().replace("KUBE-POSTROUTING", "SOMETHING")
    restore(renamed)
    nft((KUBE_PROXY / "nftables.nft").read_text().replace("kube-proxy", "something"))
    apply(make_policy("10.0.0.0/8", "172.16.0.0/12"))
    assert conflicts() == []
    # The same rules without the mark would translate everything.
    restore(renamed.replace("-m mark ! --mark 0x4000/0x4000 -j RETURN", ""))
    assert [found["path"] for found in conflicts()] == [["POSTROUTING", "SOMETHING"]] * len(conflicts())  # fmt: skip
    assert conflicts()


@needs_rulesets
@pytest.mark.parametrize("program", ["iptables-nft", "iptables-legacy"])
def test_upstreams_chain(netns: NetworkNamespace, program: str) -> None:
    restore((UPSTREAM / "gke-managed/iptables-save.txt").read_text(), program)
    apply(make_policy("10.0.0.0/8", "172.16.0.0/12"))
    (found,) = conflicts()
    assert (found["variant"], found["path"], found["number"]) == (program, ["POSTROUTING", "IP-MASQ"], 3)  # fmt: skip
    assert found["breaks"] == ["172.16.0.0/12"]
    assert found["order"] == "before"
    assert found["certain"]
    assert "169.254.0.0/16" not in found["takes"]
    assert "`wayhome node migrate`" in found["remedies"][0]


def test_ipv6_is_compared_with_ipv6(netns: NetworkNamespace) -> None:
    restore(agent_chain("fd00::/8"), "ip6tables-nft")
    apply(make_policy("10.0.0.0/8"))
    assert conflicts() == []  # IPv6 is none of our business
    apply(make_policy("10.0.0.0/8", "fe00::/8", ipv6=True))
    (found,) = conflicts()
    assert (found["family"], found["breaks"]) == ("ip6", ["fe00::/8"])


def test_legacy_is_not_loaded_by_looking(netns: NetworkNamespace) -> None:
    apply()
    names = "/proc/thread-self/net/ip_tables_names"
    before = subprocess.run(["cat", names], capture_output=True, text=True, check=False).stdout
    assert "nat" not in before
    wayhome_node("conflicts")
    assert subprocess.run(["cat", names], capture_output=True, text=True, check=False).stdout == before  # fmt: skip


def test_rules_for_other_sources_are_left_out_where_the_pods_are_known(netns: NetworkNamespace) -> None:  # fmt: skip
    restore("*nat\n-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\nCOMMIT\n")
    apply()
    (found,) = conflicts()
    assert found["writer"] == "Docker"
    assert found["conditions"] == ["-s 172.17.0.0/16", "! -o docker0"]
    assert conflicts("--pod-cidrs", "10.4.0.0/24") == []
    assert conflicts("--pod-cidrs", "172.17.3.0/24")[0]["conditions"] == ["! -o docker0"]
    apply(make_policy("10.0.0.0/8", pods=["10.4.0.0/24"]))
    assert conflicts() == []


def test_the_order_is_the_kernels_and_an_unknown_one_is_said(netns: NetworkNamespace) -> None:
    for name, priority in (("late", 200), ("beside", 110), ("early", 50)):
        nft(
            f"add table ip {name}\n"
            f"add chain ip {name} out {{ type nat hook postrouting priority {priority}; }}\n"
            f"add rule ip {name} out masquerade\n"
        )
    apply()
    found = {c["table"]: c for c in conflicts()}
    assert list(found) == ["early", "beside", "late"]
    assert [c["order"] for c in found.values()] == ["before", "unknown", "after"]
    assert [c["breaks"] for c in found.values()] == [["10.0.0.0/8"]] * 3
    assert [bool(c["takes"]) for c in found.values()] == [True, True, False]
    assert [c["assert_helps"] for c in found.values()] == [False, True, True]
    lines = wayhome_node("conflicts").output.splitlines()
    assert [line.split()[:4] for line in lines if line[:5].strip().isdecimal()] == [
        ["50", "ip", "early", "out"],
        ["110", "ip", "beside", "out"],
        ["110", "inet", "wayhome", "postrouting"],
        ["200", "ip", "late", "out"],
    ]
    assert sum("(equal priorities: order unknown)" in line for line in lines) == 2


def test_a_table_of_iptables_with_a_rule_of_nft_in_it(netns: NetworkNamespace) -> None:
    restore(agent_chain("10.0.0.0/8"))
    apply(make_policy("10.0.0.0/8", "1.2.3.4/32"))
    nft(
        "insert rule ip nat POSTROUTING ip daddr 1.2.3.4 masquerade"
    )  # iptables shows nothing any more
    found = conflicts()
    assert {c["variant"] for c in found} == {"nft"}
    assert found[0]["breaks"] == ["1.2.3.4/32"]
    assert found[1]["path"] == ["POSTROUTING", "IP-MASQ-AGENT"]


def test_a_comment_cannot_command_the_terminal(netns: NetworkNamespace) -> None:
    restore('*nat\n-A POSTROUTING -m comment --comment "\x1b[31mred" -j MASQUERADE\nCOMMIT\n')
    apply()
    result = wayhome_node("conflicts")
    assert "\x1b" not in result.output
    assert r"\x1b[31mred" in result.output


def test_the_removal_that_is_printed_removes_the_rule(netns: NetworkNamespace) -> None:
    restore("*nat\n-A POSTROUTING -d 10.1.0.0/16 -j MASQUERADE\nCOMMIT\n")
    nft("add table ip x\nadd chain ip x out { type nat hook postrouting priority 0; }\nadd rule ip x out masquerade")  # fmt: skip
    apply()
    found = conflicts()
    assert len(found) == 2
    for conflict in reversed(found):
        command = conflict["remedies"][-1].partition(": ")[2]
        subprocess.run(command.split(), check=True, timeout=30)
    assert conflicts() == []


@pytest.mark.parametrize("missing", ["nft", "iptables-legacy-save"])
def test_a_missing_program_is_named(
    netns: NetworkNamespace, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore(agent_chain(), "iptables-legacy")
    apply()
    monkeypatch.setattr("wayhome.kernel.presence.find", lambda name: None if name in (missing, "iptables-save") else f"/usr/sbin/{name}")  # fmt: skip
    result = wayhome_node("conflicts")
    assert result.exit_code == 4
    assert f"{missing} is not installed" in result.output


KINDNET = """
table inet kindnet-ipmasq {
    set noMasqV4 { type ipv4_addr; flags interval; auto-merge; elements = { 10.1.0.0/16 } }
    chain postrouting {
        type nat hook postrouting priority srcnat - 10; policy accept;
        ct state established,related accept
        fib daddr type local accept
        ip daddr @noMasqV4 accept
        masquerade
    }
}
"""
MAP = """
table ip maps {
    chain yes { masquerade; }
    chain no { accept; }
    chain out {
        type nat hook postrouting priority 120; policy accept;
        ip daddr vmap { 10.1.0.0/16 : goto no, 10.2.0.0/15 : goto yes }
        ip saddr 10.4.9.0/24 masquerade
        ip daddr 10.5.0.0/16 ip saddr 10.4.0.0/16 masquerade
    }
}
"""
SAMPLES = ["10.1.2.3", "10.2.0.1", "10.3.255.255", "10.4.9.9", "10.5.0.1", "10.200.0.1", "172.16.1.1"]  # fmt: skip


@pytest.mark.parametrize("ruleset", ["", KINDNET, MAP, "chain", "legacy", "snat"])
def test_what_is_said_is_what_packets_meet(wire: Wire, ruleset: str) -> None:
    """Towards a kept destination the Pod's address is seen exactly where no conflict is reported."""
    match ruleset:
        case "chain":
            restore(agent_chain("10.1.0.0/16", "10.4.0.0/15"))
        case "legacy":
            restore(agent_chain("10.2.0.0/15", rest=["-d 10.200.0.0/16 -j ACCEPT"]), "iptables-legacy")  # fmt: skip
        case "snat":
            restore(f"*nat\n-A POSTROUTING ! -d 10.0.0.0/14 -s 10.4.0.0/24 -j SNAT --to-source {wire.NODE4}\nCOMMIT\n")  # fmt: skip
        case _:
            nft(ruleset)
    apply(make_policy("10.0.0.0/8", "172.16.0.0/12", pods=["10.4.0.0/24"]))
    found = conflicts()
    assert all(c["certain"] for c in found)
    broken = make_policy(*(cidr for c in found for cidr in c["breaks"]))
    assert bool(found) == bool(ruleset)
    for destination in SAMPLES:
        reported = broken.entry_for(*parse_address(destination)) is not None
        seen = wire.send(destination, new=True).source
        assert (seen != wire.POD4) == reported, destination
