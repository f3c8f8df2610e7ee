"""Which repair is recommended first, and why.

What breaks nothing comes first. Then what costs least: putting right what was meant, a setting, machines that somebody has
to run, a path over the internet, another cluster. At the same cost: the fewer owners have to act the better, and inside the
cluster is nearest to who asks. So masquerading stands before an exchange of routes, which both projects must want; and that
the exchange may still be the better way, where nothing overlaps, is one of its reasons.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from wayhome.diagnosis.repairs.proposal import Effort, Proposal
from wayhome.diagnosis.repairs.replay import Replay
from wayhome.network import Verdict

_COSTS = {
    Effort.RESTORE: "puts right what was meant to be so",
    Effort.SETTING: "a setting, made and undone by commands",
    Effort.MACHINES: "machines more, which somebody has to run",
    Effort.EXPOSURE: "something becomes public",
    Effort.REBUILD: "another cluster, and everything moves",
}


def ranked(replays: Iterable[Replay]) -> tuple[Replay, ...]:
    """Those that work, the recommended one first, with the reasons; then those that do not."""
    found = list(replays)
    working = sorted((one for one in found if one.works and not one.proposal.control), key=_key)
    others = (one for one in found if not one.works or one.proposal.control)
    return (*(replace(one, reasons=tuple(_reasons(one))) for one in working), *others)


def _key(replay: Replay) -> tuple[bool, Effort, int, bool]:
    owners = _owners(replay.proposal)
    return (
        bool(replay.side_effects.broken),
        replay.proposal.effort,
        len(owners),
        not _in_cluster(replay.proposal),
    )


def _reasons(replay: Replay) -> Iterator[str]:
    broken = len(replay.side_effects.broken)
    if broken:
        yield f"breaks {broken} of the compared flows that work"
    yield _COSTS[replay.proposal.effort]
    owners = _owners(replay.proposal)
    if _in_cluster(replay.proposal):
        yield "inside the cluster alone"
    else:
        act = "alone" if len(owners) == 1 else "each of which has to act"
        yield f"in {' and '.join(owners)}, {act}" if len(owners) > 1 else f"in {owners[0]} {act}"
    if replay.reverse is not None and replay.reverse.verdict is Verdict.REACHABLE:
        yield "opens the other direction too"
    if replay.proposal.advantage:
        yield replay.proposal.advantage


def _names(proposal: Proposal) -> Iterator[str]:
    changes = proposal.changes
    yield from (one.name for one in (*changes.created, *changes.changed))
    yield from (name for _, name in changes.deleted)
    yield from (state.name for state in changes.node_states)


def _owners(proposal: Proposal) -> tuple[str, ...]:
    """The projects in which something changes."""
    return tuple(dict.fromkeys(name.split("/")[1] for name in _names(proposal) if "/" in name))


def _in_cluster(proposal: Proposal) -> bool:
    return all("/k8s/" in name for name in _names(proposal))
