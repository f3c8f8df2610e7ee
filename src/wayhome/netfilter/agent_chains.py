r"""The chains of ip-masq-agent and its relatives in iptables' nat tables, and the text that removes them. Pure.

A chain is known by the comment of the jumps to it, because its name is an option (`--masq-chain`), or by the names that
upstream and GKE use. Three spellings of the jump's comment are in use, and an agent that looks for its own does not find
the others, so that an upgraded node has several jumps to one chain:

    ip-masq-agent: ensure nat POSTROUTING directs …      upstream 2.2.1 to 2.9.3 and from 2.12.2 on, GKE's agent
    "ip-masq-agent: ensure nat POSTROUTING directs …"    with literal quotes: upstream 2.10.0 to 2.12.1, Azure's v2
    ip-masq: ensure nat POSTROUTING directs …            the start-up script of GKE's nodes

All rules that jump to the chain go, whatever they look like: while one is left, the chain cannot be removed.
"""

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

from wayhome.netfilter.rules import AGENT_CHAINS, BaseChain, Effect, Rule
from wayhome.prefixes import Family

_JUMP = re.compile(r'("?)(ip-masq-agent|ip-masq): ensure nat POSTROUTING directs ')


class Spelling(enum.Enum):
    """A spelling of the jump, and who writes it."""

    PLAIN = "upstream's ip-masq-agent up to 2.9.3 or from 2.12.2 on, or GKE's"
    QUOTED = "upstream's ip-masq-agent 2.10.0 to 2.12.1, or Azure's ip-masq-agent-v2"
    BOOTSTRAP = "the start-up script of a GKE node"
    OTHER = "somebody with a spelling of their own"


@dataclass(frozen=True, slots=True)
class AgentChain:
    """One chain of an agent in one nat table, with everything that jumps to it."""

    base: BaseChain
    name: str
    jumps: tuple[Rule, ...]

    @property
    def family(self) -> Family:
        """The family of its packets."""
        return self.base.families[0]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What is in it."""
        return self.base.chains[self.name]

    def __str__(self) -> str:
        return f"{self.name} ({self.base.variant}, IPv{self.family:d})"


def agent_chains(bases: Iterable[BaseChain]) -> tuple[AgentChain, ...]:
    """All agents' chains; those too to which nothing jumps any more."""
    return tuple(chain for base in bases if base.name == "POSTROUTING" for chain in _in_table(base))


def spelling_of(jump: Rule) -> Spelling:
    """The spelling of a jump."""
    match = _JUMP.match(jump.comment)
    if match is None:
        return Spelling.OTHER
    if match[2] == "ip-masq":
        return Spelling.BOOTSTRAP
    return Spelling.QUOTED if match[1] else Spelling.PLAIN


def removal(chains: Iterable[AgentChain]) -> str:
    """The text for `iptables-restore --noflush` that removes some chains of one nat table, and all jumps to them.

    It is one transaction: where a rule is no longer what it was when it was read, nothing happens at all.
    """
    chains = tuple(chains)
    lines = [jump.text.replace("-A ", "-D ", 1) for chain in chains for jump in chain.jumps]
    lines += [f"-F {chain.name}" for chain in chains]  # they may jump to one another
    lines += [f"-X {chain.name}" for chain in chains]
    return "\n".join(["*nat", *lines, "COMMIT"]) + "\n"


def _in_table(base: BaseChain) -> Iterable[AgentChain]:
    jumps: dict[str, list[Rule]] = {}
    for rules in base.chains.values():
        for rule in rules:
            if rule.effect in (Effect.JUMP, Effect.GOTO):
                jumps.setdefault(rule.target or "", []).append(rule)
    for name in base.chains:
        to_it = jumps.get(name, [])
        if name in AGENT_CHAINS or any(_JUMP.match(jump.comment) for jump in to_it):
            yield AgentChain(base, name, tuple(to_it))
