"""What the tests of this folder share: kernels, fake and real, behind one handle, and a small network for packets."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from wayhome.kernel import Kernel, NftablesKernel
from wayhome.kernel.fake import FakeKernel
from wayhome.kernel.nfnetlink import Channel
from wayhome.policy import Action, Entry, Origin, Policy
from wayhome.prefixes import Prefix


@dataclass(frozen=True)
class Node:
    """A kernel under test, and what others do on the same node."""

    kernel: Kernel
    run: Callable[[str], None]
    """Run a script as somebody else would: with `nft -f -`."""
    transactions: Callable[[], int]
    """How many transactions there have been, by anybody."""
    is_real: bool


def run_nft(script: str) -> None:
    subprocess.run(["nft", "-f", "-"], input=script, text=True, check=True, timeout=30)


def list_ruleset() -> str:
    return subprocess.run(
        ["nft", "list", "ruleset"], capture_output=True, text=True, check=True, timeout=30
    ).stdout


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.kernel)])
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    if request.param == "fake":
        fake = FakeKernel()
        foreign = 0

        def run(script: str) -> None:
            nonlocal foreign
            fake.nftables.run(script)
            foreign += 1

        yield Node(fake, run, lambda: len(fake.transactions) + foreign, is_real=False)
        return
    request.getfixturevalue("netns")
    channel = Channel()
    with NftablesKernel() as kernel:
        yield Node(kernel, run_nft, channel.generation, is_real=True)
    channel.close()


MakePolicy = Callable[..., Policy]


@pytest.fixture(scope="session")
def make_policy() -> MakePolicy:
    """A policy from CIDRs: `make_policy("10.0.0.0/8", masquerade=["10.2.0.0/16"], ipv6=True)`."""

    def make(
        *keep: str,
        masquerade: tuple[str, ...] | list[str] = (),
        ipv6: bool = False,
        pods: tuple[str, ...] | list[str] | None = None,
    ) -> Policy:
        listed = [(cidr, Action.KEEP, "nonMasqueradeCIDRs") for cidr in keep]
        listed += [(cidr, Action.MASQUERADE, "masqueradeCIDRs") for cidr in masquerade]
        entries = tuple(
            Entry(Prefix.parse(cidr), action, Origin(key, line))
            for line, (cidr, action, key) in enumerate(listed, 1)
        )
        pod_cidrs = None if pods is None else tuple(map(Prefix.parse, pods))
        return Policy(entries, ipv6=ipv6, pod_cidrs=pod_cidrs)

    return make
