"""A node's own rules and routes, from `ip -j`, as the kernel of a namespace prints them where there is one."""

import json
from typing import Any

import pytest

from wayhome.clouds.located import Located
from wayhome.clouds.node.outputs import NodeOutputError
from wayhome.clouds.node.own import not_collected
from wayhome.clouds.node.routes import STAYS, ways_of, with_ways
from wayhome.clouds.node.settings import settings_of
from wayhome.clouds.node_state import NodeOutput, NodeState
from wayhome.network import (
    Address,
    Drop,
    Evidence,
    Forward,
    Node,
    NodeKind,
    Opaque,
    Port,
    RouteTable,
)

HOST = Node(
    name="host",
    kind=NodeKind.INSTANCE,
    ports=(
        Port(name="nic0", addresses=(Address.parse("10.1.0.3"), Address.parse("fd01::3"))),
        Port(name="nic1", addresses=(Address.parse("10.9.0.3"),)),
    ),
)
OWN = [
    {"type": "local", "dst": "10.1.0.3", "dev": "eth0", "table": "local"},
    {"type": "local", "dst": "10.9.0.3", "dev": "eth1", "table": "local"},
]
DEFAULT = {"dst": "default", "gateway": "10.1.0.1", "dev": "eth0"}
MAIN = {"priority": 32766, "src": "all", "table": "main"}


def state(
    routes: Any, rules: Any = (MAIN,), sysctl: str = "net.ipv4.conf.all.rp_filter = 0\n"
) -> NodeState:
    texts = {
        NodeOutput.ROUTES: routes if isinstance(routes, str) else json.dumps(routes),
        NodeOutput.RULES: json.dumps(rules),
        NodeOutput.SYSCTL: sysctl,
    }
    return NodeState(
        "c/k8s/nodes/n", {o: Located(t, Evidence("n", o.name)) for o, t in texts.items()}
    )


def actions(table: RouteTable, destination: str) -> list[Any]:
    found = table.lookup(Address.parse(destination), frozenset())
    return [route.action for route in found]


def main_of(*routes: Any) -> RouteTable:
    ways = ways_of(state([*OWN, *routes]), HOST)
    assert ways is not None
    return ways.tables["node main"]


def test_devices_are_the_interfaces_whose_addresses_they_have() -> None:
    table = main_of(
        DEFAULT, {"dst": "10.5.0.0/16", "dev": "eth1"}, {"dst": "10.6.0.7", "dev": "eth1"}
    )
    assert actions(table, "10.2.0.1") == [Forward("nic0")]
    assert actions(table, "10.5.2.1") == [Forward("nic1")]
    assert actions(table, "10.6.0.7") == [Forward("nic1")]
    assert actions(table, "10.6.0.8") == [Forward("nic0")]


def test_a_default_of_the_other_family_is_none_of_this_one() -> None:
    assert actions(main_of(DEFAULT), "fd02::1") == []
    six = {"dst": "default", "gateway": "fe80::1", "dev": "eth0", "pref": "medium"}
    assert actions(main_of(six), "fd02::1") == [Forward("nic0")]
    assert actions(main_of(six), "10.2.0.1") == []


def test_the_lowest_metric_holds_and_next_hops_share() -> None:
    slow = DEFAULT | {"dev": "eth1", "metric": 200}
    assert actions(main_of(slow, DEFAULT | {"metric": 100}), "10.2.0.1") == [Forward("nic0")]
    both = {"dst": "10.5.0.0/16", "nexthops": [{"dev": "eth0"}, {"dev": "eth1"}]}
    assert actions(main_of(both), "10.5.0.1") == [Forward("nic0"), Forward("nic1")]


def test_bridges_lead_nowhere_and_other_devices_who_knows_where() -> None:
    (stays,) = actions(main_of({"dst": "172.17.0.0/16", "dev": "docker0"}), "172.17.0.9")
    assert isinstance(stays, Drop)
    assert stays.cause == STAYS
    (unknown,) = actions(main_of({"dst": "172.18.0.0/16", "dev": "wg0"}), "172.18.0.9")
    assert isinstance(unknown, Opaque)
    assert "wg0" in unknown.missing.command
    (black,) = actions(main_of({"type": "blackhole", "dst": "10.77.0.0/16"}), "10.77.0.9")
    assert isinstance(black, Drop)


def test_rules_keep_their_order_and_what_needs_a_mark_is_left_out() -> None:
    rules = [
        {"priority": 0, "src": "all", "table": "local"},
        {"priority": 9, "src": "all", "fwmark": "0x80", "table": "100"},
        {"priority": 10, "src": "10.9.0.0", "srclen": 24, "table": "100"},
        {
            "priority": 11,
            "src": "all",
            "dst": "10.7.0.0",
            "dstlen": 16,
            "iif": "veth7",
            "table": "100",
        },
        MAIN,
    ]
    routes = [
        *OWN,
        DEFAULT,
        {"dst": "default", "gateway": "10.9.0.1", "dev": "eth1", "table": "100"},
    ]
    ways = ways_of(state(routes, rules), HOST)
    assert ways is not None
    assert [rule.table for rule in ways.rules] == ["node 100", "node main"]
    assert str(ways.rules[0].sources) == "10.9.0.0/24"


@pytest.mark.parametrize(
    ("sysctl", "strict"),
    [
        ("net.ipv4.conf.all.rp_filter = 1\nnet.ipv4.conf.eth1.rp_filter = 0\n", True),
        ("net.ipv4.conf.all.rp_filter = 0\nnet.ipv4.conf.eth1.rp_filter = 1\n", True),
        ("net.ipv4.conf.all.rp_filter = 2\nnet.ipv4.conf.eth1.rp_filter = 1\n", False),
        ("net.ipv4.conf.all.rp_filter = 0\nnet.ipv4.conf.eth1.rp_filter = 0\n", False),
    ],
)
def test_a_strict_filter_takes_what_would_be_answered_there(sysctl: str, *, strict: bool) -> None:
    held = state([*OWN, DEFAULT, {"dst": "10.5.0.0/16", "dev": "eth1"}], sysctl=sysctl)
    ways = ways_of(held, HOST)
    assert ways is not None
    port = with_ways(HOST, ways, held).ports[1]
    assert (port.permitted is not None) is strict
    if port.permitted is not None:
        assert Address.parse("10.5.9.9") in port.permitted
        assert Address.parse("10.2.0.1") not in port.permitted


def test_settings_that_end_within_a_line_are_none_and_said_to_be() -> None:
    cut = state([*OWN, DEFAULT], sysctl="net.ipv4.conf.all.rp_filter = 1\nnet.ipv4.conf.eth1.rp_f")
    assert settings_of(cut) is None
    problems = {one.outputs: one.why for one in not_collected(cut, HOST)}
    assert problems[NodeOutput.SYSCTL,] == "the output of `sysctl -a` ends within a line"
    whole = state([*OWN, DEFAULT])
    assert (NodeOutput.SYSCTL,) not in {one.outputs for one in not_collected(whole, HOST)}


@pytest.mark.parametrize("text", ["", "[", "{}", "[1]", '[{"dst": "10.1.0.3/99"}]', '[{"dst": 7}]'])
def test_what_no_ip_prints_is_refused(text: str) -> None:
    damaged = text or "x"
    joined = damaged if not damaged.startswith("[{") else f"{json.dumps(OWN)[:-1]}, {damaged[1:]}"
    with pytest.raises(NodeOutputError):
        ways_of(state(joined), HOST)
