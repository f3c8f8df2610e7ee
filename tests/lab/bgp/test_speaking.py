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
)  # fmt: skip

from wayhome.lab import programs
from wayhome.lab.agreement import compare
from wayhome.lab.bgp import Birds, Told, before_bgp
from wayhome.lab.compiled import Asked, LabNetwork, Seen
from wayhome.lab.programs import ProgramError, environment
from wayhome.network import Address, Flow, Protocol
from wayhome.prefixes import Prefix
from wayhome.trace import Lost, trace

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(
        shutil.which("bird", path=environment()["PATH"]) is None,
        reason="bird is not installed; scripts/test installs it (bird2)",
    ),
]

TO_OFFICE = "projects/source-project/regions/asia-northeast1/vpnTunnels/to-office"
POD = Address.parse("172.16.2.2")
BEFORE, AFTER = Told.of(exported()), Told.of(repaired())


@pytest.fixture(scope="module")
def lab() -> Iterator[LabNetwork]:
    with LabNetwork(before_bgp(BEFORE.network, BEFORE.speakers)) as network:
        yield network


@pytest.fixture(scope="module")
def birds(lab: LabNetwork, tmp_path_factory: pytest.TempPathFactory) -> Birds:
    long = tmp_path_factory.mktemp("birds") / ("of a folder with a long name " * 4)
    long.mkdir()
    return Birds(lab.built, BEFORE.speakers, long)


@pytest.fixture(params=["exported", "advertised", "withdrawn"])
def told(request: pytest.FixtureRequest, birds: Birds) -> Told:
    """The last is the first again, after the second."""
    if request.param != "exported":
        become(birds, AFTER)
    if request.param != "advertised":
        become(birds, BEFORE)
    return AFTER if request.param == "advertised" else BEFORE


def become(birds: Birds, told: Told) -> None:
    birds.announce(told.speakers)
    birds.wait()


def test_the_kernels_have_what_the_routers_are_derived_to_advertise(
    told: Told, birds: Birds
) -> None:
    pods = {Prefix.parse(PODS)} if told is AFTER else set()
    assert birds.learned(DESTINATION) == {Prefix.parse("10.1.0.0/16")} | pods
    assert birds.learned(OFFICE) == {Prefix.parse("10.1.0.0/16")} | pods
    both = {Prefix.parse("10.2.0.0/16"), Prefix.parse("192.168.10.0/24")}
    assert birds.learned(SOURCE) == both


@pytest.mark.parametrize("protocol", [(Protocol.TCP, 80), (Protocol.ICMP, None)])
def test_the_pod_comes_home_if_and_only_if_its_range_is_advertised(
    told: Told, lab: LabNetwork, protocol: tuple[Protocol, int | None]
) -> None:
    """Not what a tracer says: what is known of the case."""
    office, target = ask(lab, OFFICE_HOST, protocol), ask(lab, Address.parse("10.2.0.1"), protocol)
    if told is AFTER:
        assert [(one.reached, one.source_seen) for one in (office, target)] == [(True, POD)] * 2
        return
    assert (office.lost, office.died_at, office.cause) == (Lost.REPLY, OFFICE, "NO_ROUTE")
    assert (target.lost, target.cause) == (Lost.REPLY, "PRIVATE_TRAFFIC_TO_INTERNET")
    assert (target.died_at or "").startswith(DESTINATION)


def ask(lab: LabNetwork, destination: Address, protocol: tuple[Protocol, int | None]) -> Seen:
    pod = next(name for name in lab.network.places if name.endswith("/my-pod"))
    (seen,) = lab.ask([Asked(Flow(POD, destination, *protocol), pod)])
    return seen


def test_kernel_and_tracer_agree_about_all_flows(told: Told, lab: LabNetwork) -> None:
    asked = all_flows(told.network)
    assert len(asked) > 100
    answers = lab.ask(asked)
    traces = [trace(told.network, one.flow, one.at) for one in asked]
    differ = [compare(*both) for both in zip(traces, answers, strict=True)]
    assert [str(one) for one in differ if one] == []


def test_who_does_not_hear_in_time_is_named_with_what_he_heard(
    birds: Birds, lab: LabNetwork
) -> None:
    """The session's packets go through the tunnel; a wait that returned whatever is heard would prove nothing."""
    become(birds, BEFORE)
    silence = (
        "table inet silence { chain quiet { type filter hook forward priority 0; policy drop; }; }"
    )
    with lab.built.namespace(TO_OFFICE).entered():
        programs.run(("nft", "-f", "-"), silence)
    birds.announce(AFTER.speakers)
    with pytest.raises(
        ProgramError, match=r"after 0\.2 s of BGP: .*office heard 10\.1\.0\.0/16 .*not"
    ):
        birds.wait(0.2)
    with lab.built.namespace(TO_OFFICE).entered():
        programs.run(("nft", "-f", "-"), "delete table inet silence")
    birds.wait()


def test_bird_that_is_not_installed_is_named_with_the_command(
    lab: LabNetwork, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("wayhome.lab.bgp.speaking.shutil.which", lambda *_, **__: None)
    with pytest.raises(ProgramError, match="apt-get install --no-install-recommends bird2"):
        Birds(lab.built, BEFORE.speakers, tmp_path)
