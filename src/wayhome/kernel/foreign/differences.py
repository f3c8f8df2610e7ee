"""What changes for connections when an agent's chains go and our table alone decides. Pure.

While both are there theirs decides first: it is appended at `srcnat`, ours stands behind it. What theirs translates is
translated; what it returns comes to ours. So the connections whose treatment changes with the removal are those that
theirs translates and ours does not. Those that ours translates and theirs does not changed when our table came; they
are reported too, because then the two lists do not say the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from wayhome.kernel.foreign.ours import Ours
from wayhome.kernel.skeleton import SRCNAT
from wayhome.netfilter.agent_chains import AgentChain
from wayhome.netfilter.rules import BaseChain
from wayhome.netfilter.walk import Subject, destinations_of, translations
from wayhome.prefixes import Family, Intervals


@dataclass(frozen=True, slots=True)
class Differences:
    """How two lists disagree about one family's destinations."""

    family: Family
    theirs_alone: Intervals
    """Masqueraded by theirs, kept by ours: they change when theirs goes."""
    ours_alone: Intervals
    """Masqueraded by ours, kept by theirs: they have changed already."""
    uncertain: tuple[str, ...]
    """Rules of theirs about which it cannot be said what they translate."""
    narrower: bool
    """Theirs masquerades whatever leaves the node, ours what comes from its Pods."""

    def __bool__(self) -> bool:
        return bool(self.theirs_alone or self.ours_alone or self.uncertain or self.narrower)


def differences(chains: Iterable[AgentChain], ours: Ours) -> tuple[Differences, ...]:
    """Where theirs and ours disagree, by family; nothing in a family in which no chain of theirs is called."""
    called = [chain for chain in chains if chain.jumps]
    found = (
        _of_family(family, [chain for chain in called if chain.family is family], ours)
        for family in Family
        if any(chain.family is family for chain in called)
    )
    return tuple(filter(None, found))


def ours_of_chains(chains: Iterable[AgentChain]) -> Ours | None:
    """What agents' chains decide, as if it were our table's; None where no chain is called."""
    keep: dict[Family, Intervals] = {}
    for chain in chains:
        theirs = Intervals.of(destinations_of(translations(_alone(chain), Subject(chain.family))))
        everything = Intervals(((0, chain.family.last),))
        # Of several chains each may translate what the others return.
        keep[chain.family] = keep.get(chain.family, everything).minus(theirs)
    return Ours(SRCNAT, keep, None) if keep else None


def _of_family(family: Family, chains: list[AgentChain], ours: Ours) -> Differences:
    found = [t for chain in chains for t in translations(_alone(chain), Subject(family))]
    theirs = Intervals.of(destinations_of(found))
    # What an exit of theirs may keep, ours masquerades as they mean to: that is no difference to be asked about.
    certain = Intervals.of(destinations_of(t for t in found if not t.conditions))
    masqueraded = ours.masqueraded(family)
    return Differences(
        family,
        theirs_alone=theirs.minus(masqueraded),
        ours_alone=masqueraded.minus(theirs),
        # Upstream's `--to-ports` is rules under conditions, with one for certain behind them.
        uncertain=tuple(t.rule.text for t in found if t.destinations.minus(certain)),
        narrower=ours.pods is not None and bool(theirs),
    )


def _alone(chain: AgentChain) -> BaseChain:
    """The table as if nothing but the jumps to this chain stood at the hook."""
    jumps = tuple(jump for jump in chain.jumps if jump.chain == chain.base.name)
    return replace(chain.base, chains={**chain.base.chains, chain.base.name: jumps})
