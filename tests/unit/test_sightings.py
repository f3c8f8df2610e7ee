"""What is seen of others is said once, when it begins, when it changes and when it ends."""

import io
import json
from typing import Any

import pytest

from wayhome.agent.bypass import Verdict
from wayhome.agent.logs import Format, Log
from wayhome.agent.sightings import Sightings
from wayhome.agent.tally import Tally
from wayhome.kernel.foreign.report import MOST_CONFLICTS, ForeignRules, Report


class Seen:
    def __init__(self) -> None:
        self._stream = io.StringIO()
        self.tally = Tally(clock=lambda: 1000.0)
        self.sightings = Sightings(Log(Format.JSON, self._stream), self.tally)

    def said(self) -> list[tuple[str, str]]:
        """Events and messages since the last time."""
        lines: list[dict[str, Any]] = [
            json.loads(line) for line in self._stream.getvalue().splitlines()
        ]
        self._stream.seek(0)
        self._stream.truncate()
        return [(line["event"], line["message"]) for line in lines]

    def events(self) -> list[str]:
        return [event for event, _ in self.said()]


@pytest.fixture
def seen() -> Seen:
    return Seen()


def conflicts(*sentences: str) -> Report:
    return Report(tuple(ForeignRules(s, certain=True) for s in sentences), len(sentences))


def test_conflicts_come_stay_and_go(seen: Seen) -> None:
    seen.sightings.looked(conflicts("one", "two"))
    assert seen.said() == [("conflict", "one"), ("conflict", "two")]
    seen.sightings.looked(conflicts("two", "one"))
    assert seen.said() == []
    seen.sightings.looked(conflicts("two", "three"))
    assert seen.said() == [("conflict", "three"), ("conflict gone", "no longer so: one")]
    assert seen.tally.report is not None
    assert seen.tally.report.certain == 2
    assert seen.tally.ready is False  # for other reasons
    assert seen.tally.disagreement == ""


def test_a_hundred_conflicts_are_not_a_hundred_lines(seen: Seen) -> None:
    seen.sightings.looked(conflicts(*map(str, range(100))))
    said = seen.said()
    assert len(said) == 21
    assert said[-1][1].startswith("and 80 more; `wayhome node conflicts`")


def test_what_a_full_report_has_no_room_for_is_not_said_to_be_gone(seen: Seen) -> None:
    before = [f"conflict {number:02}" for number in range(MOST_CONFLICTS)]
    seen.sightings.looked(conflicts(*before))
    seen.said()
    seen.sightings.looked(conflicts("a new one", *before[:-1]))
    assert seen.said() == [("conflict", "a new one")]


def test_a_table_that_is_left_beside_another_agents_chain_is_named_in_the_cure(seen: Seen) -> None:
    chain, table, differ = (
        "IP-MASQ-AGENT (iptables-nft, IPv4)",
        "inet wayhome",
        ("172.16.0.0/16: …",),
    )
    seen.sightings.looked(Report(deciders=(chain, table), disagreements=differ))
    assert "wayhome-agent clean" in seen.said()[-1][1]
    for deciders in ((chain,), (table,)):
        seen.sightings.looked(Report(deciders=deciders, disagreements=differ))
        assert "clean" not in seen.said()[-1][1]


def test_looks_that_fail_are_said_once_and_forget_nothing(seen: Seen) -> None:
    seen.sightings.looked(conflicts("one"))
    seen.said()
    for _ in range(3):
        seen.sightings.not_looked("nft hangs")
    assert seen.said() == [("not looked", "nft hangs; whether there are conflicts is not known")]
    assert seen.tally.report is None
    assert seen.tally.look_failures == 3
    seen.sightings.looked(conflicts("one"))
    assert seen.events() == ["looked"]


def observed(*disagreements: str, by: tuple[str, ...] = ("IP-MASQ",)) -> Report:
    return Report(deciders=by, disagreements=disagreements)


def test_agreement_and_its_end(seen: Seen) -> None:
    seen.sightings.looked(observed())
    seen.sightings.looked(observed())
    assert seen.events() == ["agrees"]
    seen.sightings.looked(observed("10.0.0.0/8: no"))
    seen.sightings.looked(observed("10.0.0.0/8: no"))
    assert seen.events() == ["disagrees", "cure"]
    assert seen.tally.disagreement == "10.0.0.0/8: no"
    seen.sightings.looked(observed(by=("inet wayhome",)))
    assert seen.events() == ["agrees"]
    assert seen.tally.disagreement == ""


def test_a_bypass_is_said_when_it_begins_and_when_it_ends(seen: Seen) -> None:
    past = Verdict(bypassed=True, packets=5000, minutes=3)
    for _ in range(3):
        seen.sightings.judged(past, "cilium_host")
    ((event, message),) = seen.said()
    assert event == "bypassed"
    assert "5000 packets in 3 minutes" in message
    assert "cilium_host" in message
    assert seen.tally.bypassed is True
    seen.sightings.judged(Verdict(bypassed=False, packets=5000, minutes=3), "cilium_host")
    assert seen.events() == ["consulted"]
    seen.sightings.judged(past, None)
    assert "these Pods talk to this node only" in seen.said()[0][1]


def test_rules_that_are_consulted_from_the_start_are_no_news(seen: Seen) -> None:
    seen.sightings.judged(Verdict(bypassed=False, packets=5000, minutes=3), None)
    assert seen.said() == []
    assert seen.tally.bypassed is False
