"""Connections that are open when the policy changes: which of them start again, seen by real packets and in the kernel."""

import errno
import socket
import struct
from collections.abc import Callable, Iterator

import pytest
from tests.kernel.entries import TCP, UDP, Entry, connections, insert
from tests.kernel.nodes import nft
from tests.kernel.policies import make_policy
from tests.kernel.test_conntrack import interrupt, ip
from tests.kernel.wire import Wire

from wayhome.kernel import Applier, NftablesKernel, ruleset_of
from wayhome.kernel.held_policy import held_policy
from wayhome.kernel.netlink import NLMSG_ERROR, Netlink
from wayhome.kernel.transition import Expired, Transition
from wayhome.kernel.transition_mode import TransitionMode
from wayhome.policy import Policy
from wayhome.prefixes import format_address

pytestmark = pytest.mark.kernel

KEEP, EXPIRE_UDP, EXPIRE_ALL = TransitionMode

OLD = make_policy("10.0.0.0/8")
NEW = make_policy("10.0.0.0/8", "192.0.2.0/24", masquerade=["10.2.0.0/16"])
"""10.2.0.0/16 becomes masqueraded, 192.0.2.0/24 becomes kept."""

Commit = Callable[[Policy], Policy | None]


@pytest.fixture
def commit(wire: Wire) -> Iterator[Commit]:
    """Apply a policy, and return the one that the kernel held before."""
    with NftablesKernel() as kernel:
        applier = Applier(kernel)

        def apply(policy: Policy) -> Policy | None:
            before = held_policy(kernel.read())
            applier.apply(ruleset_of(policy))
            return before

        yield apply


def test_without_a_table_there_is_no_old_policy(commit: Commit) -> None:
    assert commit(OLD) is None
    assert not Transition(None, NEW, EXPIRE_ALL).needed
    assert Transition(None, NEW, EXPIRE_ALL).run() == Expired({})


def test_udp_keeps_its_translation_until_it_is_expired(wire: Wire, commit: Commit) -> None:
    commit(OLD)
    assert wire.send("10.2.0.1").source == wire.POD4
    assert wire.send("192.0.2.1").source == wire.NODE4
    old = commit(NEW)
    assert Transition(old, NEW, KEEP).run() == Expired({})
    assert wire.send("10.2.0.1").source == wire.POD4
    assert wire.send("192.0.2.1").source == wire.NODE4
    transition = Transition(old, NEW, EXPIRE_UDP)
    assert transition.run() == Expired({UDP: 2})
    assert wire.send("10.2.0.1").source == wire.NODE4
    assert wire.send("192.0.2.1").source == wire.POD4
    assert transition.run() == Expired({})  # what was opened since is right


def test_others_are_untouched(wire: Wire, commit: Commit) -> None:
    """Every connection that is not to start again is the same entry afterwards."""
    commit(OLD)
    for destination in ("10.1.0.1", "8.8.8.8", "10.2.0.1", "192.0.2.1"):
        wire.send(destination)
    ping(wire, "10.2.0.7")
    host = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for destination in ("10.2.0.1", "192.0.2.1"):
        host.sendto(b"?", (destination, wire.PORT))
    with wire.ext.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.bind(("10.2.0.200", 4444))
        mouth.sendto(b"?", (wire.POD4, 5555))  # from outside to the Pod
    host.close()
    insert(
        Entry("10.4.0.2", "10.2.0.1", TCP),
        Entry("10.4.0.2", "10.2.0.2", zone=7),
        Entry("10.4.0.2", "10.2.0.3", masqueraded_to=wire.NODE4),  # kube-proxy's, or older
        Entry("10.4.0.2", "10.2.0.4", service="10.96.0.1"),
        Entry("10.4.0.2", "192.0.2.4", masqueraded_to=wire.NODE4, service="10.96.0.2"),
        Entry("10.4.0.2", "192.0.2.5", masqueraded_to="203.0.113.99"),  # an egress gateway
        Entry("10.4.0.2", "192.0.2.6"),  # not as the old policy says
        Entry("198.51.100.9", "192.0.2.7", masqueraded_to="10.4.0.1", service=wire.NODE4),
    )  # the last one: from outside to a NodePort
    wanted = {"10.2.0.1", "192.0.2.1", "10.2.0.4", "192.0.2.4"}
    before = connections()
    transition = Transition(commit(NEW), NEW, EXPIRE_UDP)
    assert transition.run() == Expired({UDP: 4})
    names = {connection.name for connection in connections()}
    gone = [connection for connection in before if connection.name not in names]
    assert {format_address(c.family, c.translated_destination) for c in gone} == wanted
    assert {c.protocol for c in gone} == {UDP}
    assert {c.original.source for c in gone} == {ip(wire.POD4)}
    assert len(gone) == 4
    assert Transition(OLD, NEW, EXPIRE_ALL).run() == Expired({TCP: 1, 1: 1})


def test_the_second_run_finds_what_came_during_the_first(wire: Wire, commit: Commit) -> None:
    commit(OLD)
    old = commit(NEW)
    transition = Transition(old, NEW, EXPIRE_UDP)
    assert transition.run() == Expired({})
    insert(Entry("10.4.0.2", "10.2.0.9"))  # its packet met the old rules, its entry came late
    assert wire.send("10.2.0.1").source == wire.NODE4
    assert transition.run() == Expired({UDP: 1})


def test_tcp_is_reset_and_connects_anew(wire: Wire, commit: Commit) -> None:
    commit(OLD)
    with wire.ext.entered():
        listener = socket.create_server(("", 8080))
    listener.settimeout(5)
    with listener:
        client, server, seen = connect(wire, listener, "10.2.0.1")
        other, other_server, _ = connect(wire, listener, "10.1.0.1")
        assert seen == wire.POD4
        old = commit(NEW)
        assert Transition(old, NEW, EXPIRE_UDP).run() == Expired({})
        assert talks(client, server)
        assert Transition(old, NEW, EXPIRE_ALL).run() == Expired({TCP: 1})
        assert talks(other, other_server)
        client.sendall(b"?")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        client.close()
        server.close()
        client, server, seen = connect(wire, listener, "10.2.0.1")
        assert seen == wire.NODE4
        for opened in (client, server, other, other_server):
            opened.close()


def test_a_service_is_judged_by_the_pod_behind_it(wire: Wire, commit: Commit) -> None:
    """What the Pod asked for is kept by both policies; where its packets go is not."""
    nft(
        "add table ip proxy\n"
        "add chain ip proxy c { type nat hook prerouting priority dstnat; }\n"
        f"add rule ip proxy c ip daddr 10.96.0.10 udp dport {wire.PORT} dnat to 10.2.0.1\n"
    )
    commit(OLD)
    assert wire.send("10.96.0.10").source == wire.POD4
    old = commit(NEW)
    assert wire.send("10.96.0.10").source == wire.POD4
    assert Transition(old, NEW, EXPIRE_UDP).run() == Expired({UDP: 1})
    seen = wire.send("10.96.0.10")
    assert (seen.source, seen.destination) == (wire.NODE4, "10.2.0.1")


def test_ipv6(wire: Wire, commit: Commit) -> None:
    before = make_policy("fd00::/8", ipv6=True)
    after = make_policy("fd00::/8", masquerade=["fd02::/16"], ipv6=True)
    commit(before)
    assert wire.send("fd02::1").source == wire.POD6
    assert wire.send("fd01::1").source == wire.POD6
    old = commit(after)
    assert Transition(old, after, EXPIRE_UDP).run() == Expired({UDP: 1})
    assert wire.send("fd02::1").source == wire.NODE6
    assert wire.send("fd01::1").source == wire.POD6


def test_ipv6_is_switched_on(wire: Wire, commit: Commit) -> None:
    """A change of scope: every destination may be concerned."""
    after = make_policy("10.0.0.0/8", ipv6=True)
    commit(OLD)
    assert wire.send("2001:db8:99::1").source == wire.POD6
    assert wire.send("8.8.8.8").source == wire.NODE4
    old = commit(after)
    assert Transition(old, after, EXPIRE_UDP).run() == Expired({UDP: 1})
    assert wire.send("2001:db8:99::1").source == wire.NODE6


def test_the_scope_narrows_to_pods(wire: Wire, commit: Commit) -> None:
    after = make_policy("10.0.0.0/8", pods=["10.4.1.0/24"])
    commit(OLD)
    assert wire.send("8.8.8.8").source == wire.NODE4
    old = commit(after)
    assert Transition(old, after, EXPIRE_UDP).run() == Expired({UDP: 1})
    assert wire.send("8.8.8.8").source == wire.POD4


def test_an_interrupted_dump_deletes_what_it_has_and_says_so(
    wire: Wire, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(OLD)
    wire.send("10.2.0.1")
    old = commit(NEW)
    with monkeypatch.context() as patched:
        interrupt(patched)
        assert Transition(old, NEW, EXPIRE_UDP).run() == Expired({UDP: 1}, complete=False)
    assert wire.send("10.2.0.1").source == wire.NODE4


def test_nothing_is_dumped_where_nothing_changes(
    wire: Wire, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(OLD)
    old = commit(NEW)
    monkeypatch.setattr(
        "wayhome.kernel.transition.Conntrack", lambda: pytest.fail("opened connection tracking")
    )
    for policies in ((old, NEW, KEEP), (NEW, NEW, EXPIRE_ALL), (None, NEW, EXPIRE_ALL)):
        transition = Transition(*policies)
        assert not transition.needed
        assert transition.run() == Expired({})


def ping(wire: Wire, destination: str) -> None:
    with wire.pod.entered(), socket.socket(socket.AF_INET, socket.SOCK_RAW, 1) as mouth:
        mouth.sendto(bytes.fromhex("0800 b2fe 4500 0001"), (destination, 0))


def connect(
    wire: Wire, listener: socket.socket, destination: str
) -> tuple[socket.socket, socket.socket, str]:
    """Both ends of a connection from the Pod, and the address that the other side sees."""
    with wire.pod.entered():
        client = socket.create_connection((destination, 8080), timeout=5)
    server, (seen, _) = listener.accept()
    server.settimeout(5)
    return client, server, str(seen)


def talks(client: socket.socket, server: socket.socket) -> bool:
    client.sendall(b"?")
    if server.recv(1) != b"?":
        return False
    server.sendall(b"!")
    return client.recv(1) == b"!"


def test_what_the_kernel_does_not_let_go_is_counted(
    wire: Wire, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As older kernels answer for what a flow table carries."""
    commit(OLD)
    insert(*(Entry("10.4.0.2", f"10.2.0.{n}") for n in range(1, 10)))
    transition = Transition(commit(NEW), NEW, EXPIRE_UDP)
    receive = Netlink.receive

    def busy(netlink: Netlink) -> Iterator[tuple[int, int, int, bytes]]:
        for kind, flags, sequence, body in receive(netlink):
            acknowledged = kind == NLMSG_ERROR and body[:4] == bytes(4)
            yield kind, flags, sequence, struct.pack("=i", -errno.EBUSY) if acknowledged else body

    with monkeypatch.context() as patched:
        patched.setattr(Netlink, "receive", busy)
        assert transition.run() == Expired({UDP: 8}, busy=1)
