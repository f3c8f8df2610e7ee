"""While our rules are made, written anew and changed, no connection is treated as neither the old nor the new ones say.

A Pod opens connections all the time, towards destinations that every policy here keeps. The kernel lets new rules take
effect before new elements, so this shows only where the two come in the right transactions.
"""

from collections.abc import Callable, Iterator

import pytest
from tests.kernel.opened import Opened
from tests.kernel.policies import make_policy
from tests.kernel.wire import Wire

from wayhome.kernel import Applier, ChangeKind, Masquerade, NftablesKernel, ruleset_of
from wayhome.kernel.transactions import replacement

pytestmark = pytest.mark.kernel

POLICY = make_policy("10.0.0.0/8")


@pytest.fixture
def kept(wire: Wire) -> Iterator[Opened]:
    connections = Opened(wire, 10)
    yield connections
    connections.close()


Change = Callable[[Applier, NftablesKernel], ChangeKind]


def create(applier: Applier, kernel: NftablesKernel) -> ChangeKind:
    kernel.remove()
    return applier.apply(ruleset_of(POLICY)).kind


def other_options(applier: Applier, kernel: NftablesKernel) -> ChangeKind:
    applier.apply(ruleset_of(POLICY, Masquerade(random_fully=False)))
    return applier.apply(ruleset_of(POLICY)).kind


def accounting_on_and_off(applier: Applier, kernel: NftablesKernel) -> ChangeKind:
    on = applier.apply(ruleset_of(POLICY, Masquerade(accounting=True))).kind
    assert on is ChangeKind.REWRITTEN
    return applier.apply(ruleset_of(POLICY)).kind


def another_scope(applier: Applier, kernel: NftablesKernel) -> ChangeKind:
    applier.apply(ruleset_of(make_policy("10.0.0.0/8", pods=["10.4.0.0/24"])))
    return applier.apply(ruleset_of(POLICY)).kind


def split_an_interval(applier: Applier, kernel: NftablesKernel) -> ChangeKind:
    lines = ("10.0.0.0/9", "10.128.0.0/10", "10.192.0.0/10", "192.168.0.0/16")
    applier.apply(ruleset_of(make_policy(*lines)))
    return applier.apply(ruleset_of(POLICY)).kind


def carve_out(applier: Applier, kernel: NftablesKernel) -> ChangeKind:
    applier.apply(ruleset_of(make_policy("10.0.0.0/8", masquerade=["10.2.0.0/16"])))
    return applier.apply(ruleset_of(POLICY)).kind


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (create, ChangeKind.REPLACED),
        (other_options, ChangeKind.REWRITTEN),
        (accounting_on_and_off, ChangeKind.REWRITTEN),
        (another_scope, ChangeKind.REWRITTEN),
        (split_an_interval, ChangeKind.ELEMENTS),
        (carve_out, ChangeKind.REWRITTEN),
    ],
)
def test_a_kept_destination_is_kept_all_the_time(
    wire: Wire, kept: Opened, change: Change, kind: ChangeKind
) -> None:
    with NftablesKernel() as kernel:
        applier = Applier(kernel)
        applier.apply(ruleset_of(POLICY))
        for _ in range(50):
            assert change(applier, kernel) is kind
            assert kept.sources(at_least=20) == {wire.POD4}


def test_in_one_transaction_it_would_not_be(wire: Wire, kept: Opened) -> None:
    """The test can fail: the rules and the list at once, as a replacement has them."""
    with NftablesKernel() as kernel:
        for _ in range(500):
            kernel.write(replacement(ruleset_of(POLICY)))
            if wire.NODE4 in kept.sources(at_least=100):
                return
    pytest.skip("this kernel made the rules and the list take effect together, 500 times")
