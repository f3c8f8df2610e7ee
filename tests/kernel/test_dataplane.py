"""Cilium on the node, and packets that go past netfilter, in real networks: what is said is what packets do."""

import io
import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pyroute2
import pytest
from tests.kernel.foreign import agent_chain, restore
from tests.kernel.nodes import nft
from tests.kernel.policies import make_policy
from tests.kernel.wire import Wire

from wayhome.agent.bypass import MINUTES, PACKETS
from wayhome.agent.dataplane import DataplaneBackend
from wayhome.agent.logs import Format, Log
from wayhome.agent.observing import ObservingBackend
from wayhome.agent.sightings import Sightings
from wayhome.agent.tally import Tally
from wayhome.kernel import Backend, Masquerade, NftablesBackend, NftablesKernel
from wayhome.kernel.conntrack import Conntrack
from wayhome.kernel.foreign.forwarded import any_forwarded
from wayhome.kernel.foreign.links import cilium_interface, packets_from_pods
from wayhome.kernel.iptables_backend import IptablesBackend
from wayhome.kernel.selection import Selection
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.policy import Policy

pytestmark = pytest.mark.kernel

POLICY = make_policy("10.0.0.0/8")
LATER = MINUTES * 60


def nftables(masquerade: Masquerade) -> Backend:
    return NftablesBackend(NftablesKernel(), masquerade)


class Agent:
    """A back end that minds the dataplane, its log, and a clock that the test turns."""

    def __init__(
        self,
        opener: Callable[[Masquerade], Backend] = nftables,
        *,
        asked: bool = False,
        observe: bool = False,
        policy: Policy = POLICY,
    ) -> None:
        self._policy = policy
        self._stream = io.StringIO()
        self.now = 0.0
        self.tally = Tally()
        log = Log(Format.JSON, self._stream)
        sightings = Sightings(log, self.tally)
        self.backend = DataplaneBackend(
            (lambda _: ObservingBackend(sightings)) if observe else opener,
            Masquerade(random_fully=not observe),
            asked=asked,
            log=log,
            sightings=sightings,
            clock=lambda: self.now,
        )

    def verify(self, later: float = 0) -> None:
        """What the keeper does at the regular verification."""
        self.now += later
        self.backend.forget()
        self.backend.apply(self._policy)

    def said(self, event: str) -> list[str]:
        lines: list[dict[str, Any]] = [json.loads(line) for line in self._stream.getvalue().splitlines()]  # fmt: skip
        return [line["message"] for line in lines if line["event"] == event]

    def close(self) -> None:
        self.backend.close()


@pytest.fixture
def agent(wire: Wire) -> Iterator[Agent]:
    made = Agent()
    made.verify()
    yield made
    made.close()


def talk(wire: Wire, *, new: int = 0, old: int = 0) -> set[str]:
    """Datagrams from the Pod, each of a connection of its own (`new`) or all of one. Returns the sources seen."""
    seen = {wire.send(f"192.0.2.{n % 250}", new=True).source for n in range(new)}
    return seen | {wire.send("192.0.2.251").source for _ in range(old)}


def past_netfilter(wire: Wire) -> None:
    """Hand the Pod's packets from its interface to the world's, as eBPF does: before the IP stack sees them."""
    node_side, world_side = f"to-{wire.pod.descriptor}", f"to-{wire.ext.descriptor}"
    with pyroute2.IPRoute() as ip:
        address = ip.get_links(ifname=node_side)[0].get_attr("IFLA_ADDRESS")
    with wire.ext.entered(), pyroute2.IPRoute() as ip:
        # The world has the address that the Pod sends to; eBPF would write it into the packet.
        (index,) = ip.link_lookup(ifname=f"to-{wire.node.descriptor}")
        ip.link("set", index=index, address=address)
    nft(
        "add table netdev fast\n"
        f'add chain netdev fast in {{ type filter hook ingress device "{node_side}" priority 0; }}\n'
        f'add rule netdev fast in ip daddr != 10.4.0.0/24 fwd to "{world_side}"\n'
    )


def test_packets_that_go_past_netfilter_are_noticed(wire: Wire, agent: Agent) -> None:
    past_netfilter(wire)
    assert talk(wire, old=PACKETS) == {wire.POD4}  # the rules say otherwise, and are not asked
    agent.verify(LATER)
    (said,) = agent.said("bypassed")
    assert "these rules are not consulted" in said
    assert agent.tally.bypassed is True
    nft("delete table netdev fast")
    talk(wire, new=PACKETS)
    agent.verify(LATER)
    assert agent.said("consulted")
    assert agent.tally.bypassed is False


def test_untracked_packets_meet_no_rules_either(wire: Wire, agent: Agent) -> None:
    nft(
        "add table ip raw2\nadd chain ip raw2 pre { type filter hook prerouting priority raw; }\n"
        "add rule ip raw2 pre ip saddr 10.4.0.0/24 notrack\n"
    )
    assert talk(wire, new=PACKETS) == {wire.POD4}
    agent.verify(LATER)
    assert agent.tally.bypassed is True


def test_rules_that_are_consulted(wire: Wire, agent: Agent) -> None:
    assert talk(wire, new=1, old=PACKETS) == {wire.NODE4}
    agent.verify(LATER)
    assert agent.tally.bypassed is False
    assert not agent.said("bypassed")


def test_one_old_connection_is_no_bypass(wire: Wire, agent: Agent) -> None:
    talk(wire, old=PACKETS)
    agent.verify(LATER)
    talk(wire, old=PACKETS)  # no connection comes to the rules in this window
    agent.verify(LATER)
    assert agent.tally.bypassed is False


def test_answers_to_others_are_no_bypass(wire: Wire) -> None:
    """A Pod that only serves: what comes in is tracked, and our rules in the scope of Pods count none of it."""
    agent = Agent(policy=make_policy("10.0.0.0/8", pods=["10.4.0.0/24"]))
    agent.verify()
    with wire.pod.entered():
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((wire.POD4, 53))
    server.settimeout(5)
    with wire.ext.entered():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(5)
    client.connect((wire.POD4, 53))
    for _ in range(PACKETS + 10):
        client.send(b"?")
        _, address = server.recvfrom(16)
        server.sendto(b"!", address)
        client.recv(16)
    server.close()
    client.close()
    agent.verify(LATER)
    assert agent.tally.bypassed is False
    # Without those connections nothing would speak for the rules.
    with Conntrack() as conntrack:
        assert list(conntrack.delete(list(conntrack.dump(Selection()))))
    assert any_forwarded(None) is False
    agent.close()


def test_the_iptables_back_end_is_judged_by_connection_tracking(
    wire: Wire, xtables_lock: object
) -> None:
    agent = Agent(lambda masquerade: IptablesBackend("iptables-nft", masquerade))
    agent.verify()
    talk(wire, new=1, old=PACKETS)
    agent.verify(LATER)
    assert agent.tally.bypassed is False
    agent.close()


@pytest.mark.parametrize("chain", [True, False])
def test_observed_rules_are_judged_too_where_there_are_any(
    wire: Wire, xtables_lock: object, chain: bool
) -> None:
    if chain:
        restore(agent_chain("10.0.0.0/8"))
    agent = Agent(observe=True)
    agent.verify()
    past_netfilter(wire)
    assert talk(wire, old=PACKETS) == {wire.POD4}
    agent.verify(LATER)
    assert agent.tally.bypassed is (True if chain else None)
    agent.close()


def test_only_the_pods_interfaces_count(wire: Wire) -> None:
    with pyroute2.IPRoute() as ip:
        ip.link("add", ifname="cilium_host", kind="veth", peer={"ifname": "cilium_net"})
        ip.link("add", ifname="vxlan0", kind="vxlan", vxlan_id=7, vxlan_port=4789)
        ip.link("add", ifname="lxc12ab", kind="veth", peer={"ifname": "other-end"})
        known = {
            name: ip.link_lookup(ifname=name)[0]
            for name in ("lxc12ab", f"to-{wire.pod.descriptor}", "cilium_host", "vxlan0", "lo")
        }
    before = packets_from_pods()
    assert known["lxc12ab"] in before
    assert not {known["cilium_host"], known["vxlan0"], known["lo"]} & before.keys()
    for _ in range(7):
        wire.send("192.0.2.1")
    pod = known[f"to-{wire.pod.descriptor}"]
    assert packets_from_pods()[pod] - before[pod] >= 7


def random_ports() -> bool:
    listed = subprocess.run(["nft", "list", "table", "inet", "wayhome"], capture_output=True, text=True, check=True)  # fmt: skip
    return "fully-random" in listed.stdout


def make_cilium(name: str = "cilium_host") -> None:
    with pyroute2.IPRoute() as ip:
        ip.link("add", ifname=name, kind="veth", peer={"ifname": "cilium_net"})


def test_with_cilium_ports_are_not_drawn_at_random(netns: NetworkNamespace) -> None:
    assert cilium_interface() is None
    make_cilium()
    assert cilium_interface() == "cilium_host"
    agent = Agent()
    agent.verify()
    (said,) = agent.said("random ports")
    assert said.startswith("--random-fully is off: the interface cilium_host")
    assert not random_ports()
    agent.verify()
    assert len(agent.said("random ports")) == 1
    agent.close()


def test_the_flag_given_wins_with_a_warning(netns: NetworkNamespace) -> None:
    make_cilium()
    agent = Agent(asked=True)
    agent.verify()
    assert random_ports()
    (said,) = agent.said("random ports")
    assert "--random-fully=false is what Google asks for" in said
    agent.close()


def test_cilium_may_come_later(netns: NetworkNamespace) -> None:
    agent = Agent()
    agent.verify()
    assert random_ports()
    assert not agent.said("random ports")
    make_cilium()
    agent.backend.apply(POLICY)
    assert random_ports()  # between two verifications nobody looks
    agent.verify()
    assert not random_ports()
    assert agent.said("random ports")
    agent.verify()
    assert not random_ports()
    agent.close()
