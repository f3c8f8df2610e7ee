"""`wayhome node plan` on a node with real connections and a real table."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.kernel.entries import TCP, Entry, connections, insert
from tests.kernel.nodes import nft
from tests.kernel.policies import make_policy
from tests.kernel.test_conntrack import interrupt
from tests.kernel.wire import Wire

from wayhome.cli import node_plan
from wayhome.cli.main import wayhome
from wayhome.kernel import Applier, NftablesKernel, ruleset_of
from wayhome.kernel.planning import plan_of
from wayhome.kernel.transition import Transition
from wayhome.kernel.transition_mode import TransitionMode
from wayhome.policy import Policy, Settings, parse

pytestmark = pytest.mark.kernel

CONFIG = """\
nonMasqueradeCIDRs:
  - 10.0.0.0/8
  - 192.0.2.0/24
masqueradeCIDRs:
  - 10.2.0.0/16
"""
PODS = ["10.4.0.0/24"]


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    return str(path)


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(wayhome, ["node", "plan", *arguments], input=stdin)


def hold(policy: Policy) -> None:
    with NftablesKernel() as kernel:
        Applier(kernel).apply(ruleset_of(policy))


def talk(wire: Wire) -> None:
    """Five connections of the Pod, three of which the configuration would treat differently, and others."""
    for destination in ("10.1.0.1", "8.8.8.8", "10.2.0.1", "10.2.0.1", "192.0.2.1"):
        wire.send(destination, new=True)
    insert(
        *(Entry("10.4.0.9", "10.2.0.10", TCP, 1024 + n, 5432) for n in range(12)),
        Entry("10.4.0.9", "10.2.0.3", TCP, service="10.96.0.1"),
        Entry("10.4.0.9", "9.9.9.9"),  # opened before the rules
        Entry("10.4.0.9", "10.2.0.4", zone=7),
    )


def test_what_an_operator_sees(wire: Wire, config: str) -> None:
    hold(make_policy("10.0.0.0/8", pods=PODS))
    talk(wire)
    before = {connection.name for connection in connections()}
    result = run(config)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"16 of 20 live connections would be treated differently under {config}",
        "compared with this node's table, which masquerades what Pods in 10.4.0.0/24 send (IPv4)",
        "",
        "15 would be seen with the node's instead of their own address: line 5, 10.2.0.0/16",
        "1 would be seen with their own address instead of the node's: line 3, 192.0.2.0/24",
        "",
        "connections  protocol  from      to              is seen with       would be seen with  because of",
        "         12  tcp       10.4.0.9  10.2.0.10:5432  their own address  the node's          line 5, 10.2.0.0/16",
        "          2  udp       10.4.0.2  10.2.0.1:7777   their own address  the node's          line 5, 10.2.0.0/16",
        "          1  udp       10.4.0.2  192.0.2.1:7777  the node's         their own address   line 3, 192.0.2.0/24",
        "          1  tcp       10.4.0.9  10.2.0.3:53     their own address  the node's          line 5, 10.2.0.0/16",
        "",
        "They go on as they are until they end; only new connections get the new treatment.",
        "  --transition expire-udp  starts 3 udp anew",
        "  --transition expire-all  starts 13 tcp, 3 udp anew; TCP is reset",
        "1 more is treated as neither the old nor the new policy says: opened under earlier rules, or translated by somebody else. It stays so until it ends.",
        "1 more is translated by somebody else (kube-proxy, an egress gateway) or tracked in a zone of its own.",
    ]
    assert {connection.name for connection in connections()} == before


def test_json(wire: Wire, config: str) -> None:
    hold(make_policy("10.0.0.0/8", pods=PODS))
    talk(wire)
    result = run("--json", config)
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    groups = document.pop("groups")
    assert document == {
        "schema": 1,
        "compared_with": "table",
        "pod_cidrs": PODS,
        "ipv6": False,
        "connections": 20,
        "changing": 16,
        "neither": 1,
        "not_ours": 1,
        "transition": {
            "keep": {},
            "expire-udp": {"udp": 3},
            "expire-all": {"tcp": 13, "udp": 3},
        },
        "ungrouped": 0,
    }
    assert len(groups) == 4
    assert groups[0] == {
        "connections": 12,
        "protocol": "tcp",
        "source": "10.4.0.9",
        "destination": "10.2.0.10",
        "port": 5432,
        "now": "keep",
        "then": "masquerade",
        "reason": "entry",
        "entry": "10.2.0.0/16",
        "line": 5,
    }


def test_what_is_planned_is_what_a_transition_does(wire: Wire, config: str) -> None:
    """The figures of the plan are those of the transition from this table to this file."""
    old = make_policy("10.0.0.0/8", pods=PODS)
    hold(old)
    talk(wire)
    planned = json.loads(run("--json", config).stdout)["transition"]["expire-all"]
    configuration = parse(CONFIG.encode(), Settings(pod_cidrs=old.pod_cidrs)).configuration
    assert configuration is not None
    expired = Transition(old, configuration.policy, TransitionMode.EXPIRE_ALL).run()
    assert planned == {"tcp": expired.by_protocol[6], "udp": expired.by_protocol[17]}


def test_nothing_would_change(wire: Wire) -> None:
    hold(make_policy("10.0.0.0/8"))
    wire.send("10.2.0.1")
    result = run("-", stdin="nonMasqueradeCIDRs: [10.0.0.0/8]\n")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "none of 1 live connections would be treated differently under -",
        "compared with this node's table, which masquerades whatever leaves the node (IPv4)",
    ]


def test_without_a_table_the_connections_show_their_treatment(wire: Wire, config: str) -> None:
    nft(
        "add table ip t\nadd chain ip t c { type nat hook postrouting priority 100; }\nadd rule ip t c ip daddr 10.0.0.0/8 masquerade"
    )
    wire.send("10.1.0.1")  # masqueraded, would keep its address
    wire.send("192.0.2.1")  # keeps it, and would
    result = run(config)
    assert result.exit_code == 1
    assert "1 of 2 live connections" in result.stdout
    assert "no table of wayhome translates on this node" in result.stdout
    assert "expires none of them" in result.stdout
    document = json.loads(run("--json", config).stdout)
    assert document["compared_with"] == "connections"
    assert document["transition"] == {"keep": {}, "expire-udp": {}, "expire-all": {}}


def test_scope_and_ipv6_are_the_tables_unless_given(wire: Wire) -> None:
    hold(make_policy("fd00::/8", ipv6=True, pods=["10.4.0.0/24", "fd04::/64"]))
    wire.send("2001:db8:99::1")
    file = "nonMasqueradeCIDRs: ['fd00::/8', '2001:db8:99::/48']\n"
    result = run("-", stdin=file)
    assert result.exit_code == 1
    assert "[2001:db8:99::1]:7777" in result.stdout
    assert "what Pods in 10.4.0.0/24, fd04::/64 send (IPv4 and IPv6)" in result.stdout
    narrower = run(
        "--pod-cidrs", "10.9.0.0/24,fd09::/64", "-", stdin="nonMasqueradeCIDRs: ['fd00::/8']\n"
    )
    assert narrower.exit_code == 1
    assert (
        "under it, what Pods in 10.9.0.0/24, fd09::/64 send (IPv4 and IPv6) would be masqueraded"
        in narrower.stdout
    )
    assert "the source is not a Pod of this node" in narrower.stdout


def test_small_groups_are_summed_up_and_listed_on_request(wire: Wire, config: str) -> None:
    hold(make_policy("10.0.0.0/8"))
    insert(*(Entry("10.4.0.9", f"10.2.1.{n}") for n in range(50)))
    short, long = run(config), run("--all", config)
    assert "30  in 30 smaller groups (--all lists them)" in short.stdout
    assert short.stdout.count("10.4.0.9") == 20
    assert long.stdout.count("10.4.0.9") == 50
    assert len(json.loads(run("--json", config).stdout)["groups"]) == 50


def test_more_destinations_than_are_kept_apart(
    wire: Wire, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_plan, "plan_of", partial(plan_of, most_groups=10))
    hold(make_policy("10.0.0.0/8"))
    insert(*(Entry("10.4.0.9", f"10.2.1.{n}") for n in range(50)))
    result = run(config)
    assert "50 of 50 live connections" in result.stdout
    assert "40  to more destinations than are listed apart" in result.stdout
    assert "starts 50 udp anew" in result.stdout


def test_a_file_that_is_rejected_is_2(wire: Wire) -> None:
    result = run("-", stdin="nonMasqueradeCIDRs: [10.0.0.1/8]\n")
    assert result.exit_code == 2
    assert "write 10.0.0.0/8" in result.stderr
    assert run("/nonexistent").exit_code == 2


def test_connections_that_cannot_be_counted_reliably_are_3(
    wire: Wire, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(make_policy("10.0.0.0/8"))
    wire.send("10.2.0.1")
    interrupt(monkeypatch)
    result = run(config)
    assert result.exit_code == 3
    assert "try again" in result.stderr


def test_without_the_right_to_it_it_is_4(config: str) -> None:
    """As root of a container that was not given NET_ADMIN."""
    drop_and_become = (
        "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 12); "  # PR_CAPBSET_DROP, CAP_NET_ADMIN
        "os.execv(sys.executable, [sys.executable, '-m', 'wayhome', 'node', 'plan', '-'])"
    )
    command = [sys.executable, "-c", drop_and_become]
    ended = subprocess.run(command, input=CONFIG, capture_output=True, text=True, check=False)
    assert ended.returncode == 4, ended.stderr
    assert "CAP_NET_ADMIN" in ended.stderr
