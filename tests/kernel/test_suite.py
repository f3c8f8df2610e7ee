"""What every kernel promises, the fake one and the real one."""

from typing import Any

import pytest
from tests.kernel.nodes import Node
from tests.kernel.policies import make_policy
from tests.kernel.repairs import addresses, check_a_rewritten_rule_is_noticed, held, repaired

from wayhome.kernel import (
    Applier,
    Cause,
    ChangeKind,
    ElementChanges,
    KernelError,
    Masquerade,
    Preserve,
    RefusedError,
    Ruleset,
    ruleset_of,
)
from wayhome.kernel.fake import FakeKernel
from wayhome.kernel.transactions import creation
from wayhome.policy import Policy


@pytest.fixture
def rules() -> Ruleset:
    return ruleset_of(make_policy("10.0.0.0/8", "172.16.0.0/12", "169.254.0.0/16"))


def test_at_first_there_is_no_table(node: Node) -> None:
    assert node.kernel.read() is None


def test_apply_writes_the_whole_table_at_first(node: Node, rules: Ruleset) -> None:
    change = Applier(node.kernel).apply(rules)
    assert (change.kind, change.cause, change.added) == (
        ChangeKind.REPLACED,
        Cause.NO_TABLE,
        3,
    )
    assert held(node) == rules.elements


def test_the_same_policy_twice_sends_nothing(node: Node, rules: Ruleset) -> None:
    applier = Applier(node.kernel)
    applier.apply(rules)
    before = node.transactions()
    assert applier.apply(rules).kind is ChangeKind.NOTHING
    node.kernel.forget()
    assert applier.apply(rules).kind is ChangeKind.NOTHING
    assert Applier(node.kernel).apply(rules).kind is ChangeKind.NOTHING  # a new process
    assert node.transactions() == before


def test_a_changed_line_sends_only_its_elements(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    applier = Applier(node.kernel)
    applier.apply(ruleset_of(make_policy("10.0.0.0/8", "172.16.0.0/12", "0.0.0.0/8")))
    before = node.transactions()

    sent: list[ElementChanges] = []
    change = node.kernel.change

    def spy(changes: ElementChanges) -> None:
        sent.append(changes)
        change(changes)

    monkeypatch.setattr(node.kernel, "change", spy)
    monkeypatch.setattr("subprocess.Popen", lambda *a, **k: pytest.fail("a child process"))
    wanted = ruleset_of(make_policy("10.0.0.0/8", "192.168.0.0/16", "0.0.0.0/8"))
    done = applier.apply(wanted)

    assert (done.kind, done.added, done.removed) == (ChangeKind.ELEMENTS, 1, 1)
    keep4, _ = wanted.skeleton.sets
    assert sent == [
        ElementChanges(
            removed={keep4: (addresses("172.16.0.0-172.31.255.255"),)},
            added={keep4: (addresses("192.168.0.0-192.168.255.255"),)},
        )
    ]
    assert node.transactions() == before + 1
    assert held(node) == wanted.elements


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], ["0.0.0.0/0"]),
        (["0.0.0.0/0"], []),
        (["0.0.0.0/0"], ["10.0.0.0/8"]),
        (["10.0.0.0/8"], ["0.0.0.0/0"]),
        (["10.0.0.0/8"], ["10.0.0.0/9", "10.128.0.0/9"]),
        (["10.0.0.0/9", "10.128.0.0/9"], ["10.0.0.0/8"]),
        (["10.0.0.0/9", "10.128.0.0/9"], ["10.128.0.0/9", "11.0.0.0/8"]),
        (["10.0.0.1/32"], ["10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32"]),
        (["0.0.0.0/32", "255.255.255.255/32"], ["0.0.0.0/31", "255.255.255.254/31"]),
        (["10.0.0.0/8"], ["10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24"]),
        (["10.0.0.0/8", "10.1.0.0/16"], ["10.0.0.0/8"]),
        (["fd00::/8", "::/128"], ["::/0"]),
        (["::/0"], ["fd00::/9", "fd80::/9", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"]),
    ],
)
def test_from_list_to_list(node: Node, before: list[str], after: list[str]) -> None:
    applier = Applier(node.kernel)
    applier.apply(ruleset_of(make_policy(*before, ipv6=True)))
    wanted = ruleset_of(make_policy(*after, ipv6=True))
    transactions = node.transactions()
    assert applier.apply(wanted).kind is ChangeKind.ELEMENTS
    assert node.transactions() == transactions + 1
    assert held(node) == wanted.elements
    assert applier.apply(wanted).kind is ChangeKind.NOTHING


def test_carved_out_destinations_are_in_a_set_of_their_own(node: Node) -> None:
    wanted = ruleset_of(make_policy("10.0.0.0/8", masquerade=["10.2.0.0/16", "10.255.0.0/16"]))
    Applier(node.kernel).apply(wanted)
    assert held(node) == {
        "keep4": (
            addresses("10.0.0.0-10.1.255.255"),
            addresses("10.3.0.0-10.254.255.255"),
        ),
        "masquerade4": (
            addresses("10.2.0.0-10.2.255.255"),
            addresses("10.255.0.0-10.255.255.255"),
        ),
    }


def test_neighbours_from_different_lines_stay_apart(node: Node) -> None:
    Applier(node.kernel).apply(ruleset_of(make_policy("10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8")))
    assert len(held(node)["keep4"]) == 4


def test_pod_ranges_are_elements_too(node: Node) -> None:
    applier = Applier(node.kernel)
    applier.apply(ruleset_of(make_policy("10.0.0.0/8", pods=["10.4.0.0/24"])))
    wanted = ruleset_of(make_policy("10.0.0.0/8", pods=["10.4.0.0/24", "10.4.1.0/24", "fd00::/64"]))
    assert applier.apply(wanted).kind is ChangeKind.ELEMENTS
    assert held(node)["pods4"] == (addresses("10.4.0.0-10.4.1.255"),)


TWO_RANGES = Masquerade(to_ports=((1024, 29999), (32768, 65535)))


@pytest.mark.parametrize(
    "options",
    [
        Masquerade(random_fully=False),
        TWO_RANGES,
        Masquerade(to_ports=((40000, 40000),), random_fully=False),
        Masquerade(kube_proxy_mark_bit=None),
        Masquerade(kube_proxy_mark_bit=31),
        Masquerade(preserve=Preserve.ASSERT),
    ],
)
@pytest.mark.parametrize(
    "policy",
    [
        make_policy("10.0.0.0/8"),
        make_policy("10.0.0.0/8", ipv6=True, pods=["10.4.0.0/24", "fd04::/64"]),
    ],
    ids=["upstream's scope", "scope of Pods"],
)
def test_other_options_write_the_rules_anew_once(
    node: Node, options: Masquerade, policy: Policy
) -> None:
    applier = Applier(node.kernel)
    applier.apply(ruleset_of(policy))
    transactions = node.transactions()
    change = applier.apply(ruleset_of(policy, options))
    assert (change.kind, change.cause) == (ChangeKind.REWRITTEN, Cause.OTHER_RULES)
    assert node.transactions() == transactions + 1
    assert applier.apply(ruleset_of(policy, options)).kind is ChangeKind.NOTHING


@pytest.mark.parametrize("scope", [{"ipv6": True}, {"pods": ["10.4.0.0/24"]}])
def test_another_scope_replaces_the_table(node: Node, scope: dict[str, Any]) -> None:
    applier = Applier(node.kernel)
    applier.apply(ruleset_of(make_policy("10.0.0.0/8")))
    wanted = ruleset_of(make_policy("10.0.0.0/8", **scope))
    assert applier.apply(wanted).cause is Cause.OTHER_RULES
    assert held(node) == wanted.elements


CHAIN = "add chain inet wayhome postrouting { type nat hook postrouting priority srcnat + 10;"
DAMAGE = [
    ("flush ruleset", Cause.NO_TABLE, ChangeKind.REPLACED, 2),
    ("delete table inet wayhome", Cause.NO_TABLE, ChangeKind.REPLACED, 2),
    (
        "delete table inet wayhome\nadd table inet wayhome",
        Cause.CHAIN,
        ChangeKind.REWRITTEN,
        2,
    ),
    ("add table inet wayhome { flags dormant; }", Cause.DORMANT, ChangeKind.REPLACED, 1),
    ("flush chain inet wayhome postrouting", Cause.RULES, ChangeKind.REWRITTEN, 1),
    (
        "flush chain inet wayhome postrouting\ndelete chain inet wayhome postrouting",
        Cause.CHAIN,
        ChangeKind.REWRITTEN,
        1,
    ),
    (
        """flush chain inet wayhome postrouting
delete chain inet wayhome postrouting
delete set inet wayhome keep4""",
        Cause.CHAIN,
        ChangeKind.REWRITTEN,
        2,
    ),
    (f"{CHAIN} policy drop; }}", Cause.CHAIN, ChangeKind.REWRITTEN, 1),
    (
        """add rule inet wayhome postrouting counter
delete element inet wayhome keep4 { 10.0.0.0/8 }""",
        Cause.RULES,
        ChangeKind.REWRITTEN,
        1,
    ),
    ("add chain inet wayhome foreign", Cause.STRANGER, ChangeKind.REPLACED, 1),
    (
        "add set inet wayhome foreign { type ipv4_addr; flags interval; }",
        Cause.SETS,
        ChangeKind.REPLACED,
        1,
    ),
    (
        "add set inet wayhome pods4 { type ipv4_addr; flags interval; }",
        Cause.SETS,
        ChangeKind.REWRITTEN,
        1,
    ),
    (
        """flush chain inet wayhome postrouting
delete set inet wayhome keep4
add set inet wayhome keep4 { type ipv6_addr; flags interval; }""",
        Cause.SETS,
        ChangeKind.REPLACED,
        1,
    ),
]


@pytest.mark.parametrize(("script", "cause", "kind", "count"), DAMAGE)
def test_damage_is_noticed_and_repaired(  # noqa: PLR0917
    node: Node, rules: Ruleset, script: str, cause: Cause, kind: ChangeKind, count: int
) -> None:
    change, took = repaired(node, rules, script)
    assert (change.kind, change.cause, took) == (kind, cause, count)


def test_a_rule_rewritten_under_our_comment_is_noticed(node: Node, rules: Ruleset) -> None:
    check_a_rewritten_rule_is_noticed(node, rules, "@keep4 return", "!= @keep4 return")


@pytest.mark.parametrize(
    ("script", "added", "removed"),
    [
        ("delete element inet wayhome keep4 { 10.0.0.0/8 }", 1, 0),
        ("add element inet wayhome keep4 { 192.168.0.0/16 }", 0, 1),
        (
            """delete element inet wayhome keep4 { 10.0.0.0/8 }
add element inet wayhome keep4 { 10.0.0.0/9 }""",
            1,
            1,
        ),
    ],
)
def test_damaged_elements_are_repaired_alone(
    node: Node, rules: Ruleset, script: str, added: int, removed: int
) -> None:
    change, _ = repaired(node, rules, script)
    assert (change.kind, change.added, change.removed) == (ChangeKind.ELEMENTS, added, removed)


def test_a_refused_difference_becomes_a_replacement(
    node: Node, rules: Ruleset, monkeypatch: pytest.MonkeyPatch
) -> None:
    applier = Applier(node.kernel)
    applier.apply(rules)

    def refuse(changes: ElementChanges) -> None:
        raise RefusedError("no")

    monkeypatch.setattr(node.kernel, "change", refuse)
    wanted = ruleset_of(make_policy("10.0.0.0/8"))
    change = applier.apply(wanted)
    assert (change.kind, change.cause, change.refusal) == (
        ChangeKind.REPLACED,
        Cause.REFUSED,
        "no",
    )
    assert held(node) == wanted.elements


def test_a_difference_against_another_state_is_refused_whole(node: Node, rules: Ruleset) -> None:
    Applier(node.kernel).apply(rules)
    keep4, _ = rules.skeleton.sets
    absent, present, overlapping = (
        addresses("1.0.0.0-1.0.0.0"),
        addresses("10.0.0.0-10.255.255.255"),
        addresses("10.200.0.0-11.0.0.0"),
    )
    for changes in (
        ElementChanges(removed={keep4: (present, absent)}, added={}),
        ElementChanges(removed={}, added={keep4: (absent, present)}),
        ElementChanges(removed={}, added={keep4: (absent, overlapping)}),
    ):
        with pytest.raises(RefusedError):
            node.kernel.change(changes)
        assert held(node) == rules.elements


def test_remove_leaves_nothing_and_may_be_repeated(node: Node, rules: Ruleset) -> None:
    Applier(node.kernel).apply(rules)
    node.kernel.remove()
    assert node.kernel.read() is None
    node.kernel.remove()
    assert Applier(node.kernel).apply(rules).cause is Cause.NO_TABLE


def test_other_tables_stay(node: Node, rules: Ruleset) -> None:
    node.run("add table inet foreign\nadd set inet foreign keep4 { type ipv4_addr; }")
    applier = Applier(node.kernel)
    applier.apply(rules)
    node.kernel.remove()
    node.run("delete set inet foreign keep4\ndelete table inet foreign")  # fails if they are gone


def test_a_transaction_that_fails_leaves_the_old_rules(rules: Ruleset) -> None:
    fake = FakeKernel()
    applier = Applier(fake)
    applier.apply(rules)
    fake.fail_once(KernelError("out of memory"))
    with pytest.raises(KernelError, match="out of memory"):
        applier.apply(ruleset_of(make_policy("1.0.0.0/8")))
    assert applier.apply(rules).kind is ChangeKind.NOTHING
    assert len(fake.transactions) == len(creation(rules))
