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
    first, second, third = result.output.splitlines()
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
    }


@pytest.mark.parametrize(
    "arguments", [["explain", "-", "nonsense"], ["lint", "--pod-cidrs=10.0.0.1/8", "-"]]
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
