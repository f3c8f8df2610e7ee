"""Repairs that need another one: the reply finds its way home, and now the destination's firewall refuses the Pod.

A proposal whose replay fails is asked again from where it fails, and what helps there is added to it. Only what is
needed is combined: the second repair is one that mends the cause that the first one left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from wayhome.diagnosis.neighbourhood import around
from wayhome.diagnosis.repairs.proposal import Changes, Kind, NotPossible, Proposal
from wayhome.diagnosis.repairs.replay import Replay, replay
from wayhome.diagnosis.repairs.side_effects import Flows, side_effects
from wayhome.diagnosis.situation import Situation

MOST = 3
"""Repairs in one."""


def tried(
    situation: Situation, kinds: Sequence[Kind], follow_ups: Sequence[Kind]
) -> Iterator[Replay | NotPossible]:
    """Every proposal of these kinds, replayed, with the follow-ups that it needs.

    Where a follow-up alone is enough, what was combined with it is not needed, and not offered; nor is the same
    combination begun from its other end.
    """
    found = list(_tried(situation, kinds, follow_ups))
    enough = {
        one.proposal.kind
        for one in found
        if isinstance(one, Replay) and one.works and not one.proposal.with_
    }
    offered: set[frozenset[str]] = set()
    for one in found:
        if isinstance(one, Replay):
            kinds_of_it = frozenset((one.proposal.kind, *one.proposal.with_))
            again = bool(one.proposal.with_) and kinds_of_it in offered
            if one.works and (again or enough.intersection(one.proposal.with_)):
                continue
            offered.add(kinds_of_it)
        yield one


def _tried(
    situation: Situation, kinds: Sequence[Kind], follow_ups: Sequence[Kind]
) -> Iterator[Replay | NotPossible]:
    flows: Flows | None = None
    near: Situation | None = (
        None  # of a large estate it is compiled: only where something is to be replayed
    )
    for kind in kinds:
        for one in kind(situation):
            if isinstance(one, NotPossible):
                yield one
                continue
            near = near or around(situation)
            found = _completed(near, one, follow_ups)
            if found.works and found.after is not None and not one.control:
                flows = flows or Flows.of(near)
                found = replace(found, side_effects=side_effects(flows, found.after))
            yield found


def _completed(situation: Situation, proposal: Proposal, follow_ups: Sequence[Kind]) -> Replay:
    first = found = replay(situation, proposal)
    for _ in range(MOST - 1):
        if proposal.control or found.works or found.after is None or found.proposal.refused:
            return found
        more = _next(situation, found, follow_ups)
        if more is None:
            return first
        found = more
    return found if found.works else first


def _next(situation: Situation, found: Replay, follow_ups: Sequence[Kind]) -> Replay | None:
    """The same with one repair more, if that leads further."""
    if found.after is None:
        return None
    for kind in follow_ups:
        for one in kind(found.after):
            if isinstance(one, Proposal) and not one.control:
                combined = replay(situation, _and(found.proposal, one))
                if combined.works or (combined.cause and combined.cause != found.cause):
                    return combined
    return None


def _and(first: Proposal, second: Proposal) -> Proposal:
    return replace(
        first,
        summary=f"{first.summary}; and {second.summary}",
        changes=_both(first.changes, second.changes),
        commands=(*first.commands, *second.commands),
        undo=(*second.undo, *first.undo),
        terraform="\n".join(filter(None, (first.terraform, second.terraform)))
        if first.terraform and second.terraform
        else "",
        notes=(*first.notes, *second.notes),
        refused=(*first.refused, *second.refused),
        with_=(*first.with_, second.kind),
        effort=max(first.effort, second.effort),
    )


def _both(first: Changes, second: Changes) -> Changes:
    """What the second one changes may have been changed or created by the first."""
    again = {one.name: one for one in second.changed}
    created = tuple(again.pop(one.name, one) for one in first.created)
    changed = tuple(again.pop(one.name, one) for one in first.changed)
    return Changes(
        created=(*created, *second.created),
        changed=(*changed, *again.values()),
        deleted=(*first.deleted, *second.deleted),
        node_states=(*first.node_states, *second.node_states),
    )
