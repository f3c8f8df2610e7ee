import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from wayhome.cli.lab_report import Report, document
from wayhome.cli.printable import printable
from wayhome.clouds.compile import compile_estate
from wayhome.lab.agent_log import AgentEvent, events
from wayhome.lab.demo import Outcome, PhaseOutcome, ProbeOutcome, Start
from wayhome.lab.running_agents import AgentSaid
from wayhome.lab.the_case import the_case
from wayhome.lab.the_case.phases import (
    ADDRESSES,
    MY_POD,
    NODE_02,
    NOT_THERE,
    TO_THE_INTERNET,
    A,
)
from wayhome.probe.observation import Leg, Loss, Observation, Protocol

THE_CASE = the_case()
NETWORK = compile_estate(THE_CASE.estate)
BEFORE, WRONG_KEY, MASQUERADE = THE_CASE.phases
LOST = Loss(Leg.REPLY, TO_THE_INTERNET, NOT_THERE, ADDRESSES[MY_POD])


def lost(loss: Loss = LOST) -> Observation:
    return Observation(Protocol.TCP, A.address, loss.source_seen, 1.0, str(loss), loss)


def reached(source: str) -> Observation:
    return Observation(Protocol.TCP, A.address, ADDRESSES[source], 1.0)


def probe(
    observation: Observation, *, sees_drops: bool = True, phase: object = BEFORE
) -> ProbeOutcome:
    expected = phase.expected[A]  # type: ignore[attr-defined]
    return ProbeOutcome(A, expected, expected, observation, sees_drops)


def test_what_is_expected_includes_where_and_why_it_died() -> None:
    assert probe(lost()).as_expected
    assert not probe(reached(MY_POD)).as_expected
    assert not probe(lost(replace(LOST, leg=Leg.REQUEST))).as_expected
    assert not probe(lost(replace(LOST, place="source-vpc"))).as_expected
    assert not probe(lost(replace(LOST, cause="firewall"))).as_expected
    assert not probe(lost(replace(LOST, towards=ADDRESSES[NODE_02]))).as_expected


def test_a_time_out_is_as_expected_only_where_deaths_cannot_be_seen() -> None:
    silent = Observation(Protocol.TCP, A.address, None, 2000.0, "no answer within 2 s")
    assert not probe(silent).as_expected
    assert probe(silent, sees_drops=False).as_expected
    # A node that cannot send knows it from its kernel and needs no log.
    assert probe(lost(), sees_drops=False).as_expected
    assert not probe(lost(replace(LOST, cause="firewall")), sees_drops=False).as_expected


def test_reached_from_another_address_is_not_as_expected() -> None:
    assert probe(reached(NODE_02), phase=MASQUERADE).as_expected
    assert not probe(reached(MY_POD), phase=MASQUERADE).as_expected


def shown(outcome: PhaseOutcome, encoding: str = "utf-8") -> str:
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Report(Console(file=out, width=100), NETWORK).phase(outcome)
    out.flush()
    return out.buffer.getvalue().decode(encoding)


def test_what_is_not_as_expected_stands_out_without_colour() -> None:
    text = shown(PhaseOutcome(MASQUERADE, (probe(lost(), phase=MASQUERADE),) * 3, None, 9))
    assert "(!)" in text
    said = " ".join(text.split())
    assert "NOT AS EXPECTED: writing the file had no effect" in said
    assert "expected to be reached from 10.1.0.3; seen: the reply to 172.16.2.2 died at" in said


@pytest.mark.parametrize("sees_drops", [True, False])
def test_a_machine_that_does_not_show_drops_says_so_in_one_line(*, sees_drops: bool) -> None:
    out = io.StringIO()
    Report(Console(file=out, width=100), NETWORK).built(Start(8, 4, 2, 0.25, sees_drops))
    up, signs, *more = (line.strip() for line in out.getvalue().splitlines())
    assert up == "8 networks, 4 servers and 2 agents: up in 0.25 s; no root needed"
    assert signs.endswith("lost, seen to die" if sees_drops else "not reached")
    assert len(more) == (0 if sees_drops else 1)
    assert all("cannot log drops" in line for line in more)


def test_a_terminal_without_the_signs_gets_letters() -> None:
    text = shown(PhaseOutcome(BEFORE, (probe(lost()),) * 3, None, 0), "ascii")
    assert "x reply lost" in text
    assert "my-pod -> target-gce-01" in text


def test_a_narrow_terminal_hides_nothing_of_the_matrix() -> None:
    out = io.StringIO()
    probes = tuple(probe(reached(NODE_02), phase=MASQUERADE) for _ in Protocol)
    Report(Console(file=out, width=40), NETWORK).phase(PhaseOutcome(MASQUERADE, probes, 5.0, 1))
    matrix = out.getvalue().partition("sees")[2]
    assert "…" not in matrix
    assert max(map(len, matrix.splitlines())) <= 40


def test_a_name_is_no_markup_and_moves_no_cursor() -> None:
    out = io.StringIO()
    name = "a[bold]b[/nothing]\x1b[2J"
    row = replace(A, source=name)
    outcome = ProbeOutcome(row, BEFORE.expected[A], BEFORE.expected[A], lost(), sees_drops=True)
    phase = replace(BEFORE, name=name, title=name)
    Report(Console(file=out, width=100), NETWORK).phase(PhaseOutcome(phase, (outcome,), None, 0))
    assert out.getvalue().count(r"a[bold]b[/nothing]\x1b[2J") == 4
    assert "\x1b" not in out.getvalue()


def test_what_an_agent_says_cannot_move_the_cursor() -> None:
    said = "a\x1b[2Jb\u202ec"
    text = shown(
        PhaseOutcome(WRONG_KEY, (probe(lost()),) * 3, None, 0, AgentSaid(NODE_02, 0, said))
    )
    assert "a\\x1b[2Jb\\u202ec" in text
    assert not re.search("[\x1b\u202e]", text)
    assert printable("a\nb") == "a\\nb"
    assert printable("a\nb", lines=True) == "a\nb"


def test_what_an_agent_said_before_is_not_shown_as_news() -> None:
    said = AgentSaid(NODE_02, 0, "make it with: kubectl")
    old = PhaseOutcome(WRONG_KEY, (probe(lost()),) * 3, None, 0, said, said_before=True)
    assert old.as_expected
    text = " ".join(shown(old).split())
    assert (
        "gke-node-02 has nothing new to say. It said before, and that still holds: make it" in text
    )
    text = " ".join(shown(replace(old, said_before=False)).split())
    assert "the agent on gke-node-02 says: make it with: kubectl" in text
    silent = replace(old, agent_said=None)
    assert not silent.as_expected
    assert "NOT AS EXPECTED: no agent said anything about it" in shown(silent)


def test_the_document_is_as_promised() -> None:
    seen = replace(probe(lost()), predicted=MASQUERADE.expected[A])
    outcome = Outcome((PhaseOutcome(MASQUERADE, (seen,), 6.78912, 1),))
    assert document(outcome) == {
        "schema": 1,
        "phases": [
            {
                "name": "masquerade",
                "milliseconds_to_effect": 6.789,
                "probes": [
                    {
                        "source": "my-pod",
                        "destination": "target-gce-01",
                        "address": "10.2.0.1",
                        "protocol": "tcp",
                        "expected": False,
                        "reached": False,
                        "source_seen": "172.16.2.2",
                        "milliseconds": 1.0,
                        "lost": {"leg": "reply", "place": TO_THE_INTERNET, "cause": NOT_THERE},
                        "predicted": {
                            "reached": True,
                            "source_seen": "10.1.0.3",
                            "leg": None,
                            "place": None,
                            "cause": None,
                        },
                    }
                ],
            }
        ],
        "as_expected": False,
    }


def test_what_the_tracer_says_has_to_be_what_is_seen_and_expected_too() -> None:
    otherwise = replace(probe(lost()), predicted=MASQUERADE.expected[A])
    assert not otherwise.as_expected
    said = " ".join(shown(PhaseOutcome(BEFORE, (otherwise,) * 3, None, 0)).split())
    assert "expected the reply to die at internet-gateway of target-network" in said
    assert "predicted to be reached from 10.1.0.3; seen: the reply to 172.16.2.2 died at" in said


def test_only_events_count_in_an_agents_output() -> None:
    text = 'Traceback\n{"event": "applied", "message": "m"}\n[1]\n{"event": 3}\n{"event": "cut'
    assert events(text) == [AgentEvent("applied", "m")]
