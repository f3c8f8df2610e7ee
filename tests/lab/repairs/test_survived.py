"""When a survival is one: every way in which it is not, is told apart."""

from ipaddress import ip_address

import pytest

from wayhome.clouds.gcp.resources.load_balancing import HealthCheck
from wayhome.lab.repairs.balancers import Backend
from wayhome.lab.repairs.stream import Sent
from wayhome.lab.repairs.survival import Survival
from wayhome.probe.observation import Observation, Protocol

CHECK = HealthCheck(name="check", check_interval_sec=1, timeout_sec=1, unhealthy_threshold=2)
DIED, LEFT_OUT = 10.0, 11.5


def sent(at: float, *, reached: bool, seconds: float = 0.005) -> Sent:
    reason = None if reached else "nothing listens there"
    address = ip_address("10.1.0.5")
    return Sent(at, Observation(Protocol.HTTP, address, None, seconds * 1000, reason))


def survival(*requests: Sent, left_out_at: float | None = LEFT_OUT) -> Survival:
    return Survival(CHECK, Backend("vm", "port"), DIED, left_out_at, requests)


GOOD = (sent(9.9, reached=True), sent(11.0, reached=False), sent(11.6, reached=True))


def test_what_is_lost_before_the_balancer_knows_belongs_to_a_survival() -> None:
    assert survival(*GOOD).as_expected


@pytest.mark.parametrize(
    ("requests", "left_out_at"),
    [
        ((*GOOD, sent(9.0, reached=False)), LEFT_OUT),  # lost before anybody died
        ((*GOOD, sent(11.7, reached=False)), LEFT_OUT),  # lost when the dead one was out
        ((GOOD[0], GOOD[2]), LEFT_OUT),  # nothing was lost: did anybody die?
        (GOOD[:2], LEFT_OUT),  # and nobody saw what came after
        (GOOD, None),
        (GOOD, DIED + 0.4),  # sooner than two checks can fail
        ((*GOOD[:2], sent(14.0, reached=True)), DIED + 3.6),  # and later than they may
    ],
)
def test_everything_else_does_not(requests: tuple[Sent, ...], left_out_at: float | None) -> None:
    assert not survival(*requests, left_out_at=left_out_at).as_expected


def test_a_request_that_was_under_way_when_it_died_is_none_from_before() -> None:
    under_way = sent(9.99, reached=False, seconds=0.02)
    seen = survival(*GOOD, under_way)
    assert under_way in seen.between
    assert seen.as_expected
