"""Somebody damages our table, and what the next application makes of it: the same for both chains."""

from tests.kernel.nodes import Node

from wayhome.kernel import Applier, Cause, Change, ChangeKind, Ruleset
from wayhome.kernel.text import script
from wayhome.kernel.transactions import rewriting
from wayhome.prefixes import parse_address


def addresses(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return parse_address(first)[1], parse_address(last)[1]


def held(node: Node) -> dict[str, tuple[tuple[int, int], ...]]:
    """The elements of all sets, read anew."""
    node.kernel.forget()
    table = node.kernel.read()
    assert table is not None
    return {found.type.name: found.intervals for found in table.sets}


def repaired(node: Node, rules: Ruleset, damage: str) -> tuple[Change, int]:
    """Apply, damage, apply again: that change, and how many transactions it took. Afterwards all is as it was."""
    applier = Applier(node.kernel)
    applier.apply(rules)
    node.run(damage)
    before = node.transactions()
    change = applier.apply(rules)
    took = node.transactions() - before
    assert held(node) == rules.elements
    assert applier.apply(rules).kind is ChangeKind.NOTHING
    return change, took


def check_a_rewritten_rule_is_noticed(node: Node, rules: Ruleset, ours: str, theirs: str) -> None:
    """A rule keeps our comment, and says the contrary."""
    applier = Applier(node.kernel)
    applier.apply(rules)
    table = node.kernel.read()
    assert table is not None
    (again,) = rewriting(table, rules, None)
    assert ours in script(again)
    node.run(script(again).replace(ours, theirs))
    assert applier.apply(rules).cause is Cause.RULES
    assert applier.apply(rules).kind is ChangeKind.NOTHING
