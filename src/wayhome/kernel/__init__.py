"""The policy in the kernel: desired rules, what is there, the difference, and one transaction that carries it.

A `Backend` is one way to hold a policy.

    nftables   policy --ruleset--> Ruleset --difference(what was read)--> Nothing | ElementChanges | Replacement

Everything up to the difference is pure. Inside, `Applier` brings a `Kernel` to a ruleset: `NftablesKernel`, or
`FakeKernel` for tests. The agent adds when to apply: on a new policy, and when `DriftListener` hears of a change, at
the pace of `TransactionPace` and `RepairBackoff`.

There is one private table, `inet wayhome`. No other table is ever changed, listed or read.
"""

from wayhome.kernel.apply import Applier
from wayhome.kernel.backend import (
    Backend,
    InexpressibleError,
    Kernel,
    KernelError,
    RefusedError,
)
from wayhome.kernel.change import ChainCause, Change, ChangeKind
from wayhome.kernel.difference import Cause, Difference, ElementChanges, Nothing, Replacement
from wayhome.kernel.drift import DriftListener
from wayhome.kernel.masquerade import Masquerade
from wayhome.kernel.nftables import NftablesKernel
from wayhome.kernel.nftables_backend import NftablesBackend
from wayhome.kernel.pace import RepairBackoff, TransactionPace
from wayhome.kernel.ruleset import Interval, Ruleset, ruleset_of
from wayhome.kernel.text import render, render_changes

__all__ = [
    "Applier",
    "Backend",
    "Cause",
    "ChainCause",
    "Change",
    "ChangeKind",
    "Difference",
    "DriftListener",
    "ElementChanges",
    "InexpressibleError",
    "Interval",
    "Kernel",
    "KernelError",
    "Masquerade",
    "NftablesBackend",
    "NftablesKernel",
    "Nothing",
    "RefusedError",
    "RepairBackoff",
    "Replacement",
    "Ruleset",
    "TransactionPace",
    "render",
    "render_changes",
    "ruleset_of",
]
