"""`wayhome lab run … --all` and `--repair KIND`: each repair that `why` proposes, tried with real packets."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import click

from wayhome.cli.lab_errors import end, errors
from wayhome.cli.lab_predicted import show_phases
from wayhome.cli.lab_repairs_report import RepairsReport, document
from wayhome.cli.lab_report import console
from wayhome.cli.lab_terminal import progress
from wayhome.cli.printable import printable
from wayhome.clouds.endpoints import EndpointError
from wayhome.clouds.estate import Estate
from wayhome.clouds.read import UnreadableDirectoryError, read_estate
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.question import Question
from wayhome.lab.cases import CASES, REPAIRS
from wayhome.lab.cut import TooLargeError
from wayhome.lab.mounts import private_folder
from wayhome.lab.namespaces import enter
from wayhome.lab.repairs.claims import Claims, Elsewhere
from wayhome.lab.repairs.demonstration import (
    AS_EXPORTED,
    Demonstration,
    NotShownError,
    demonstrations,
)
from wayhome.lab.repairs.nginx import require_nginx
from wayhome.lab.repairs.outcome import RepairOutcome
from wayhome.lab.repairs.predicted import predict_demonstration
from wayhome.lab.repairs.running import show
from wayhome.network import NetworkError
from wayhome.network import Protocol as FlowProtocol
from wayhome.policy.findings import quote
from wayhome.probe.observation import Protocol
from wayhome.report.names import shortened

_Show = Callable[[RepairOutcome], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose repairs. `protocols`: how one is tried that holds for all of them; empty is as the question asks."""

    name: str
    estate: Estate
    question: Question
    protocols: Sequence[Protocol] = ()
    claims: Claims | None = None
    elsewhere: Mapping[str, Elsewhere] = field(default_factory=dict)


def of_case(name: str) -> Wanted:
    """Those of a case."""
    repairs = REPAIRS[name]()
    everything = tuple(Protocol)
    return Wanted(
        name, CASES[name]().estate, repairs.question, everything, repairs.claims, repairs.elsewhere
    )


def of_exports(directory: Path, source: str, destination: str, protocol: str | None) -> Wanted:
    """Those of a flow in an exported network."""
    chosen = FlowProtocol(protocol) if protocol else None
    try:
        question = Question.parse(source, destination, chosen)
        return Wanted(str(directory), read_estate(directory), question)
    except (UnreadableDirectoryError, EndpointError) as error:
        end(2, str(error))


def run_repairs(wanted: Wanted, kinds: Sequence[str], *, as_json: bool) -> NoReturn:
    """Try those of these kinds, or all."""
    started = time.perf_counter()
    shown, elsewhere = _proposed(wanted, kinds)
    report = RepairsReport(console())
    outcomes: list[RepairOutcome] = []

    def seen(outcome: RepairOutcome) -> None:
        outcomes.append(outcome)
        if not as_json:
            report.repair(outcome)

    with errors(lambda: _predict_all(wanted, shown, elsewhere, as_json=as_json)):
        if any(one.proxies for one in shown):
            require_nginx()
        for one in elsewhere.values():
            one.require()
        enter()
        if not as_json:
            report.begin(wanted.name, wanted.question)
        try:
            _show_all(shown, elsewhere, wanted.claims, seen)
        except TooLargeError as error:
            end(2, str(error))
    if as_json:
        click.echo(json.dumps(document(outcomes), indent=2))
        for ending in (ending for one in outcomes for ending in one.phase.endings):
            click.echo(f"wayhome: the {shortened(printable(ending, lines=True))}", err=True)
    else:
        report.end(outcomes, time.perf_counter() - started)
    sys.exit(0 if all(outcome.as_expected for outcome in outcomes) else 1)


def _predict_all(
    wanted: Wanted, shown: Sequence[Demonstration], elsewhere: Mapping[str, Elsewhere], *, as_json: bool
) -> None:  # fmt: skip
    predicted = [predict_demonstration(one, wanted.claims) for one in shown]
    predicted += [phase for other in elsewhere.values() for phase in other.predict()]
    summary = (f"what repairs {wanted.question}",)
    show_phases(wanted.name, summary, predicted, as_json=as_json)


def _show_all(
    shown: Sequence[Demonstration], elsewhere: Mapping[str, Elsewhere], claims: Claims | None, seen: _Show
) -> None:  # fmt: skip
    folder = private_folder()
    for number, one in enumerate(shown):
        erase = progress(f"{one.kind} ...")
        outcome = show(one, claims, Path(folder, str(number)))
        erase()
        seen(outcome)
    for kind, other in elsewhere.items():
        other.show(Path(folder, kind), seen)


def _proposed(
    wanted: Wanted, kinds: Sequence[str]
) -> tuple[list[Demonstration], Mapping[str, Elsewhere]]:
    """What is to be shown of these kinds; all without any."""
    try:
        answer = Answer.to(wanted.estate, wanted.question)
        shown = _in_order(demonstrations(answer, wanted.protocols, kinds), wanted.claims)
    except (EndpointError, NetworkError, NotShownError) as error:
        end(2, str(error))
    proposed = [one.proposal.kind for one in answer.repairs if one.after is not None]
    proposed += wanted.elsewhere
    for kind in kinds:
        if kind not in proposed:
            known = ", ".join(dict.fromkeys(proposed)) or "none"
            end(2, f"no {quote(kind)} is proposed for {wanted.question}; what is: {known}")
    elsewhere = {k: v for k, v in wanted.elsewhere.items() if not kinds or k in kinds}
    only_elsewhere = bool(kinds) and set(kinds) <= set(elsewhere)
    return ([] if only_elsewhere else shown), elsewhere


def _in_order(shown: Iterable[Demonstration], claims: Claims | None) -> list[Demonstration]:
    """As a case tells them: there a control follows what it is the control of. Else as they are recommended."""
    if claims is None:
        return list(shown)
    told = [AS_EXPORTED, *claims.repairs]
    return sorted(shown, key=lambda one: told.index(one.kind) if one.kind in told else len(told))
