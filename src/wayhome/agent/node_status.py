"""What this node tells the cluster, made from the tally at the moment at which it is told. Pure.

It says what the kernel holds, not what it shall hold: `applied` stands there only after the kernel was seen to hold
what the source says, and not for longer than until the next regular verification would have come to an end. While
somebody keeps damaging the rules it does not stand there at all: repairs are spaced up to a minute then (`kernel.pace`),
and in between it is not known what the kernel holds. It is one state until the quarrel is over, and not one that
changes with each repair: thousands of nodes may have the same quarrel, and each change is a write. Under `--observe`
the kernel is somebody else's, and holds something only while the last look has found that it does.

Of several things that are wrong, the state is the one that decides most about packets; the others are in the texts.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from wayhome.agent.holding import Basis, Held
from wayhome.agent.tally import Tally, digest
from wayhome.kube.status_lease import DEFAULTS, NodeStatus, State
from wayhome.policy import Finding

OVERDUE_SECONDS = 90.0
"""How long after its time a verification may still be on its way: a step takes no longer (endpoints.STUCK_SECONDS)."""
BYPASSED = (
    "packets of this node's Pods go past netfilter, and with it past every rule of this agent"
)
QUARREL = "somebody on this node keeps damaging the rules; they are repaired again and again"


@dataclass(frozen=True, slots=True)
class ScopeFacts:
    """What is known of the node's Pod ranges. `refused`: why the scope is not theirs, where it was to be."""

    refused: str = ""
    warnings: tuple[Finding, ...] = ()


def status_of(
    about: NodeStatus, tally: Tally, scope: ScopeFacts, now: datetime, *, observing: bool = False
) -> NodeStatus | None:
    """`about` with what is so now; None while the source was not looked at yet. `about` says who and where."""
    held, applied = tally.held, tally.applied_held
    if held is None:
        return None
    if observing and (tally.report is None or tally.disagreement):
        applied = None
    late = _overdue(tally, now)
    problem = tally.problem or tally.disagreement or late
    quarrel = tally.quarrel
    state = _state(held, applied, problem, scope, quarrel=quarrel)
    error = _error(held, state, problem, scope)
    warns = quarrel and error != QUARREL
    warning = _warning(held, tally, scope, quarrel=warns)
    status = replace(about, seen_version=held.seen, state=state, warning=warning, error=error)
    if applied is not None:
        policy = applied.configuration.policy
        status = replace(
            status,
            held_version=applied.version,
            held_digest=f"sha256:{digest(applied)}" if applied.data is not None else DEFAULTS,
            held_key=applied.key,
            applied_at=datetime.fromtimestamp(tally.applied_at, UTC),
            scope="node" if policy.pod_cidrs is None else "pods",
        )
    return status


def _state(
    held: Held, applied: Held | None, problem: str, scope: ScopeFacts, *, quarrel: bool
) -> State:
    if problem:
        return State.KERNEL_REFUSED
    if held.rejected:
        return State.REJECTED
    if held.unreadable:
        return State.UNREADABLE
    if held.awaited or applied is None or applied.configuration != held.configuration:
        return State.PENDING
    if quarrel:
        return State.KERNEL_REFUSED
    if scope.refused:
        return State.SCOPE_REFUSED
    if held.until is not None:
        return State.REMOVED
    return State.DEFAULTS if held.basis is Basis.DEFAULTS else State.APPLIED


def _overdue(tally: Tally, now: datetime) -> str:
    """Why it is not known any more what the kernel holds; empty where it is."""
    applied = tally.applied_held
    if applied is None:
        return ""
    until = tally.verified_at + applied.configuration.resync_interval + OVERDUE_SECONDS
    if now.timestamp() <= until:
        return ""
    since = datetime.fromtimestamp(tally.verified_at, UTC)
    return f"the kernel has not answered since {since:%Y-%m-%dT%H:%M:%SZ}"


def _error(held: Held, state: State, problem: str, scope: ScopeFacts) -> str:
    if state is State.KERNEL_REFUSED:
        return problem or QUARREL
    if held.rejected:
        return rejection(held)
    if held.unreadable:
        return held.note
    return scope.refused


def rejection(held: Held) -> str:
    """The first error, and how many more there are."""
    more = len(held.rejected) - 1
    return str(held.rejected[0]) + (f" (and {more} more)" if more else "")


def _warning(held: Held, tally: Tally, scope: ScopeFacts, *, quarrel: bool) -> str:
    """The first, and how many more there are. What concerns packets comes before what concerns texts."""
    found = [BYPASSED] if tally.bypassed else []
    found += [QUARREL] if quarrel else []
    found += [str(one) for one in (*scope.warnings, *held.warnings)]
    if (
        not found
        and held.basis is Basis.DEFAULTS
        and not (held.rejected or held.unreadable or held.awaited)
    ):
        found = [held.note]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return found[0] + more if found else ""
