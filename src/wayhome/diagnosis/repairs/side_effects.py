"""What else a repair changes: flows that worked and would not, identities that disappear, flows that open.

Every Pod and every instance could ask every other. They are told apart by what rules tell them apart by: Pods by cluster
and namespace, instances by networks, tags and service accounts; one of each class asks one of each other, with the asked
protocol and port. How many classes were compared is said, and there is a bound.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.diagnosis.gcloud import short
from wayhome.diagnosis.situation import Situation
from wayhome.network import Address, Flow, Network, Verdict
from wayhome.prefixes import Family
from wayhome.trace import trace

MOST_CLASSES = 12
"""All pairs of them are traced before and after each repair that works: 132 flows, at about a millisecond each."""

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What becomes of a flow, and from which address the destination sees it; None where it does not get there."""

    verdict: Verdict
    source: Address
    seen: Address | None
    drop: str


@dataclass(frozen=True, slots=True)
class Flows:
    """The flows between one of each class, by the names of the two nodes."""

    like: Flow
    outcomes: Mapping[Pair, _Outcome]
    asked: Pair
    compared: int
    classes: int

    @classmethod
    def of(cls, situation: Situation) -> "Flows":
        """Trace them all."""
        asked = situation.asked
        owners = situation.network.owners(asked.flow.destination)
        first = (asked.source.node, *(owner.name for owner in owners))
        chosen = dict.fromkeys((*first, *_classes(situation.estate).values()))
        names = [name for name in chosen if _address(situation.network, name) is not None]
        ends = names[:MOST_CLASSES]
        pairs = [(one, other) for one in ends for other in ends if one != other]
        outcomes = _outcomes(situation.network, asked.flow, pairs)
        target = owners[0].name if owners else ""
        return cls(asked.flow, outcomes, (asked.source.node, target), len(ends), len(names))


@dataclass(frozen=True, slots=True)
class SideEffects:
    """`broken` worked and would not; `hidden` came from their own address and would come from another; `opened` were lost."""

    broken: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    compared: str = ""

    def sentences(self) -> Iterator[str]:
        """For people: each kind with how many there are and one example, and how much was compared."""
        for found, words in (
            (self.broken, "flows that worked and would not"),
            (self.hidden, "flows that would come from another address than their own"),
            (self.opened, "flows besides the asked one that are lost now and would work"),
        ):
            if found:
                yield f"{words}: {len(found)}, such as {found[0]}"
        if self.compared:
            yield self.compared


def side_effects(before: Flows, after: Situation) -> SideEffects:
    """The same flows afterwards."""
    found = _outcomes(after.network, before.like, list(before.outcomes))
    broken, hidden, opened = [], [], []
    for pair, old in before.outcomes.items():
        new = found.get(pair)
        words = f"{short(pair[0])} to {short(pair[1])}"
        if new is None or (old.verdict is Verdict.REACHABLE and new.verdict is not old.verdict):
            if old.verdict is Verdict.REACHABLE:
                why = new.drop or str(new.verdict) if new else "one of them is gone"
                broken.append(f"{words} ({why})")
        elif new.verdict is Verdict.REACHABLE and pair != before.asked:
            if old.verdict is not Verdict.REACHABLE:
                opened.append(words)
            elif old.seen == old.source and new.seen != new.source:
                hidden.append(f"{words}, which then sees {new.seen}")
    like = before.like
    port = "" if like.port is None else f" port {like.port}"
    compared = (
        f"compared: {len(before.outcomes)} flows ({like.protocol}{port}) between {before.compared} of "
        f"{before.classes} classes of Pods and instances"
    )
    return SideEffects(tuple(broken), tuple(hidden), tuple(opened), compared)


def _outcomes(network: Network, like: Flow, pairs: list[Pair]) -> dict[Pair, _Outcome]:
    found = {}
    for pair in pairs:
        source, destination = (_address(network, name) for name in pair)
        if source is None or destination is None:
            continue
        traced = trace(network, Flow(source, destination, like.protocol, like.port), pair[0])
        result = traced.shown.result
        seen = result.packet.source if result.delivered_to else None
        drop = traced.drop.cause if traced.drop else ""
        found[pair] = _Outcome(traced.verdict, source, seen, drop)
    return found


def _address(network: Network, name: str) -> Address | None:
    place = network.places.get(name)
    addresses = place.node.addresses if place else ()
    return next((one for one in addresses if one.family is Family.IPV4), None)


def _classes(estate: Estate) -> dict[tuple[object, ...], str]:
    """One of each class."""
    found: dict[tuple[object, ...], str] = {}
    for pod in estate.all(Pod).values():
        if not pod.value.spec.host_network and pod.value.status.phase in {"Running", ""}:
            found.setdefault((pod.name.rpartition("/pods/")[0],), pod.name)
    for instance in estate.all(Instance).values():
        value = instance.value
        networks = tuple(one.network for one in value.network_interfaces)
        accounts = tuple(account.email for account in value.service_accounts)
        found.setdefault((networks, value.tags.items, accounts), instance.name)
    return found
