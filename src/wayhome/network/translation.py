"""Translation of addresses at a node: of destinations on the way in, of sources on the way out.

As in the kernel, a connection's first packet decides, once for each of the two, and the reply is undone at the same
node. A node therefore translates a connection once, however often it passes: what a cloud does at its edge is compiled
to a node of its own between the fabric and the outside.

Source translation is a tuple of chains, in the order of their priority. In a chain the first rule that matches says:
`Keep` (the identity: it ends the search), `Masquerade`, `To` an address, or `FallThrough` (this chain has nothing to do
with it; the next chain is asked). `keep` and `fall through` differ: a rule that returns does not stop somebody else's
masquerade. `Ask` leaves the decision to a `policy.Policy`, the very object that the agent renders into a kernel.
`Either` stands for a configuration that is not known.
"""

from dataclasses import dataclass

from wayhome.network.actions import Drop
from wayhome.network.address import Address
from wayhome.network.evidence import Evidence
from wayhome.network.missing import Missing
from wayhome.network.prefix_set import PrefixSet
from wayhome.network.protocol_match import ProtocolMatch
from wayhome.policy import Policy


@dataclass(frozen=True, slots=True)
class Keep:
    """The source stays as it is, and nobody else may change it."""


@dataclass(frozen=True, slots=True)
class FallThrough:
    """The source stays as it is, as far as this chain is concerned."""


@dataclass(frozen=True, slots=True)
class Masquerade:
    """The source becomes the first address of the port by which the packet leaves."""


@dataclass(frozen=True, slots=True)
class To:
    """The source becomes this address."""

    address: Address


@dataclass(frozen=True, slots=True)
class Ask:
    """The policy decides; what it keeps is handled as `kept` says."""

    policy: Policy
    kept: Keep | FallThrough = FallThrough()


@dataclass(frozen=True, slots=True)
class Either:
    """One of these, and it is not known which."""

    alternatives: "tuple[TranslationAction, ...]"
    missing: Missing


TranslationAction = Keep | FallThrough | Masquerade | To | Ask | Either


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationRule:
    """One rule on the way out; what is left out matches everything.

    `out_ports`: it leaves by one of these. `locally_sent`: whether the node itself sent it. `mark`: it carries exactly
    this one. `step` is the analyzer's name for a translation by this rule, `reason` the one for why there is none.
    """

    action: TranslationAction
    sources: PrefixSet | None = None
    destinations: PrefixSet | None = None
    protocols: tuple[ProtocolMatch, ...] | None = None
    out_ports: frozenset[str] = frozenset()
    locally_sent: bool | None = None
    mark: int | None = None
    step: str = "NAT"
    reason: str = ""
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class TranslationChain:
    """The rules of one owner (an agent, kube-proxy, a cloud's gateway). Many nodes may share it."""

    name: str
    rules: tuple[TranslationRule, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A new destination; without a port it stays."""

    address: Address
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationRule:
    """One rule on the way in, the first that matches decides.

    `action`: flows spread over the targets (a Service and its endpoints; one target for a 1:1 address), or end here.
    `mark` is put on the packet, for rules of routing and translation. `in_ports`: it came by one of these; empty is
    any, and what the node itself sent.
    """

    action: tuple[Target, ...] | Drop
    sources: PrefixSet | None = None
    destinations: PrefixSet | None = None
    protocols: tuple[ProtocolMatch, ...] | None = None
    in_ports: frozenset[str] = frozenset()
    locally_sent: bool | None = None
    mark: int | None = None
    step: str = "NAT"
    evidence: Evidence | None = None

    def __post_init__(self) -> None:
        if self.action == ():
            raise ValueError("no target: where a Service has no endpoints, the action is a Drop")
