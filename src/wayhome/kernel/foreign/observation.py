"""What the rules on a node really decide, beside what a configuration says. Pure.

Asked is about the first packets of Pods' connections. A masquerade agent's rules are known by their chain
(`agent_chains`) or are our own table; a connection that any of them translates is masqueraded. They are walked where
they stand, with everything before them in their table: an ACCEPT before the jump keeps an address as much as a RETURN
behind it. What other rules translate for certain is masqueraded too, and is no disagreement of the agent's; where it
must not be, that is a conflict.

One order among tables matters: what our table asserts (`--preserve assert`) nobody translates afterwards.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from wayhome.kernel.foreign.conflicts import Conflict, Order, conflicts
from wayhome.kernel.foreign.ours import Ours
from wayhome.netfilter.agent_chains import AgentChain, agent_chains
from wayhome.netfilter.rules import BaseChain, Rule
from wayhome.netfilter.walk import Subject, Translation, destinations_of, translations
from wayhome.prefixes import Family, Intervals


@dataclass(frozen=True, slots=True)
class Observed:
    """What is decided about one family's destinations otherwise than wanted."""

    family: Family
    missing: bool
    """Whether no agent decides about this family, though something is to be masqueraded."""
    masqueraded: Intervals
    """By an agent's rules, though the Pod's address is to be kept."""
    kept: Intervals
    """Though they are to see the node's address."""
    uncertain: tuple[Rule, ...]
    """Rules of agents of which it cannot be said what they translate."""
    uncovered: Intervals
    """Pods that our table, which has a scope of its own, leaves alone."""

    def __bool__(self) -> bool:
        return self.missing or bool(
            self.masqueraded or self.kept or self.uncertain or self.uncovered
        )


def called(bases: Iterable[BaseChain]) -> tuple[AgentChain, ...]:
    """The chains of agents that packets come to."""
    return tuple(chain for chain in agent_chains(bases) if chain.jumps)


def observe(bases: Sequence[BaseChain], table: Ours | None, wanted: Ours) -> tuple[Observed, ...]:
    """What differs from what is wanted, by family; `table` is what our own one decides, None where it is not there."""
    families = [
        family for family in Family if wanted.pods is None or wanted.pods.get(family, Intervals())
    ]
    return tuple(filter(None, (_of_family(family, bases, table, wanted) for family in families)))


def conflicts_with_agents(
    bases: Iterable[BaseChain], wanted: Ours, names: frozenset[str] | None = None
) -> tuple[Conflict, ...]:
    """The rules of others that are in conflict with agents' chains (all, or those of some names).

    `wanted` has these chains' priority. In their own table the order of the rules tells which come first.
    """
    return tuple(c for base in bases for c in _beside_agents(base, wanted, names))


def _of_family(
    family: Family, bases: Sequence[BaseChain], table: Ours | None, wanted: Ours
) -> Observed:
    pods = None if wanted.pods is None else wanted.pods[family]
    by_agents: list[Translation] = []
    by_others: list[Translation] = []
    for base in bases:
        names = {chain.name for chain in called([base])}
        for translation in translations(base, Subject(family, pods)):
            passes = any(rule.chain in names for rule in translation.path)
            if not translation.keeps_the_address:
                (by_agents if passes else by_others).append(translation)
    agents = Intervals.of(destinations_of(by_agents))
    certain = Intervals.of(destinations_of(t for t in by_agents if t.is_certain))
    elsewhere = Intervals.of(destinations_of(t for t in by_others if t.is_certain))
    uncovered = Intervals()
    if table is not None:
        if table.asserts:
            kept = table.keep.get(family, Intervals())
            agents, certain = agents.minus(kept), certain.minus(kept)
        agents = agents.union(table.masqueraded(family))
        certain = certain.union(table.masqueraded(family))
        if pods is not None and table.pods is not None and family in table.keep:
            uncovered = pods.minus(table.pods.get(family, Intervals()))
    masqueraded = wanted.masqueraded(family)
    decides = any(chain.family is family for chain in called(bases)) or (
        table is not None and family in table.keep
    )
    return Observed(
        family,
        missing=bool(masqueraded) and not decides,
        masqueraded=agents.minus(masqueraded),
        kept=masqueraded.minus(agents).minus(elsewhere),
        # Upstream's `--to-ports` is rules under conditions, with one for certain behind them.
        uncertain=tuple(
            t.rule for t in by_agents if t.destinations.intersection(agents).minus(certain)
        ),
        uncovered=uncovered,
    )


def _beside_agents(
    base: BaseChain, wanted: Ours, names: frozenset[str] | None
) -> Iterator[Conflict]:
    theirs = {chain.name for chain in agent_chains([base]) if names is None or chain.name in names}
    rules = base.chains.get(base.name, ())
    jumps = [at for at, rule in enumerate(rules) if rule.target in theirs]
    others = {
        name: tuple(rule for rule in chain if rule.target not in theirs)
        for name, chain in base.chains.items()
        if name not in theirs
    }
    for conflict in conflicts([replace(base, chains=others)], wanted, wanted.pods):
        if not jumps:
            yield conflict
        elif rules.index(conflict.translation.path[0]) < jumps[0]:
            yield replace(conflict, order=Order.BEFORE)
        elif conflict.breaks:
            yield replace(conflict, order=Order.AFTER, takes=Intervals())
