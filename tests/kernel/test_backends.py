"""What every back end promises, whatever it writes: one suite for nftables, fake and real, and both kinds of iptables."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from tests.kernel.iptables_nodes import restore
from tests.kernel.policies import make_policy

from wayhome.kernel import (
    Backend,
    BackendName,
    ChangeKind,
    Masquerade,
    NftablesBackend,
    NftablesKernel,
    open_backend,
    xtables,
)
from wayhome.kernel.fake import FakeKernel
from wayhome.kernel.nfnetlink import Channel
from wayhome.policy import Policy
from wayhome.prefixes import Family

POLICY = make_policy("169.254.0.0/16", "10.0.0.0/8", masquerade=["10.2.0.0/16"])
OTHER = make_policy("169.254.0.0/16", "192.168.0.0/16")
DUAL = make_policy("10.0.0.0/8", "fd00::/8", ipv6=True)


@dataclass(frozen=True)
class Node:
    """A back end's node: how to open it anew, how others damage our rules, and how often they were written."""

    open: Callable[[], Backend]
    damage: Callable[[], None]
    writes: Callable[[], int]


@pytest.fixture(
    params=["fake", *(pytest.param(name, marks=pytest.mark.kernel) for name in BackendName)]
)
def node(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    if request.param == "fake":
        fake = FakeKernel()
        yield Node(
            lambda: NftablesBackend(fake, Masquerade()),
            lambda: fake.nftables.run("flush chain inet wayhome postrouting"),
            lambda: len(fake.transactions),
        )
        return
    request.getfixturevalue("netns")
    request.getfixturevalue("xtables_lock")
    name = BackendName(request.param)
    if name is BackendName.NFTABLES:
        channel = Channel()
        yield Node(
            lambda: NftablesBackend(NftablesKernel(), Masquerade()),
            lambda: nft("flush chain inet wayhome postrouting"),
            channel.generation,
        )
        channel.close()
        return
    yield Node(
        lambda: open_backend(name, Masquerade()),
        lambda: restore(name, "-F IP-MASQ-AGENT"),
        count_restores(monkeypatch),
    )


def nft(command: str) -> None:
    subprocess.run(["nft", command], check=True)


def count_restores(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    count = 0
    real = xtables.restore

    def counting(variant: str, family: Family, text: str) -> None:
        nonlocal count
        count += 1
        real(variant, family, text)

    monkeypatch.setattr(xtables, "restore", counting)
    return lambda: count


@pytest.fixture
def backend(node: Node) -> Iterator[Backend]:
    opened = node.open()
    yield opened
    opened.close()


def at_first(backend: Backend) -> int:
    """Where there is nothing: in nftables the list comes before the rules that look it up."""
    return 2 if backend.name == "nftables" else 1


def writes(node: Node, backend: Backend, policy: Policy) -> int:
    """How often the kernel is written to while this policy is applied; the change says whether it is."""
    before = node.writes()
    change = backend.apply(policy)
    count = node.writes() - before
    assert (change.kind is ChangeKind.NOTHING) == (count == 0)
    assert (change.cause is None) or count
    return count


def test_it_says_what_it_is(backend: Backend) -> None:
    assert BackendName(backend.name)
    assert backend.poll_interval == (10.0 if backend.name == "iptables-legacy" else None)


@pytest.mark.parametrize("policy", [POLICY, OTHER, make_policy()])
def test_a_policy_is_applied_once(node: Node, backend: Backend, policy: Policy) -> None:
    assert writes(node, backend, policy) == at_first(backend)
    assert writes(node, backend, policy) == 0
    backend.forget()
    assert writes(node, backend, policy) == 0


def test_an_equal_policy_is_the_same_policy(node: Node, backend: Backend) -> None:
    backend.apply(POLICY)
    equal = make_policy("169.254.0.0/16", "10.0.0.0/8", masquerade=["10.2.0.0/16"])
    assert writes(node, backend, equal) == 0


def test_what_an_earlier_process_left_is_adopted(node: Node, backend: Backend) -> None:
    backend.apply(DUAL)
    backend.close()
    later = node.open()
    assert writes(node, later, DUAL) == 0
    later.close()


def test_another_policy_is_one_transaction(node: Node, backend: Backend) -> None:
    backend.apply(POLICY)
    assert writes(node, backend, OTHER) == 1
    assert writes(node, backend, POLICY) == 1
    assert writes(node, backend, POLICY) == 0


def test_each_family_is_a_transaction_at_most(node: Node, backend: Backend) -> None:
    assert 1 <= writes(node, backend, DUAL) <= 2
    assert writes(node, backend, DUAL) == 0


def test_damage_is_repaired_in_one_transaction(node: Node, backend: Backend) -> None:
    backend.apply(POLICY)
    for _ in range(2):
        node.damage()
        assert writes(node, backend, POLICY) == 1
        assert writes(node, backend, POLICY) == 0


def test_removing_leaves_nothing_and_says_whether_there_was_anything(
    node: Node, backend: Backend
) -> None:
    before = node.writes()
    assert not backend.remove()
    assert node.writes() == before
    backend.apply(DUAL)
    assert backend.remove()
    before = node.writes()
    assert not backend.remove()
    assert node.writes() == before
    assert writes(node, backend, POLICY) == at_first(backend)
