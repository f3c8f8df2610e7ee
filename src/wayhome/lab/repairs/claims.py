"""What somebody says of a repair, before anything is traced or tried. Pure.

A case that claims something of its repairs has it compared with what is predicted and with what is seen. A claim is about
both directions, and about whom the destination sees; where a repair fails, it fails where the flow itself does.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import ip_address
from pathlib import Path

from wayhome.clouds.gcp.resources.address import Address as ReservedAddress
from wayhome.diagnosis.question import Question
from wayhome.lab.case import Expected
from wayhome.lab.prediction import PredictedPhase
from wayhome.lab.repairs.demonstration import Demonstration
from wayhome.lab.repairs.outcome import RepairOutcome
from wayhome.probe.observation import Address


class Sees(Enum):
    """Whose address the destination sees."""

    POD = "the Pod's own"
    NODE = "its node's"
    PROXY = "a proxy's"
    PUBLIC = "a reserved public one"


@dataclass(frozen=True, slots=True)
class Claim:
    """Whether the source is answered, whom the destination sees, and whether that can open a connection to the source."""

    works: bool
    sees: Sees
    opens_reverse: bool


@dataclass(frozen=True, slots=True)
class Unrepaired:
    """How the flow and its reverse fail as they are."""

    asked: Expected
    reverse: Expected


@dataclass(frozen=True, slots=True)
class Claims:
    """All claims about a case's repairs, by kind."""

    unrepaired: Unrepaired
    repairs: dict[str, Claim]

    def of_asked(self, shown: Demonstration) -> tuple[Expected, ...]:
        """What is to be seen of the flow; several where any of several addresses may be seen."""
        claim = self.repairs.get(shown.kind)
        if claim is None:
            return (self.unrepaired.asked,)
        seen = tuple(_addresses(claim.sees, shown))
        if claim.works:
            return tuple(Expected(True, address) for address in seen)
        return tuple(replace(self.unrepaired.asked, source_seen=address) for address in seen)

    def of_reverse(self, shown: Demonstration) -> tuple[Expected, ...]:
        """What is to be seen of the reverse."""
        claim = self.repairs.get(shown.kind)
        if claim is None or not claim.opens_reverse:
            return (self.unrepaired.reverse,)
        return (Expected(True, ip_address(str(shown.reverse.source))),)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A repair that is shown in a network of its own.

    `require` raises ProgramError where this machine lacks what it needs. `show` is given a folder that is for it alone, and
    who sees each phase. `predict` says what it is held against.
    """

    require: Callable[[], None]
    show: Callable[[Path, Callable[[RepairOutcome], None]], None]
    predict: Callable[[], Sequence[PredictedPhase]]


@dataclass(frozen=True, slots=True)
class CaseRepairs:
    """What of a case's repairs is shown: those of a question, and others by their kind."""

    question: Question
    claims: Claims
    elsewhere: Mapping[str, Elsewhere]


def _addresses(sees: Sees, shown: Demonstration) -> Iterator[Address]:
    places = shown.network.places
    match sees:
        case Sees.POD:
            yield ip_address(str(shown.asked.source))
        case Sees.NODE:
            (host,) = {end.node for end in places[shown.asked.at].peers.values()}
            yield ip_address(str(places[host].node.addresses[0]))
        case Sees.PROXY:
            for proxy in shown.proxies:
                yield ip_address(str(places[proxy.host].node.addresses[0]))
        case Sees.PUBLIC:
            for reserved in shown.estate.all(ReservedAddress).values():
                if reserved.value.address is not None:
                    yield ip_address(reserved.value.address)
