"""What a kernel is to everything above it, and the ways in which it fails.

The agent sees a `Backend`: one way to hold a policy in a node's kernel. There are two, `NftablesBackend` and
`IptablesBackend`, and one test suite for what they promise.

`Kernel` is the nftables one's own edge, a few verbs on one table. Two things are one: `NftablesKernel`, the network
namespace that the calling thread was in when it was made, and `FakeKernel`, which refuses what nft and the kernel
refuse. One test suite holds both to the same behaviour.
"""

from typing import Protocol

from wayhome.kernel.change import Change
from wayhome.kernel.commands import Transaction
from wayhome.kernel.counts import Connections, Counts
from wayhome.kernel.difference import ElementChanges, Elements
from wayhome.kernel.table import Table
from wayhome.policy import Policy


class KernelError(Exception):
    """The kernel could not be read or changed; the text says what to do about it. Nothing was changed by halves."""


class RefusedError(KernelError):
    """The kernel, or a program of netfilter's, refused a transaction, as a whole."""


class InexpressibleError(KernelError):
    """This back end has no way to say what the policy says: trying again does not help, another back end does."""


class Backend(Protocol):
    """One way to hold a policy in the kernel of a network namespace. Every verb but `forget` raises KernelError.

    Used by one thread at a time; the namespace is the calling thread's.
    """

    @property
    def name(self) -> str:
        """`nftables`, `iptables-nft` or `iptables-legacy`."""

    @property
    def poll_interval(self) -> float | None:
        """Seconds between two calls of `apply` that find damage; None where the events of nftables tell of it."""

    def apply(self, policy: Policy) -> Change:
        """Make the kernel hold this policy, with as little as it takes; each family is one transaction.

        Applied twice, the second time changes nothing. After an error a family holds what it held, or all of the
        policy.
        """

    def forget(self) -> None:
        """Distrust what was read before: the next verb asks the kernel for everything."""

    def remove(self) -> bool:
        """Remove all rules of ours; whether there were any."""

    def connections(self) -> Connections | None:
        """New connections by what decided about them; None where this back end does not count, or holds nothing yet."""

    def close(self) -> None:
        """Let go of the kernel. The rules stay."""


class Kernel(Protocol):
    """One network namespace's nftables, as far as they are ours. Every verb raises KernelError."""

    def read(self) -> Table | None:
        """Our table as the kernel holds it now; None if there is none."""

    def counts(self, of: Elements | None = None) -> Counts:
        """What our table has counted; nothing where there is none, or the kernel counts no elements.

        `of` are the elements that matter to the caller; others may be left out.
        """

    def write(self, transaction: Transaction) -> None:
        """Carry out a transaction, as a whole or not at all."""

    def change(self, changes: ElementChanges) -> None:
        """Remove and add elements, in one transaction."""

    def remove(self) -> None:
        """Remove our table; nothing happens if there is none."""

    def forget(self) -> None:
        """Distrust what was read before: the next `read` asks the kernel for everything."""
