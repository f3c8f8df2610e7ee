"""What only the real back end can show: netlink, sizes, generations, errors."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import real_root
from tests.kernel.nodes import nft, owned_table
from tests.kernel.policies import make_policy

from wayhome.kernel import (
    Applier,
    Cause,
    ChangeKind,
    ElementChanges,
    KernelError,
    NftablesKernel,
    RefusedError,
    Ruleset,
    attributes,
    elements,
    readback,
    ruleset_of,
)
from wayhome.kernel.expressions import NFTA_LIST_ELEM
from wayhome.kernel.fake import FakeKernel
from wayhome.kernel.messages import messages_of
from wayhome.kernel.netlink import NLM_F_CREATE
from wayhome.kernel.nfnetlink import Channel, Message
from wayhome.kernel.skeleton import COUNTER
from wayhome.kernel.transactions import ELEMENTS_PER_TRANSACTION, creation, replacement
from wayhome.lab.namespaces import NetworkNamespace
from wayhome.policy import Policy
from wayhome.prefixes import Family, Prefix

pytestmark = pytest.mark.kernel


DEFAULT_WMEM_MAX = 212_992
"""Bytes: net.core.wmem_max where nobody has changed it."""


def many(count: int, *more: str) -> Ruleset:
    """As many intervals with a gap after each."""
    ranges = [str(Prefix(Family.IPV4, (10 << 24) + (i << 8), 25)) for i in range(count)]
    return ruleset_of(make_policy(*ranges, *more))


def intervals(kernel: NftablesKernel) -> dict[str, tuple[tuple[int, int], ...]]:
    kernel.forget()
    table = kernel.read()
    assert table is not None
    return {held.type.name: held.intervals for held in table.sets}


def test_ten_thousand_entries(netns: NetworkNamespace) -> None:
    with NftablesKernel() as kernel:
        applier = Applier(kernel)
        change = applier.apply(many(10_000))
        assert (change.added, change.transactions) == (10_000, 3)
        assert intervals(kernel) == many(10_000).elements
        change = applier.apply(many(10_000, "200.0.0.0/8"))
        assert (change.kind, change.added, change.removed) == (ChangeKind.ELEMENTS, 1, 0)
        assert applier.apply(many(0)).removed == 10_001
        assert intervals(kernel) == {"keep4": (), "masquerade4": ()}


def test_netlink_takes_six_thousand_entries_from_anybody(netns: NetworkNamespace) -> None:
    with NftablesKernel() as kernel:
        applier = Applier(kernel)
        applier.apply(many(1))
        change = applier.apply(many(5_000))
        assert (change.kind, change.added) == (ChangeKind.ELEMENTS, 4_999)
        assert intervals(kernel) == many(5_000).elements


def anybody_may_send() -> int:
    """Bytes in one transaction: net.core.wmem_max, which the kernel doubles."""
    return 2 * int(Path("/proc/sys/net/core/wmem_max").read_text())


def test_what_is_too_large_for_an_ordinary_user_names_the_limit(netns: NetworkNamespace) -> None:
    if real_root() or anybody_may_send() > 20_000 * 40:
        pytest.skip("everybody may send messages of any size here, or real root does")
    with NftablesKernel() as kernel:
        applier = Applier(kernel)
        applier.apply(many(1))
        nft("add chain inet wayhome strange")
        with pytest.raises(
            RefusedError, match=r"only root of the initial user namespace.*wmem_max"
        ):
            applier.apply(many(20_000))
        assert intervals(kernel) == many(1).elements


def test_a_table_is_made_in_parts_that_anybody_may_send(netns: NetworkNamespace) -> None:
    """Also of the largest elements, and what a killed agent left of it is made whole."""
    count = 2 * ELEMENTS_PER_TRANSACTION + 1
    ranges = [str(Prefix(Family.IPV6, (0xFD << 120) + (i << 8), 121)) for i in range(count)]
    rules = ruleset_of(make_policy("10.0.0.0/8", *ranges, ipv6=True))
    first, second, third, _ = creation(rules)
    for transaction in creation(rules):
        # A header of netlink's and one of netfilter's before each, and two messages around them.
        size = sum(len(message.payload) + 20 for message in messages_of(transaction)) + 40
        assert size <= 2 * DEFAULT_WMEM_MAX - 32
    with NftablesKernel() as kernel:
        assert Applier(kernel).apply(rules).transactions == 4
        assert intervals(kernel) == rules.elements
        for stopped_after in ((first,), (first, second), (first, second, third)):
            kernel.remove()
            for transaction in stopped_after:
                kernel.write(transaction)
            change = Applier(kernel).apply(rules)
            assert (change.kind, change.cause) == (ChangeKind.REWRITTEN, Cause.CHAIN)
            assert change.transactions == 4 - len(stopped_after)
            assert intervals(kernel) == rules.elements


def test_what_the_kernel_refuses_is_named(netns: NetworkNamespace) -> None:
    with NftablesKernel() as kernel:
        rules = many(1)
        Applier(kernel).apply(rules)
        keep4, _ = rules.skeleton.sets
        with pytest.raises(
            RefusedError, match="changing elements: remove 1 elements of keep4: No such file"
        ):
            kernel.change(ElementChanges(removed={keep4: ((1, 1),)}, added={}))
        nft("delete table inet wayhome")
        with pytest.raises(RefusedError, match="add 1 elements of keep4: No such file"):
            kernel.change(ElementChanges(removed={}, added={keep4: ((1, 1),)}))


def test_the_part_of_a_table_that_is_refused_is_named(netns: NetworkNamespace) -> None:
    with NftablesKernel() as kernel:
        rules = ruleset_of(make_policy())
        overlapping = Ruleset(rules.skeleton, {"keep4": ((0, 10), (5, 15)), "masquerade4": ()})
        with pytest.raises(
            RefusedError, match=r"^writing the table: add 2 elements of keep4: File exists"
        ):
            kernel.write(replacement(overlapping))
        assert kernel.read() is None
        *_, chain = creation(rules)
        nft(f"add table inet wayhome\nadd counter inet wayhome {COUNTER}")
        with pytest.raises(RefusedError, match=r'write the rule "IPv4 dest.*": No such file or d'):
            kernel.write(chain)
        table = kernel.read()
        assert table is not None
        assert table.chain is None


def test_a_table_that_another_process_owns_is_refused_as_such(netns: NetworkNamespace) -> None:
    with NftablesKernel() as kernel:
        applier = Applier(kernel)
        with owned_table():
            for change in (lambda: applier.apply(many(1)), kernel.remove):
                with pytest.raises(RefusedError, match=r"not permitted.*; another process owns"):
                    change()
        assert applier.apply(many(1)).cause is Cause.NO_TABLE


def test_others_tables_are_never_read(netns: NetworkNamespace) -> None:
    for family in ("ip", "ip6", "inet"):
        nft(
            f"add table {family} foreign\n"
            f"add set {family} foreign strange {{ type ipv4_addr; flags interval; elements = {{ 1.2.3.0/24 }}; }}\n"
            f"add chain {family} foreign strange {{ type nat hook postrouting priority srcnat; }}\n"
            f'add rule {family} foreign strange masquerade comment "strange"\n'
        )
    with NftablesKernel() as kernel:
        Applier(kernel).apply(many(3))
    channel = Channel()
    assert b"strange" not in repr(readback.collect(channel)).encode()
    assert b"foreign" not in repr(readback.collect(channel)).encode()
    channel.close()


def test_nothing_is_read_while_the_generation_stands(
    netns: NetworkNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with NftablesKernel() as kernel:
        applier = Applier(kernel)
        applier.apply(many(10))
        monkeypatch.setattr(readback, "collect", lambda channel: pytest.fail("read"))
        assert applier.apply(many(10)).kind is ChangeKind.NOTHING
        assert applier.apply(many(11)).kind is ChangeKind.ELEMENTS
        assert applier.apply(many(10)).kind is ChangeKind.ELEMENTS


def test_after_a_foreign_transaction_the_table_is_read_but_not_parsed_again(
    netns: NetworkNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with NftablesKernel() as kernel:
        applier = Applier(kernel)
        applier.apply(many(10))
        nft("add table inet foreign")
        monkeypatch.setattr(readback, "parse", lambda dump: pytest.fail("parsed"))
        assert applier.apply(many(10)).kind is ChangeKind.NOTHING


def test_two_agents_of_ours_do_not_trust_what_they_remember(netns: NetworkNamespace) -> None:
    with NftablesKernel() as one, NftablesKernel() as other:
        Applier(one).apply(many(10))
        assert Applier(other).apply(many(5)).removed == 5
        assert Applier(one).apply(many(10)).added == 5


@pytest.mark.parametrize("when", ["before", "first", "last"])
def test_a_change_of_others_around_ours_is_not_overlooked(
    netns: NetworkNamespace, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Between our last reading and our change, or right before or after it, while the change is being made."""
    rules = many(2)
    keep4 = next(kind for kind in rules.skeleton.sets if kind.name == "keep4")
    commit = Channel.commit

    def not_alone(channel: Channel, messages: Sequence[Message]) -> None:
        if when == "first":
            nft("add chain inet wayhome foreign")
        commit(channel, messages)
        if when == "last":
            nft("add chain inet wayhome foreign")

    with NftablesKernel() as kernel:
        Applier(kernel).apply(rules)
        before = kernel.read()
        assert before is not None
        if when == "before":
            nft("add chain inet wayhome foreign")
        monkeypatch.setattr(Channel, "commit", not_alone)
        kernel.change(ElementChanges({}, {keep4: ((1, 1),)}))
        table = kernel.read()
        assert table is not None
        assert table.objects == before.objects + 1
        assert (1, 1) in next(held for held in table.sets if held.type == keep4).intervals


def test_a_table_that_is_never_at_rest_is_not_believed(
    netns: NetworkNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody changes our own set between any two requests."""
    with NftablesKernel() as kernel:
        Applier(kernel).apply(many(10))
        collect, numbers = readback.collect, iter(range(100))

        def disturbed(channel: Channel) -> readback.Dump | None:
            nft(f"add element inet wayhome keep4 {{ 1.0.0.{2 * next(numbers)} }}")
            dump = collect(channel)
            nft(f"add element inet wayhome keep4 {{ 1.0.0.{2 * next(numbers)} }}")
            return dump

        monkeypatch.setattr(readback, "collect", disturbed)
        kernel.forget()
        with pytest.raises(KernelError, match="faster than it can be read"):
            kernel.read()


def test_others_noise_does_not_keep_our_table_from_being_read(
    netns: NetworkNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with NftablesKernel() as kernel:
        Applier(kernel).apply(many(10))
        nft("add table inet foreign")
        collect, numbers = readback.collect, iter(range(100))

        def disturbed(channel: Channel) -> readback.Dump | None:
            dump = collect(channel)
            nft(f"add chain inet foreign c{next(numbers)}")
            return dump

        monkeypatch.setattr(readback, "collect", disturbed)
        kernel.forget()
        table = kernel.read()
        assert table is not None
        assert table.sets[0].intervals == many(10).elements["keep4"]


def test_a_chain_that_is_no_base_chain_is_damage(netns: NetworkNamespace) -> None:
    with NftablesKernel() as kernel:
        applier = Applier(kernel)
        applier.apply(many(1))
        nft(
            "flush chain inet wayhome postrouting\n"
            "delete chain inet wayhome postrouting\n"
            "add chain inet wayhome postrouting\n"
        )
        assert applier.apply(many(1)).cause is Cause.CHAIN


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "0.0.0.0/0"])
def test_a_catch_all_element_is_damage(netns: NetworkNamespace, cidr: str) -> None:
    """It has no key, and keeps everything. Sent by hand: nft 1.0.6 crashes on it."""
    with NftablesKernel() as kernel:
        applier = Applier(kernel)
        rules = ruleset_of(make_policy(cidr))
        applier.apply(rules)
        catch_all = attributes.u32(elements.NFTA_SET_ELEM_FLAGS, elements.NFT_SET_ELEM_CATCHALL)
        payload = elements.selector(rules.skeleton.sets[0]) + attributes.nested(
            elements.NFTA_SET_ELEM_LIST_ELEMENTS,
            attributes.nested(NFTA_LIST_ELEM, catch_all),
        )
        channel = Channel()
        channel.commit([Message(elements.NFT_MSG_NEWSETELEM, payload, "add *", NLM_F_CREATE)])
        channel.close()
        assert applier.apply(rules).cause is Cause.SETS
        assert intervals(kernel) == rules.elements


def test_a_set_of_another_shape_is_damage(netns: NetworkNamespace) -> None:
    with NftablesKernel() as kernel:
        applier = Applier(kernel)
        for foreign in (
            "add set inet wayhome foreign { type inet_service; elements = { 80 }; }",
            "add map inet wayhome foreign { type ipv4_addr : verdict; elements = { 1.1.1.1 : drop }; }",
            "add counter inet wayhome foreign",
        ):
            applier.apply(many(1))
            nft(foreign)
            assert applier.apply(many(1)).cause in (Cause.SETS, Cause.STRANGER)


def cidrs(dice: random.Random, count: int, low: int) -> list[str]:
    """Prefixes that meet: in a small corner of the address space, at its ends and next to each other."""
    found = []
    for _ in range(count):
        length = dice.randint(low, 32)
        first = dice.choice((0, 10 << 24, 0xFFFFFF00)) | dice.getrandbits(8)
        found.append(str(Prefix(Family.IPV4, first >> (32 - length) << (32 - length), length)))
    return found


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    dice = random.Random(draw(st.integers(0, 2**32)))
    keep = set(cidrs(dice, draw(st.integers(0, 12)), draw(st.sampled_from((0, 20, 26)))))
    carved = set(cidrs(dice, draw(st.integers(0, 6)), 24)) - keep
    return make_policy(*sorted(keep), masquerade=[*sorted(carved), CARVED])


CARVED = "203.0.113.7/32"
"""A line that wants masquerading is in each of them, as the first such line replaces the table."""


def test_random_policies_one_after_another(netns: NetworkNamespace) -> None:
    with NftablesKernel() as real:
        fake = FakeKernel()
        appliers = Applier(real), Applier(fake)
        for applier in appliers:
            applier.apply(ruleset_of(make_policy(masquerade=[CARVED])))

        @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(policies())
        def run(policy: Policy) -> None:
            """Each example finds what the one before left."""
            wanted = ruleset_of(policy)
            for applier in appliers:
                change = applier.apply(wanted)
                assert change.kind in (ChangeKind.NOTHING, ChangeKind.ELEMENTS), change
            assert intervals(real) == wanted.elements
            table = fake.read()
            assert table is not None
            assert table.sets[0].intervals == wanted.elements["keep4"]

        run()
