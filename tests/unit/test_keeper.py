"""When the agent looks, applies and speaks: any sequence of events, in no time."""

import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from wayhome.agent.announcer import Announcer
from wayhome.agent.holding import GRACE, Held, Holding
from wayhome.agent.keeper import Keeper
from wayhome.agent.logs import Format, Log
from wayhome.agent.memory import Memory
from wayhome.agent.observer import Observers
from wayhome.agent.reading import Missing, Pending, Present, Reading, Unreadable, Wrong
from wayhome.agent.tally import Tally
from wayhome.agent.transitions import Transitions
from wayhome.kernel import ElementChanges, Masquerade, NftablesBackend, RefusedError
from wayhome.kernel.commands import Transaction
from wayhome.kernel.fake import FakeKernel
from wayhome.kernel.table import Table
from wayhome.kernel.transition_mode import TransitionMode
from wayhome.policy import Finding, Settings, Severity
from wayhome.prefixes import Prefix

GOOD = Present(b"nonMasqueradeCIDRs: [172.16.0.0/16]\n")
OTHER = Present(b"nonMasqueradeCIDRs: [172.16.0.0/16, 10.1.0.0/16]\n")
BAD = Present(b"nonMasqueradeCIDRs: 7\n")
GONE = Missing("not there")
KEYLESS = Finding(Severity.ERROR, None, "there is no key config", "write one")
CREATION = 2
"""Transactions that make the table where there is none."""


class WatchedKernel(FakeKernel):
    """Counts attempts and readings, and can refuse or be interfered with."""

    def __init__(self, node: "Node") -> None:
        super().__init__()
        self.node = node
        self.readings: list[float] = []
        self.attempts: list[float] = []
        self.refuses = False
        self.interference = ""

    def read(self) -> Table | None:
        self.readings.append(self.node.now)
        return super().read()

    def write(self, transaction: Transaction) -> None:
        self._attempt()
        super().write(transaction)

    def change(self, changes: ElementChanges) -> None:
        self._attempt()
        super().change(changes)
        script, self.interference = self.interference, ""
        if script:
            self.nftables.run(script)
            self.node.news = True

    def _attempt(self) -> None:
        self.attempts.append(self.node.now)
        if self.refuses:
            raise RefusedError("no memory")


class Node:
    """An agent on a node whose file, kernel and clock the test holds in its hands."""

    def __init__(self, folder: Path | None = None, reading: Reading = GONE) -> None:
        self.now = 1000.0
        self.reading = reading
        self.news = False
        self.kernel = WatchedKernel(self)
        self.folder = folder
        self.start()

    def start(self) -> None:
        self.stream = io.StringIO()
        self.tally = Tally(lambda: self.now)
        memory = Memory(self.folder)
        remembered, _ = memory.recall()
        self.keeper = Keeper(
            source=self,
            backend=NftablesBackend(self.kernel, Masquerade()),
            holding=Holding(Settings(), remembered),
            memory=memory,
            observer=Observers((Announcer(Log(Format.JSON, self.stream), "the file"), self.tally)),
            transitions=Transitions(TransitionMode.KEEP, Log(Format.JSON, self.stream)),
            drift=self,
            clock=lambda: self.now,
        )
        self.due = self.keeper.step()

    def read(self) -> Reading:
        return self.reading

    def drain(self) -> bool:
        news, self.news = self.news, False
        return news

    def write(self, reading: Reading) -> None:
        self.reading = reading
        self.keeper.source_changed()
        self.due = self.keeper.step()

    def damage(self, script: str) -> None:
        self.kernel.nftables.run(script)
        self.news = True
        self.keeper.tables_changed()
        self.due = self.keeper.step()

    def run(self, seconds: float) -> None:
        """Let time pass, and do what falls due in it."""
        end = self.now + seconds
        while self.due <= end:
            self.now = max(self.now, self.due)
            self.due = self.keeper.step()
        self.now = end

    def kept(self) -> set[str]:
        table = self.kernel.read()
        assert table is not None
        held = table.sets[0]
        assert held.type.name == "keep4"
        return {
            str(prefix)
            for first, last in held.intervals
            for prefix in Prefix.from_interval(held.type.family, first, last)
        } - {"169.254.0.0/16"}

    def said(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        self.stream.seek(0)
        self.stream.truncate()
        return lines

    @property
    def in_kernel(self) -> Held:
        """What the kernel is known to hold."""
        assert self.tally.applied_held
        return self.tally.applied_held

    def events(self) -> list[str]:
        return [line["event"] for line in self.said()]


DEFAULTS = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"}


def test_a_start_without_a_configuration() -> None:
    node = Node()
    assert node.kept() == DEFAULTS
    assert node.events() == ["no configuration", "applied"]
    node.run(3600)
    assert len(node.kernel.transactions) == CREATION
    assert node.events() == []


def test_a_change_is_applied_at_once_as_a_difference() -> None:
    node = Node(reading=GOOD)
    node.said()
    node.write(OTHER)
    assert node.kept() == {"172.16.0.0/16", "10.1.0.0/16"}
    assert len(node.kernel.transactions) == CREATION + 1
    assert node.kernel.transactions[-1].count("\n") == 1
    applied = node.said()[-1]
    assert (applied["event"], applied["added"], applied["removed"]) == ("applied", 1, 0)


def test_the_same_text_again_does_nothing() -> None:
    node = Node(reading=GOOD)
    node.said()
    node.write(Present(GOOD.data))
    assert (len(node.kernel.transactions), node.events()) == (CREATION, [])


def test_a_wrong_one_is_rejected_once_and_the_last_good_one_stays() -> None:
    node = Node(reading=GOOD)
    node.said()
    node.write(BAD)
    assert node.kept() == {"172.16.0.0/16"}
    (line,) = node.said()
    assert line["event"] == "rejected"
    assert "line 1: nonMasqueradeCIDRs is a single value" in line["message"]
    assert "The last good configuration stays" in line["message"]
    node.run(600)
    assert node.events() == []
    node.write(GOOD)
    assert len(node.kernel.transactions) == CREATION, "the kernel held it all the time"
    assert node.events() == ["accepted"]


def test_a_removed_one_gives_way_after_ten_seconds() -> None:
    node = Node(reading=GOOD)
    node.write(GONE)
    node.run(GRACE - 0.1)
    assert node.kept() == {"172.16.0.0/16"}
    node.run(0.2)
    assert node.kept() == DEFAULTS
    assert node.events() == ["applied", "removed", "no configuration", "applied"]


def test_a_removed_one_that_comes_back_is_said_to_be_back() -> None:
    node = Node(reading=GOOD)
    node.write(GONE)
    node.run(GRACE / 2)
    node.write(GOOD)
    node.run(GRACE)
    assert node.events() == ["applied", "removed", "accepted"]


def test_a_restart_begins_with_the_last_good_one(tmp_path: Path) -> None:
    node = Node(tmp_path, GOOD)
    node.reading = Unreadable("no volume")
    node.kernel = WatchedKernel(node)
    node.start()
    assert node.kept() == {"172.16.0.0/16"}
    assert node.events() == ["unreadable", "applied"]


def test_what_was_removed_does_not_come_back_after_a_restart(tmp_path: Path) -> None:
    node = Node(tmp_path, GOOD)
    node.write(GONE)
    node.run(GRACE)
    node.reading = Unreadable("no volume")
    node.start()
    assert node.kept() == DEFAULTS


def test_an_agent_killed_within_the_ten_seconds_still_has_the_last_good_one(tmp_path: Path) -> None:
    node = Node(tmp_path, GOOD)
    node.write(GONE)
    node.start()
    assert node.kept() == {"172.16.0.0/16"}
    node.run(GRACE)
    assert node.kept() == DEFAULTS


def test_a_restart_with_the_same_configuration_sends_nothing(tmp_path: Path) -> None:
    node = Node(tmp_path, GOOD)
    node.start()
    assert len(node.kernel.transactions) == CREATION
    assert [(line["event"], line.get("how")) for line in node.said()] == [
        ("applied", "nothing to change")
    ]


def test_damage_is_repaired_at_once() -> None:
    node = Node(reading=GOOD)
    node.run(5)
    node.said()
    node.damage("delete table inet wayhome\n")
    assert node.kept() == {"172.16.0.0/16"}
    (line,) = node.said()
    assert (line["event"], line["cause"]) == ("repaired", "there is no table of ours")


def test_what_others_do_elsewhere_is_no_damage() -> None:
    node = Node(reading=GOOD)
    node.run(5)
    for _ in range(100):
        node.damage("add table ip foreign\n")
        node.run(0.01)
    assert (len(node.kernel.transactions), node.events()) == (CREATION, ["applied"])


def test_our_table_is_looked_at_once_a_second_at_most() -> None:
    node = Node(reading=GOOD)
    node.run(5)
    node.kernel.readings.clear()
    for _ in range(10_000):
        node.news = True
        node.keeper.tables_changed()
        node.due = node.keeper.step()
        node.run(0.001)
    assert 9 <= len(node.kernel.readings) <= 12


def test_damage_during_our_own_change_is_not_taken_for_it() -> None:
    """The kernel reports our own transaction too; what came with it must not be lost."""
    node = Node(reading=GOOD)
    node.run(5)
    node.kernel.interference = "delete table inet wayhome\n"
    node.write(OTHER)
    node.run(2)
    assert node.kept() == {"172.16.0.0/16", "10.1.0.0/16"}


def test_a_table_that_is_damaged_again_and_again_is_repaired_ever_more_rarely_with_an_alarm() -> (
    None
):
    node = Node(reading=GOOD)
    node.run(5)
    node.said()
    repairs: list[float] = []
    for _ in range(6000):  # ten minutes, a damage every 0.1 s
        before = len(node.kernel.transactions)
        if node.kernel.read() is not None:
            node.damage("delete table inet wayhome\n")
        node.run(0.1)
        if len(node.kernel.transactions) > before:
            repairs.append(node.now)
    waits = [later - earlier for earlier, later in pairwise(repairs)]
    assert waits[0] <= 1.2
    assert all(55 <= wait <= 61 for wait in waits[-5:])
    assert len(repairs) < 25
    events = node.events()
    assert events[0] == "repaired"
    assert events[-1] == "alarm"


def test_an_alarm_says_when_the_next_repair_may_come() -> None:
    node = Node(reading=GOOD)
    node.run(5)
    node.said()
    alarms: list[tuple[float, float]] = []
    for _ in range(600):
        if node.kernel.read() is not None:
            node.damage("delete table inet wayhome\n")
        for line in node.said():
            if line["event"] == "alarm":
                seconds = line["message"].partition("again in ")[2].partition(" s at the")[0]
                alarms.append((node.now, float(seconds)))
        node.run(0.1)
    assert [seconds for _, seconds in alarms] == [16, 32]
    (first, promised), (second, _) = alarms
    assert promised <= second - first <= promised + 0.2


def test_what_was_heard_of_the_tables_is_taken_before_they_are_read() -> None:
    """Otherwise it would be heard again, and every change be followed by a look each second for ever."""
    node = Node(reading=GOOD)
    node.run(5)
    node.damage("delete table inet wayhome\n")
    assert not node.news


def test_a_new_configuration_does_not_wait_for_the_repairs() -> None:
    node = Node(reading=GOOD)
    for _ in range(300):
        if node.kernel.read() is not None:
            node.damage("delete table inet wayhome\n")
        node.run(0.1)
    node.write(OTHER)
    assert node.kept() == {"172.16.0.0/16", "10.1.0.0/16"}


def test_never_more_than_five_transactions_a_second() -> None:
    node = Node(reading=GOOD)
    for number in range(500):
        node.write(OTHER if number % 2 else GOOD)
        node.run(0.01)
    times = node.kernel.attempts
    assert len(times) >= 20
    assert all(later - earlier >= 0.999 for earlier, later in zip(times, times[5:], strict=False))
    node.run(2)
    assert node.kept() == {"172.16.0.0/16", "10.1.0.0/16"}, "the last one wins"


def test_a_kernel_that_refuses_keeps_what_it_held_and_is_tried_again() -> None:
    node = Node(reading=GOOD)
    node.said()
    node.kernel.attempts.clear()
    node.kernel.refuses = True
    node.write(OTHER)
    node.run(300)
    assert node.kept() == {"172.16.0.0/16"}
    # After 1, 2, 4, … 60 s; each time a difference, and then a replacement.
    assert 8 <= len(node.kernel.attempts) / 2 <= 14
    (line,) = node.said()
    assert line["event"] == "kernel"
    assert "no memory; the kernel holds what it held before" in line["message"]
    node.kernel.refuses = False
    node.run(61)
    assert node.kept() == {"172.16.0.0/16", "10.1.0.0/16"}


def test_what_the_kernel_refuses_is_not_remembered(tmp_path: Path) -> None:
    node = Node(tmp_path, GOOD)
    node.kernel.refuses = True
    node.write(OTHER)
    assert Memory(tmp_path).recall()[0] == GOOD.data


def test_everything_is_verified_at_the_interval_of_the_configuration() -> None:
    """Damage that nobody reported, and a file that changed where nobody watched (a symlink to another folder)."""
    node = Node(reading=Present(b"resyncInterval: 30s\nnonMasqueradeCIDRs: [172.16.0.0/16]\n"))
    node.kernel.nftables.run("delete table inet wayhome\n")
    node.run(31)
    assert node.kept() == {"172.16.0.0/16"}
    node.reading = OTHER
    node.run(31)
    assert node.kept() == {"172.16.0.0/16", "10.1.0.0/16"}


def test_a_newer_version_of_the_same_text_changes_the_version_that_is_held_and_nothing_else() -> (
    None
):
    node = Node(reading=Present(GOOD.data, "7", "config"))
    assert node.events() == ["applied"]
    applied_at = node.tally.applied_at
    node.run(5)
    node.write(Present(GOOD.data, "8", "config"))
    assert (node.in_kernel.version, node.in_kernel.seen) == ("8", "8")
    assert (len(node.kernel.transactions), node.tally.applied_at) == (CREATION, applied_at)
    assert node.events() == []
    node.write(Present(GOOD.data + b"# a note\n", "9", "config"))
    assert (node.in_kernel.version, len(node.kernel.transactions)) == ("9", CREATION)


def test_a_wrong_object_is_rejected_once_for_all_its_versions_and_keeps_what_is_held() -> None:
    node = Node(reading=Present(GOOD.data, "7", "config"))
    node.said()
    node.write(Wrong((KEYLESS,), "8"))
    (line,) = node.said()
    assert (line["event"], "there is no key config" in line["message"]) == ("rejected", True)
    assert (node.in_kernel.version, node.in_kernel.seen) == ("7", "8")
    node.write(Wrong((KEYLESS,), "9"))
    node.run(600)
    assert node.events() == []
    assert (node.in_kernel.seen, node.tally.rejections) == ("9", 2)
    assert node.kept() == {"172.16.0.0/16"}
    node.write(Present(GOOD.data, "10", "config"))
    assert (node.events(), node.in_kernel.version) == (["accepted"], "10")


def test_what_the_kernel_refused_is_not_the_version_that_it_holds() -> None:
    node = Node(reading=Present(GOOD.data, "7", "config"))
    node.kernel.refuses = True
    node.write(Present(OTHER.data, "8", "config"))
    assert node.in_kernel.version == "7"
    node.kernel.refuses = False
    node.run(61)
    assert node.in_kernel.version == "8"


def test_a_start_does_not_wait_for_an_answer_and_the_answer_counts_at_once(tmp_path: Path) -> None:
    node = Node(tmp_path, GOOD)
    node.reading = Pending("the API was asked a moment ago")
    node.start()
    assert node.kept() == {"172.16.0.0/16"}
    assert [line["level"] for line in node.said()] == ["info", "info"]
    node.write(Present(GOOD.data, "7", "config"))
    assert (node.events(), node.in_kernel.version) == (["accepted"], "7")


def test_other_settings_change_the_rules_once_whatever_the_source_says(tmp_path: Path) -> None:
    pods = Settings(pod_cidrs=(Prefix.parse("10.4.0.0/24"),), ipv6=None)
    for reading in (GOOD, BAD, Unreadable("down")):
        node = Node(tmp_path / type(reading).__name__, GOOD)
        node.write(reading)
        before = len(node.kernel.transactions)
        node.keeper.settings_changed(pods)
        node.due = node.keeper.step()
        foundation, switch = node.kernel.transactions[before:]
        assert "add set inet wayhome pods4" in foundation
        assert "rule" not in foundation
        assert "ip saddr != @pods4 return" in switch
        assert node.kept() == {"172.16.0.0/16"}
        before = len(node.kernel.transactions)
        node.keeper.settings_changed(Settings())
        node.due = node.keeper.step()
        (back,) = node.kernel.transactions[before:]
        assert "@pods4" not in back


def test_the_same_settings_again_change_nothing() -> None:
    node = Node(reading=GOOD)
    before = len(node.kernel.transactions)
    node.keeper.settings_changed(Settings())
    node.due = node.keeper.step()
    assert len(node.kernel.transactions) == before
