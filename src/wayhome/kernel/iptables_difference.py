"""From what a nat table holds of our chain to what it shall hold: the text for one iptables-restore `--noflush`. Pure.

Only what is wrong is written: the chain, emptied by its declaration and refilled; or the jumps to it; or both, in one
restore and so in one transaction. The right jump is appended if it is not there, as upstream does, so that it stands
behind everybody else's rules. Of several right ones the last stays, and every other jump goes. A rule is taken away by
what it says and never by its number: between reading and writing somebody may have inserted one of theirs before it.
If one that is to go has gone already, the whole restore is refused, and the table is read again.
"""

from dataclasses import dataclass
from typing import Self

from wayhome.kernel.change import ChainCause
from wayhome.kernel.iptables import Chain
from wayhome.kernel.iptables_table import POSTROUTING, Held, Option, meaning
from wayhome.prefixes import Family


@dataclass(frozen=True, slots=True)
class Wanted:
    """A chain, with the meaning of its rules worked out once."""

    chain: Chain
    family: Family
    rules: tuple[tuple[Option, ...], ...]
    jump: tuple[Option, ...]

    @classmethod
    def of(cls, chain: Chain, family: Family) -> Self:
        """Prepare a chain for comparing."""
        rules = tuple(meaning(rule, family) for rule in chain.rules)
        return cls(chain, family, rules, meaning(chain.jump, family))


@dataclass(frozen=True, slots=True)
class Restore:
    """A text for iptables-restore, and why it is needed."""

    cause: ChainCause
    text: str


def difference(found: Held, wanted: Wanted) -> Restore | None:
    """What to restore so that the table, which holds `found`, holds what is wanted; None if it does."""
    chain, family = wanted.chain, wanted.family
    causes: list[ChainCause] = []
    commands: list[str] = []
    if not found.exists:
        causes.append(ChainCause.NO_CHAIN)
    elif not found.is_whole or tuple(meaning(rule, family) for rule in found.rules) != wanted.rules:
        causes.append(ChainCause.RULES)
    if causes:
        commands += [f":{chain.name} - [0:0]", *(f"-A {chain.name} {rule}" for rule in chain.rules)]
    right = [jump for jump in found.jumps if meaning(jump, family) == wanted.jump]
    wrong = [jump for jump in found.jumps if jump not in right]
    if wrong or len(right) > 1:
        causes.append(ChainCause.OTHER_JUMPS)
        commands += [f"-D {POSTROUTING} {jump}" for jump in (*wrong, *right[:-1])]
    if not right:
        causes.append(ChainCause.NO_JUMP)
        commands.append(f"-A {POSTROUTING} {chain.jump}")
    return Restore(causes[0], _restore(commands)) if causes else None


def removal(found: Held, name: str) -> str | None:
    """The text that removes the chain and every jump to it from POSTROUTING; None if there is neither."""
    if not found.exists:
        return None
    jumps = [f"-D {POSTROUTING} {jump}" for jump in found.jumps]
    return _restore([f":{name} - [0:0]", *jumps, f"-X {name}"])


def _restore(commands: list[str]) -> str:
    return "\n".join(["*nat", *commands, "COMMIT"]) + "\n"
