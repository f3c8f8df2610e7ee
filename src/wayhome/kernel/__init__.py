"""The policy in the kernel: desired rules, what is there, the difference, and one transaction that carries it.

A `Backend` is one way to hold a policy; `choose` picks the one that a node gets by itself.

    nftables   policy --ruleset--> Ruleset --difference(what was read)--> Nothing | ElementChanges | Replacement
    iptables   policy --chain_of--> Chain --iptables_difference(what was read)--> None | Restore

Everything up to the difference is pure. The agent adds when to apply: on a new policy, and when `DriftListener` hears
of a change (or after `Backend.poll_interval`, where nothing is to be heard), at the pace of `TransactionPace` and
`RepairBackoff`.

nftables has one private table, `inet wayhome`, and reads and changes no other. Inside, `Applier` brings a `Kernel` to a
ruleset: `NftablesKernel`, or `FakeKernel` for tests. What is to be done is data (`transactions` of `commands`, rules of
`statements`), which `messages` writes for the kernel and `text` in nft's language, so that neither is ever written
twice. iptables has upstream's chain in the node's nat table and the one jump to it; the table's other rules are never
changed, and read only where the program cannot read less.

What becomes of connections that are open already is in modules that are imported by whoever needs them, so that an
agent that leaves them alone does not pay for it: `transition` lets some of them start again, out of `conntrack` (the
stream of all entries, and their deletion) and `treatment` (what old and new policy make of an entry; pure).
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
from wayhome.kernel.choice import BackendName, Choice, Facts, choose, gather, open_backend
from wayhome.kernel.counts import Connections, Count, Counts, connections
from wayhome.kernel.difference import Cause, Difference, ElementChanges, Nothing, Replacement
from wayhome.kernel.drift import DriftListener
from wayhome.kernel.masquerade import Masquerade, Preserve
from wayhome.kernel.nftables import NftablesKernel
from wayhome.kernel.nftables_backend import NftablesBackend
from wayhome.kernel.pace import RepairBackoff, TransactionPace
from wayhome.kernel.ruleset import Interval, Ruleset, ruleset_of

__all__ = [
    "Applier",
    "Backend",
    "BackendName",
    "Cause",
    "ChainCause",
    "Change",
    "ChangeKind",
    "Choice",
    "Connections",
    "Count",
    "Counts",
    "Difference",
    "DriftListener",
    "ElementChanges",
    "Facts",
    "InexpressibleError",
    "Interval",
    "Kernel",
    "KernelError",
    "Masquerade",
    "NftablesBackend",
    "NftablesKernel",
    "Nothing",
    "Preserve",
    "RefusedError",
    "RepairBackoff",
    "Replacement",
    "Ruleset",
    "TransactionPace",
    "choose",
    "connections",
    "gather",
    "open_backend",
    "ruleset_of",
]
