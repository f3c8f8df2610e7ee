"""Which objects two states of an estate do not have alike."""

from dataclasses import dataclass

from wayhome.clouds.estate import Estate
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.network import Evidence


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One object: `added`, `removed` or `changed`, and where it stands, in the state that has it, the second if both."""

    name: str
    what: str
    evidence: Evidence | None


def changes(before: Estate, after: Estate) -> dict[str, Change]:
    """By full name; two kinds of objects have no name in common."""
    found: dict[str, Change] = {}
    for kind in {*before.tables, *after.tables}:
        old, new = before.all(kind), after.all(kind)
        for name in sorted({*old, *new}):
            what = _what(old.get(name), new.get(name))
            if what:
                there = new.get(name) or old.get(name)
                found[name] = Change(name, what, there.evidence if there else None)
    return found


def _what(old: Located[Resource] | None, new: Located[Resource] | None) -> str:
    if old is None:
        return "added"
    if new is None:
        return "removed"
    return "" if old.value == new.value else "changed"
