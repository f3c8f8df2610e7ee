"""The kernel's own connection tracking: what is dumped, and what a deletion hits."""

import os
import re
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest
from tests.kernel.entries import TCP, UDP, Entry, connections, insert
from tests.kernel.nodes import nft
from tests.kernel.wire import Wire

from wayhome.kernel import KernelError
from wayhome.kernel.connection import Connection, Endpoints
from wayhome.kernel.conntrack import NFNL_SUBSYS_CTNETLINK, Conntrack
from wayhome.kernel.local_addresses import local_addresses
from wayhome.kernel.netlink import NLM_F_DUMP, NLM_F_DUMP_INTR, DumpInterruptedError, Netlink
from wayhome.kernel.nfnetlink import NETLINK_NETFILTER, nfgenmsg
from wayhome.kernel.selection import Selection
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.prefixes import Family, Intervals, format_address, parse_address

pytestmark = pytest.mark.kernel

CT_GET = 1 << 8 | 1
NODE4, NODE6 = "203.0.113.1", "2001:db8:1::1"


def ip(text: str) -> int:
    return parse_address(text)[1]


def source(connection: Connection) -> str:
    return format_address(connection.family, connection.original.source)


def test_an_entry_is_read_with_its_translation(netns: NetworkNamespace) -> None:
    insert(
        Entry("10.4.0.3", "10.9.0.1", TCP, 40001, 80, masqueraded_to=NODE4, service="10.96.0.1"),
        Entry("fd04::2", "fd02::1", TCP, 40002, 443, masqueraded_to=NODE6),
    )
    four, six = connections()
    assert (four.family, four.protocol) == (Family.IPV4, TCP)
    assert four.original == Endpoints(ip("10.4.0.3"), ip("10.96.0.1"), 40001, 80)
    assert four.reply == Endpoints(ip("10.9.0.1"), ip(NODE4), 80, 40001)
    assert four.source_translated
    assert four.destination_translated
    assert four.timeout is not None
    assert 590 < four.timeout <= 600
    assert six.original == Endpoints(ip("fd04::2"), ip("fd02::1"), 40002, 443)
    assert six.translated_source == ip(NODE6)
    assert not six.destination_translated
    assert four.id != six.id


def test_an_entry_without_ports(wire: Wire) -> None:
    nft(
        "add table ip t\nadd chain ip t c { type nat hook postrouting priority 100; }\nadd rule ip t c masquerade"
    )
    with wire.pod.entered(), socket.socket(socket.AF_INET, socket.SOCK_RAW, 1) as mouth:
        mouth.sendto(bytes.fromhex("0800 b2fe 4500 0001"), ("8.8.8.8", 0))  # an echo request
    (connection,) = connections(Selection(protocol=1))
    assert connection.original == Endpoints(ip(wire.POD4), ip("8.8.8.8"))
    assert connection.translated_source == ip(wire.NODE4)
    with Conntrack() as conntrack:
        assert list(conntrack.delete([connection])) == [connection]
    assert connections() == []


def test_zones(netns: NetworkNamespace) -> None:
    insert(
        Entry("10.4.0.2", "10.2.0.1"),
        Entry("10.4.0.2", "10.2.0.1", zone=7),
        Entry("10.4.0.3", "10.2.0.1", zone_of_original=9),
    )
    found = {connection.zone: connection for connection in connections()}
    assert set(found) == {0, 7, 9}
    with Conntrack() as conntrack:
        assert list(conntrack.delete([found[7]])) == [found[7]]
        assert {connection.zone for connection in connections()} == {0, 9}
        assert list(conntrack.delete([found[9]])) == [found[9]]
    assert [connection.zone for connection in connections()] == [0]


def test_a_new_connection_with_the_same_tuple_is_not_hit(netns: NetworkNamespace) -> None:
    same = Entry("10.4.0.2", "10.2.0.1")
    insert(same)
    (old,) = connections()
    with Conntrack() as conntrack:
        assert list(conntrack.delete([old])) == [old]
        # Others take the place in memory that was freed: the id is made from it.
        insert(*(Entry("10.4.0.3", "10.2.0.1", source_port=1024 + n) for n in range(200)))
        insert(same)
        (new,) = (c for c in connections() if c.original == old.original)
        assert new.id != old.id
        assert list(conntrack.delete([old])) == []
        assert new.name in [c.name for c in connections()]
        assert list(conntrack.delete([new])) == [new]


def test_deletions_say_which_entries_were_still_there(netns: NetworkNamespace) -> None:
    """Among more than are asked for at once, and across both families."""
    insert(*(Entry("10.4.0.2", "10.2.0.1", source_port=1024 + n) for n in range(150)))
    insert(*(Entry("fd04::2", "fd02::1", source_port=1024 + n) for n in range(50)))
    before = connections()
    with Conntrack() as conntrack:
        gone = before[::3]
        assert list(conntrack.delete(gone)) == gone
        assert list(conntrack.delete(before)) == [c for c in before if c not in gone]
    assert connections() == []


SOME = [
    Entry("10.4.0.2", "10.2.0.1"),
    Entry("10.4.0.2", "10.2.0.1", TCP),
    Entry("10.4.0.2", "10.2.0.2", masqueraded_to=NODE4),
    Entry("10.4.0.2", "10.3.0.1", TCP, masqueraded_to=NODE4),
    Entry("10.4.0.3", "10.2.0.9", TCP, service="10.96.0.1"),
    Entry("fd04::2", "fd02::1"),
    Entry("fd04::2", "fd03::1", TCP, masqueraded_to=NODE6),
]
RANGES = {
    Family.IPV4: Intervals.of([(ip("10.2.0.2"), ip("10.2.255.255"))]),
    Family.IPV6: Intervals.of([(ip("fd03::"), Family.IPV6.last)]),
}


@pytest.mark.parametrize(
    "selection, count",
    [
        (Selection(), 7),
        (Selection(families=(Family.IPV6,)), 2),
        (Selection(families=()), 0),
        (Selection(protocol=UDP), 3),
        (Selection(protocol=TCP), 4),
        (Selection(translated=True), 3),
        (Selection(protocol=TCP, translated=True), 2),
        (Selection(destinations=RANGES), 3),
        (Selection(destinations=RANGES, protocol=TCP), 2),
        (Selection(destinations={}), 0),
    ],
)
@pytest.mark.parametrize("kernel_filters", [True, False], ids=["filtered", "older-kernel"])
def test_selections(
    netns: NetworkNamespace,
    monkeypatch: pytest.MonkeyPatch,
    selection: Selection,
    count: int,
    kernel_filters: bool,
) -> None:
    """A kernel that does not know our filters sends everything, and the same is selected."""
    if not kernel_filters:
        monkeypatch.setattr(Selection, "kernel_filter", lambda _: b"")
    insert(*SOME)
    found = connections(selection)
    assert len(found) == count
    assert {c.name for c in found} == {c.name for c in connections() if selection.holds(c)}


RELEASE = tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])


@pytest.mark.skipif(RELEASE < (6, 1), reason="the filters are younger than this kernel")
@pytest.mark.parametrize(
    "selection, count", [(Selection(protocol=TCP), 3), (Selection(translated=True), 2)]
)
def test_the_kernel_filters(netns: NetworkNamespace, selection: Selection, count: int) -> None:
    """What is not wanted does not even arrive."""
    insert(*SOME)
    netlink = Netlink(NETLINK_NETFILTER)
    everything = nfgenmsg(socket.AF_INET)
    some = everything + selection.kernel_filter()
    assert len(list(netlink.ask(CT_GET, some, NLM_F_DUMP))) == count
    assert len(list(netlink.ask(CT_GET, everything, NLM_F_DUMP))) == 5
    netlink.close()


def test_a_dump_is_read_as_it_is_wanted(
    netns: NetworkNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first entry, one datagram has been taken from the kernel and not the whole table."""
    insert(*(Entry("10.4.0.2", "10.2.0.1", source_port=1024 + n) for n in range(2000)))
    taken: Counter[str] = Counter()
    receive = Netlink.receive

    def counted(netlink: Netlink) -> Iterator[tuple[int, int, int, bytes]]:
        taken["datagrams"] += 1
        return receive(netlink)

    monkeypatch.setattr(Netlink, "receive", counted)
    with Conntrack() as conntrack:
        dump = conntrack.dump(Selection())
        next(dump)
        assert taken["datagrams"] == 1
        assert sum(1 for _ in dump) == 1999
        assert taken["datagrams"] > 10


def test_a_dump_that_was_left_does_not_disturb_the_next(netns: NetworkNamespace) -> None:
    insert(*(Entry("10.4.0.2", "10.2.0.1", source_port=1024 + n) for n in range(2000)))
    with Conntrack() as conntrack:
        next(conntrack.dump(Selection()))
        assert sum(1 for _ in conntrack.dump(Selection())) == 2000


def interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mark real answers as the kernel marks those of a dump during which its table was rebuilt."""
    receive = Netlink.receive

    def marked(netlink: Netlink) -> Iterator[tuple[int, int, int, bytes]]:
        for kind, flags, sequence, body in receive(netlink):
            interrupted = kind >> 8 == NFNL_SUBSYS_CTNETLINK
            yield kind, flags | (NLM_F_DUMP_INTR if interrupted else 0), sequence, body

    monkeypatch.setattr(Netlink, "receive", marked)


def test_an_interrupted_dump_says_so_after_all_that_it_has(
    netns: NetworkNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(*SOME)
    interrupt(monkeypatch)
    found: list[Connection] = []
    with Conntrack() as conntrack, pytest.raises(DumpInterruptedError):
        found.extend(conntrack.dump(Selection()))
    assert len(found) == len(SOME)


def test_without_the_right_to_it(netns: NetworkNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(netlink: Netlink, datagram: bytes) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Netlink, "send", refused)
    with pytest.raises(KernelError, match="CAP_NET_ADMIN"):
        connections()


def test_local_addresses_are_those_of_the_rules(wire: Wire) -> None:
    found = local_addresses()
    four, six = found[Family.IPV4], found[Family.IPV6]
    for own in (wire.NODE4, "10.4.0.1", "127.0.0.1", "127.9.9.9"):
        assert ip(own) in four, own
    for others in ("10.4.0.2", "203.0.113.2", "8.8.8.8", "10.4.0.255"):
        assert ip(others) not in four, others
    for own in (wire.NODE6, "fd04::1", "::1"):
        assert ip(own) in six, own
    assert ip("fd04::2") not in six
    with wire.ext.entered():
        assert local_addresses()[Family.IPV4].spans == ((0, Family.IPV4.last),)


def test_a_transparent_proxys_table_makes_nothing_local(wire: Wire) -> None:
    subprocess.run(
        ["ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "100"], check=True
    )
    subprocess.run(["ip", "rule", "add", "fwmark", "1", "lookup", "100"], check=True)
    assert ip("8.8.8.8") not in local_addresses()[Family.IPV4]
