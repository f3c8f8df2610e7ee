"""A kernel under test, fake or real, and what others do on the same node."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from wayhome.kernel import Kernel
from wayhome.kernel.fake import FakeKernel
from wayhome.kernel.nfnetlink import Channel


@dataclass(frozen=True)
class Node:
    """The same handle for both kernels."""

    kernel: Kernel
    run: Callable[[str], None]
    """Run a script as somebody else on the node would."""
    transactions: Callable[[], int]
    """How many transactions there have been, by anybody."""


def fake_node() -> Node:
    fake = FakeKernel()
    foreign: list[str] = []

    def run(script: str) -> None:
        fake.nftables.run(script)
        foreign.append(script)

    return Node(fake, run, lambda: len(fake.transactions) + len(foreign))


def real_node(kernel: Kernel, channel: Channel) -> Node:
    return Node(kernel, nft, channel.generation)


def nft(script: str) -> None:
    """Run a script in this network as an operator would."""
    subprocess.run(["nft", "-f", "-"], input=script, text=True, check=True, timeout=30)
