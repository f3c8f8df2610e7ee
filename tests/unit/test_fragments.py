"""Azure's files: read one by one as Azure's agent reads them, and merged so that each entry knows where it is from."""

from itertools import permutations

import pytest

from wayhome.policy import Action, Configuration, Settings, Severity
from wayhome.policy.fragments import AZURE, FILE_LIMIT, parse_fragments
from wayhome.policy.united import all_are_empty, pack, unpack

CLOUD = b"NonMasqueradeCIDRs:\n  - 10.0.0.0/16\n  - 10.244.0.0/16\nMasqLinkLocal: true\n"
OWNER = b"nonMasqueradeCIDRs:\n  - 10.244.0.0/16\n  - 192.168.7.0/24\nmasqLinkLocal: false\n"
FILES = {"ip-masq-agent": OWNER, "ip-masq-agent-reconciled": CLOUD}


def read(files: dict[str, bytes], settings: Settings | None = None) -> Configuration:
    parsed = parse_fragments(pack(files), settings or Settings())
    assert parsed.configuration is not None, parsed.findings
    return parsed.configuration


def entries(configuration: Configuration) -> list[tuple[str, str, str]]:
    return [(str(e.prefix), e.action.value, str(e.origin)) for e in configuration.policy.entries]


def errors(files: dict[str, bytes]) -> list[str]:
    parsed = parse_fragments(pack(files), Settings())
    assert parsed.configuration is None
    return [str(finding) for finding in parsed.errors]


def test_the_lists_are_united_and_each_entry_knows_its_file_and_line() -> None:
    assert entries(read(FILES)) == [
        ("10.244.0.0/16", "keep", "ip-masq-agent, line 2"),
        ("192.168.7.0/24", "keep", "ip-masq-agent, line 3"),
        ("10.0.0.0/16", "keep", "ip-masq-agent-reconciled, line 2"),
    ]


def test_a_switch_is_on_if_any_file_turns_it_on() -> None:
    assert read(FILES).masq_link_local
    assert not read({"ip-masq-agent": OWNER}).masq_link_local
    assert entries(read({"ip-masq-agent": OWNER}))[0][0] == "169.254.0.0/16"


def test_the_order_of_the_files_does_not_matter() -> None:
    several = {**FILES, "ip-masq-z": b"nonMasqueradeCIDRs: [172.16.0.0/12]\n"}
    texts = {pack(dict(order)) for order in permutations(several.items())}
    assert len(texts) == 1
    assert unpack(texts.pop()) == several


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"masqLinkLocal: false\n", b"nonMasqueradeCIDRs: []\n"]
)
def test_where_there_is_a_file_the_default_list_is_gone(content: bytes) -> None:
    assert [prefix for prefix, _, _ in entries(read({"ip-masq": content}))] == ["169.254.0.0/16"]


def test_an_empty_file_among_others_adds_nothing_and_brings_no_defaults() -> None:
    parsed = parse_fragments(pack({**FILES, "ip-masq-empty": b""}), Settings())
    (warning,) = parsed.findings
    assert "ip-masq-empty: the file says nothing, so it adds no range" in str(warning)
    assert parsed.configuration == read(FILES)


def test_every_error_names_its_file_and_line() -> None:
    found = errors({"ip-masq-a": b"nonMasqueradeCIDRs: [10.0.0.1/8]\n", "ip-masq-b": b"\n- x\n"})
    assert len(found) == 2
    assert found[0].startswith("ip-masq-a, line 1: 10.0.0.1/8 has bits set")
    assert found[1].startswith("ip-masq-b, line 2: the file is a list without a name")


def test_the_limit_is_of_each_file_and_no_key_changes_it() -> None:
    def listed(start: int) -> bytes:
        lines = "".join(f"  - 10.{start}.{i}.0/24\n" for i in range(FILE_LIMIT))
        return f"nonMasqueradeCIDRs:\n{lines}".encode()

    assert len(read({"ip-masq-a": listed(1), "ip-masq-b": listed(2)}).policy.entries) == 129
    (error,) = errors({"ip-masq-a": listed(1) + b"  - 10.9.0.0/16\ncidrLimit: 65\n"})
    assert "the lists have 65 ranges" in error


def test_keys_that_azures_agent_does_not_know_have_no_effect_and_it_is_said() -> None:
    parsed = parse_fragments(
        pack({"ip-masq": b"resyncInterval: 5s\n"}), Settings(resync_interval=7)
    )
    (warning,) = parsed.warnings
    assert "resyncInterval has no effect in Azure's files" in str(warning)
    assert parsed.configuration is not None
    assert parsed.configuration.resync_interval == 7


def test_a_range_that_one_file_keeps_and_another_masquerades_is_a_tie() -> None:
    masquerades = {"ip-masq-b": b"masqueradeCIDRs: [192.168.7.0/24]\n"}
    (error,) = errors({**FILES, **masquerades})
    assert error == (
        "ip-masq-b, line 1: 192.168.7.0/24 stands in masqueradeCIDRs and in nonMasqueradeCIDRs "
        "(ip-masq-agent, line 3); keep it in one of them"
    )


def test_a_tie_within_one_file_is_said_once() -> None:
    tie = b"nonMasqueradeCIDRs: [10.0.0.0/8]\nmasqueradeCIDRs: [10.0.0.0/8]\n"
    assert len(errors({"ip-masq": tie})) == 1


def test_the_longest_prefix_decides_across_files() -> None:
    policy = read({**FILES, "ip-masq-b": b"masqueradeCIDRs: [10.0.7.0/24]\n"}).policy
    kinds = {str(e.prefix): e.action for e in policy.entries}
    assert kinds["10.0.7.0/24"] is Action.MASQUERADE


def test_files_are_empty_only_if_none_says_anything() -> None:
    assert all_are_empty(pack({"a": b"", "b": b" \n"}))
    assert not all_are_empty(pack({"a": b"", "b": b"{}"}))
    assert not all_are_empty(b"what another dialect remembered")
    assert [str(e.prefix) for e in AZURE.empty(Settings()).policy.entries] == ["169.254.0.0/16"]


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"a": 1}', b"nonMasqueradeCIDRs: []", b"[" * 100_000]
)
def test_what_is_no_pack_of_files_is_refused(data: bytes) -> None:
    parsed = parse_fragments(data, Settings())
    assert parsed.configuration is None
    assert [finding.severity for finding in parsed.findings] == [Severity.ERROR]
