"""A plan for people.

The first line is the answer. Then the groups, largest first, then what becomes of the connections and what an
operator can do about it, and last what the figures do not contain.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from wayhome.cli.planned import Planned
from wayhome.cli.printable import printable
from wayhome.kernel.plan import Group, Plan, other
from wayhome.kernel.protocols import protocol_name
from wayhome.kernel.transition_mode import TransitionMode
from wayhome.kernel.treatment import Verdict
from wayhome.policy import Action, Decision, Policy
from wayhome.prefixes import Family, format_address

TCP = 6
MOST_REASONS = 5
_SHOWN = {Action.KEEP: "their own address", Action.MASQUERADE: "the node's"}


def lines(planned: Planned, most: int | None) -> Iterator[str]:
    """The report; at most `most` groups of it."""
    plan, file = planned.plan, printable(str(planned.file))
    yield _headline(plan, file)
    yield from _compared(planned)
    if plan.changing:
        yield ""
        yield from _summary(plan)
        yield ""
        yield from _table(planned, most)
        yield ""
        yield "They go on as they are until they end; only new connections get the new treatment."
        yield from _transitions(planned)
    yield from _left_out(plan)


def _headline(plan: Plan, file: str) -> str:
    if not plan.changing:
        return f"none of {plan.judged:,} live connections would be treated differently under {file}"
    would = f"{plan.changing:,} of {plan.judged:,} live connections would be treated differently"
    return f"{would} under {file}"


def _compared(planned: Planned) -> Iterator[str]:
    """What the file is compared with, and how it was read: a flag that was forgotten shows here."""
    new = _scope(planned.new)
    if planned.old is None:
        yield "compared with what each connection shows: no table of wayhome translates on this node"
        yield f"under it, {new} would be masqueraded"
        return
    old = _scope(planned.old)
    yield f"compared with this node's table, which masquerades {old}"
    if old != new:
        yield f"under it, {new} would be masqueraded"


def _scope(policy: Policy) -> str:
    families = " and ".join(f"IPv{family:d}" for family in policy.families)
    if policy.pod_cidrs is None:
        return f"whatever leaves the node ({families})"
    pods = ", ".join(map(str, policy.pod_cidrs)) or "no range"
    return f"what Pods in {pods} send ({families})"


def _summary(plan: Plan) -> Iterator[str]:
    """How many change which way, and why, in a few lines."""
    reasons: Counter[tuple[Action, str]] = Counter()
    for group, count in plan.groups.items():
        reasons[group.then, _because(plan.decisions[group])] += count
    for (then, because), count in reasons.most_common(MOST_REASONS):
        yield f"{count:,} would be seen with {_SHOWN[then]} instead of {_SHOWN[other(then)]}: {because}"
    if len(reasons) > MOST_REASONS:
        yield f"and {len(reasons) - MOST_REASONS:,} more reasons"


def _table(planned: Planned, most: int | None) -> Iterator[str]:
    groups = planned.plan.largest_first()
    shown = groups if most is None else groups[:most]
    rows = [
        (
            "connections",
            "protocol",
            "from",
            "to",
            "is seen with",
            "would be seen with",
            "because of",
        ),
        *(_row(planned.plan, group, count) for group, count in shown),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        number, *texts = row
        padded = (text.ljust(width) for text, width in zip(texts, widths[1:], strict=True))
        yield f"{number:>{widths[0]}}  {'  '.join(padded)}".rstrip()
    hidden = sum(count for _, count in groups[len(shown) :])
    if hidden:
        yield f"{hidden:>{widths[0]},}  in {len(groups) - len(shown):,} smaller groups (--all lists them)"
    if planned.plan.ungrouped:
        yield f"{planned.plan.ungrouped:>{widths[0]},}  to more destinations than are listed apart"


def _row(plan: Plan, group: Group, count: int) -> tuple[str, ...]:
    return (
        f"{count:,}",
        protocol_name(group.protocol),
        format_address(group.family, group.source),
        _endpoint(group),
        _SHOWN[other(group.then)],
        _SHOWN[group.then],
        _because(plan.decisions[group]),
    )


def _endpoint(group: Group) -> str:
    address = format_address(group.family, group.destination)
    if not group.port:
        return address
    return f"[{address}]:{group.port}" if group.family is Family.IPV6 else f"{address}:{group.port}"


def _because(decision: Decision) -> str:
    if decision.entry is None:
        return decision.reason.value
    return f"{decision.entry.origin}, {decision.entry.prefix}"


def _transitions(planned: Planned) -> Iterator[str]:
    if planned.old is None:
        yield "An agent that starts here expires none of them, whatever its --transition: it has no old policy."
        return
    for mode in (TransitionMode.EXPIRE_UDP, TransitionMode.EXPIRE_ALL):
        expired = planned.plan.expired(mode)
        reset = "; TCP is reset" if expired.get(TCP) else ""
        yield f"  --transition {mode:<11} starts {_counts(expired)} anew{reset}"


def _counts(by_protocol: Mapping[int, int]) -> str:
    counted = ", ".join(
        f"{count:,} {protocol_name(number)}" for number, count in by_protocol.items()
    )
    return counted or "none of them"


def _left_out(plan: Plan) -> Iterator[str]:
    neither, others = plan.verdicts[Verdict.NEITHER], plan.verdicts[Verdict.NOT_OURS]
    if neither:
        yield (
            f"{_more(neither)} treated as neither the old nor the new policy says: opened under earlier rules, or "
            f"translated by somebody else. {'It stays so until it ends' if neither == 1 else 'They stay so until they end'}."
        )
    if others:
        own = "its" if others == 1 else "their"
        yield (
            f"{_more(others)} translated by somebody else (kube-proxy, an egress gateway) or tracked in a zone of "
            f"{own} own."
        )


def _more(count: int) -> str:
    return f"{count:,} more {'is' if count == 1 else 'are'}"
