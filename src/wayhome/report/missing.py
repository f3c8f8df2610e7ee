"""Facts that are missing: what is not known, what it very probably is, and the command that decides it."""

from collections.abc import Iterable, Iterator
from typing import Any

from wayhome.network import Missing
from wayhome.report.line import Line, Role
from wayhome.report.names import shortened


def missing_lines(facts: Iterable[Missing], indent: int) -> Iterator[Line]:
    """As text: two lines each."""
    for fact in facts:
        likely = f"; very probably {fact.likely}" if fact.likely else ""
        unless = f", unless {fact.unless}" if fact.unless else ""
        yield Line(shortened(f"{fact.fact}{likely}{unless}"), indent, "not known: ", Role.UNSURE)
        yield Line(f"$ {fact.command}", indent + 2, "", Role.COMMAND)


def missing_document(fact: Missing) -> dict[str, Any]:
    """As JSON."""
    return {
        "fact": fact.fact,
        "command": fact.command,
        "likely": str(fact.likely) if fact.likely else None,
        "unless": fact.unless or None,
    }
