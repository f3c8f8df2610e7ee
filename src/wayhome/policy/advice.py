"""What a configuration says needlessly: entries without an effect, and lists that say little with many lines.

It is advice on files that are accepted, so the agent does not ask for it.
"""

from wayhome.policy.configuration import Configuration
from wayhome.policy.findings import Finding, Findings
from wayhome.policy.lists import Lists, shortest_lists
from wayhome.policy.policy import Action, Entry, Policy
from wayhome.prefixes import Family, Prefix, PrefixTable

MOST_SHOWN = 8
"""Ranges that a finding shows."""


def advise(configuration: Configuration) -> tuple[Finding, ...]:
    """Notes on a configuration, by line."""
    findings = Findings()
    effective = 0
    for family in configuration.policy.families:
        effective += _note_entries_without_effect(configuration.policy, family, findings)
    _note_shorter_lists(configuration, effective, findings)
    return findings.by_line()


def _note_entries_without_effect(policy: Policy, family: Family, findings: Findings) -> int:
    """How many listed entries have an effect. All others can be removed at once."""
    left = [entry for entry in policy.entries if entry.prefix.family is family]
    while True:
        table = PrefixTable(family, ((entry.prefix, entry) for entry in left))
        needless = _needless(table)
        for entry, why in needless:
            _note(entry, why, findings)
        if not needless:
            break
        gone = {entry.prefix for entry, _why in needless}
        left = [entry for entry in left if entry.prefix not in gone]
    _note_listed_link_local(policy, family, findings)
    return sum(not entry.origin.is_link_local for _prefix, entry in table)


def _needless(table: PrefixTable[Entry]) -> list[tuple[Entry, str]]:
    """What can be removed from a table with nothing changed, and why; what that makes needless comes next time.

    A switch is never needless: there is no line less without it.
    """
    needless = []
    for _prefix, entry, enclosing in table.nested():
        if entry.origin.is_link_local:
            continue
        if enclosing is None and entry.action is Action.MASQUERADE:
            needless.append((entry, "nothing around it is kept, so it is masqueraded anyway"))
        elif enclosing is not None and enclosing.action is entry.action:
            needless.append((entry, f"{_place(enclosing)} holds it and says the same"))
    if needless:
        return needless
    deciding = {entry.prefix for _first, _last, entry in table.flatten()}
    why = "longer ones decide about everything in it"
    return [
        (entry, why)
        for prefix, entry in table
        if prefix not in deciding and not entry.origin.is_link_local
    ]


def _note_listed_link_local(policy: Policy, family: Family, findings: Findings) -> None:
    switched: Entry | None = None
    for entry in policy.entries:
        if entry.prefix.family is not family:
            continue
        if entry.origin.is_link_local:
            switched = entry
        elif switched and entry.prefix == switched.prefix:
            _note(entry, f"{switched.origin.key} is false and says the same", findings)


def _note(entry: Entry, why: str, findings: Findings) -> None:
    if (
        entry.origin.line and not entry.origin.is_link_local
    ):  # without its switch it would be the same
        findings.note(entry.origin.line, f"{entry.prefix} has no effect: {why}", "remove it")


def _place(entry: Entry) -> str:
    if entry.origin.is_link_local:
        return f"{entry.prefix} ({entry.origin.key} is false)"
    return f"{entry.prefix} ({entry.origin})"


def _note_shorter_lists(configuration: Configuration, effective: int, findings: Findings) -> None:
    listed = [e for e in configuration.policy.entries if not e.origin.is_link_local]
    lines = [entry.origin.line for entry in listed if entry.origin.line]
    if not lines:
        return
    if not _is_worth_it(_at_least(configuration.policy), effective):
        return  # known at once, where the shortest table takes a while
    lists = shortest_lists(configuration)
    if not _is_worth_it(len(lists), effective):
        return
    findings.note(
        min(lines),
        f"{len(listed)} ranges say what {len(lists)} say",
        f"write {_shown(lists)}"
        if len(lists) <= MOST_SHOWN
        else "`wayhome policy render --for wayhome` writes them",
    )


def _is_worth_it(lines: int, effective: int) -> bool:
    """A few lines less are no reason to write a list as nobody thinks of it."""
    return 2 * lines <= effective and effective - lines >= 3


def _at_least(policy: Policy) -> int:
    """Fewer lines than this cannot say what the policy says.

    A prefix has two ends, and each stretch of kept addresses too, but for the two ends of the address space, and for
    those of the link-local range, which takes no line.
    """
    return sum(max(len(policy.kept(family).spans) - 2, 0) for family in policy.families)


def _shown(lists: Lists) -> str:
    keep = f"nonMasqueradeCIDRs: {_flow(lists.keep)}"
    if not lists.masquerade:
        return keep
    return f"{keep} and masqueradeCIDRs: {_flow(lists.masquerade)}, which upstream's agent does not know"


def _flow(prefixes: tuple[Prefix, ...]) -> str:
    """A list in YAML's flow form, where a colon needs quotes."""
    texts = [f'"{prefix}"' if prefix.family is Family.IPV6 else str(prefix) for prefix in prefixes]
    return f"[{', '.join(texts)}]"
