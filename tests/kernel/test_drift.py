"""The listener hears of every transaction, and of nothing else; a flood costs it nothing."""

import os
import select
import sys

import pytest
from tests.kernel.nodes import nft
from tests.kernel.policies import make_policy

from wayhome.kernel import (
    Applier,
    DriftListener,
    ElementChanges,
    NftablesKernel,
    ruleset_of,
)
from wayhome.lab.namespaces import NetworkNamespace

pytestmark = pytest.mark.kernel


def readable(listener: DriftListener) -> bool:
    return bool(select.select([listener], [], [], 0)[0])


def test_it_is_quiet_while_nothing_happens(netns: NetworkNamespace) -> None:
    with DriftListener() as listener, NftablesKernel() as kernel:
        kernel.read()
        assert not readable(listener)
        assert not listener.drain()


@pytest.mark.parametrize(
    "script", ["add table inet wayhome", "add table ip foreign", "flush ruleset"]
)
def test_it_hears_of_every_transaction_once(netns: NetworkNamespace, script: str) -> None:
    nft("add table ip6 t")
    with DriftListener() as listener:
        nft(script)
        assert readable(listener)
        assert listener.drain()
        assert not readable(listener)
        assert not listener.drain()


def test_one_large_transaction_is_heard_of(netns: NetworkNamespace) -> None:
    """Unfiltered, its thousands of reports would overrun the buffer, and the last one would be lost."""
    with DriftListener() as listener:
        nft("add table ip t\n" + "".join(f"add chain ip t c{i}\n" for i in range(1000)))
        assert listener.drain()
        assert not listener.drain()
        nft("delete table ip t")
        assert listener.drain()


def test_of_a_transaction_only_its_end_is_received(netns: NetworkNamespace) -> None:
    """Unfiltered, each of its objects would wake the agent and pass through its buffer."""
    with DriftListener() as listener:
        nft("add table ip t\n" + "".join(f"add chain ip t c{i}\n" for i in range(3)))
        assert int.from_bytes(os.read(listener.fileno(), 64)[4:6], sys.byteorder) & 0xFF == 15
        assert not readable(listener)


def test_a_flood_is_one_report(netns: NetworkNamespace) -> None:
    rules = ruleset_of(make_policy("10.0.0.0/8"))
    keep4, _ = rules.skeleton.sets
    one = ((1, 1),)
    with DriftListener() as listener, NftablesKernel() as kernel:
        Applier(kernel).apply(rules)
        assert listener.drain()
        for _ in range(500):
            kernel.change(ElementChanges(removed={}, added={keep4: one}))
            kernel.change(ElementChanges(removed={keep4: one}, added={}))
        assert readable(listener)
        assert listener.drain()
        assert not listener.drain()
        nft("delete table inet wayhome")
        assert readable(listener)
        assert listener.drain()


def test_other_networks_are_not_heard(netns: NetworkNamespace) -> None:
    with DriftListener() as listener:
        with NetworkNamespace.create() as other, other.entered():
            nft("add table inet wayhome")
        assert not listener.drain()
