"""Configurations of any size, the rules that follow from them, and how they are told apart in a kernel.

Everything that the benchmark takes from wayhome's own code, besides the agent's process, comes through here and
through `watch`.
"""

import shlex
from dataclasses import dataclass

from wayhome.kernel import Masquerade, iptables, ruleset_of
from wayhome.kernel.text import render
from wayhome.policy import Action, Entry, Origin, Policy
from wayhome.prefixes import Family, Prefix

PODS = "172.16.2.0/24"
UPSTREAM_CHAIN = "IP-MASQ-AGENT"


@dataclass(frozen=True, slots=True)
class List:
    """`entries` ranges with a gap after each, one of them at `marker`: who finds that, finds this list.

    `first` is the first octet where the others begin; lists with different ones have no range in common but the marker.
    """

    entries: int
    marker: str = "200.0.0.0"
    first: int = 10
    added: int = 0
    """As many ranges more, the newest of them last."""

    @property
    def newest(self) -> str:
        """The first address of the last range."""
        return f"201.{self.added}.0.0" if self.added else self.marker

    def prefixes(self) -> list[Prefix]:
        """In the order of the file."""
        start = self.first << 24
        ranges = [Prefix(Family.IPV4, start + (i << 8), 25) for i in range(self.entries - 1)]
        added = [Prefix.parse(f"201.{number}.0.0/24") for number in range(1, self.added + 1)]
        return [*ranges, Prefix.parse(f"{self.marker}/24"), *added]

    def text(self) -> str:
        """The configuration file."""
        lines = [f"cidrLimit: {self.entries + self.added}", "nonMasqueradeCIDRs:"]
        return "\n".join([*lines, *(f"  - {prefix}" for prefix in self.prefixes())]) + "\n"

    def nftables(self, *, pods: bool, accounting: bool = False) -> str:
        """Our table, for nft; `pods`: only what PODS send is masqueraded, otherwise upstream's scope."""
        return render(ruleset_of(self._policy(pods=pods), Masquerade(accounting=accounting)))

    def upstream(self) -> "UpstreamChain":
        """The same list as upstream's agent writes it."""
        text = iptables.render_chain(self._policy(pods=False), Masquerade(), Family.IPV4)
        lines = text.splitlines(keepends=True)
        (jump,) = (line for line in lines if line.startswith("-A POSTROUTING "))
        return UpstreamChain(tuple(shlex.split(jump)[1:]), "".join(lines), text.replace(jump, ""))

    def _policy(self, *, pods: bool) -> Policy:
        entries = (Entry(prefix, Action.KEEP, Origin("list", 1)) for prefix in self.prefixes())
        return Policy(tuple(entries), pod_cidrs=(Prefix.parse(PODS),) if pods else None)


@dataclass(frozen=True, slots=True)
class UpstreamChain:
    """What upstream's agent hands to iptables."""

    jump: tuple[str, ...]
    """The rule in POSTROUTING: the chain's name, then its matches."""
    whole: str
    """Chain and jump, for an empty kernel."""
    chain: str
    """What is restored on each sync."""
