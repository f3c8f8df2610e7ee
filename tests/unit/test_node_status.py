"""What a node says of itself: what its kernel holds, and never more than was seen."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from wayhome.agent.holding import GRACE, Holding
from wayhome.agent.node_status import (
    BYPASSED,
    OVERDUE_SECONDS,
    QUARREL,
    ScopeFacts,
    status_of,
)
from wayhome.agent.reading import Missing, Pending, Present, Reading, Unreadable
from wayhome.agent.tally import Tally
from wayhome.kernel import Change, ChangeKind
from wayhome.kernel.foreign.report import Report
from wayhome.kube.status_lease import DEFAULTS, NodeStatus, State
from wayhome.policy import Finding, Settings, Severity

GOOD = Present(b"nonMasqueradeCIDRs: [10.0.0.0/8]\nresyncInterval: 60s\n", "7", "config")
OTHER = Present(b"nonMasqueradeCIDRs: [10.0.0.0/8]\nresyncInterval: 61s\n", "8", "config.next")
BAD = Present(b"a: b: c\nnonMasqueradeCIDRs: 7\n", "9", "config")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
ABOUT = NodeStatus(node="n", backend="nftables")


class Told:
    """An agent's tally, and what it would say."""

    def __init__(self) -> None:
        self.now = NOON
        self.tally = Tally(clock=self.clock)
        self.holding = Holding(Settings())
        self.scope = ScopeFacts()
        self.observing = False

    def clock(self) -> float:
        return self.now.timestamp()

    def read(self, reading: Reading, at: float = 0.0) -> None:
        self.tally.source(self.holding.observe(reading, at))

    def apply(self) -> None:
        assert self.tally.held
        self.tally.applied(self.tally.held, Change(ChangeKind.NOTHING, 0.0), 0.0)
        self.tally.verified()

    @property
    def status(self) -> NodeStatus:
        found = status_of(ABOUT, self.tally, self.scope, self.now, observing=self.observing)
        assert found
        return found


@pytest.fixture
def told() -> Told:
    return Told()


def test_nothing_is_said_before_the_source_was_looked_at(told: Told) -> None:
    assert status_of(ABOUT, told.tally, told.scope, NOON) is None


def test_applied_is_said_only_of_what_the_kernel_was_seen_to_hold(told: Told) -> None:
    told.read(GOOD)
    assert (told.status.state, told.status.held_version, told.status.seen_version) == (State.PENDING, "", "7")  # fmt: skip
    assert (told.status.held_digest, told.status.applied_at) == ("", None)
    told.apply()
    status = told.status
    assert (status.state, status.held_version, status.held_key) == (State.APPLIED, "7", "config")
    assert status.applied_at == NOON
    assert status.held_digest == "sha256:" + _sha256(GOOD.data)
    assert (status.error, status.scope, status.backend) == ("", "node", "nftables")
    told.read(OTHER)
    status = told.status
    assert (status.state, status.held_version, status.seen_version) == (State.PENDING, "7", "8")
    told.apply()
    assert (told.status.state, told.status.held_key) == (State.APPLIED, "config.next")


def test_another_version_of_the_same_is_held_without_a_change_of_the_kernel(told: Told) -> None:
    told.read(GOOD)
    told.apply()
    told.read(replace(GOOD, version="8"))
    assert (told.status.state, told.status.held_version) == (State.APPLIED, "8")


def test_a_rejected_one_leaves_what_is_held(told: Told) -> None:
    told.read(GOOD)
    told.apply()
    told.read(BAD)
    status = told.status
    assert (status.state, status.held_version, status.seen_version) == (State.REJECTED, "7", "9")
    assert status.error.startswith("line 1: ")


def test_a_kernel_that_refuses_is_more_than_all_else(told: Told) -> None:
    told.read(GOOD)
    told.apply()
    told.read(BAD)
    told.tally.kernel_refused("no memory", 1.0)
    status = told.status
    assert (status.state, status.error, status.held_version) == (State.KERNEL_REFUSED, "no memory", "7")  # fmt: skip
    told.tally.verified()
    assert told.status.state == State.REJECTED


def test_the_other_readings(told: Told) -> None:
    told.read(Pending("asked"))
    told.apply()
    assert told.status.state == State.PENDING  # nothing is known of a configuration
    told.read(Missing("make one"))
    assert (told.status.state, told.status.held_digest) == (State.DEFAULTS, DEFAULTS)
    assert (told.status.error, told.status.warning) == ("", "make one")
    told.read(GOOD)
    told.apply()
    told.read(Unreadable("the API is down"))
    assert (told.status.state, told.status.error) == (State.UNREADABLE, "the API is down")
    assert told.status.held_version == "7"
    told.read(Missing("gone"), 100.0)
    assert (told.status.state, told.status.held_version) == (State.REMOVED, "7")
    told.read(Missing("gone"), 100.0 + GRACE)
    assert told.status.state == State.PENDING
    told.apply()
    assert (told.status.state, told.status.held_version) == (State.DEFAULTS, "")


def test_what_was_not_verified_in_time_is_not_known_any_more(told: Told) -> None:
    told.read(GOOD)
    told.apply()
    told.now += timedelta(seconds=60 + OVERDUE_SECONDS)
    assert told.status.state == State.APPLIED
    told.now += timedelta(seconds=1)
    assert told.status.state == State.KERNEL_REFUSED
    assert told.status.error == "the kernel has not answered since 2026-03-04T12:00:00Z"


def test_rules_that_are_only_observed_are_held_while_they_are_seen_to_agree(told: Told) -> None:
    told.observing = True
    told.read(GOOD)
    told.apply()
    assert (told.status.state, told.status.held_version) == (State.PENDING, "")  # nobody looked
    told.tally.looked(Report(deciders=("ip-masq-agent",), disagreements=("10.9.0.0/16 is hidden",)))
    status = told.status
    assert (status.state, status.held_version) == (State.KERNEL_REFUSED, "")
    assert status.error == "10.9.0.0/16 is hidden"
    told.tally.looked(Report(deciders=("ip-masq-agent",), disagreements=()))
    assert (told.status.state, told.status.held_version) == (State.APPLIED, "7")


def test_a_refused_scope_is_said_with_its_reason(told: Told) -> None:
    told.scope = ScopeFacts("cali1 has 10.9.0.1, which lies outside")
    told.read(GOOD)
    assert told.status.state == State.PENDING
    told.apply()
    assert (told.status.state, told.status.held_version) == (State.SCOPE_REFUSED, "7")
    assert told.status.error == "cali1 has 10.9.0.1, which lies outside"


def test_while_somebody_keeps_damaging_the_rules_applied_is_not_said(told: Told) -> None:
    """Repairs are up to a minute apart: in between, nobody knows what the kernel holds."""
    told.read(GOOD)
    told.apply()
    told.tally.repaired(Change(ChangeKind.ELEMENTS, 0.0), alarm=False, next_in=8.0)
    told.tally.verified()
    assert told.status.state == State.APPLIED
    told.tally.repaired(Change(ChangeKind.ELEMENTS, 0.0), alarm=True, next_in=16.0)
    told.tally.verified()
    status = told.status
    assert (status.state, status.error, status.warning) == (State.KERNEL_REFUSED, QUARREL, "")
    assert status.held_version == "7"
    told.tally.kernel_refused("no memory", 1.0)
    assert (told.status.error, told.status.warning) == ("no memory", QUARREL)
    told.tally.verified()
    told.read(BAD)
    assert (told.status.state, told.status.warning) == (State.REJECTED, QUARREL)
    told.read(GOOD)
    told.now += timedelta(seconds=601)
    told.tally.verified()
    assert (told.status.state, told.status.error, told.status.warning) == (State.APPLIED, "", "")


def test_of_several_warnings_those_about_packets_come_first(told: Told) -> None:
    told.read(GOOD)
    told.apply()
    told.scope = ScopeFacts(warnings=(Finding(Severity.WARNING, None, "no entry holds", "write"),))
    told.tally.bypassed = True
    assert told.status.warning == f"{BYPASSED} (and 1 more)"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
