"""Commands of repairs are pasted into a shell: whatever an export calls its objects, the shell only runs what it was told."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.diagnosis.generated import Generated, Plan, generate

from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.router import RouterStatus
from wayhome.clouds.located import Located
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.repairs.terraform import resource

HOSTILE = "$(reboot)`reboot`;reboot|reboot&'\"\\ \nreboot\n #"
STUBS = ("gcloud", "kubectl", "ip")


@pytest.fixture
def shell(tmp_path: Path) -> Path:
    """A folder of programs: those that may be run write down their arguments, and one must not be."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in STUBS:
        (folder / name).write_text(f'#!/bin/sh\nprintf "%s\\0" "$@" >>{tmp_path}/said\n')
    (folder / "reboot").write_text(f"#!/bin/sh\ntouch {tmp_path}/rebooted\n")
    for program in folder.iterdir():
        program.chmod(0o755)
    return tmp_path


def run(shell: Path, command: str) -> list[str]:
    """What the programs were told."""
    said = shell / "said"
    said.unlink(missing_ok=True)
    path = f"{shell}/bin:{os.environ['PATH']}"
    subprocess.run(["bash", "-c", command], env={"PATH": path}, check=False, stdin=subprocess.DEVNULL)  # fmt: skip
    assert not (shell / "rebooted").exists(), command
    return said.read_text().split("\0")


def stopped_target(one: Generated) -> Generated:
    """So that more repairs are needed."""
    (name,) = (n for n in one.estate.all(Instance) if n.endswith(f"/{one.there.machine}"))
    instance = one.estate.all(Instance)[name]
    value = msgspec.structs.replace(instance.value, status="TERMINATED")
    estate = one.estate.with_changes(changed=[Located(value, instance.evidence)])
    return replace(one, estate=estate)


PLANS = {
    "peering": Plan(seed=1, suffix=HOSTILE),
    "bgp": Plan(seed=4, link="bgp", suffix=HOSTILE),
    "classic": Plan(seed=5, link="classic", suffix=HOSTILE),
    "native": Plan(seed=3, native=True, lets_in_pods=False, suffix=HOSTILE),
    "substitution": Plan(seed=1, suffix="$(reboot)"),
    "quote": Plan(seed=1, suffix="';reboot;'"),
    "line": Plan(seed=1, suffix="\nreboot\n"),
}


@pytest.mark.parametrize("name", PLANS)
def test_nothing_but_the_named_programs_runs(shell: Path, name: str) -> None:
    one = stopped_target(generate(shell / "exports", PLANS[name]))
    answer = Answer.to(one.estate, Question.parse(one.pod, f"{one.there.address}:443"))
    commands = [
        command
        for repair in answer.repairs
        if repair.works
        for command in (*repair.proposal.commands, *repair.proposal.undo)
    ]
    assert len(commands) > 10
    words = [run(shell, command) for command in commands]
    # The names arrive whole: the network's, with everything that is in it.
    assert any(PLANS[name].suffix in word for said in words for word in said)


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("destination", ["there", "home", "10.250.1.1"])
def test_nor_by_the_commands_that_confirm_a_cause(shell: Path, name: str, destination: str) -> None:
    one = generate(shell / "exports", PLANS[name])
    where = {"there": one.there.address, "home": one.home.address}.get(destination, destination)
    answer = Answer.to(one.estate, Question.parse(one.pod, f"{where}:443"), kinds=())
    if answer.found is None:
        assert answer.situation.works
        return
    assert answer.found.confirm.partition(" ")[0] in {"gcloud", "ip"}
    run(shell, answer.found.confirm)


def test_terraform_takes_no_templates() -> None:
    text = resource("google_compute_route", 'a" {', {"name": '${file("/etc/passwd")}%{if true}"\n'})
    assert text.splitlines()[0] == 'resource "google_compute_route" "a-" {'
    assert text.splitlines()[1] == r'  name = "$${file(\"/etc/passwd\")}%%{if true}\"\n"'


@pytest.mark.parametrize("name", PLANS)
def test_nor_by_the_commands_that_would_show_a_missing_fact(shell: Path, name: str) -> None:
    """The peer's project was not exported, nor what the routers learned."""
    one = generate(shell / "exports", PLANS[name])
    unknown = [(kind, full) for kind in (Network, RouterStatus) for full in one.estate.all(kind)]
    gone = [
        (kind, full)
        for kind, full in unknown
        if kind is RouterStatus or full.startswith(f"projects/{one.there.project}/")
    ]
    estate = one.estate.with_changes(deleted=gone)
    answer = Answer.to(estate, Question.parse(one.pod, f"{one.there.address}:443"), kinds=())
    missing = answer.situation.trace.missing
    assert missing
    for fact in missing:
        if not fact.command.startswith("show ip route "):  # which is for a router, not a shell
            run(shell, fact.command)
