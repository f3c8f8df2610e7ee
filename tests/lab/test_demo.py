import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from wayhome.lab import demo
from wayhome.lab.agents import NodeAgent, Places
from wayhome.lab.compiled import built
from wayhome.lab.prober import Prober
from wayhome.lab.programs import Program
from wayhome.lab.the_case import the_case
from wayhome.lab.the_case.phases import A

Run = Callable[..., "subprocess.CompletedProcess[str]"]

NODES = "projects/source-project/zones/asia-northeast1-a/instances"
ROWS = {
    ("my-pod", "target-gce-01"),
    ("my-pod", "test-gce-01"),
    ("test-gce-01", "target-gce-01"),
    ("gke-node-02", "target-gce-01"),
    ("my-pod", "other-pod"),
    ("target-gce-01", "my-pod"),
}
HOME = {"place": None, "cause": None}
LOST = {
    "place": "projects/destination-project/global/networks/target-network/internet-gateway",
    "cause": "PRIVATE_TRAFFIC_TO_INTERNET",
}
OWN = {"my-pod": "172.16.2.2", "test-gce-01": "10.1.0.4", "gke-node-02": "10.1.0.3"}


@pytest.mark.kernel
def test_the_demo_shows_what_the_account_saw(wayhome_command: Run) -> None:
    """The outcomes are written out here once more, from the account and not from the case's data."""
    done = wayhome_command("lab", "run", "the-case", "--json")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    document = json.loads(done.stdout)
    assert document.keys() == {"schema", "phases", "as_expected"}
    assert (document["schema"], document["as_expected"]) == (1, True)
    assert [phase["name"] for phase in document["phases"]] == ["before", "wrong-key", "masquerade"]
    for phase in document["phases"]:
        assert phase.keys() == {"name", "milliseconds_to_effect", "probes"}
        seen = {(p["source"], p["destination"], p["protocol"]): p for p in phase["probes"]}
        assert seen.keys() == {(*row, how) for row in ROWS for how in ("http", "tcp", "icmp")}
        for (source, destination, _), probe in seen.items():
            assert probe.keys() == {
                "source", "destination", "address", "protocol", "expected", "reached", "source_seen",
                "milliseconds", "lost", "predicted",
            }  # fmt: skip
            repaired = phase["name"] == "masquerade"
            case_row = (source, destination) == ("my-pod", "target-gce-01")
            reverse = source == "target-gce-01"
            assert probe["reached"] is (repaired if case_row else not reverse)
            assert probe["expected"] is probe["reached"]
            own = None if reverse else OWN[source]
            assert probe["source_seen"] == (OWN["gke-node-02"] if case_row and repaired else own)
            assert 0 < probe["milliseconds"] < 2000
            assert probe["predicted"] == {
                "reached": probe["reached"],
                "source_seen": probe["source_seen"],
                **(HOME if probe["reached"] else LOST),
                "leg": None if probe["reached"] else "request" if reverse else "reply",
            }
            lost = {key: probe["predicted"][key] for key in ("leg", "place", "cause")}
            assert probe["lost"] == (None if probe["reached"] else lost)
    effects = [phase["milliseconds_to_effect"] for phase in document["phases"]]
    assert effects[:2] == [None, None]
    assert 0 < effects[2] < 5000


@pytest.mark.kernel
def test_the_demo_for_people_works_without_colour_and_fits_100_columns(
    wayhome_command: Run,
) -> None:
    done = wayhome_command("lab", "run", "the-case")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    said = " ".join(done.stdout.split())
    assert (
        "the reply to 172.16.2.2 died at internet-gateway of target-network of destination-project: "
        "PRIVATE_TRAFFIC_TO_INTERNET"
    ) in said
    # The agent's cure for the wrong key: kubelet showed it nothing, so it was said before.
    _, _, told = said.partition("nothing changes on the nodes, and no agent is told.")
    assert told.startswith(" the agent on gke-node-02 has nothing new to say. It said before,")
    assert "--from-file=config=" in told
    assert "38, 44, 54, 58 and 109 s" in said
    assert "masquerading opens one direction" in said


IDLE = (
    "import json, time; "
    "print(json.dumps({'event': 'applied', 'message': ''}), flush=True); "
    "print(json.dumps({'event': 'no configuration', 'message': ''}), flush=True); "
    "time.sleep(60)"
)


@pytest.mark.kernel
def test_an_agent_that_does_nothing_is_not_as_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "EFFECT_SECONDS", 0.3)

    def idle(agent: NodeAgent, places: Places) -> Program:
        return Program(agent.node, "agent", (sys.executable, "-c", IDLE))

    outcome = demo.run(replace(the_case(), make_agent=idle), tmp_path)
    assert not outcome.as_expected
    before, wrong_key, masquerade = outcome.phases
    assert before.as_expected  # without any agent the Pod keeps its address too
    assert not wrong_key.as_expected  # the agent named no cure
    assert masquerade.milliseconds_to_effect is None
    assert [p.row for p in masquerade.probes if not p.as_expected] == [A, A, A]


@pytest.mark.kernel
def test_where_drops_cannot_be_seen_only_what_is_reached_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(93, "Protocol not supported")

    monkeypatch.setattr(built, "DropLog", refuse)
    monkeypatch.setattr(demo, "Prober", partial(Prober, seconds=0.3))
    begun: list[demo.Start] = []
    outcome = demo.run(the_case(), tmp_path, begun.append)
    assert [start.sees_drops for start in begun] == [False]
    assert outcome.as_expected
    before, *_ = outcome.phases
    assert "no answer within 0.3 s" in str(before.probes[0].observation.reason)


IDLE_AGENTS = """
import sys
from dataclasses import replace
from functools import partial
from wayhome.cli.main import wayhome
from wayhome.lab import demo
from wayhome.lab.cases import CASES
from wayhome.lab.programs import Program
demo.EFFECT_SECONDS = 0.3
def idle(agent, places):
    return Program(agent.node, "agent", (sys.executable, "-c", sys.argv[1]))
case = replace(CASES["the-case"](), make_agent=idle)
CASES["the-case"] = lambda: case
wayhome(["lab", "run", "the-case", *sys.argv[2:]])
"""


@pytest.mark.kernel
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_is_not_as_expected_ends_with_1(options: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IDLE_AGENTS, IDLE, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    if options:
        assert json.loads(done.stdout)["as_expected"] is False
    else:
        assert "NOT AS EXPECTED: writing the file had no effect" in done.stdout
        assert "masquerading opens one direction" not in done.stdout


DYING = """
import json, sys, time
from pathlib import Path
for event in ("no configuration", "applied"):
    print(json.dumps({"event": event, "message": "make it"}), flush=True)
while not Path(sys.argv[1], "ip-masq-agent").exists():
    time.sleep(0.005)
sys.exit("no more!")
"""

DYING_AGENTS = """
import sys
from dataclasses import replace
from wayhome.cli.main import wayhome
from wayhome.lab.cases import CASES
from wayhome.lab.programs import Program
real = CASES["the-case"]()
def dying(agent, places):
    if agent.label == "gke-node-02":
        return Program(agent.node, "agent", (sys.executable, "-c", sys.argv[1], str(places.volume)))
    return real.make_agent(agent, places)
case = replace(real, make_agent=dying)
CASES["the-case"] = lambda: case
wayhome(["lab", "run", "the-case", *sys.argv[2:]])
"""


@pytest.mark.kernel
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_an_agent_that_dies_is_named_as_the_cause(options: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DYING_AGENTS, DYING, *options],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    cause = "the agent on instance gke-node-02 of source-project ended with exit status 1; it printed last:"
    if options:
        document = json.loads(done.stdout)
        assert document["as_expected"] is False
        assert document["phases"][-1]["milliseconds_to_effect"] is None
        assert done.stderr.startswith(f"wayhome: {cause}\n")
        assert done.stderr.endswith("\nno more!\n")
    else:
        _, _, shown = done.stdout.partition("masquerade: ")
        _, complaint, verdict = " ".join(shown.split()).split("NOT AS EXPECTED: ")
        assert complaint.startswith(f"{cause} ")
        assert "probes as expected" in verdict
        assert "  no more!" in shown
        assert "the phases after this one were not run" in shown


@pytest.mark.kernel
def test_an_agent_that_is_killed_ends_the_demo_with_its_phase(tmp_path: Path) -> None:
    def killed(agent: NodeAgent, places: Places) -> Program:
        script = f"{IDLE.replace('time.sleep(60)', 'time.sleep(0.2)')}; import os; os.kill(os.getpid(), 9)"
        return Program(agent.node, "agent", (sys.executable, "-c", script))

    outcome = demo.run(replace(the_case(), make_agent=killed), tmp_path)
    assert not outcome.as_expected
    assert 1 <= len(outcome.phases) <= 2
    named = {ending.splitlines()[0] for ending in outcome.phases[-1].endings}
    assert named <= {
        f"agent on {NODES}/{node} was killed by SIGKILL; it printed last:"
        for node in ("gke-node-01", "gke-node-02")
    }


@pytest.mark.kernel
def test_what_was_reached_before_is_no_effect(tmp_path: Path) -> None:
    """The network is built with the first phase's configuration, so this phase changes nothing."""
    outcome = demo.run(replace(the_case(), phases=the_case().phases[-1:]), tmp_path)
    (phase,) = outcome.phases
    assert all(probe.as_expected for probe in phase.probes)
    assert phase.milliseconds_to_effect is None
    assert not outcome.as_expected
