"""Which packets died in a lab: what is kept of them, and for how long."""

from ipaddress import ip_address
from pathlib import Path
from socket import IPPROTO_ICMP, IPPROTO_TCP

from wayhome.lab import deaths
from wayhome.lab.compiled import Sighted
from wayhome.lab.deaths import MOST, Deaths
from wayhome.lab.packets import Packet


def packet(port: int = 80, transport: int = IPPROTO_TCP) -> Packet:
    return Packet(ip_address("10.0.0.1"), ip_address("10.0.1.1"), transport, 40000, port)


def test_packets_that_died_alike_are_counted_and_the_last_one_is_last(tmp_path: Path) -> None:
    found = Deaths()
    for port in (80, 443, 80):
        assert found.add(Sighted("fabric", "FIREWALL_RULE", packet(port)))
    found.write(tmp_path)
    other, counted = deaths.read(tmp_path)
    assert (other.death.destination_port, other.times) == (443, 1)
    assert (counted.death.destination_port, counted.times) == (80, 2)
    assert counted.last >= other.last
    assert (counted.death.node, counted.death.cause, counted.death.source) == (
        "fabric", "FIREWALL_RULE", "10.0.0.1",
    )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == [deaths.FILE]


def test_what_was_delivered_or_cannot_be_read_is_no_death(tmp_path: Path) -> None:
    found = Deaths()
    assert not found.add(Sighted("host", None, packet()))
    assert not found.add(Sighted("fabric", "FIREWALL_RULE", None))
    assert deaths.read(tmp_path) == []


def test_only_the_last_kinds_are_kept(tmp_path: Path) -> None:
    found = Deaths()
    for port in range(1, MOST + 3):
        found.add(Sighted("fabric", "NO_ROUTE", packet(port, IPPROTO_ICMP)))
    found.write(tmp_path)
    kept = deaths.read(tmp_path)
    assert [one.death.destination_port for one in kept] == list(range(3, MOST + 3))
    assert kept[0].death.transport == "icmp"


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    Deaths().write(tmp_path / "gone")
