"""What was seen of a flow in a lab, in words and as a document: the same for all commands that show it."""

from collections.abc import Iterator, Mapping
from typing import Any

from wayhome.lab.compiled import Seen
from wayhome.lab.cut import NOT_BUILT, Cut
from wayhome.report.line import Line
from wayhome.report.names import short


def in_words(seen: Seen) -> str:
    """One line."""
    if seen.reached:
        return "reached" + (f", from {seen.source_seen}" if seen.source_seen else "")
    if seen.died_at is None:
        return "no answer, and no packet was seen to die"
    return f"{seen.lost} lost at {short(seen.died_at)}: {seen.cause}"


def as_document(seen: Seen) -> dict[str, Any]:
    """All of it."""
    return {
        "reached": seen.reached,
        "lost": str(seen.lost) if seen.lost else None,
        "died_at": seen.died_at,
        "cause": seen.cause,
        "source_seen": str(seen.source_seen) if seen.source_seen else None,
        "delivered_to": seen.delivered_to,
    }


def refusals(refused: Mapping[str, str]) -> Iterator[Line]:
    """The nodes whose own rules this machine does not take: they were built from what was read of them."""
    for node, why in refused.items():
        yield Line(f"{short(node)} obeys what was read of its rules, and not themselves: {why}", 2)


def refusals_document(refused: Mapping[str, str]) -> dict[str, Any]:
    """The same as part of a document."""
    return {"own_rules_not_loaded": dict(refused)}


def cut_away(cut: Cut) -> Iterator[Line]:
    """How much of the network is built, where that is not all."""
    if cut.kept < cut.of:
        built = f"{cut.kept:,} of {cut.of:,} nodes are built, as many as the flows can touch"
        yield Line(f"{built}; what leaves them ends as {NOT_BUILT}", 2)


def cut_document(cut: Cut) -> dict[str, Any]:
    """The same as a part of a document."""
    return {"nodes": {"built": cut.kept, "of": cut.of}}
