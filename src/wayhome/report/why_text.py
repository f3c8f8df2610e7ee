"""The answer to `why` as text: what a tired person on call reads first stands first.

The first line is the verdict, the cause and the flow. Then why, what decides it, one command that confirms it, both ways
in a few lines, and the repairs that work with their commands. Every step is in the JSON document and with `--steps`.
"""

from collections.abc import Iterator

from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.repairs.replay import Replay
from wayhome.network import Evidence, Verdict
from wayhome.trace import Hop, Lost

MOST_DECIDING = 4
MOST_FAILING = 8
_QUIET = {"START_FROM_INSTANCE", "START_FROM_GKE_POD", "ARRIVE_AT_INSTANCE", "ARRIVE_AT_GKE_POD"}


def lines(answer: Answer, *, steps: bool = False) -> Iterator[str]:
    """The text, line by line."""
    yield _first(answer)
    yield from _why(answer)
    yield ""
    yield from _way(
        "out",
        answer.situation.trace.forward,
        answer.situation.trace.lost is Lost.FORWARD,
        steps=steps,
    )
    yield from _way(
        "home", answer.situation.trace.reply, answer.situation.trace.lost is Lost.REPLY, steps=steps
    )
    yield from _reverse(answer)
    yield from (f"assumed: {assumption}" for assumption in answer.situation.trace.assumptions)
    yield from _repairs(answer)


def _first(answer: Answer) -> str:
    situation = answer.situation
    trace = situation.trace
    flow = trace.flow
    port = "" if flow.port is None else f" {flow.protocol} port {flow.port}"
    protocol = " ICMP echo" if flow.port is None else port
    where = f"{situation.asked.source.name} ({flow.source}) to {flow.destination},{protocol}"
    lost = (
        f", {'the reply is lost' if trace.lost is Lost.REPLY else 'lost on its way out'}"
        if trace.drop
        else ""
    )
    cause = f" ({answer.found.cause})" if answer.found else ""
    return f"{trace.verdict}{cause}: {where}{lost}"


def _why(answer: Answer) -> Iterator[str]:
    found, trace = answer.found, answer.situation.trace
    if found:
        yield f"  because {found.because}"
        yield from (f"  {note}" for note in found.notes)
        for evidence in found.deciding[:MOST_DECIDING]:
            yield f"  decided by {_place(evidence)}"
        if found.confirm:
            yield f"  to see it live: {found.confirm}"
    for fact in trace.missing:
        likely = f"; very probably {fact.likely}" if fact.likely else ""
        unless = f", unless {fact.unless}" if fact.unless else ""
        yield f"  not known: {fact.fact}{likely}{unless}"
        yield f"    this decides it: {fact.command}"


def _way(name: str, hops: tuple[Hop, ...], lost: bool, *, steps: bool) -> Iterator[str]:
    if not hops:
        return
    yield f"the way {name}{', on which it is lost' if lost else ''}:"
    for hop in hops:
        yield f"  {short(hop.node)}"
        for step in hop.steps:
            if not steps and step.kind in _QUIET:
                continue
            place = f"   [{_place(step.evidence)}]" if steps and step.evidence else ""
            yield f"    {step.kind}{' ' if step.detail else ''}{_shortened(step.detail)}{place}"


def _reverse(answer: Answer) -> Iterator[str]:
    reverse = answer.situation.reverse
    if reverse is None:
        return
    can = {
        Verdict.REACHABLE: "can",
        Verdict.UNREACHABLE: "cannot",
        Verdict.AMBIGUOUS: "can at times",
        Verdict.UNDETERMINED: "can, or cannot: it is not known whether it can",
    }[reverse.verdict]
    why = f" ({reverse.drop.cause})" if reverse.drop else ""
    yield f"the other way round: {reverse.flow.source} {can} open a connection to {reverse.flow.destination}{why}"


def _repairs(answer: Answer) -> Iterator[str]:
    working = [one for one in answer.repairs if one.works]
    failing = [one for one in answer.repairs if not one.works]
    if working:
        yield ""
        yield f"repairs, each tried on the exports before it is offered ({len(working)} work):"
        for number, one in enumerate(working, 1):
            yield from _working(number, one)
    for one in failing[:MOST_FAILING]:
        why = (
            one.problem
            or ", ".join(one.proposal.refused)
            or (str(one.cause.cause) if one.cause else "not known")
        )
        yield f"  does not work: {one.proposal.kind}: {one.proposal.summary} ({why})"
    for impossible in answer.not_possible:
        command = f"; this would say it: {impossible.missing.command}" if impossible.missing else ""
        yield f"  not tried: {impossible.kind}: {impossible.why}{command}"


def _working(number: int, replay: Replay) -> Iterator[str]:
    proposal = replay.proposal
    yield f"  {number}. {proposal.kind}: {proposal.summary}"
    reverse = replay.reverse
    if reverse is not None:
        opened = "opens" if reverse.verdict is Verdict.REACHABLE else "does not open"
        yield f"     {opened} the other direction"
    yield f"     {'; '.join(replay.reasons)}"
    for note in (*proposal.notes, *replay.side_effects.sentences()):
        yield from (
            f"     {'' if i == 0 else '  '}{line}" for i, line in enumerate(note.splitlines())
        )
    for command in proposal.commands:
        yield from (
            f"     $ {line}" if i == 0 else f"       {line}"
            for i, line in enumerate(command.splitlines())
        )
    yield from (f"     undo: {command}" for command in proposal.undo)


def _place(evidence: Evidence | None) -> str:
    if evidence is None:
        return ""
    pointer = f" {evidence.pointer}" if evidence.pointer else ""
    return f"{short(evidence.object)} in {evidence.file}{pointer}"


def short(name: str) -> str:
    """A full name without what every name has."""
    _, kubernetes, rest = name.partition("/k8s/")
    if kubernetes:
        parts = rest.split("/")
        if parts[0] == "namespaces" and len(parts) == 4:
            return f"{parts[2].removesuffix('s')} {parts[1]}/{parts[3]}"
        return f"{parts[0].removesuffix('s')} {parts[-1]}"
    parts = name.split("/")
    if parts[0] == "projects" and len(parts) >= 4:
        kind = {"networks": "network", "instances": "instance"}.get(
            parts[-2], parts[-2].removesuffix("s")
        )
        return f"{kind} {parts[-1]} of {parts[1]}"
    return name


def _shortened(detail: str) -> str:
    return " ".join(
        short(word) if word.startswith("projects/") else word for word in detail.split(" ")
    )
