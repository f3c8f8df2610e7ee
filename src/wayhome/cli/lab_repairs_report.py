"""What trying repairs prints: the matrix of a case's phase for each, and what became of a stream of requests."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from wayhome.cli.lab_report import Report, phase_document, print_line
from wayhome.cli.lab_seen import cut_away, cut_document
from wayhome.cli.printable import printable
from wayhome.diagnosis.question import Question
from wayhome.lab.repairs.demonstration import AS_EXPORTED
from wayhome.lab.repairs.outcome import RepairOutcome
from wayhome.lab.repairs.stream import EVERY_SECONDS
from wayhome.lab.repairs.survival import Survival, lost
from wayhome.report.names import last

CONTROL = "a control, expected to fail: so the lab can tell"


class RepairsReport:
    """Prints repairs as they are tried."""

    def __init__(self, out: Console) -> None:
        self._out = out

    def begin(self, name: str, question: Question) -> None:
        """What is asked."""
        asked = printable(str(question))
        self._out.print(Text.assemble((printable(name), "bold"), f": what repairs {asked}"))
        self._line(
            "each repair that `wayhome why` proposes in a network of its own, with real packets,"
        )
        self._line(
            "and with the reverse: whether the destination could open a connection to the source"
        )

    def repair(self, outcome: RepairOutcome) -> None:
        """One repair."""
        Report(self._out, outcome.network).phase(outcome.phase)
        for left in cut_away(outcome.cut) if outcome.cut else ():
            self._line(left.text)
        if outcome.proxies:
            nodes = printable(" and ".join(map(last, outcome.proxies)))
            self._line(f"nginx runs on {nodes}, with the configuration that the repair writes")
        if outcome.control and outcome.as_expected and not outcome.phase.phase.explanation:
            self._line(CONTROL)
        for survival in outcome.survivals:
            good = survival.as_expected
            for line in _survival(survival):
                self._line(line, "green" if good else "bold red")

    def end(self, outcomes: Sequence[RepairOutcome], seconds: float) -> None:
        """The verdict."""
        probes = [probe for outcome in outcomes for probe in outcome.phase.probes]
        good = sum(probe.as_expected for probe in probes)
        whole = all(outcome.as_expected for outcome in outcomes)
        if {outcome.kind for outcome in outcomes} == {AS_EXPORTED}:
            self._line("no repair is proposed")
        self._out.print()
        self._out.print(
            f"{'as expected' if whole else 'NOT AS EXPECTED'}: {good} of {len(probes)} probes as expected and as predicted, "
            f"{seconds:.1f} s in all",
            style="bold green" if whole else "bold red",
        )

    def _line(self, text: str, style: str = "") -> None:
        print_line(self._out, text, style)


def _survival(survival: Survival) -> Iterator[str]:
    check, between, after = survival.check, survival.between, survival.after
    yield (
        f"that of {printable(last(survival.died.node))} is killed under {1 / EVERY_SECONDS:.0f} requests a second; its health "
        f"check asks every {check.check_interval_sec} s, and {check.unhealthy_threshold} failures leave it out"
    )
    if survival.seconds is None:
        yield f"NOT AS EXPECTED: the balancer never left it out; {lost(between)} of {len(between)} requests are lost"
        return
    verdict = "" if survival.as_expected else "NOT AS EXPECTED: "
    soonest, latest = survival.bounds
    yield (
        f"{verdict}left out {survival.seconds:.1f} s later (by the check {soonest:g} to {latest:g} s): until then "
        f"{lost(between)} of {len(between)} requests are lost, and after it {lost(after)} of {len(after)}"
    )


def document(outcomes: Sequence[RepairOutcome]) -> dict[str, object]:
    """All of it, as the demonstration of a case has it."""
    return {
        "schema": 1,
        "phases": [_phase(outcome) for outcome in outcomes],
        "as_expected": all(outcome.as_expected for outcome in outcomes),
    }


def _phase(outcome: RepairOutcome) -> dict[str, object]:
    phase = phase_document(outcome.phase)
    kind = None if outcome.kind == AS_EXPORTED else outcome.kind
    phase |= {"kind": kind, "control": outcome.control, "as_expected": outcome.as_expected}
    if outcome.cut:
        phase |= cut_document(outcome.cut)
    if outcome.proxies:
        phase["proxies"] = list(outcome.proxies)
    if outcome.survivals:
        phase["survivals"] = [_survival_document(one) for one in outcome.survivals]
    return phase


def _survival_document(survival: Survival) -> dict[str, object]:
    check = survival.check
    return {
        "died": survival.died.node,
        "check_interval_seconds": check.check_interval_sec,
        "check_timeout_seconds": check.timeout_sec,
        "unhealthy_threshold": check.unhealthy_threshold,
        "requests_per_second": round(1 / EVERY_SECONDS),
        "seconds_until_left_out": None if survival.seconds is None else round(survival.seconds, 3),
        "requests": len(survival.sent),
        "lost": lost(survival.sent),
        "requests_until_left_out": len(survival.between),
        "lost_until_left_out": lost(survival.between),
        "lost_after": lost(survival.after),
        "as_expected": survival.as_expected,
    }
