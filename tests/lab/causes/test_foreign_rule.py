"""A rule of somebody else's, loaded by its own program beside the agent's; the repair's command takes it away."""

import os
import sys
from pathlib import Path

import pytest
from tests.lab.causes.scenario import NODE_02, Make, ask, run

from wayhome.diagnosis.cause import Cause
from wayhome.network import Address
from wayhome.trace import Lost

pytestmark = pytest.mark.kernel

GCLOUD = """\
#!/bin/sh
for word in "$@"; do
    case $word in --command=*) exec sh -c "${word#--command=}" ;; esac
done
exit 64
"""


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`gcloud compute ssh` and `sudo` run what they are given where they are."""
    for name, content in (("gcloud", GCLOUD), ("sudo", '#!/bin/sh\nexec "$@"\n')):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(content)
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("case", "rule"),
    [
        ("foreign-rule", 'oifname != "docker0"'),
        ("foreign-rule-of-nft", 'oifname "eth0" masquerade'),
    ],
)
@pytest.mark.usefixtures("cloud")
def test_it_translates_what_the_agent_keeps(case: str, rule: str, scenario: Make) -> None:
    found = scenario(case)
    assert found.cause is Cause.FOREIGN_RULE
    repair = next(r for r in found.answer.repairs if r.proposal.kind == "remove-rule")
    with found.lab() as lab:
        seen = ask(lab, found.asked)
        assert (seen.lost, seen.cause) == (Lost.FORWARD, "FIREWALL_RULE")
        assert rule in run(lab, NODE_02, "nft", "list", "ruleset")
        for command in repair.proposal.commands:
            run(lab, NODE_02, "sh", "-c", command)
        seen = ask(lab, found.asked)
        assert (seen.reached, seen.source_seen) == (True, found.asked.flow.source)
        for command in repair.proposal.undo:
            run(lab, NODE_02, "sh", "-c", command)
        assert not ask(lab, found.asked).reached


def test_the_node_s_own_command_names_it(scenario: Make) -> None:
    found = scenario("foreign-rule")
    assert found.found.confirm.startswith("wayhome node conflicts ")
    with found.lab() as lab:
        said = run(lab, NODE_02, sys.executable, "-m", "wayhome", "node", "conflicts", status=1)
    assert "POSTROUTING, written by Docker:" in said


def test_where_it_does_no_harm_it_is_no_cause(scenario: Make) -> None:
    found = scenario("foreign-rule-harmless")
    assert found.cause is None
    with found.lab() as lab:
        seen = ask(lab, found.asked)
    assert (seen.reached, seen.source_seen) == (True, Address.parse("10.1.0.3"))


def test_it_keeps_what_the_agent_would_translate(scenario: Make) -> None:
    found = scenario("foreign-rule-keeps")
    assert found.cause is Cause.FOREIGN_RULE
    with found.lab() as lab:
        seen = ask(lab, found.asked)
        assert (seen.lost, seen.source_seen) == (Lost.REPLY, found.asked.flow.source)
        run(lab, NODE_02, "iptables-nft", "-t", "nat", "-D", "POSTROUTING", "1")
        seen = ask(lab, found.asked)
    assert (seen.reached, seen.source_seen) == (True, Address.parse("10.1.0.3"))
