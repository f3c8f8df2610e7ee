"""The repairs: the recommended one with its commands, the others in a few lines; with `in_full` all with everything."""

from collections.abc import Iterator

from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.repairs.replay import Replay
from wayhome.network import Verdict
from wayhome.report.line import Line, Role
from wayhome.report.names import shortened

MOST_FAILING = 8
COMPARED = "compared: "
"""How a sentence begins that says how much was looked at."""


def repairs(answer: Answer, *, in_full: bool) -> Iterator[Line]:
    """Those that work, those that were tried and do not, and those that could not be tried."""
    working = [one for one in answer.repairs if one.works]
    failing = [one for one in answer.repairs if not one.works]
    if not (working or failing or answer.not_possible):
        return
    yield Line("")
    if working:
        rest = "" if in_full or len(working) == 1 else "; --steps shows the commands of all"
        what = "repair works" if len(working) == 1 else "repairs work"
        yield Line(
            f"{len(working)} {what}, each tried on these exports before it is offered{rest}:"
        )
    elif failing:
        yield Line("None of the repairs that were tried on these exports is seen to work:")
    else:
        yield Line("No repair could be tried on these exports:")
    for number, one in enumerate(working, 1):
        yield from _working(number, one, in_full=in_full, commands=in_full or number == 1)
    yield from _others(answer, failing, in_full=in_full)


def _working(number: int, replay: Replay, *, in_full: bool, commands: bool) -> Iterator[Line]:
    proposal = replay.proposal
    head = f"{number}. "
    yield Line(f"{proposal.kind}: {shortened(proposal.summary)}", 2, head, Role.GOOD)
    yield Line("; ".join((*_directions(replay), *replay.reasons)), 2 + len(head))
    for note in (*(proposal.notes if commands else ()), *replay.side_effects.sentences()):
        first, *more = note.splitlines() or [""]
        if in_full or not (more or first.startswith(COMPARED)):
            yield Line(shortened(first), 2 + len(head), "- ")
            yield from (Line(line, 6 + len(head), role=Role.COMMAND) for line in more)
    if not commands:
        return
    for command in proposal.commands:
        first, *more = command.splitlines()
        yield Line(f"$ {first}", 2 + len(head), role=Role.COMMAND)
        yield from (Line(line, 4 + len(head), role=Role.COMMAND) for line in more)
    for command in proposal.undo:
        first, *more = command.splitlines()
        yield Line(f"undo: {first}", 2 + len(head), role=Role.COMMAND)
        yield from (Line(line, 4 + len(head), role=Role.COMMAND) for line in more)


def _directions(replay: Replay) -> Iterator[str]:
    if replay.reverse is not None and replay.reverse.verdict is not Verdict.REACHABLE:
        yield "opens one direction"


def _others(answer: Answer, failing: list[Replay], *, in_full: bool) -> Iterator[Line]:
    if in_full:
        for one in failing[:MOST_FAILING]:
            text = f"{one.proposal.kind}: {shortened(one.proposal.summary)} ({_why(one)})"
            yield Line(text, 2, "does not work: ", Role.QUIET)
    elif failing:
        names = ", ".join(dict.fromkeys(f"{one.proposal.kind} ({_why(one)})" for one in failing))
        yield Line(names, 2, "tried, not seen to work: ", Role.QUIET)
    if in_full or not any(one.works for one in answer.repairs):
        for impossible in answer.not_possible:
            command = (
                f"; this would say it: {impossible.missing.command}" if impossible.missing else ""
            )
            text = f"{impossible.kind}: {shortened(impossible.why)}{command}"
            yield Line(text, 2, "not tried: ", Role.QUIET)
    elif answer.not_possible:
        names = ", ".join(dict.fromkeys(one.kind for one in answer.not_possible))
        yield Line(names, 2, "not tried (--steps says why): ", Role.QUIET)


def _why(replay: Replay) -> str:
    cause = str(replay.cause.cause) if replay.cause else _not_known(replay)
    return shortened(replay.problem or ", ".join(replay.proposal.refused) or cause)


def _not_known(replay: Replay) -> str:
    """What would have to be known; the command stands in the document."""
    missing = replay.after.trace.missing if replay.after else ()
    return f"not known: {missing[0].fact}" if missing else "not known"
