"""A class of flows, divided by what the versions of an estate answer in which files disagree about objects.

What all of them answer alike is certain; of the rest it is a missing fact which file is right (see `disputes`).
"""

from collections.abc import Iterator, Sequence

from wayhome.clouds.estate import Estate
from wayhome.diagnosis.disputes import Version, undetermined, untried
from wayhome.network import Verdict
from wayhome.trace import Trace
from wayhome.trace.classes import Box, FlowClass, divided

Answers = dict[Verdict, list[Box]]
"""What a version answers, by verdict."""


def settled(
    estate: Estate, one: FlowClass, answers: Sequence[tuple[Version, Answers]]
) -> Iterator[tuple[tuple[Box, ...], Trace]]:
    """The parts of a class, each with the answer that holds for it."""
    if not answers or one.trace.verdict is Verdict.UNDETERMINED:
        yield one.boxes, one.trace
        return
    alike = list(one.boxes)
    for version, found in answers:
        alike, others = _divided(alike, found.get(one.trace.verdict, []))
        if others:
            yield tuple(others), undetermined(one.trace, version.others)
    if alike:
        yield tuple(alike), untried(estate, one.trace, [version for version, _ in answers])


def _divided(boxes: list[Box], by: list[Box]) -> tuple[list[Box], list[Box]]:
    """What of the boxes is in one of the others, and what is in none."""
    inside: list[Box] = []
    for box in by:
        taken, boxes = divided(boxes, box)
        inside += taken
    return inside, boxes
