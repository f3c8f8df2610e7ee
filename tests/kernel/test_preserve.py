"""Asserted addresses, with real packets: under others' masquerade rules, kube-proxy's among them, and through a hostPort."""

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.kernel.nodes import nft
from tests.kernel.policies import make_policy
from tests.kernel.wire import Wire

from wayhome.kernel import Applier, Masquerade, NftablesKernel, Preserve, ruleset_of
from wayhome.policy import Policy

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("xtables_lock")]

KUBE_PROXY = Path(__file__).parents[2] / "../shared/data/rulesets/kube-proxy-1.36"
POD, NODE, WORLD = "172.16.0.2", "172.16.0.1", "203.0.113.2"
"""As the rulesets have it; NODE is the node's address towards its Pods."""
KEEP = ("10.0.0.0/8", "172.16.0.0/12")
SCOPES = {
    "scope of Pods": make_policy(*KEEP, pods=["172.16.0.0/24"]),
    "upstream's scope": make_policy(*KEEP),
}


def restore(text: str, variant: str = "nft") -> None:
    subprocess.run(
        [f"iptables-{variant}-restore", "--noflush"], input=text, text=True, check=True, timeout=30
    )


def kube_proxy(mode: str) -> None:
    """Load what kube-proxy wrote. Its accounting objects (nfacct) count and decide nothing."""
    if not KUBE_PROXY.is_dir():
        pytest.skip(f"{KUBE_PROXY} is not there: the measured rulesets are not part of the project")
    if mode == "nftables":
        nft((KUBE_PROXY / "nftables.nft").read_text())
        return
    saved = (KUBE_PROXY / "iptables-save.txt").read_text()
    restore(re.sub(r"-m nfacct --nfacct-name +\S+ ", "", saved), mode.removeprefix("iptables-"))


MODES = ["nftables", "iptables-nft", "iptables-legacy"]


@pytest.fixture
def node1(wire: Wire) -> Wire:
    """The node of the rulesets."""
    wire.add_pod_range(POD, NODE)
    return wire


@contextmanager
def applied(policy: Policy, preserve: Preserve) -> Iterator[None]:
    with NftablesKernel() as kernel:
        Applier(kernel).apply(ruleset_of(policy, Masquerade(preserve=preserve)))
        yield


class Caller:
    """Calls from the Pod, and the two servers that may answer: the Pod's own, and one behind every other address."""

    def __init__(self, wire: Wire, port: int) -> None:
        self._wire = wire
        self._ears = {}
        for name, place in (("own Pod", wire.pod), ("elsewhere", wire.ext)):
            with place.entered():
                self._ears[name] = socket.create_server(("", port))
            self._ears[name].setblocking(False)

    def call(self, address: str, port: int, source: str = POD) -> tuple[str, str] | None:
        """Who answered, and what address it saw; None if nobody did within a second."""
        with (self._wire.ext if source == WORLD else self._wire.pod).entered():
            client = socket.socket()
        with client:
            client.settimeout(1)
            client.bind((source, 0))
            try:
                client.connect((address, port))
            except (TimeoutError, ConnectionResetError):
                return None
            for name, ear in self._ears.items():
                try:
                    accepted, peer = ear.accept()
                except BlockingIOError:
                    continue
                with accepted:
                    accepted.sendall(b"!")
                    assert client.recv(1) == b"!"
                return name, peer[0]
        raise AssertionError("connected, and nobody accepted")

    def close(self) -> None:
        for ear in self._ears.values():
            ear.close()


@pytest.fixture
def caller(node1: Wire) -> Iterator[Caller]:
    made = Caller(node1, 8080)
    yield made
    made.close()


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("preserve", Preserve)
@pytest.mark.parametrize("mode", MODES)
def test_a_pod_calls_its_own_service(
    caller: Caller, mode: str, scope: str, preserve: Preserve
) -> None:
    """One of the Service's two endpoints is the Pod itself; the other sees the Pod's own address."""
    kube_proxy(mode)
    with applied(SCOPES[scope], preserve):
        answers = {caller.call("10.96.10.10", 80) for _ in range(30)}
        assert answers == {("own Pod", NODE), ("elsewhere", POD)}
        assert caller.call("10.96.10.11", 80) == ("own Pod", NODE)


@pytest.mark.parametrize("scope", SCOPES)
def test_without_the_exceptions_it_is_cut_off(caller: Caller, scope: str) -> None:
    kube_proxy("nftables")
    with applied(SCOPES[scope], Preserve.ASSERT):
        rules = ruleset_of(
            SCOPES[scope], Masquerade(preserve=Preserve.ASSERT)
        ).skeleton.translation.rules
        bare = [rule.text for rule in rules if not rule.text.endswith("@keep4 return")]
        assert len(bare) == len(rules) - 1
        chain = "inet wayhome postrouting"
        nft("\n".join([f"flush chain {chain}", *(f"add rule {chain} {rule}" for rule in bare)]))
        assert caller.call("10.96.10.11", 80) is None


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("preserve", Preserve)
@pytest.mark.parametrize("mode", MODES)
def test_what_kube_proxy_marks_is_masqueraded_by_it(
    caller: Caller, mode: str, scope: str, preserve: Preserve
) -> None:
    """A client in the world calls a node port: the Pod must see the node, or its reply goes past it."""
    kube_proxy(mode)
    if mode == "nftables":  # the measured node had no address that takes calls to node ports
        nft(f"add element ip kube-proxy nodeport-ips {{ {Wire.NODE4} }}")
    with applied(SCOPES[scope], preserve):
        assert caller.call(Wire.NODE4, 30080, source=WORLD) == ("own Pod", NODE)


HOST_PORT = f"""*nat
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
:CNI-HOSTPORT-MASQ - [0:0]
:CNI-DN-0123456789abcdef01234 - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
-A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000
-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
-A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 8888 -j CNI-DN-0123456789abcdef01234
-A CNI-DN-0123456789abcdef01234 -s 172.16.0.0/24 -p tcp -m tcp --dport 8888 -j CNI-HOSTPORT-SETMARK
-A CNI-DN-0123456789abcdef01234 -s 127.0.0.1/32 -p tcp -m tcp --dport 8888 -j CNI-HOSTPORT-SETMARK
-A CNI-DN-0123456789abcdef01234 -p tcp -m tcp --dport 8888 -j DNAT --to-destination {POD}:8080
COMMIT
"""


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("preserve", Preserve)
@pytest.mark.parametrize("variant", ["nft", "legacy"])
def test_through_a_host_port(
    node1: Wire, caller: Caller, variant: str, preserve: Preserve, scope: str
) -> None:
    restore(HOST_PORT, variant)
    with applied(SCOPES[scope], preserve):
        assert caller.call(Wire.NODE4, 8888) == ("own Pod", NODE)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("variant", ["nft", "legacy"])
def test_through_a_host_port_from_outside(caller: Caller, variant: str, scope: str) -> None:
    """Nobody has to translate the source here, and in the scope of Pods nobody does."""
    restore(HOST_PORT, variant)
    with applied(SCOPES[scope], Preserve.ASSERT):
        assert caller.call(Wire.NODE4, 8888, source=WORLD) == ("own Pod", WORLD)


def foreign(place: str) -> None:
    """Somebody's rule that masquerades everything, before ours or after them."""
    if place.startswith("iptables-"):
        restore("*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n", place.removeprefix("iptables-"))
        return
    nft(
        "add table ip foreign\n"
        f"add chain ip foreign c {{ type nat hook postrouting priority {place}; }}\n"
        "add rule ip foreign c masquerade\n"
    )


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(
    ("place", "kept_although_there"),
    [
        ("srcnat", True),
        ("srcnat - 9", True),
        ("iptables-nft", True),
        ("iptables-legacy", True),
        (
            "srcnat - 11",
            False,
        ),  # it comes first, and nothing can be done about it: `node conflicts` names it
    ],
)
def test_under_somebody_elses_masquerade(
    caller: Caller, place: str, kept_although_there: bool, scope: str
) -> None:
    foreign(place)
    with applied(SCOPES[scope], Preserve.REPORT):
        assert caller.call("10.1.1.1", 8080) == ("elsewhere", Wire.NODE4)
    with applied(SCOPES[scope], Preserve.ASSERT):
        seen = POD if kept_although_there else Wire.NODE4
        assert caller.call("10.1.1.1", 8080) == ("elsewhere", seen)
        assert caller.call("8.8.8.8", 8080) == ("elsewhere", Wire.NODE4)


def test_source_ports_are_kept_too(node1: Wire) -> None:
    foreign("srcnat")
    with (
        applied(SCOPES["scope of Pods"], Preserve.ASSERT),
        node1.pod.entered(),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth,
    ):
        mouth.bind((POD, 4444))
        mouth.sendto(b"?", ("10.1.1.1", node1.PORT))
    seen = node1.arrived(socket.AF_INET)
    assert (seen.source, seen.source_port) == (POD, 4444)


def test_ipv6_is_asserted_too(wire: Wire) -> None:
    nft(
        "add table ip6 foreign\n"
        "add chain ip6 foreign c { type nat hook postrouting priority srcnat; }\n"
        "add rule ip6 foreign c masquerade\n"
    )
    pods = ["10.4.0.0/24", "fd04::/64"]
    with applied(make_policy("fd00::/8", ipv6=True, pods=pods), Preserve.ASSERT):
        assert wire.send("fd01::1").source == wire.POD6
        assert wire.send("2001:db8:99::1").source == wire.NODE6
