import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wayhome.cli.main import wayhome

CASE = "nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n  - 10.1.0.0/16\n"


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(wayhome, ["policy", *arguments], input=stdin)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(CASE)
    return path


def test_lint_accepts_the_accounts_file(config: Path) -> None:
    result = run("lint", str(config))
    assert result.exit_code == 0
    assert result.output == (
        f"{config}: ok: 2 listed ranges and link-local see the Pod's own address, "
        "every other destination sees the node's\n"
    )


def test_lint_reports_everything_and_ends_with_1(config: Path) -> None:
    config.write_text(
        "nonMasqueradeCIDRs:\n  - 10.0.0.1/8\nresyncInterval: 60\nmasqLinkLokal: true\n"
    )
    result = run("lint", str(config))
    assert result.exit_code == 1
    assert [line.split(": ")[:2] for line in result.output.splitlines()] == [
        [f"{config}:2", "error"],
        [f"{config}:3", "error"],
        [f"{config}:4", "warning"],
        [str(config), "rejected, 2 errors"],
    ]


def test_lint_reads_standard_input_and_prints_json() -> None:
    result = run("lint", "--json", "-", stdin="nonMasqueradeCIDRs: [10.0.0.1/8]\n")
    assert result.exit_code == 1
    document = json.loads(result.output)
    assert (document["schema"], document["accepted"]) == (1, False)
    assert document["findings"][0]["line"] == 1
    assert document["findings"][0]["instead"] == "write 10.0.0.0/8"


def test_a_file_that_cannot_be_read_is_2(tmp_path: Path) -> None:
    result = run("lint", str(tmp_path / "none"))
    assert result.exit_code == 2
    assert "No such file" in result.output


def test_explain_names_the_line(config: Path) -> None:
    result = run("explain", str(config), "10.2.0.1", "10.1.0.3", "169.254.169.254")
    assert result.exit_code == 0
    first, sent, second, stays, third, _stays, ports = result.output.splitlines()
    assert sent.strip() == "POD:40000 > 10.2.0.1:80 becomes NODE:PORT > 10.2.0.1:80"
    assert stays.strip() == "POD:40000 > 10.1.0.3:80 stays as it is"
    assert "--random-fully" in ports
    assert "masquerade  sees the node's address: no entry holds the destination" in first
    assert (
        f"keep        sees the Pod's own address: {config}:3 (10.1.0.0/16 in nonMasqueradeCIDRs)"
        in second
    )
    assert "the default of masqLinkLocal (169.254.0.0/16)" in third


def test_explain_json_and_the_scope_of_pods(config: Path) -> None:
    result = run("explain", "--json", "--pod-cidrs=172.16.2.0/24", str(config), "10.2.0.1")
    (row,) = json.loads(result.output)["decisions"]
    assert row == {
        "destination": "10.2.0.1",
        "action": "masquerade",
        "reason": "no-entry",
        "entry": None,
        "line": None,
        "sent": {
            "source": "172.16.2.2",
            "source_port": 40000,
            "destination": "10.2.0.1",
            "destination_port": 80,
        },
        "on_the_wire": {
            "source": None,
            "source_port": None,
            "destination": "10.2.0.1",
            "destination_port": 80,
        },
    }


def test_explain_shows_the_packet_with_the_addresses_that_it_is_told(config: Path) -> None:
    result = run(
        "explain", "--enable-ipv6", "--pod=172.16.2.2", "--pod=fd00::2", "--node=10.1.0.3", "--node=fd01::3",
        str(config), "10.2.0.1:443", "[2001:db8::1]:8443",
    )  # fmt: skip
    assert [line.strip() for line in result.output.splitlines()[1:4:2]] == [
        "172.16.2.2:40000 > 10.2.0.1:443 becomes 10.1.0.3:PORT > 10.2.0.1:443",
        "[fd00::2]:40000 > [2001:db8::1]:8443 becomes [fd01::3]:PORT > [2001:db8::1]:8443",
    ]
    # A sender outside the node's Pod ranges is none of the policy's business.
    result = run("explain", "--pod-cidrs=172.16.2.0/24", "--pod=10.9.9.9", str(config), "10.2.0.1")
    assert "the source is not a Pod of this node" in result.output
    assert "stays as it is" in result.output
    assert "--random-fully" not in result.output
    # One Pod is enough for a range.
    result = run("explain", "--pod-cidrs=172.16.2.9/32", str(config), "10.2.0.1")
    assert "172.16.2.9:40000 > 10.2.0.1:80 becomes NODE:PORT" in result.output


def test_lint_gives_advice_and_checks_pod_ranges(config: Path) -> None:
    config.write_text(CASE + "  - 10.1.2.0/24\n")
    arguments = ("lint", "--pod-cidrs=172.16.0.0/15,10.1.0.0/24", str(config))
    result = run(*arguments)
    assert result.exit_code == 0
    warning, note, ok = result.output.splitlines()
    assert warning.startswith(
        f"{config}: warning: of the Pod range 172.16.0.0/15 no entry holds 172.17.0.0/16"
    )
    assert note.startswith(f"{config}:4: note: 10.1.2.0/24 has no effect: 10.1.0.0/16 (line 3)")
    assert ok.startswith(f"{config}: ok")
    assert run(arguments[0], "--strict", *arguments[1:]).exit_code == 1
    assert run("lint", "--strict", str(config)).exit_code == 0  # a note is no warning
    document = json.loads(run(*arguments, "--json").output)
    assert document["accepted"]
    assert [f["severity"] for f in document["findings"]] == ["warning", "note"]


def test_render_for_upstream_and_for_wayhome() -> None:
    text = "nonMasqueradeCIDRs: [10.0.0.0/8]\nmasqueradeCIDRs: [10.2.0.0/16]\nmasqLinkLocal: true\n"
    upstream = run("render", "--for=upstream", "-", stdin=text)
    assert upstream.exit_code == 0
    assert upstream.output.count("  - 10.") == 8
    back = run("render", "--for=wayhome", "-", stdin=upstream.output).output
    assert back.startswith(
        "nonMasqueradeCIDRs:\n  - 10.0.0.0/8\nmasqueradeCIDRs:\n  - 10.2.0.0/16\nmasqLinkLocal: true\n"
    )
    refused = run("render", "--for=upstream", "-", stdin=text + "cidrLimit: 2\n")
    assert refused.exit_code == 1
    assert refused.output.startswith("-: without masqueradeCIDRs the list has 8 ranges")


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "-", "nonsense"],
        ["explain", "-", "10.0.0.1:"],
        ["explain", "-", "10.0.0.1:0"],
        ["explain", "-", "[::1]:65536"],
        ["explain", "-", "[::1]"],
        ["explain", "--pod=nobody", "-", "10.0.0.1"],
        ["lint", "--pod-cidrs=10.0.0.1/8", "-"],
        ["render", "--for=cilium", "-"],
    ],
)
def test_wrong_arguments_are_2(arguments: list[str]) -> None:
    assert run(*arguments, stdin=CASE).exit_code == 2


def test_a_rejected_file_explains_nothing_and_renders_nothing() -> None:
    for arguments in (["explain", "-", "10.0.0.1"], ["render", "-"]):
        result = run(*arguments, stdin="nonMasqueradeCIDRs: 7\n")
        assert result.exit_code == 1
        assert "rejected" in result.output


def test_render_for_both_back_ends(config: Path) -> None:
    nftables = run("render", str(config)).output
    assert (
        "add element inet wayhome keep4 { 10.1.0.0/16, 169.254.0.0/16, 172.16.0.0/16 }\n"
        in nftables
    )
    text = run(
        "render", "--backend=iptables", "--masq-chain=IP-MASQ", "--no-random-fully", str(config)
    ).output
    assert ":IP-MASQ - [0:0]" in text
    assert text.splitlines()[-2].endswith("-j MASQUERADE")
    both = run("render", "--backend=iptables", "--enable-ipv6", str(config)).output
    assert both.count("*nat") == 2
    assert "fe80::/10" in both


def test_a_carved_out_range_is_rendered_for_iptables_as_what_remains() -> None:
    result = run("render", "--backend=iptables", "-", stdin="masqueradeCIDRs: [10.2.0.0/16]\n")
    assert result.exit_code == 0
    assert result.output.count(" -d 10.") == 8


def test_what_iptables_cannot_express_is_said() -> None:
    result = run("render", "--backend=iptables", "--pod-cidrs=10.4.0.0/24", "-", stdin="{}\n")
    assert result.exit_code == 1
    assert "use the nftables back end" in result.output
