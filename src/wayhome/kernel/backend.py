"""What a kernel is to everything above it: four verbs and the ways in which they fail.

Two things are one: `NftablesKernel`, the network namespace that the calling thread was in when it was made, and
`FakeKernel`, which refuses what nft and the kernel refuse. One test suite holds both to the same behaviour.
"""

from typing import Protocol

from wayhome.kernel.difference import ElementChanges
from wayhome.kernel.ruleset import Ruleset
from wayhome.kernel.table import Table


class KernelError(Exception):
    """The kernel could not be read or changed; the text says what to do about it. Nothing was changed by halves."""


class RefusedError(KernelError):
    """The kernel or nft refused a transaction, as a whole."""


class Kernel(Protocol):
    """One network namespace's nftables, as far as they are ours. Every verb raises KernelError."""

    def read(self) -> Table | None:
        """Our table as the kernel holds it now; None if there is none."""

    def replace(self, ruleset: Ruleset) -> None:
        """Write the whole table anew, in one transaction."""

    def change(self, changes: ElementChanges) -> None:
        """Remove and add elements, in one transaction."""

    def remove(self) -> None:
        """Remove our table; nothing happens if there is none."""

    def forget(self) -> None:
        """Distrust what was read before: the next `read` asks the kernel for everything."""
