"""Run a case through its phases, and compare what was seen with what was expected.

Nothing here decides an outcome: `reached` and the source are measured, and `as_expected` compares them, together with the
place and the cause of each death, with the case's data, and with what the tracer predicts from the exports of the phase.
Where a machine cannot show where packets die, only that they did not arrive is compared.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wayhome.lab.case import Case, Expected, Phase, Row
from wayhome.lab.prediction import Predictions, predict_phase
from wayhome.lab.prober import Prober, Request
from wayhome.lab.running_agents import AgentSaid
from wayhome.lab.running_case import CommandRun, RunningCase
from wayhome.lab.running_estate import RunningEstate
from wayhome.probe.observation import Observation, Protocol

# How long a change may take before it counts as having no effect; how long no effect is waited for.
EFFECT_SECONDS = 10.0
NO_EFFECT_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Start:
    """The case is up. Where `sees_drops` is false, this machine does not show where packets die."""

    networks: int
    servers: int
    agents: int
    seconds: float
    sees_drops: bool


@dataclass(frozen=True, slots=True)
class ProbeOutcome:
    """One probe: expected by whoever tells the case, predicted by the tracer, and seen."""

    row: Row
    expected: Expected
    predicted: Expected
    observation: Observation
    sees_drops: bool

    @property
    def as_expected(self) -> bool:
        """Whether it was seen as expected and predicted, in every respect that this machine shows."""
        seen, expected = self.observation, self.expected
        if expected != self.predicted:
            return False
        if seen.reached != expected.reached:
            return False
        if not (seen.reached or seen.loss or self.sees_drops):
            return True  # how it ended is all that there is to see
        loss = seen.loss
        died = (loss.leg, loss.place, loss.cause) if loss else (None, "", "")
        wanted = (expected.leg, expected.place, expected.cause)
        unseen = seen.source_seen is None and not self.sees_drops  # nor are deliveries
        return (unseen or seen.source_seen == expected.source_seen) and died == wanted


@dataclass(frozen=True, slots=True)
class PhaseOutcome:
    """One phase. `milliseconds_to_effect` is set where the phase changes an outcome, and did.

    `agent_said` is what the case wants to be shown of the agents' logs, and `said_before` whether that was said before
    the phase and not again in it. `endings` say which programs ended: then the phase shows that and nothing of the case.
    `commands` and `questions` are what was typed before and after the probes.
    """

    phase: Phase
    probes: tuple[ProbeOutcome, ...]
    milliseconds_to_effect: float | None
    attempts_until_effect: int
    agent_said: AgentSaid | None = None
    said_before: bool = False
    endings: tuple[str, ...] = ()
    commands: tuple[CommandRun, ...] = ()
    questions: tuple[CommandRun, ...] = ()

    @property
    def as_expected(self) -> bool:
        """Whether all of it was."""
        effect = self.phase.takes_effect is None or self.milliseconds_to_effect is not None
        said = not self.phase.show_agent or (
            self.agent_said is not None and self.agent_said.message != ""
        )
        return (
            effect
            and said
            and not self.endings
            and all(probe.as_expected for probe in self.probes)
            and all(run.as_expected for run in (*self.commands, *self.questions))
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole run."""

    phases: tuple[PhaseOutcome, ...]

    @property
    def as_expected(self) -> bool:
        """Whether all of it was."""
        return all(phase.as_expected for phase in self.phases)


def run(
    case: Case,
    folder: Path,
    begin: Callable[[Start], None] = lambda _: None,
    show: Callable[[PhaseOutcome], None] = lambda _: None,
) -> Outcome:
    """Build the case and run its phases. Raises OSError, ProgramError, NodeNameError, NetworkError.

    `begin` sees that it is up, `show` each phase as it is done. A phase in which a program ended is the last one.
    """
    started = time.perf_counter()
    first, *_ = case.phases
    with RunningCase(case, folder, first) as running:
        predicted = [predict_phase(case, phase) for phase in case.phases]
        running.wait_until_ready()
        with Prober(running.network) as prober:
            begin(
                Start(
                    networks=len(running.network.nodes),
                    servers=len(case.servers),
                    agents=len(running.agents.agents),
                    seconds=time.perf_counter() - started,
                    sees_drops=running.network.sees_drops,
                )
            )
            outcomes = []
            for phase, predictions in zip(case.phases, predicted, strict=True):
                outcomes.append(_run_phase(phase, predictions, running, prober))
                show(outcomes[-1])
                if outcomes[-1].endings:
                    break
    return Outcome(tuple(outcomes))


def _run_phase(
    phase: Phase, predicted: Predictions, running: RunningCase, prober: Prober
) -> PhaseOutcome:
    milliseconds, attempts = None, 0
    # What is reached already is no effect of what comes now.
    waits = phase.takes_effect and not reached(phase.takes_effect, running, prober)
    said_already = running.agents.said(phase.show_agent)
    started = time.perf_counter()
    changed = running.configure(phase)
    commands = tuple(map(running.run, phase.commands))
    if phase.takes_effect and waits:
        milliseconds, attempts = wait_for_effect(phase.takes_effect, running, prober, started)
    elif changed or commands or phase.show_agent:
        time.sleep(NO_EFFECT_SECONDS)
    probes = probe_all(phase, predicted, running, prober)
    said = running.agents.said(phase.show_agent)
    return PhaseOutcome(
        phase=phase,
        probes=probes,
        milliseconds_to_effect=milliseconds,
        attempts_until_effect=attempts,
        agent_said=said,
        said_before=said == said_already,
        commands=commands,
        questions=tuple(map(running.run, phase.questions)),
        endings=running.network.endings(),
    )


def probe_all(
    phase: Phase, predicted: Predictions, running: RunningEstate, prober: Prober
) -> tuple[ProbeOutcome, ...]:
    """Probe all rows of a phase in each way, all at once. Raises OSError."""
    cells = [(row, protocol) for row in phase.expected for protocol in Protocol]
    seen = prober.probe([_request(row, protocol, running) for row, protocol in cells])
    sees_drops = running.network.sees_drops
    return tuple(
        ProbeOutcome(row, phase.expected[row], predicted[row, protocol], observation, sees_drops)
        for (row, protocol), observation in zip(cells, seen, strict=True)
    )


def wait_for_effect(
    row: Row, running: RunningEstate, prober: Prober, started: float
) -> tuple[float | None, int]:
    """Probe without a pause until the row is reached: each probe before that ends at once, where its packet dies.

    Returns the milliseconds since `started` (None: it had no effect), and how many probes that took. Raises OSError.
    """
    attempts = 0
    while time.perf_counter() - started < EFFECT_SECONDS and not running.network.endings():
        attempts += 1
        if reached(row, running, prober):
            return (time.perf_counter() - started) * 1000, attempts
    return None, attempts


def reached(row: Row, running: RunningEstate, prober: Prober) -> bool:
    """Whether a row is reached now. Raises OSError."""
    (observation,) = prober.probe([_request(row, Protocol.TCP, running)])
    return observation.reached


def _request(row: Row, protocol: Protocol, running: RunningEstate) -> Request:
    return Request(running.node(row.source), row.address, protocol)
