"""Several ConfigMaps in upstream's format: what they say together, and what becomes of one that is taken away."""

from itertools import permutations

import pytest

from wayhome.agent.holding import GRACE, Basis, Holding
from wayhome.agent.reading import Missing, Present
from wayhome.policy import Configuration, Settings
from wayhome.policy.configmaps import SEVERAL, names, parse_configmaps
from wayhome.policy.configuration import parse
from wayhome.policy.united import pack

SITE = b"nonMasqueradeCIDRs: [10.1.0.0/16, 172.16.0.0/16]\ncidrLimit: 2\nresyncInterval: 5m\n"
TEAM = b"nonMasqueradeCIDRs: [10.1.0.0/16, 10.2.0.0/16]\nmasqLinkLocal: true\n"
BOTH = {"net/site": SITE, "net/team": TEAM}


def read(texts: dict[str, bytes], settings: Settings | None = None) -> Configuration:
    parsed = parse_configmaps(pack(texts), settings or Settings())
    assert parsed.configuration is not None, parsed.findings
    return parsed.configuration


def entries(configuration: Configuration) -> list[tuple[str, str, str]]:
    return [(str(e.prefix), e.action.value, str(e.origin)) for e in configuration.policy.entries]


def errors(texts: dict[str, bytes]) -> list[str]:
    parsed = parse_configmaps(pack(texts), Settings())
    assert parsed.configuration is None
    return [str(finding) for finding in parsed.errors]


def test_the_lists_are_united_and_each_entry_knows_its_configmap_and_line() -> None:
    configuration = read(BOTH)
    assert entries(configuration) == [
        ("10.1.0.0/16", "keep", "net/site, line 1"),
        ("172.16.0.0/16", "keep", "net/site, line 1"),
        ("10.2.0.0/16", "keep", "net/team, line 1"),
    ]
    assert configuration.masq_link_local
    for order in permutations(BOTH.items()):
        assert read(dict(order)) == configuration


@pytest.mark.parametrize(
    "text",
    [
        SITE,
        b"{}",
        b"masqLinkLocal: true",
        b"nonMasqueradeCIDRs:",
        b"masqueradeCIDRs: [10.9.0.0/16]",
    ],
)
@pytest.mark.parametrize("reserved", [False, True])
def test_one_of_several_that_is_there_alone_means_what_a_single_one_means(
    text: bytes, reserved: bool
) -> None:
    settings = Settings(all_reserved_ranges=reserved)
    single = parse(text, settings).configuration
    assert single
    alone = read({"net/one": text}, settings)
    assert [e[:2] for e in entries(alone)] == [e[:2] for e in entries(single)]
    assert (alone.resync_interval, alone.cidr_limit) == (single.resync_interval, single.cidr_limit)
    assert read({"net/one": text, "net/two": b"{}"}, settings).policy == alone.policy


def test_the_default_list_holds_only_where_none_has_a_list() -> None:
    switch = {"net/switch": b"masqLinkLocal: true"}
    assert [e[0] for e in entries(read(switch))] == [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
    ]
    assert [e[0] for e in entries(read({**switch, "net/list": b"nonMasqueradeCIDRs: [10.5.0.0/16]"}))] == [
        "10.5.0.0/16"
    ]  # fmt: skip


def test_the_limit_is_each_ones_own_and_the_shortest_interval_that_is_written_counts() -> None:
    assert read(BOTH).resync_interval == 300
    assert read({**BOTH, "net/z": b"resyncInterval: 30s"}).resync_interval == 30
    assert read({"net/team": TEAM}).resync_interval == 60
    (error,) = errors({**BOTH, "net/site": SITE.replace(b"cidrLimit: 2", b"cidrLimit: 1")})
    assert error.startswith("net/site, line 2: the lists have 2 ranges, and cidrLimit is 1")


def test_a_range_that_one_keeps_and_another_masquerades_is_a_tie() -> None:
    (error,) = errors({**BOTH, "net/z": b"masqueradeCIDRs: [10.2.0.0/16]"})
    assert error.startswith("net/z, line 1: 10.2.0.0/16 stands in masqueradeCIDRs and in")
    assert "(net/team, line 1)" in error


def test_one_that_is_wrong_or_empty_refuses_the_whole_and_is_named() -> None:
    (error,) = errors({**BOTH, "net/team": b"nonMasqueradeCIDRs: 7"})
    assert error.startswith("net/team, line 1: ")
    (error,) = errors({**BOTH, "net/team": b" "})
    assert error == (
        "net/team: the configuration is empty, and it is one of several; write `{}` if it is to say nothing, "
        "or remove it"
    )


@pytest.mark.parametrize("data", [b"", b"[]", SITE, b'{"a": 1}', b"[" * 100_000])
def test_what_is_no_text_of_several_is_refused(data: bytes) -> None:
    assert len(parse_configmaps(data, Settings()).errors) == 1
    assert names(data) == frozenset()


def ranges(holding: Holding, texts: dict[str, bytes], now: float) -> tuple[Basis, list[str]]:
    held = holding.observe(Present(pack(texts)), now)
    return held.basis, [entry[0] for entry in entries(held.configuration)]


ALL = ["10.1.0.0/16", "172.16.0.0/16", "10.2.0.0/16"]
SITES = ["169.254.0.0/16", "10.1.0.0/16", "172.16.0.0/16"]


def test_one_that_is_taken_away_holds_for_ten_seconds_more() -> None:
    holding = Holding(Settings(), file_format=SEVERAL)
    assert ranges(holding, BOTH, 0) == (Basis.CONFIGURATION, ALL)
    held = holding.observe(Present(pack({"net/site": SITE})), 100)
    assert (held.basis, held.until, held.note) == (
        Basis.LAST_GOOD,
        100 + GRACE,
        "net/team is gone",
    )
    assert ranges(holding, {"net/site": SITE}, 100 + GRACE - 1) == (Basis.LAST_GOOD, ALL)
    assert ranges(holding, {"net/site": SITE}, 100 + GRACE) == (Basis.CONFIGURATION, SITES)
    assert ranges(holding, {"net/site": SITE}, 101 + GRACE) == (Basis.CONFIGURATION, SITES)


def test_one_that_comes_back_meanwhile_was_never_gone() -> None:
    holding = Holding(Settings(), file_format=SEVERAL)
    ranges(holding, BOTH, 0)
    ranges(holding, {"net/site": SITE}, 1)
    assert ranges(holding, BOTH, 2) == (Basis.CONFIGURATION, ALL)
    assert ranges(holding, {"net/team": TEAM}, 20)[0] is Basis.LAST_GOOD
    assert ranges(holding, {"net/team": TEAM}, 29)[0] is Basis.LAST_GOOD
    assert ranges(holding, {"net/team": TEAM}, 31)[0] is Basis.CONFIGURATION


def test_one_that_is_added_counts_at_once_and_all_that_go_are_a_removal() -> None:
    holding = Holding(Settings(), pack({"net/site": SITE}), SEVERAL)
    assert ranges(holding, BOTH, 0) == (Basis.CONFIGURATION, ALL)
    assert holding.observe(Missing("gone"), 1).basis is Basis.LAST_GOOD
    assert holding.observe(Missing("gone"), 1 + GRACE).basis is Basis.DEFAULTS
    assert ranges(holding, {"net/site": SITE}, 20) == (Basis.CONFIGURATION, SITES)
