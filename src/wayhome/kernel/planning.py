"""Counts what a new policy would mean for this node's live connections, while they are read from the kernel.

The kernel may rebuild its table while it is read; then the reading is begun again.
"""

import time
from collections.abc import Callable

from wayhome.kernel.conntrack import Conntrack
from wayhome.kernel.netlink import DumpInterruptedError
from wayhome.kernel.plan import MOST_GROUPS, Plan
from wayhome.kernel.selection import Selection
from wayhome.kernel.treatment import Comparison, changed_destinations
from wayhome.policy import Policy
from wayhome.prefixes import Family

READINGS = 5
"""How often to read the connections before giving up."""
STEP = 10_000
"""Connections between two signs of progress."""

Progress = Callable[[int], None]


def all_connections(comparison: Comparison) -> Selection:
    """All connections of the families about which either policy says something: nothing changes for any other."""
    policies: list[Policy] = [p for p in (comparison.old, comparison.new) if p is not None]
    families = (f for f in Family if any(f in policy.families for policy in policies))
    return Selection(tuple(families))


def what_may_change(comparison: Comparison) -> Selection | None:
    """Only the connections that may change, where that is known; None: none can. Reading the others costs most."""
    if comparison.old is None:
        return all_connections(comparison)
    changed = changed_destinations(comparison.old, comparison.new)
    if changed is None:
        return all_connections(comparison)
    return Selection(comparison.new.families, destinations=changed.all) if changed else None


def plan_of(
    comparison: Comparison,
    selection: Selection,
    *,
    progress: Progress = lambda _: None,
    most_groups: int = MOST_GROUPS,
    seconds: float | None = None,
) -> Plan:
    """Judge the connections of a selection, for at most `seconds`. Raises KernelError, DumpInterruptedError."""
    until = None if seconds is None else time.monotonic() + seconds
    for _ in range(READINGS):
        plan = Plan(most_groups)
        try:
            _read(plan, comparison, selection, progress, until)
        except DumpInterruptedError:
            continue
        return plan
    raise DumpInterruptedError


def _read(
    plan: Plan,
    comparison: Comparison,
    selection: Selection,
    progress: Progress,
    until: float | None,
) -> None:
    with Conntrack() as conntrack:
        for connection in conntrack.dump(selection):
            plan.count(connection, comparison)
            if plan.judged % STEP == 0:
                progress(plan.judged)
                if until is not None and time.monotonic() > until:
                    plan.complete = False
                    return
