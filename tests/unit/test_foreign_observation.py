"""What a node's rules decide beside a configuration: rules as the known agents write them, and what is said of them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kernel.policies import make_policy
from tests.kernel.test_upstream_chain import CASES, read_case
from tests.unit.configurations import configurations

from wayhome.kernel.foreign.look import report
from wayhome.kernel.foreign.ours import Ours
from wayhome.kernel.foreign.report import Decider, ForeignRules, Question, Report
from wayhome.kernel.iptables import render_chain
from wayhome.kernel.masquerade import Masquerade
from wayhome.netfilter.iptables_save import parse
from wayhome.netfilter.rules import BaseChain, Variant
from wayhome.policy import Configuration, Policy
from wayhome.prefixes import Family, Intervals, Prefix

V4, V6 = Family
JUMP = '-A POSTROUTING -m comment --comment "ip-masq-agent: ensure nat POSTROUTING directs …" -m addrtype ! --dst-type LOCAL -j IP-MASQ'
MASQUERADE = '-A IP-MASQ -m comment --comment "outbound" -j MASQUERADE --random-fully'


def of(*cidrs: str) -> Intervals:
    return Intervals.of((p.first, p.last) for p in map(Prefix.parse, cidrs))


def base(*rules: str, family: Family = V4, text: str = "") -> BaseChain:
    names = dict.fromkeys(["POSTROUTING", *(rule.split()[1] for rule in rules)])
    text = text or "\n".join(["*nat", *(f":{name} - [0:0]" for name in names), *rules, "COMMIT"])
    chains = parse(text, family)
    assert chains is not None
    word = "ip" if family is V4 else "ip6"
    return BaseChain(Variant.IPTABLES_NFT, word, "nat", "POSTROUTING", 100, chains)


def observed(policy: Policy, *bases: BaseChain, table: Ours | None = None) -> Report:
    return report(Question.of(policy, Decider.ANY_AGENT), bases, table)


@pytest.mark.parametrize(
    "case", sorted(CASES.iterdir()) if CASES.is_dir() else [], ids=lambda case: case.name
)
def test_what_upstreams_binary_left_agrees_with_its_own_configuration(case: Path) -> None:
    policy, _ = read_case(case)
    if policy is None:
        return
    bases = [
        base(text=(case / name).read_text(), family=family)
        for family, name in zip(Family, ("iptables-save.txt", "ip6tables-save.txt"), strict=True)
        if (case / name).exists() and "POSTROUTING" in (case / name).read_text()
    ]
    found = observed(policy, *bases)
    assert found.disagreements == ()
    assert (found.certain, found.conditional) == (0, 0)
    assert len(found.deciders or ()) == len(policy.families)


@given(one=configurations(), other=configurations())
def test_the_differences_are_those_of_the_two_policies(
    one: Configuration, other: Configuration
) -> None:
    """The chain that one configuration makes, beside another one: what is said is what the policies say."""
    bases = []
    for family in one.policy.families:
        text = render_chain(one.policy, Masquerade(), family)
        text = text.replace("*nat\n", "*nat\n:POSTROUTING - [0:0]\n")
        bases.append(base(text=text, family=family))
    found = observed(other.policy, *bases)
    differ = any(one.policy.kept(f) != other.policy.kept(f) for f in Family)
    assert bool(found.disagreements) == differ


def test_a_range_that_is_treated_otherwise_is_named() -> None:
    rules = [JUMP, "-A IP-MASQ -d 10.0.0.0/8 -j RETURN", MASQUERADE]
    found = observed(make_policy("10.0.0.0/8", masquerade=["10.2.0.0/16"]), base(*rules))
    assert found.disagreements == (
        "10.2.0.0/16: sees the Pod's own address, though the configuration masquerades",
    )
    found = observed(make_policy("10.0.0.0/8", "192.0.2.0/24"), base(*rules))
    assert found.disagreements == (
        "192.0.2.0/24: masqueraded on this node, though the configuration keeps the Pod's address",
    )


def test_rules_before_the_jump_count() -> None:
    keep = [JUMP, "-A IP-MASQ -d 10.0.0.0/8 -j RETURN", MASQUERADE]
    exempted = base("-A POSTROUTING -d 192.0.2.0/24 -j ACCEPT", *keep)
    assert observed(make_policy("10.0.0.0/8"), exempted).disagreements == (
        "192.0.2.0/24: sees the Pod's own address, though the configuration masquerades",
    )
    assert observed(make_policy("10.0.0.0/8", "192.0.2.0/24"), exempted).disagreements == ()


def test_a_foreign_rule_is_a_conflict_and_no_disagreement() -> None:
    keep = [JUMP, "-A IP-MASQ -d 10.0.0.0/8 -j RETURN", MASQUERADE]
    before = "-A POSTROUTING -d 10.3.0.0/16 -j MASQUERADE"
    for rules in ([before, *keep], [*keep, before]):
        found = observed(make_policy("10.0.0.0/8"), base(*rules))
        assert found.disagreements == ()
        assert found.certain == 1
        assert "10.3.0.0/16, which shall see the Pod's own address" in found.conflicts[0].sentence
    # What is masqueraded anyway: only a rule before the jump takes it, and the address is another one then.
    snat = "-A POSTROUTING -d 203.0.113.0/24 -j SNAT --to-source 192.0.2.9"
    assert observed(make_policy("10.0.0.0/8"), base(*keep, snat)).conflicts == ()
    (found_before,) = observed(make_policy("10.0.0.0/8"), base(snat, *keep)).conflicts
    assert "before the agent's do, towards 203.0.113.0/24" in found_before.sentence
    assert "--preserve" not in found_before.sentence


def test_the_agents_own_chain_is_a_conflict_for_our_table_and_not_for_our_chain() -> None:
    rules = base(JUMP, "-A IP-MASQ -d 10.0.0.0/9 -j RETURN", MASQUERADE)
    policy = make_policy("10.0.0.0/8")
    beside_table = report(Question.of(policy, Decider.TABLE), (rules,), None)
    assert beside_table.certain == 1
    assert "`wayhome node migrate`" in beside_table.conflicts[0].sentence
    assert beside_table.deciders is None
    own = report(Question.of(policy, Decider.CHAIN, chain="IP-MASQ"), (rules,), None)
    assert (own.certain, own.disagreements) == (0, ())
    others = report(Question.of(policy, Decider.CHAIN, chain="IP-MASQ-AGENT"), (rules,), None)
    assert others.certain == 1


def test_no_chain_at_all_and_one_that_nothing_leads_to() -> None:
    for bases in ([], [base(MASQUERADE)]):
        (said,) = observed(make_policy("10.0.0.0/8"), *bases).disagreements
        assert said.startswith("IPv4: no chain of an ip-masq-agent is in force on this node")
    assert observed(make_policy("0.0.0.0/0")).disagreements == ()  # nothing is to be masqueraded


def test_ipv6_that_only_one_side_masquerades() -> None:
    four = base(JUMP, "-A IP-MASQ -d 10.0.0.0/8 -j RETURN", MASQUERADE)
    six = base(JUMP, "-A IP-MASQ -d fd00::/8 -j RETURN", MASQUERADE, family=V6)
    (said,) = observed(make_policy("10.0.0.0/8", "fd00::/8", ipv6=True), four).disagreements
    assert said.startswith("IPv6: no chain")
    (said,) = observed(make_policy("10.0.0.0/8"), four, six).disagreements
    assert "masqueraded on this node" in said


def test_our_table_decides_too() -> None:
    policy = make_policy("10.0.0.0/8")
    ours = Ours(110, {V4: of("10.0.0.0/8")}, None)
    assert observed(policy, table=ours).deciders == ("inet wayhome",)
    assert observed(policy, table=ours).disagreements == ()
    narrow = base(JUMP, "-A IP-MASQ -d 10.0.0.0/9 -j RETURN", MASQUERADE)
    assert observed(policy, narrow, table=ours).disagreements == (
        "10.128.0.0/9: masqueraded on this node, though the configuration keeps the Pod's address",
    )
    asserting = Ours(90, {V4: of("10.0.0.0/8")}, None)
    assert observed(policy, narrow, table=asserting).disagreements == ()


def test_pods_that_our_table_leaves_alone() -> None:
    ours = Ours(110, {V4: of("10.0.0.0/8")}, {V4: of("10.4.0.0/24")})
    policy = make_policy("10.0.0.0/8", pods=["10.4.0.0/23"])
    assert observed(policy, table=ours).disagreements == (
        "the table inet wayhome leaves alone what the Pods 10.4.1.0/24 send",
    )


def test_rules_of_which_it_cannot_be_said() -> None:
    rules = [JUMP, "-A IP-MASQ -d 10.0.0.0/8 -j RETURN", "-A IP-MASQ -m owner --uid-owner 0 -j MASQUERADE"]  # fmt: skip
    said = observed(make_policy("10.0.0.0/8"), base(*rules)).disagreements
    assert said == (
        "IPv4: what this rule translates cannot be said: -A IP-MASQ -m owner --uid-owner 0 -j MASQUERADE",
    )


def test_rules_that_come_and_go_with_pods_are_one_sentence() -> None:
    pods = [
        rule
        for n in (7, 8, 9)
        for rule in (
            f'-A POSTROUTING -s 10.4.0.{n}/32 -m comment --comment "name" -j CNI-{n:024x}',
            f"-A CNI-{n:024x} -j MASQUERADE",
        )
    ]
    policy = make_policy("10.0.0.0/8", pods=["10.4.0.0/24"])
    few = report(Question.of(policy, Decider.TABLE), (base(*pods[:2]),), None)
    many = report(Question.of(policy, Decider.TABLE), (base(*pods),), None)
    assert few.conflicts == many.conflicts
    assert (few.conditional, many.conditional) == (1, 3)
    assert '"ipMasq": false' in few.conflicts[0].sentence


def test_what_others_write_cannot_command_the_terminal() -> None:
    rule = '-A POSTROUTING -m comment --comment "\x1b[31mred" -j MASQUERADE'
    found = report(Question.of(make_policy("10.0.0.0/8"), Decider.TABLE), (base(rule),), None)
    assert "\x1b" not in found.conflicts[0].sentence
    assert r"\x1b[31mred" in found.conflicts[0].sentence


@given(configuration=configurations(), asserts=st.booleans(), chain=st.text())
def test_a_question_is_read_as_it_was_written(
    configuration: Configuration, asserts: bool, chain: str
) -> None:
    asked = Question.of(configuration.policy, Decider.CHAIN, asserts=asserts, chain=chain)
    assert Question.parse(asked.text()) == asked


@given(
    st.builds(
        Report,
        st.lists(st.builds(ForeignRules, st.text(), st.booleans())).map(tuple),
        st.integers(0),
        st.integers(0),
        st.none() | st.lists(st.text()).map(tuple),
        st.lists(st.text()).map(tuple),
    )
)
def test_a_report_is_read_as_it_was_written(written: Report) -> None:
    assert Report.parse(written.text()) == written


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"schema": 2}', "Traceback", "1"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Report.parse(text)
