"""A kernel under test, fake or real, and what others do on the same node."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from wayhome.kernel import Kernel, attributes, nf_tables
from wayhome.kernel.fake import FakeKernel
from wayhome.kernel.netlink import NLM_F_CREATE
from wayhome.kernel.nfnetlink import Channel, Message
from wayhome.kernel.skeleton import TABLE


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


@contextmanager
def owned_table() -> Iterator[None]:
    """A table of our name that belongs to another process: the kernel refuses every change of it by anybody else."""
    named = attributes.text(nf_tables.NFTA_TABLE_NAME, TABLE)
    owned = attributes.u32(nf_tables.NFTA_TABLE_FLAGS, nf_tables.NFT_TABLE_F_OWNER)
    with closing(Channel()) as owner:
        owner.commit([Message(nf_tables.NFT_MSG_NEWTABLE, named + owned, "own", NLM_F_CREATE)])
        yield


def nft(script: str) -> None:
    """Run a script in this network as an operator would."""
    subprocess.run(["nft", "-f", "-"], input=script, text=True, check=True, timeout=30)
