"""Every variant of our rules, written by us and by `nft -f` from the rendered text, is the same to the kernel.

What nft encodes is the measure: what the kernel shows is equal to the byte, and what nft lists to the letter. Another
version of nft may encode a statement in another way that means the same; then only what it lists is compared.
"""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from itertools import product

import pytest
from tests.kernel.nodes import nft
from tests.kernel.policies import make_policy

from wayhome.kernel import Applier, ChangeKind, Masquerade, NftablesKernel, Preserve, ruleset_of
from wayhome.kernel import nf_tables as numbers
from wayhome.kernel.attributes import parse, text
from wayhome.kernel.nfnetlink import Channel
from wayhome.kernel.ruleset import Ruleset
from wayhome.kernel.skeleton import TABLE, Skeleton
from wayhome.kernel.text import render
from wayhome.kernel.transactions import replacement
from wayhome.lab.namespaces import NetworkNamespace

pytestmark = pytest.mark.kernel

MEASURE = "v1.0.6 "
PORTS = ((), ((40000, 40000),), ((1024, 29999), (32768, 65534), (65535, 65535)))
CARVED = ((), ("10.2.0.0/16",), ("fd02::/16",), ("10.2.0.0/16", "fd02::/16"))
KERNELS_OWN = frozenset((0x13, 0x14))
"""Attributes of a set that say how this kernel keeps it, and how full it is."""


def variants() -> Iterator[Ruleset]:
    for pods, ipv6, carved, preserve, ports, bit, random_fully, accounting in product(
        (None, ("10.4.0.0/24", "fd04::/64")),
        (False, True),
        CARVED,
        Preserve,
        PORTS,
        (None, 0, 14, 31),
        (False, True),
        (False, True),
    ):
        policy = make_policy(
            "10.0.0.0/8", "0.0.0.0/1", "fd00::/8", masquerade=carved, ipv6=ipv6, pods=pods
        )
        if not accounting or (ports, bit) == ((), 14):  # its chain knows nothing of either
            yield ruleset_of(policy, Masquerade(random_fully, ports, bit, preserve, accounting))


def shown(channel: Channel, skeleton: Skeleton) -> dict[str, object]:
    """Everything in the table, without the handles that the kernel gave out and a rule's place by its neighbour's."""
    table = text(numbers.NFTA_TABLE_NAME, TABLE)
    names = [text(numbers.NFTA_CHAIN_NAME, ruled.chain.name) for ruled in skeleton.chains]
    return {
        "table": without(channel.get(numbers.NFT_MSG_GETTABLE, table), {4}),
        "chains": [without(channel.get(numbers.NFT_MSG_GETCHAIN, table + name), {2}) for name in names],
        "rules": [without(rule, {3, 6}) for rule in channel.dump(numbers.NFT_MSG_GETRULE, table)],
        "sets": [without(one, KERNELS_OWN | {16}) for one in channel.dump(numbers.NFT_MSG_GETSET, table)],
        "counters": [without(one, {6}) for one in channel.dump(numbers.NFT_MSG_GETOBJ, table)],
    }  # fmt: skip


def without(message: bytes, kinds: frozenset[int] | set[int]) -> dict[int, bytes]:
    return {kind: payload for kind, payload in parse(message).items() if kind not in kinds}


def listed() -> str:
    return subprocess.run(
        ["nft", "list", "table", "inet", TABLE], capture_output=True, text=True, check=True
    ).stdout


def is_the_measure() -> bool:
    said = subprocess.run(["nft", "--version"], capture_output=True, text=True, check=True).stdout
    return MEASURE in said


def test_every_variant_is_what_nft_makes_of_its_text(netns: NetworkNamespace) -> None:
    seen, bytes_count = set(), is_the_measure()
    with NftablesKernel() as kernel, closing(Channel()) as channel:
        for ruleset in variants():
            if ruleset.skeleton in seen:
                continue
            seen.add(ruleset.skeleton)
            nft(render(ruleset))
            theirs = shown(channel, ruleset.skeleton), listed()
            kernel.write(replacement(ruleset))
            ours = shown(channel, ruleset.skeleton), listed()
            assert ours[1] == theirs[1]
            if bytes_count:
                assert ours[0] == theirs[0]
    assert len(seen) == 2 * (2 + 4) * 2 * 2 * (3 * 4 + 1)


@pytest.mark.parametrize("way", ["as nft writes it", "as we do"])
def test_what_the_other_way_wrote_is_adopted(netns: NetworkNamespace, way: str) -> None:
    """A table that an earlier version wrote through nft, or somebody from the rendered text, is the wanted one."""
    ruleset = ruleset_of(make_policy("10.0.0.0/8", ipv6=True, pods=["10.4.0.0/24"]))
    with NftablesKernel() as kernel:
        if way == "as we do":
            kernel.write(replacement(ruleset))
        else:
            nft(render(ruleset))
        assert Applier(kernel).apply(ruleset).kind is ChangeKind.NOTHING


def test_elements_are_listed_alike(netns: NetworkNamespace) -> None:
    """Not to the byte: nft puts an end at zero in front of all, and marks the interval that reaches the last address."""
    lines = ("0.0.0.0/8", "10.0.0.0/8", "10.128.0.0/9", "224.0.0.0/3", "fd00::/8", "ff00::/8")
    ruleset = ruleset_of(make_policy(*lines, masquerade=["10.1.0.0/16"], ipv6=True))
    with NftablesKernel() as kernel:
        nft(render(ruleset))
        theirs = listed()
        assert all(
            some in theirs for some in ("224.0.0.0/3", "ff00::/8", "10.2.0.0-10.127.255.255")
        )
        kernel.write(replacement(ruleset))
        assert listed() == theirs
