"""Real BIRD in the network of the case over a VPN: what it tells is what is derived, and packets go accordingly.

BIRD has to bring back every route that was taken out. So kernel and tracer have to agree about all flows, at each of
three moments: as exported, with the Pods' range advertised, and when it is withdrawn again.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lab.bgp.case import (
    DESTINATION,
    OFFICE,
    OFFICE_HOST,
    PODS,
    SOURCE,
    all_flows,
    exported,
    repaired,
    silent,
)  # fmt: skip

from wayhome.lab.agreement import compare
from wayhome.lab.bgp import Birds, Told, before_bgp
from wayhome.lab.compiled import Asked, LabNetwork, Seen
from wayhome.lab.programs import ProgramError, environment
from wayhome.network import Address, Flow, Protocol
from wayhome.trace import Lost, trace

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(
        shutil.which("bird", path=environment()["PATH"]) is None,
        reason="bird is not installed; scripts/test installs it (bird2)",
    ),
]

TO_OFFICE = "projects/source-project/regions/asia-northeast1/vpnTunnels/to-office"
HEARD_TOO_LITTLE = r"after 0\.2 s of BGP: .*office heard 10\.1\.0\.0/16 .*not"
POD = Address.parse("172.16.2.2")


@pytest.fixture(scope="module")
def lab() -> Iterator[LabNetwork]:
    told = Told.of(exported())
    with LabNetwork(before_bgp(told.network, told.speakers)) as network:
        yield network


@pytest.fixture(scope="module")
def birds(lab: LabNetwork, tmp_path_factory: pytest.TempPathFactory) -> Birds:
    long = tmp_path_factory.mktemp("birds") / ("of a folder with a long name " * 4)
    long.mkdir()
    return Birds(lab.built, Told.of(exported()).speakers, long)


def test_what_is_told_is_what_is_derived_and_packets_go_accordingly(
    lab: LabNetwork, birds: Birds
) -> None:
    before, after = Told.of(exported()), Told.of(repaired())
    for told in (before, after, before):
        birds.announce(told.speakers)
        birds.wait()
        the_kernels_have_what_is_advertised(birds, pods=told is after)
        for protocol in ((Protocol.TCP, 80), (Protocol.ICMP, None)):
            the_pod_comes_home(lab, protocol, home=told is after)
        kernel_and_tracer_agree(lab, told)


def the_kernels_have_what_is_advertised(birds: Birds, *, pods: bool) -> None:
    told = {"10.1.0.0/16", PODS} if pods else {"10.1.0.0/16"}
    assert set(map(str, birds.learned(DESTINATION))) == told
    assert set(map(str, birds.learned(OFFICE))) == told
    assert set(map(str, birds.learned(SOURCE))) == {"10.2.0.0/16", "192.168.10.0/24"}


def the_pod_comes_home(
    lab: LabNetwork, protocol: tuple[Protocol, int | None], *, home: bool
) -> None:
    """Not what a tracer says: what is known of the case."""
    office, target = ask(lab, OFFICE_HOST, protocol), ask(lab, Address.parse("10.2.0.1"), protocol)
    if home:
        assert [(one.reached, one.source_seen) for one in (office, target)] == [(True, POD)] * 2
        return
    assert (office.lost, office.died_at, office.cause) == (Lost.REPLY, OFFICE, "NO_ROUTE")
    assert (target.lost, target.cause) == (Lost.REPLY, "PRIVATE_TRAFFIC_TO_INTERNET")
    assert (target.died_at or "").startswith(DESTINATION)


def ask(lab: LabNetwork, destination: Address, protocol: tuple[Protocol, int | None]) -> Seen:
    pod = next(name for name in lab.network.places if name.endswith("/my-pod"))
    (seen,) = lab.ask([Asked(Flow(POD, destination, *protocol), pod)])
    return seen


def kernel_and_tracer_agree(lab: LabNetwork, told: Told) -> None:
    asked = all_flows(told.network)
    assert len(asked) > 100
    traces = [trace(told.network, one.flow, one.at) for one in asked]
    differ = [compare(*both) for both in zip(traces, lab.ask(asked), strict=True)]
    assert [str(one) for one in differ if one] == []


def test_who_does_not_hear_in_time_is_named_with_what_he_heard(
    birds: Birds, lab: LabNetwork
) -> None:
    """The session's packets go through the tunnel; a wait that returned whatever is heard would prove nothing."""
    birds.announce(Told.of(exported()).speakers)
    birds.wait()
    with silent(lab.built.namespace(TO_OFFICE)):
        birds.announce(Told.of(repaired()).speakers)
        with pytest.raises(ProgramError, match=HEARD_TOO_LITTLE):
            birds.wait(0.2)
    birds.wait()


def test_bird_that_is_not_installed_is_named_with_the_command(
    lab: LabNetwork, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("wayhome.lab.bgp.speaking.shutil.which", lambda *_, **__: None)
    with pytest.raises(ProgramError, match="apt-get install --no-install-recommends bird2"):
        Birds(lab.built, Told.of(exported()).speakers, tmp_path)
