"""The answer to `why` as text: what a tired person on call reads first stands first.

The first line is the verdict, the cause and the flow. Then why, one command that confirms it, what decides it, both
ways in a line each, and the repairs that work. Every step is in the JSON document and with `--steps`.
"""

from collections.abc import Iterator

from wayhome.diagnosis.answer import Answer
from wayhome.network import Verdict
from wayhome.report.line import Line, Role
from wayhome.report.missing import missing_lines
from wayhome.report.names import place, shortened
from wayhome.report.why_repairs import repairs
from wayhome.report.why_way import in_full, in_short
from wayhome.trace import Lost

MOST_DECIDING = 3
_COMMANDS = ("gcloud", "kubectl", "wayhome")
_ROLES = {Verdict.REACHABLE: Role.GOOD, Verdict.UNREACHABLE: Role.BAD}


def lines(answer: Answer, *, steps: bool = False) -> Iterator[Line]:
    """The text, line by line."""
    trace = answer.situation.trace
    yield Line(_first(answer), role=_ROLES.get(answer.verdict, Role.UNSURE))
    yield Line("")
    yield from _why(answer, steps=steps)
    if steps:
        yield from in_full("out", trace.forward)
        yield from in_full("home", trace.reply)
    else:
        yield from in_short("out", trace.forward)
        yield from in_short("home", trace.reply)
    yield from _reverse(answer)
    yield from (Line(shortened(one), 2, "assumed  ", Role.QUIET) for one in trace.assumptions)
    yield from (Line(shortened(one), 2, "note     ", Role.QUIET) for one in answer.notes)
    yield from _unexamined(answer)
    yield from repairs(answer, in_full=steps)


def _first(answer: Answer) -> str:
    trace, found = answer.situation.trace, answer.found
    cause = f" ({found.cause})" if found else ""
    if answer.likely is not None:
        cause = f" (very probably UNREACHABLE, {answer.likely.cause})"
    lost = {Lost.FORWARD: ", lost on its way out", Lost.REPLY: ", the reply is lost"}
    end = lost[trace.lost] if trace.drop and trace.lost and answer.certain else ""
    asked = answer.situation.question
    port = "" if asked.port is None else f":{asked.port}"
    host = shortened(asked.destination)
    host = f"[{host}]" if port and ":" in host else host
    return (
        f"{answer.verdict}{cause}: {shortened(asked.source)} to {host}{port} {asked.protocol}{end}"
    )


def _why(answer: Answer, *, steps: bool) -> Iterator[Line]:
    found, trace = answer.found or answer.likely, answer.situation.trace
    if found:
        yield Line(_sentence(found.because), 2)
        yield from (Line(_sentence(note), 2) for note in found.notes)
    yield from missing_lines(trace.missing, 2)
    yield from _ambiguous(answer)
    if found and found.confirm:
        yield Line("to see it live:", 2)
        yield Line(f"$ {found.confirm}", 4, "", Role.COMMAND)
    deciding = found.deciding if found else ()
    for evidence in deciding if steps else deciding[:MOST_DECIDING]:
        yield Line(place(evidence), 2, "decided by ", Role.QUIET)
    if found or trace.missing:
        yield Line("")


def _ambiguous(answer: Answer) -> Iterator[Line]:
    """Where ways fork and end differently: how many of them, and at what."""
    trace = answer.situation.trace
    if trace.verdict is not Verdict.AMBIGUOUS:
        return
    good = sum(1 for way in trace.ways if way.result.ended is None)
    yield Line(f"{good} of {len(trace.ways)} ways come home; below is one that does not", 2)
    for taken in trace.shown.taken:
        yield Line(shortened(f"{taken.fork.fact or taken.fork.kind.value}: {taken}"), 4, "- ")


def _sentence(text: str) -> str:
    """A name or a command stays as it is written; words of our own have neither digits nor hyphens."""
    said = shortened(text)
    first = said.split(" ", 1)[0]
    return f"{said[:1].upper()}{said[1:]}" if first.isalpha() and first not in _COMMANDS else said


def _reverse(answer: Answer) -> Iterator[Line]:
    reverse = answer.situation.reverse
    if reverse is None:
        return
    can = {
        Verdict.REACHABLE: "can open a connection",
        Verdict.UNREACHABLE: "cannot open a connection",
        Verdict.AMBIGUOUS: "can at times open a connection",
        Verdict.UNDETERMINED: "may or may not be able to open a connection",
    }[reverse.verdict]
    why = f" ({reverse.drop.cause})" if reverse.drop else ""
    yield Line(f"{reverse.flow.source} {can} to {reverse.flow.destination}{why}", 2, "reverse  ")


def _unexamined(answer: Answer) -> Iterator[Line]:
    if not answer.unexamined:
        return
    causes = ", ".join(dict.fromkeys(str(c) for one in answer.unexamined for c in one.causes))
    first = answer.unexamined[0]
    yield Line(f"{causes} ({first.why}; {first.command})", 2, "not examined  ", Role.QUIET)
