"""A plan for programs: what json.dumps takes, of all of it or of a part. Pure."""

from collections.abc import Mapping

from wayhome.kernel.plan import Group, Plan, other
from wayhome.kernel.protocols import protocol_name
from wayhome.kernel.transition_mode import TransitionMode
from wayhome.kernel.treatment import Verdict
from wayhome.policy import Policy
from wayhome.prefixes import Family, format_address


def document(plan: Plan, old: Policy | None, new: Policy) -> dict[str, object]:
    """A whole plan, with all its groups."""
    return {
        "schema": 1,
        "compared_with": "connections" if old is None else "table",
        "pod_cidrs": None if new.pod_cidrs is None else [str(prefix) for prefix in new.pod_cidrs],
        "ipv6": Family.IPV6 in new.families,
        "connections": plan.judged,
        "changing": plan.changing,
        "neither": plan.verdicts[Verdict.NEITHER],
        "not_ours": plan.verdicts[Verdict.NOT_OURS],
        "transition": transitions(plan, old),
        "groups": [group_document(plan, group, count) for group, count in plan.largest_first()],
        "ungrouped": plan.ungrouped,
    }


def transitions(plan: Plan, old: Policy | None) -> dict[str, object]:
    """What each transition would start anew, by protocol; without an old policy none does."""
    return {str(mode): {} if old is None else _named(plan.expired(mode)) for mode in TransitionMode}


def group_document(plan: Plan, group: Group, count: int) -> dict[str, object]:
    """A group of connections, what becomes of it, and why."""
    decision = plan.decisions[group]
    entry = decision.entry
    return {
        "connections": count,
        "protocol": protocol_name(group.protocol),
        "source": format_address(group.family, group.source),
        "destination": format_address(group.family, group.destination),
        "port": group.port or None,
        "now": other(group.then).value,
        "then": group.then.value,
        "reason": decision.reason.name.lower().replace("_", "-"),
        "entry": str(entry.prefix) if entry else None,
        "line": entry.origin.line if entry else None,
    }


def _named(by_protocol: Mapping[int, int]) -> dict[str, int]:
    return {protocol_name(number): count for number, count in by_protocol.items()}
