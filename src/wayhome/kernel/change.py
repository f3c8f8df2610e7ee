"""What bringing a kernel to the desired state came to."""

import enum
from dataclasses import dataclass

from wayhome.kernel.difference import Cause


class ChangeKind(enum.Enum):
    """How a kernel was brought to the desired state."""

    NOTHING = "nothing to change"
    ELEMENTS = "elements changed"
    REPLACED = "table replaced"
    REWRITTEN = "chain rewritten"
    """The rules, with the sets as they were; of iptables: the chain, the jump to it, or both."""


class ChainCause(enum.StrEnum):
    """Why a chain of iptables, or the jump to it, is written."""

    NO_CHAIN = "there is no chain of ours"
    RULES = "the chain's rules are not the wanted ones"
    NO_JUMP = "nothing jumps to the chain"
    OTHER_JUMPS = "something else than the one wanted jump leads to the chain"


@dataclass(frozen=True, slots=True)
class Change:
    """What `apply` did, and how long it took."""

    kind: ChangeKind
    seconds: float
    added: int = 0
    """Elements; of a replaced table, all that are in it now; of a rewritten chain of iptables, its rules."""
    removed: int = 0
    cause: Cause | ChainCause | None = None
    """Why the table was replaced or the chain rewritten."""
    transactions: int = 0
    """How many it took; the kernel's other writers start over at each."""
    refusal: str | None = None
    """What the kernel said to the difference, where it refused that."""

    @property
    def damage(self) -> str:
        """What was wrong with the rules, where this change was a repair."""
        return str(self.cause) if self.cause else "elements were changed"
