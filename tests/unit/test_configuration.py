"""The file as upstream's agent reads it: every row of the reference's table, and every case of its binary."""

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayhome.policy import Action, Parsed, Settings, parse
from wayhome.policy.configuration import DEFAULT_RANGES, RESERVED_RANGES, defaults, is_empty
from wayhome.prefixes import Family

CASES = Path(__file__).parents[2] / "../shared/data/rulesets/upstream-agent-2.12"
IPV6 = Settings(ipv6=True)
LINK_LOCAL = ["169.254.0.0/16"]
RFC_1918 = list(DEFAULT_RANGES)


def kept(parsed: Parsed) -> list[str]:
    assert parsed.configuration is not None, parsed.findings
    return [str(e.prefix) for e in parsed.configuration.policy.entries if e.action is Action.KEEP]


def masqueraded(parsed: Parsed) -> list[str]:
    assert parsed.configuration is not None, parsed.findings
    return [
        str(e.prefix) for e in parsed.configuration.policy.entries if e.action is Action.MASQUERADE
    ]


def read(text: str, settings: Settings = Settings()) -> Parsed:  # noqa: B008  # frozen
    return parse(text.encode(), settings)


def only_error(parsed: Parsed) -> str:
    assert parsed.configuration is None
    assert len(parsed.errors) == 1, parsed.findings
    return str(parsed.errors[0])


def test_the_defaults_are_upstreams() -> None:
    assert [str(e.prefix) for e in defaults(Settings()).policy.entries] == LINK_LOCAL + RFC_1918
    with_flag = defaults(Settings(all_reserved_ranges=True)).policy.entries
    assert [str(e.prefix) for e in with_flag] == LINK_LOCAL + RFC_1918 + list(RESERVED_RANGES)
    assert len(RFC_1918) + len(RESERVED_RANGES) == 11
    assert str(defaults(IPV6).policy.entries[1].prefix) == "fe80::/10"
    assert (defaults(Settings()).resync_interval, defaults(Settings()).cidr_limit) == (60.0, 64)


@pytest.mark.parametrize(
    "case", sorted(CASES.iterdir()) if CASES.is_dir() else [], ids=lambda case: case.name
)
def test_what_upstreams_binary_kept_we_keep(case: Path) -> None:
    arguments = shlex.split((case / "args").read_text())
    settings = Settings(
        ipv6="--enable-ipv6" in arguments,
        all_reserved_ranges="--nomasq-all-reserved-ranges" in arguments,
    )
    config = case / "config"
    parsed = parse(config.read_bytes() if config.exists() else b"", settings)
    if (case / "error").exists():
        assert parsed.errors
        return
    saved = (case / "iptables-save.txt").read_text()
    if (case / "ip6tables-save.txt").exists():
        saved += (case / "ip6tables-save.txt").read_text()
    returns = [
        line.split(" -d ")[1].split()[0] if " -d " in line else "0.0.0.0/0"
        for line in saved.splitlines()
        if line.endswith("-j RETURN")
    ]
    assert sorted(kept(parsed)) == sorted(returns)
    listed = [text for text in kept(parsed) if text not in (*LINK_LOCAL, "fe80::/10")]
    assert listed == [text for text in returns if text not in (*LINK_LOCAL, "fe80::/10")]


def test_the_cases_of_upstreams_binary_are_there() -> None:
    if not CASES.is_dir():
        pytest.skip(f"{CASES} is not there: upstream's measured cases are not part of the project")
    assert len(list(CASES.iterdir())) >= 18


# The reference's table c.2, upstream's column, row by row.


def test_a_zero_length_file_means_the_defaults() -> None:
    assert is_empty(b"")
    assert is_empty(b" \n\n")
    assert not is_empty(b"# a comment\n")
    assert kept(read("")) == LINK_LOCAL + RFC_1918


def test_a_key_that_is_absent_keeps_its_default() -> None:
    parsed = read("resyncInterval: 30s\n")
    assert kept(parsed) == LINK_LOCAL + RFC_1918
    assert parsed.configuration is not None
    assert parsed.configuration.resync_interval == 30.0


@pytest.mark.parametrize("value", ["[]", "", "null", "~"])
def test_an_empty_or_null_list_masquerades_all_but_link_local(value: str) -> None:
    assert kept(read(f"nonMasqueradeCIDRs: {value}\n")) == LINK_LOCAL


def test_a_null_element_is_refused() -> None:
    assert only_error(read("nonMasqueradeCIDRs:\n  - 10.0.0.0/8\n  -\n")).startswith(
        "line 3: an element of"
    )


def test_a_misaligned_range_is_refused_and_the_aligned_one_is_named() -> None:
    error = only_error(read("nonMasqueradeCIDRs:\n  - 10.0.0.1/8\n"))
    assert (
        error
        == "line 2: 10.0.0.1/8 has bits set to the right of its prefix length; write 10.0.0.0/8"
    )


def test_more_than_64_ranges_are_refused_unless_the_limit_is_raised() -> None:
    lines = "".join(f"  - 10.{n}.0.0/16\n" for n in range(65))
    error = only_error(read(f"nonMasqueradeCIDRs:\n{lines}"))
    assert "have 65 ranges, and cidrLimit is 64" in error
    assert "write `cidrLimit: 65`" in error
    assert len(kept(read(f"cidrLimit: 65\nnonMasqueradeCIDRs:\n{lines}"))) == 66
    assert "line 1:" in only_error(read(f"cidrLimit: 3\nnonMasqueradeCIDRs:\n{lines}"))


def test_an_ipv6_range_without_the_flag_refuses_the_whole_file() -> None:
    text = "nonMasqueradeCIDRs: [10.0.0.0/8, 'fd00::/8']\n"
    assert "--enable-ipv6" in only_error(read(text))
    assert kept(read(text, IPV6)) == ["169.254.0.0/16", "fe80::/10", "10.0.0.0/8", "fd00::/8"]


def test_keys_are_known_in_any_case() -> None:
    parsed = read('{"NonMasqueradeCIDRs": ["10.0.0.0/8"], "MASQLINKLOCAL": true}')
    assert kept(parsed) == ["10.0.0.0/8"]
    assert kept(read("nonmasqueradecidrs: [10.0.0.0/8]\nmasqlinklocal: true")) == ["10.0.0.0/8"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("nonMasqueradeCIDR", "nonMasqueradeCIDRs"),
        ("nonMasqueradeCidr", "nonMasqueradeCIDRs"),
        ("non-masquerade-cidrs", "nonMasqueradeCIDRs"),
        ("nonMasquaradeCIDRs", "nonMasqueradeCIDRs"),
        ("masqLinkLocalIpV4", "masqLinkLocalIPv6"),
        ("resyncPeriod", None),
        ("resync_interval", "resyncInterval"),
        ("masqueradeCIDR", "masqueradeCIDRs"),
        ("cidr_limits", "cidrLimit"),
    ],
)
def test_an_unknown_key_is_accepted_with_a_warning_that_names_the_one_meant(
    written: str, meant: str | None
) -> None:
    parsed = read(f"\n{written}: [10.0.0.0/8]\n")
    assert kept(parsed) == LINK_LOCAL + RFC_1918
    assert len(parsed.warnings) == 1
    assert parsed.warnings[0].line == 2
    if meant:
        assert parsed.warnings[0].instead == f"did you mean {meant}?"
    else:
        assert "nonMasqueradeCIDRs" in parsed.warnings[0].instead


def test_a_whole_configmap_as_the_file_is_accepted_and_explained() -> None:
    parsed = read(
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  config: |\n    nonMasqueradeCIDRs: []\n"
    )
    assert kept(parsed) == LINK_LOCAL + RFC_1918
    assert [w.line for w in parsed.warnings] == [1, 2, 3]
    assert all("config: |" in w.instead for w in parsed.warnings)


# Duplicates.


def test_of_duplicate_keys_the_last_one_counts() -> None:
    parsed = read("nonMasqueradeCIDRs: [10.0.0.0/8]\nnonMasqueradeCIDRs: [192.168.0.0/16]\n")
    assert kept(parsed) == [*LINK_LOCAL, "192.168.0.0/16"]
    assert [str(w) for w in parsed.warnings] == [
        "line 1: nonMasqueradeCIDRs is given again in line 2, and that one counts; keep one of them"
    ]


def test_keys_that_differ_in_case_count_in_the_order_of_gos_map() -> None:
    lower_first = "nonmasqueradecidrs: [192.168.0.0/16]\nnonMasqueradeCIDRs: [10.0.0.0/8]\n"
    assert kept(read(lower_first)) == [
        *LINK_LOCAL,
        "192.168.0.0/16",
    ]  # sorted: `nonM…` before `nonm…`
    json = '{"nonmasqueradecidrs": ["192.168.0.0/16"], "nonMasqueradeCIDRs": ["10.0.0.0/8"]}'
    assert kept(read(json)) == [*LINK_LOCAL, "10.0.0.0/8"]  # JSON: the text's order
    assert len(read(lower_first).warnings) == 1


def test_a_range_given_twice_is_kept_with_a_warning() -> None:
    parsed = read("nonMasqueradeCIDRs:\n- 10.0.0.0/8\n- 10.0.0.0/8\n")
    assert kept(parsed) == [*LINK_LOCAL, "10.0.0.0/8", "10.0.0.0/8"]
    assert [w.line for w in parsed.warnings] == [3]


# masqueradeCIDRs.


def test_masquerade_cidrs_carve_out_in_any_order() -> None:
    for text in (
        "nonMasqueradeCIDRs: [10.0.0.0/8]\nmasqueradeCIDRs: [10.2.0.0/16]\n",
        "masqueradeCIDRs: [10.2.0.0/16]\nnonMasqueradeCIDRs: [10.0.0.0/8]\n",
    ):
        parsed = read(text)
        assert kept(parsed) == [*LINK_LOCAL, "10.0.0.0/8"]
        assert masqueraded(parsed) == ["10.2.0.0/16"]
        assert parsed.configuration is not None
        spans = parsed.configuration.policy.intervals(Family.IPV4)
        assert [(span.first >> 16, span.last >> 16, span.entry.action) for span in spans][:3] == [
            (0x0A00, 0x0A01, Action.KEEP),
            (0x0A02, 0x0A02, Action.MASQUERADE),
            (0x0A03, 0x0AFF, Action.KEEP),
        ]


def test_the_same_range_in_both_lists_is_an_error() -> None:
    error = only_error(read("nonMasqueradeCIDRs:\n- 10.0.0.0/8\nmasqueradeCIDRs:\n- 10.0.0.0/8\n"))
    assert error.startswith(
        "line 4: 10.0.0.0/8 stands in masqueradeCIDRs and in nonMasqueradeCIDRs (line 2)"
    )
    error = only_error(read("masqueradeCIDRs: [172.16.0.0/12]\n"))
    assert "default of nonMasqueradeCIDRs" in error
    error = only_error(read("masqueradeCIDRs: [169.254.0.0/16]\n"))
    assert "write `masqLinkLocal: true`" in error
    assert masqueraded(read("masqLinkLocal: true\nmasqueradeCIDRs: [169.254.0.0/16]\n"))


def test_both_lists_count_towards_the_limit() -> None:
    text = "cidrLimit: 1\nnonMasqueradeCIDRs: [10.0.0.0/8]\nmasqueradeCIDRs: [10.2.0.0/16]\n"
    assert "have 2 ranges" in only_error(read(text))


# Bad input: a clear error each.


def test_the_accounts_block_of_text() -> None:
    error = only_error(read("nonMasqueradeCIDRs: |\n  - 172.16.0.0/16\n  - 10.1.0.0/16\n"))
    assert error == (
        "line 1: nonMasqueradeCIDRs is a block of text (`|` or `>`), and a list is wanted; write "
        "`nonMasqueradeCIDRs:` alone, and each range in a line of its own below: `- 172.16.0.0/16`, `- 10.1.0.0/16`"
    )


def test_all_errors_at_once_in_the_order_of_the_file() -> None:
    text = """
nonMasqueradeCIDRs:
  - 10.0.0.1/8
  - 10.0.0.0
  - fd00::/8
  - {cidr: 10.0.0.0/8}
  - 7
resyncInterval: 60
masqLinkLocal: "true"
cidrLimit: many
"""
    parsed = read(text)
    assert parsed.configuration is None
    assert [(finding.line, finding.instead) for finding in parsed.errors] == [
        (3, "write 10.0.0.0/8"),
        (4, "write 10.0.0.0/32"),
        (5, "start the agent with --enable-ipv6, or remove the line"),
        (6, "write only the range: `- 10.0.0.0/8`"),
        (7, "write an address and a prefix length, such as 10.0.0.0/8"),
        (8, "write `resyncInterval: 60s`"),
        (9, "write `masqLinkLocal: true` or `masqLinkLocal: false`, without quotes"),
        (10, "write `cidrLimit: 64`, without quotes"),
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"nonMasqueradeCIDRs:\n\t- 10.0.0.0/8\n", "line 2: the file is indented with a tab"),
        (b"nonMasqueradeCIDRs:\n  - 10.0.0.0/8\n - 10.1.0.0/16\n", "line 3: the file is not YAML"),
        (b"nonMasqueradeCIDRs: [10.0.0.0/8", "the file is not YAML"),
        (b"nonMasqueradeCIDRs: ['10.0.0.0/8]\n", "the file is not YAML"),
        (b"\xff\xfe\x00\xd8\x00", "the file is binary data"),
        (b"nonMasqueradeCIDRs:\n - \xff\xff/8\n", "line 2: the file is not UTF-8"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "the file is not text that YAML allows"),
        (b"a: \x1b[2J\n", "the file is not text that YAML allows"),
        (b"- 10.0.0.0/8\n", "line 1: the file is a list without a name"),
        (b"10.0.0.0/8\n", "line 1: the file is the text '10.0.0.0/8'"),
        (b"x" * (10 * 1024 * 1024), "the file has more than 1,048,576 bytes"),
        (b"[" * 1_000_000, "line 1: the file has more than 16 lists"),
        (b"{" * 1_000_000, "line 1: the file has more than 16 lists"),
        (b"a: " * 100_000, "line 1: the file is not YAML"),
        (b"a: *b\n", "line 1: the file has an alias"),
        (b"a: &b [*b]\n", "line 1: the file has an alias"),
        (b"".join(b"%%TAG !%d! a\n" % n for n in range(70_000)) + b"--- {}\n", "the file has more than 100 directives"),
        (b"".join(b"%%TAG !%d! a\r" % n for n in range(101)) + b"--- {}\n", "the file has more than 100 directives"),
        (b"? [a]\n: b\n", "line 1: a list or mapping stands where a key"),
        (b"nonMasqueradeCIDRs: {a: b}\n", "line 1: nonMasqueradeCIDRs is a mapping"),
        (b"nonMasqueradeCIDRs: 10.0.0.0/8\n", "write `nonMasqueradeCIDRs:` alone"),
        (b"nonMasqueradeCIDRs: ['']\n", "line 1: an element of nonMasqueradeCIDRs is empty"),
        (b"resyncInterval: 1 minute\n", "line 1: resyncInterval is '1 minute', which is no duration"),
        (b"resyncInterval:\n", "line 1: resyncInterval is empty"),
        (b"resyncInterval: [1s]\n", "line 1: resyncInterval is a list or mapping"),
        (b"cidrLimit: 1.5\n", "line 1: cidrLimit is '1.5'"),
        (b"cidrLimit: true\n", "line 1: cidrLimit is 'true'"),
        (b"cidrLimit: 99999999999999999999\n", "line 1: cidrLimit is '99999999999999999999'"),
        (b"cidrLimit: '64'\n", "line 1: cidrLimit is '64'"),
        (b"masqLinkLocal: 1\n", "line 1: masqLinkLocal is '1'"),
        (b"masqLinkLocal: [true]\n", "line 1: masqLinkLocal is a list or mapping"),
    ],
)  # fmt: skip
def test_bad_input_says_what_is_wrong(data: bytes, said: str) -> None:
    assert said in only_error(parse(data, Settings()))


WORDS = [b"nonMasqueradeCIDRs", b"masqueradeCIDRs", b"cidrLimit", b"resyncInterval", b": ", b"\n", b"- ", b"  ", b"\t",
         b"10.0.0.0/8", b"10.0.0.1/8", b"fd00::/8", b"60s", b"[", b"]", b"{", b"}", b"&a ", b"*a", b"<<", b"|", b"'", b'"',
         b"!!int ", b"!!binary ", b"? ", b"---", b"...", b"%YAML 1.1\n", b"true", b"~", b"\xff", b"\0", b"#", b","]  # fmt: skip


@given(st.one_of(st.binary(), st.lists(st.sampled_from(WORDS), max_size=30).map(b"".join)))
def test_no_file_makes_the_reader_fall(data: bytes) -> None:
    parsed = parse(data, Settings())
    assert (parsed.configuration is None) is bool(parsed.errors)
    assert all(str(finding).isprintable() for finding in parsed.findings)


def test_an_alias_bomb_is_a_small_document() -> None:
    text = "a: &a [x, x, x, x, x, x, x, x]\n"
    for name, before in zip("bcdefghij", "abcdefghi", strict=True):
        text += f"{name}: &{name} [{', '.join([f'*{before}'] * 8)}]\n"
    parsed = read(text + "nonMasqueradeCIDRs: *j\n")
    assert len(parsed.errors) == 8
    assert parsed.configuration is None


MERGES = "x: &x {" + ",".join(f"k{n}: v" for n in range(2000)) + "}\n"


@pytest.mark.parametrize(
    "text",
    [
        "nonMasqueradeCIDRs:\n" + "- 10.0.0.0/8\n" * 60_000,
        MERGES + "y: {<<: [" + "*x," * 1000 + "]}\n",
        MERGES + "<<: *x\n" * 1000,
        "".join(f"{name}: &{name} {{k: v, <<: [{','.join(['*' + before] * 10)}]}}\n"
                for before, name in zip("abcdefgh", "bcdefghi", strict=True)).replace("b:", "a: &a {k: v}\nb:", 1),
        "[" + "a," * 400_000,
        "k: v\n" * 200_000,
    ],
    ids=range(6),
)  # fmt: skip
def test_more_values_than_a_node_can_afford_are_refused(text: str) -> None:
    assert "the file has more than 50,000 values" in only_error(read(text[: 1024 * 1024]))


def test_a_file_that_is_wrong_everywhere_reports_the_first_hundred_and_counts_the_rest() -> None:
    parsed = read(
        "nonMasqueradeCIDRs:\n"
        + "- 10.0.0.1/8\n" * 20_000
        + "".join(f"k{n}: v\n" for n in range(5000))
    )
    assert len(parsed.errors) == 101
    assert len(parsed.warnings) == 101
    assert parsed.errors[0].line == 2
    assert str(parsed.errors[-1]) == "there are 19,900 more errors; mend these first"


def test_hostile_text_is_quoted_on_one_line_without_control_characters() -> None:
    parsed = read(
        '"\\e[2J\\nnonMasqueradeCIDRs": 1\nnonMasqueradeCIDRs: ["\\e]0;pwned\\a", "'
        + "9" * 5000
        + '"]\n'
    )
    for finding in parsed.findings:
        assert str(finding).isprintable()
        assert len(str(finding)) < 250


@pytest.mark.parametrize(
    ("text", "seconds", "warned"),
    [
        ("60s", 60.0, False),
        ("1m30s", 90.0, False),
        ("1.5h", 5400.0, False),
        ("+2m", 120.0, False),
        ("100ms", 1.0, True),
        ("'0'", 1.0, True),
        ("0s", 1.0, True),
        ("-5s", 1.0, True),
    ],
)
def test_resync_intervals(text: str, seconds: float, warned: bool) -> None:
    parsed = read(f"resyncInterval: {text}\n")
    assert parsed.configuration is not None
    assert parsed.configuration.resync_interval == seconds
    assert bool(parsed.warnings) is warned


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("yes", True),
        ("On", True),
        ("y", True),
        ("false", False),
        ("no", False),
        ("null", False),
    ],
)
def test_switches_are_yaml_1_1_as_upstreams_library_reads_them(written: str, value: bool) -> None:
    assert (kept(read(f"masqLinkLocal: {written}\n")) == RFC_1918) is value


@pytest.mark.parametrize("written", ["64", "64.0", "0x40", "0100", "6_4", "+64"])
def test_numbers_are_yaml_1_1_as_upstreams_library_reads_them(written: str) -> None:
    parsed = read(f"cidrLimit: {written}\n")
    assert parsed.configuration is not None
    assert parsed.configuration.cidr_limit == 64


def test_anchors_and_merge_keys() -> None:
    parsed = read(
        "x: &x {masqLinkLocal: true, cidrLimit: 5}\n<<: *x\ncidrLimit: 7\nnonMasqueradeCIDRs: &l [10.0.0.0/8]\n"
    )
    assert parsed.configuration is not None
    assert parsed.configuration.cidr_limit == 7
    assert kept(parsed) == ["10.0.0.0/8"]


def test_a_merge_key_counts_where_it_stands_as_in_goyaml() -> None:
    def limit(text: str) -> int:
        parsed = read(f"x: &x {{cidrLimit: 5}}\ny: &y {{cidrLimit: 6}}\n{text}")
        assert parsed.configuration is not None, parsed.findings
        return parsed.configuration.cidr_limit

    assert limit("<<: *x\ncidrLimit: 7\n") == 7
    assert limit("cidrLimit: 7\n<<: *x\n") == 5
    assert limit("<<: [*x, *y]\n") == 5
    assert limit("!!merge <<: *x\n") == 5
    assert limit("'<<': *x\n") == 64  # a key of that name


@pytest.mark.parametrize("value", ["5", "", "[1]", "[[]]", "*x"])
def test_a_merge_of_something_else_than_mappings_is_refused_as_in_goyaml(value: str) -> None:
    error = only_error(read(f"x: &x [a]\n<<: {value}\n"))
    assert error.startswith("line 2: the file merges (<<) something that is no mapping")


def test_a_range_with_space_around_it_is_refused_and_shown() -> None:
    error = only_error(read("nonMasqueradeCIDRs:\n- ' 10.0.0.0/8'\n"))
    assert (
        error == "line 2: ' 10.0.0.0/8' in nonMasqueradeCIDRs has space around it; write 10.0.0.0/8"
    )


def test_only_the_first_document_counts() -> None:
    parsed = read("masqLinkLocal: true\n---\nmasqLinkLocal: false\n")
    assert kept(parsed) == RFC_1918
    assert "several documents" in parsed.warnings[0].problem
    assert kept(read("masqLinkLocal: true\n---\n{broken\n")) == RFC_1918


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_yaml_allows(encoding: str) -> None:
    text = "nonMasqueradeCIDRs: [10.0.0.0/8] # für\n"
    assert kept(parse(text.encode(encoding), Settings())) == [*LINK_LOCAL, "10.0.0.0/8"]


def test_windows_line_ends() -> None:
    assert kept(read("nonMasqueradeCIDRs:\r\n  - 10.0.0.0/8\r\n")) == [*LINK_LOCAL, "10.0.0.0/8"]


def test_every_entry_knows_its_line() -> None:
    parsed = read(
        "# the case\nnonMasqueradeCIDRs:\n  - 172.16.0.0/16\n  - 10.1.0.0/16\nmasqLinkLocal: false\n"
    )
    assert parsed.configuration is not None
    origins = [(str(e.prefix), str(e.origin)) for e in parsed.configuration.policy.entries]
    assert origins == [
        ("169.254.0.0/16", "line 5"),
        ("172.16.0.0/16", "line 3"),
        ("10.1.0.0/16", "line 4"),
    ]


@pytest.mark.parametrize(
    ("allowed", "refused", "said"),
    [
        ("# " + "x" * (2**20 - 2), "# " + "x" * (2**20 - 1), "has more than 1,048,576 bytes"),
        ("a: " + "[" * 15 + "]" * 15, "a: " + "[" * 16 + "]" * 16, "more than 16 lists"),
        ("cidrLimit: 9223372036854775807", "cidrLimit: 9223372036854775808", "a whole number"),
        ("cidrLimit: 3", "cidrLimit: 2", "the lists have 3 ranges, and cidrLimit is 2"),
        ("resyncInterval: 2562047h", "resyncInterval: 2562048h", "which is no duration"),
    ],
)
def test_limits_are_where_they_are_said_to_be(allowed: str, refused: str, said: str) -> None:
    """Of a ConfigMap, of the file's depth, of Go's int64 and of Go's Duration, which counts nanoseconds in one."""
    assert read(allowed).configuration is not None
    assert said in only_error(read(refused))
