"""A plan for programs: one JSON document, with all its groups."""

from collections.abc import Mapping

from wayhome.cli.plan import Group, Plan, Planned, other
from wayhome.kernel.protocols import protocol_name
from wayhome.kernel.transition_mode import TransitionMode
from wayhome.kernel.treatment import Verdict
from wayhome.prefixes import Family, format_address


def document(planned: Planned) -> dict[str, object]:
    """What json.dumps takes."""
    plan = planned.plan
    return {
        "schema": 1,
        "compared_with": "connections" if planned.old is None else "table",
        "pod_cidrs": None
        if planned.new.pod_cidrs is None
        else [str(prefix) for prefix in planned.new.pod_cidrs],
        "ipv6": Family.IPV6 in planned.new.families,
        "connections": plan.judged,
        "changing": plan.changing,
        "neither": plan.verdicts[Verdict.NEITHER],
        "not_ours": plan.verdicts[Verdict.NOT_OURS],
        "transition": {
            str(mode): {} if planned.old is None else _named(plan.expired(mode))
            for mode in TransitionMode
        },
        "groups": [_group(plan, group, count) for group, count in plan.largest_first()],
        "ungrouped": plan.ungrouped,
    }


def _group(plan: Plan, group: Group, count: int) -> dict[str, object]:
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
