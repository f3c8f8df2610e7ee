"""A site with two tunnels and a session over each: the lower MED decides, for BIRD as for what is derived."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.lab.bgp.case import OFFICE, OFFICE_HOST, SOURCE, all_flows, exported, silent

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.router import Interface, Router, RouterStatus
from wayhome.clouds.gcp.resources.vpn import VpnTunnel
from wayhome.clouds.located import Located
from wayhome.clouds.values import IpAddress, Reference
from wayhome.lab.agreement import compare
from wayhome.lab.bgp import Birds, Told, before_bgp, configuration
from wayhome.lab.compiled import Asked, LabNetwork
from wayhome.lab.programs import Program, environment
from wayhome.network import Address, Flow, Protocol
from wayhome.trace import trace

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(
        shutil.which("bird", path=environment()["PATH"]) is None,
        reason="bird is not installed; scripts/test installs it (bird2)",
    ),
]

SILENCE = "table inet silence { chain quiet { type filter hook forward priority 0; policy drop; } }"
REGION = "projects/source-project/regions/asia-northeast1"
ROUTER, FIRST, SECOND = f"{REGION}/routers/my-router", f"{REGION}/vpnTunnels/to-office", f"{REGION}/vpnTunnels/to-office-2"  # fmt: skip
NODE = "projects/source-project/zones/asia-northeast1-a/instances/gke-node-02"


def with_two_tunnels(told: tuple[int, int], learned: tuple[int, int]) -> Estate:
    """The office at two tunnels; the MEDs of what it is told over each, and of what it tells."""
    estate = exported()
    tunnel, router = estate.all(VpnTunnel)[FIRST], estate.all(Router)[ROUTER]
    second = msgspec.structs.replace(
        tunnel.value, name="to-office-2", self_link=Reference(SECOND), vpn_gateway_interface=1
    )
    to_destination, to_office = router.value.bgp_peers
    peers = (
        to_destination,
        msgspec.structs.replace(to_office, advertised_route_priority=told[0]),
        msgspec.structs.replace(
            to_office,
            name="to-office-2",
            interface_name="if-to-office-2",
            advertised_route_priority=told[1],
            ip_address=IpAddress("169.254.12.1"),
            peer_ip_address=IpAddress("169.254.12.2"),
        ),
    )
    interface = Interface(name="if-to-office-2", linked_vpn_tunnel=Reference(SECOND))
    changed = msgspec.structs.replace(
        router.value, bgp_peers=peers, interfaces=(*router.value.interfaces, interface)
    )
    status = estate.all(RouterStatus)[f"{ROUTER}/status"]
    result = status.value.result
    from_destination, from_office = result.best_routes
    best = (
        from_destination,
        msgspec.structs.replace(from_office, priority=learned[0]),
        msgspec.structs.replace(
            from_office,
            priority=learned[1],
            next_hop_vpn_tunnel=Reference(SECOND),
            next_hop_ip=IpAddress("169.254.12.2"),
        ),
    )
    learnt = msgspec.structs.replace(
        status.value,
        result=msgspec.structs.replace(result, best_routes=best, best_routes_for_router=best),
    )
    return estate.with_changes(
        created=[Located(second, replace(tunnel.evidence, object=SECOND))],
        changed=[Located(changed, router.evidence), Located(learnt, status.evidence)],
    )


@pytest.mark.parametrize(("meds_told", "learned"), [((100, 50), (50, 100)), ((10, 20), (7, 8))])
def test_the_lower_med_is_the_way(
    meds_told: tuple[int, int], learned: tuple[int, int], tmp_path: Path
) -> None:
    told = Told.of(with_two_tunnels(meds_told, learned))
    with speaking(told, tmp_path) as lab:
        (home,), (out,) = ways(lab, OFFICE, "10.1.0.3"), ways(lab, SOURCE, str(OFFICE_HOST))
        assert disagreements(told, lab) == []
    flow = Flow(Address.parse("10.1.0.3"), OFFICE_HOST, Protocol.TCP, 80)
    traced = trace(told.network, flow, NODE)
    assert home == (SECOND if meds_told[1] < meds_told[0] else FIRST) == traced.reply[0].left
    assert out == (SECOND if learned[1] < learned[0] else FIRST)
    assert out in [hop.left for hop in traced.forward]


def test_equal_ones_share_the_flows(tmp_path: Path) -> None:
    told = Told.of(with_two_tunnels((100, 100), (100, 100)))
    with speaking(told, tmp_path) as lab:
        assert ways(lab, OFFICE, "10.1.0.3") == {FIRST, SECOND}
        assert ways(lab, SOURCE, str(OFFICE_HOST)) == {FIRST, SECOND}
        assert disagreements(told, lab) == []


def test_a_tunnel_that_falls_silent_takes_its_session_and_the_flows_go_by_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at once: what is silent is trusted for the hold time, a minute at a Cloud Router."""
    monkeypatch.setattr(configuration, "KEEPALIVE_SECONDS", 1)
    monkeypatch.setattr(configuration, "HOLD_SECONDS", 3)
    told = Told.of(with_two_tunnels((50, 100), (50, 100)))
    asked = Asked(Flow(Address.parse("10.1.0.3"), OFFICE_HOST, Protocol.TCP, 80), NODE)
    with speaking(told, tmp_path) as lab:
        assert ways(lab, OFFICE, "10.1.0.3") == ways(lab, SOURCE, str(OFFICE_HOST)) == {FIRST}
        with silent(lab.built.namespace(FIRST)):
            assert not lab.ask([asked], seconds=1.0)[0].reached  # before the hold time is over
            until = time.monotonic() + 20
            while FIRST in ways(lab, OFFICE, "10.1.0.3") | ways(lab, SOURCE, str(OFFICE_HOST)):
                assert time.monotonic() < until
                time.sleep(0.1)
            (seen,) = lab.ask([asked])
    assert seen.reached
    assert seen.delivered_to == OFFICE


@contextmanager
def speaking(told: Told, folder: Path) -> Iterator[LabNetwork]:
    with LabNetwork(before_bgp(told.network, told.speakers)) as lab:
        Birds(lab.built, told.speakers, folder)
        yield lab


def disagreements(told: Told, lab: LabNetwork) -> list[str]:
    asked = all_flows(told.network)
    traces = [trace(told.network, one.flow, one.at) for one in asked]
    both = zip(traces, lab.ask(asked), strict=True)
    return [str(found) for said, seen in both if (found := compare(said, seen))]


def ways(lab: LabNetwork, node: str, destination: str) -> set[str]:
    """The ports by which BIRD's route leads there."""
    command = ("ip", "route", "show", "table", "all", "proto", "bird", "match", destination)
    _, text = lab.built.run(Program(node, "ip", command), seconds=5)
    names = lab.built.nodes[node].names.ports
    return {name for name, one in names.items() if f" dev {one.name} " in text}
