"""What an apply would do, for people: who has the ConfigMap, what changes, for whom, and what was tried before."""

from collections.abc import Iterator

import click

from wayhome.cli.cluster_report import wrapped
from wayhome.cli.printable import printable
from wayhome.cluster.before import Before
from wayhome.cluster.look import Unseen
from wayhome.cluster.node_plans import NodePlans, names
from wayhome.cluster.ownership import Hand
from wayhome.cluster.proposal import Proposal
from wayhome.cluster.readings import names as names_of
from wayhome.cluster.undo import egress_nat_policy, manifest
from wayhome.policy import Action
from wayhome.policy.changes import Change, GatheredChange, gathered
from wayhome.policy.lists import TooManyRangesError

MOST_CHANGES = 20
MOST_EXAMPLES = 5
MOST_HOLES = 3
_SHOWN = {Action.KEEP: "the Pod's address", Action.MASQUERADE: "the node's address"}


def lines(proposal: Proposal) -> Iterator[str]:
    """The report."""
    yield _where(proposal)
    if proposal.before.left:
        yield f"  {printable(str(proposal.before.left))}"
    if not proposal.is_change:
        yield "  the configuration is there already, word for word"
    else:
        if proposal.configuration is not None:
            yield from _changes(proposal.changes[0])
            for reading, changes in zip(proposal.readings, proposal.changes, strict=True):
                if changes != proposal.changes[0]:
                    yield f"  and as {printable(names_of(reading.readers))} reads it:"
                    yield from _changes(changes)
        if proposal.plans:
            yield from _connections(proposal.plans)
    for proof in proposal.proofs:
        yield printable(str(proof))


def _where(proposal: Proposal) -> str:
    facts, before = proposal.facts, proposal.before
    name = printable("/".join(facts.configmap))
    if before.there is None:
        return f"ConfigMap {name}: there is none yet"
    others = [owner for owner in proposal.owners if owner.hand is not Hand.CONTROLLER]
    who = f", set by {printable(', '.join(map(str, others)))}" if others else ""
    return f"ConfigMap {name}, key {printable(facts.data_key)}: {_now(before)}{who}"


def _now(before: Before) -> str:
    version = printable(before.there.version) if before.there else ""
    return f"version {version}" + ("" if before.now is not None else " has no such key")


def _changes(changes: tuple[Change, ...] | None) -> Iterator[str]:
    if changes is None:
        yield "  what is there now is no configuration, so the new one cannot be compared with it"
        return
    if not changes:
        yield "  no destination would be treated differently"
        return
    lines = gathered(changes)
    yield "  destinations that would see another source:"
    texts = [_range(line) for line in lines[:MOST_CHANGES]]
    width = max(map(len, texts))
    for line, text in zip(lines, texts, strict=False):
        because = str(line.entry.origin) if line.entry else "no entry holds it"
        told = f"{_SHOWN[line.now]} -> {_SHOWN[line.then]}"
        yield f"    {text.ljust(width)}  {told}  ({printable(because)})"
    if len(lines) > MOST_CHANGES:
        yield f"    and {len(lines) - MOST_CHANGES:,} more (--json has all)"


def _range(line: GatheredChange) -> str:
    if not line.but:
        return str(line.prefix)
    more = f" and {len(line.but) - MOST_HOLES:,} more" if len(line.but) > MOST_HOLES else ""
    return f"{line.prefix} but {', '.join(map(str, line.but[:MOST_HOLES]))}{more}"


def _connections(plans: NodePlans) -> Iterator[str]:
    answered = plans.answered
    if answered:
        yield (
            f"  on {len(answered):,} of {plans.nodes:,} nodes, {'' if plans.complete else 'at least '}{plans.changed:,} of "
            f"{plans.total:,} live connections would be treated differently if they were opened again; they go on as "
            "they are"
        )
        examples = [(p.node, e) for p in answered for e in p.examples][:MOST_EXAMPLES]
        yield from (f"    {printable(node)}: {printable(example)}" for node, example in examples)
    if plans.failed:
        first = plans.failed[0]
        yield (
            f"  {len(plans.failed):,} of {plans.nodes:,} nodes could not be asked for their connections "
            f"({printable(names(plans.failed))}): {printable(first.problem)}"
        )
    unasked = plans.nodes - len(plans.plans)
    if unasked > 0:
        yield f"  {unasked:,} of {plans.nodes:,} nodes were not asked for their connections"


def refused(proposal: Proposal) -> Iterator[str]:
    """Why it is not done, within the terminal's width, and what to put into somebody else's source."""
    if proposal.refusal:
        first, *rest = wrapped(f"not done: {printable(proposal.refusal.text)}")
        yield click.style("not done:", fg="red", bold=True) + first.removeprefix("not done:")
        yield from rest
        if proposal.refusal.shows_manifest:
            yield _for_its_source(proposal)


def _for_its_source(proposal: Proposal) -> str:
    facts = proposal.facts
    if (
        proposal.configuration
        and facts.egress_policies
        and not isinstance(facts.egress_policies, Unseen)
    ):
        try:
            return egress_nat_policy(proposal.configuration)
        except TooManyRangesError as error:
            return str(error)
    return manifest(facts.configmap, facts.data_key, proposal.text)
