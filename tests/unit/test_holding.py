"""The design's table: what a source says, and what the node then holds, row by row."""

import pytest

from wayhome.agent.holding import GRACE, Basis, Held, Holding
from wayhome.agent.reading import Missing, Pending, Present, Reading, Unreadable, Wrong
from wayhome.policy import Finding, Settings, Severity

GOOD = b"nonMasqueradeCIDRs: [172.16.0.0/16]\n"
OTHER = b"nonMasqueradeCIDRs: [192.168.0.0/16]\n"
BAD = b"nonMasqueradeCIDRs: |\n  172.16.0.0/16\n"
GONE = Missing("not there")
UNKNOWN = Unreadable("no answer")
KEYLESS = Finding(Severity.ERROR, None, "there is no key config", "write one")


def ranges(held: Held) -> list[str]:
    return [str(entry.prefix) for entry in held.configuration.policy.entries][1:]


DEFAULTS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]


def test_never_configured_means_upstreams_defaults() -> None:
    held = Holding(Settings()).observe(GONE, 0)
    assert (held.basis, ranges(held), held.note) == (Basis.DEFAULTS, DEFAULTS, "not there")
    assert held.until is None
    assert not held.rejected


def test_a_valid_configuration_is_held() -> None:
    held = Holding(Settings()).observe(Present(GOOD), 0)
    assert (held.basis, ranges(held), held.data) == (Basis.CONFIGURATION, ["172.16.0.0/16"], GOOD)


@pytest.mark.parametrize("first", [GONE, UNKNOWN, Present(b"")])
def test_one_that_cannot_be_read_at_first_means_the_defaults(
    first: Missing | Unreadable | Present,
) -> None:
    held = Holding(Settings()).observe(first, 0)
    assert (held.basis, ranges(held)) == (Basis.DEFAULTS, DEFAULTS)


def test_one_that_can_be_read_no_more_leaves_the_last_good_one() -> None:
    holding = Holding(Settings())
    holding.observe(Present(GOOD), 0)
    held = holding.observe(UNKNOWN, 1000)
    assert (held.basis, ranges(held), held.note) == (
        Basis.LAST_GOOD,
        ["172.16.0.0/16"],
        "no answer",
    )
    assert not held.rejected
    assert held.until is None


def test_a_wrong_one_at_first_means_the_defaults_and_is_rejected() -> None:
    """Upstream's agent installs no rule at all here."""
    held = Holding(Settings()).observe(Present(BAD), 0)
    assert (held.basis, ranges(held)) == (Basis.DEFAULTS, DEFAULTS)
    assert held.rejected[0].line == 1


def test_a_wrong_one_leaves_the_last_good_one_and_is_rejected() -> None:
    holding = Holding(Settings())
    holding.observe(Present(GOOD), 0)
    held = holding.observe(Present(BAD), 1)
    assert (held.basis, ranges(held), held.data) == (Basis.LAST_GOOD, ["172.16.0.0/16"], GOOD)
    assert held.rejected


@pytest.mark.parametrize("nothing", [b"", b" \n"])
def test_an_emptied_one_is_rejected_and_says_what_to_write(nothing: bytes) -> None:
    holding = Holding(Settings())
    holding.observe(Present(GOOD), 0)
    held = holding.observe(Present(nothing), 1)
    assert (held.basis, ranges(held)) == (Basis.LAST_GOOD, ["172.16.0.0/16"])
    assert "write `{}`" in str(held.rejected[0])
    assert ranges(holding.observe(Present(b"{}"), 2)) == DEFAULTS


def test_a_removed_one_holds_for_ten_seconds_and_is_then_forgotten() -> None:
    holding = Holding(Settings())
    holding.observe(Present(GOOD), 0)
    held = holding.observe(GONE, 100)
    assert (held.basis, ranges(held), held.until) == (
        Basis.LAST_GOOD,
        ["172.16.0.0/16"],
        100 + GRACE,
    )
    assert holding.observe(GONE, 105).until == 100 + GRACE  # the wait does not begin anew
    held = holding.observe(GONE, 100 + GRACE)
    assert (held.basis, ranges(held), held.data) == (Basis.DEFAULTS, DEFAULTS, None)
    assert holding.observe(UNKNOWN, 200).basis is Basis.DEFAULTS


def test_a_new_one_after_a_removal_counts_at_once() -> None:
    holding = Holding(Settings())
    holding.observe(Present(GOOD), 0)
    holding.observe(GONE, 1)
    assert ranges(holding.observe(Present(OTHER), 2)) == ["192.168.0.0/16"]
    assert (
        holding.observe(GONE, 20).until == 20 + GRACE
    )  # and the next removal waits for its own ten seconds


def test_a_look_that_fails_during_the_ten_seconds_is_no_removal() -> None:
    holding = Holding(Settings())
    holding.observe(Present(GOOD), 0)
    holding.observe(GONE, 1)
    assert holding.observe(UNKNOWN, 30).basis is Basis.LAST_GOOD
    assert holding.observe(GONE, 31).until == 31 + GRACE


def test_a_start_begins_with_what_was_remembered() -> None:
    assert ranges(Holding(Settings(), GOOD).observe(UNKNOWN, 0)) == ["172.16.0.0/16"]
    assert ranges(Holding(Settings(), GOOD).observe(Present(BAD), 0)) == ["172.16.0.0/16"]
    assert ranges(Holding(Settings(), GOOD).observe(Present(b""), 0)) == ["172.16.0.0/16"]
    assert ranges(Holding(Settings(), GOOD).observe(Present(OTHER), 0)) == ["192.168.0.0/16"]
    removed = Holding(Settings(), GOOD)
    assert ranges(removed.observe(GONE, 0)) == ["172.16.0.0/16"]
    assert ranges(removed.observe(GONE, GRACE)) == DEFAULTS


def test_what_the_flags_of_this_start_refuse_is_not_resurrected() -> None:
    remembered = b"nonMasqueradeCIDRs: ['fd00::/8']\n"
    assert Holding(Settings(ipv6=True), remembered).observe(UNKNOWN, 0).basis is Basis.LAST_GOOD
    assert Holding(Settings(ipv6=False), remembered).observe(UNKNOWN, 0).basis is Basis.DEFAULTS


def versions(held: Held) -> tuple[str, str, str]:
    return held.version, held.key, held.seen


def test_an_object_without_a_configuration_is_rejected_and_no_removal() -> None:
    holding = Holding(Settings())
    held = holding.observe(Wrong((KEYLESS,), "1"), 0)
    assert (held.basis, held.rejected, versions(held)) == (
        Basis.DEFAULTS,
        (KEYLESS,),
        ("", "", "1"),
    )
    holding.observe(Present(GOOD, "2", "config"), 1)
    held = holding.observe(Wrong((KEYLESS,), "3"), 2)
    assert (held.basis, ranges(held), held.rejected) == (
        Basis.LAST_GOOD,
        ["172.16.0.0/16"],
        (KEYLESS,),
    )
    assert ranges(holding.observe(Wrong((KEYLESS,), "3"), 2 + 2 * GRACE)) == ["172.16.0.0/16"]


def test_the_version_that_is_held_and_the_one_that_was_seen() -> None:
    holding = Holding(Settings())
    steps: list[tuple[Reading, tuple[str, str, str]]] = [
        (UNKNOWN, ("", "", "")),
        (Present(GOOD, "1", "config"), ("1", "config", "1")),
        (Present(GOOD, "2", "config"), ("2", "config", "2")),
        (Present(BAD, "3", "config"), ("2", "config", "3")),
        (Present(b"", "4", "config"), ("2", "config", "4")),
        (Wrong((KEYLESS,), "5"), ("2", "config", "5")),
        (UNKNOWN, ("2", "config", "5")),
        (Present(OTHER, "6", "config.next"), ("6", "config.next", "6")),
        (GONE, ("6", "config.next", "")),
    ]
    for reading, expected in steps:
        assert versions(holding.observe(reading, 0)) == expected, reading
    assert versions(holding.observe(GONE, GRACE)) == ("", "", "")


def test_what_was_remembered_has_no_version_until_it_is_read_again() -> None:
    holding = Holding(Settings(), GOOD)
    held = holding.observe(Pending("asked a moment ago"), 0)
    assert (held.basis, ranges(held), held.unreadable) == (
        Basis.LAST_GOOD,
        ["172.16.0.0/16"],
        False,
    )
    assert versions(held) == ("", "", "")
    assert versions(holding.observe(Present(GOOD, "7", "config"), 1)) == ("7", "config", "7")


def test_a_note_about_where_the_text_stands_is_a_warning_beside_those_about_the_text() -> None:
    note = Finding(Severity.WARNING, None, "there is no config.next", "write one")
    known = Holding(Settings())
    held = known.observe(Present(b"unknown: 1\n" + GOOD, "1", "config", (note,)), 0)
    assert held.warnings[0] == note
    assert "unknown" in str(held.warnings[1])
    for data in (BAD, b""):
        assert note in known.observe(Present(data, "2", "config", (note,)), 0).warnings
    assert Holding(Settings()).observe(Present(b"", "1", "", (note,)), 0).warnings == (note,)


def test_what_is_wrong_with_a_canarys_text_names_its_key() -> None:
    holding = Holding(Settings())
    for data in (BAD, b"unknown: 1"):
        held = holding.observe(Present(data, "1", "config.next", candidate=True), 0)
        assert str((*held.rejected, *held.warnings)[0]).startswith("config.next, line 1: ")
    held = holding.observe(Present(b"", "2", "config.next", candidate=True), 0)
    assert str(held.rejected[0]).startswith("config.next: the configuration is empty")
    held = holding.observe(Present(BAD, "3", "config"), 0)
    assert str(held.rejected[0]).startswith("line 1: ")
