"""What a repair is: a change of an estate, with the commands that make and undo it.

A kind of repair is a function from a situation to proposals. It knows no case by name: it looks for what it can change,
and where a fact is missing it says which. Whether a proposal works is not its word: it is applied, compiled and traced
again (`replay`). Controls are proposals that are expected to fail, and show that the replay can tell.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

from wayhome.clouds.estate import Estate
from wayhome.clouds.located import Located
from wayhome.clouds.node_state import NodeState
from wayhome.clouds.resource import Resource
from wayhome.diagnosis.question import Question
from wayhome.diagnosis.situation import Situation
from wayhome.network import Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Of exported resources, and of what nodes themselves hold: each of `node_states` takes the place of the one it names."""

    created: tuple[Located[Resource], ...] = ()
    changed: tuple[Located[Resource], ...] = ()
    deleted: tuple[tuple[type[Resource], str], ...] = ()
    node_states: tuple[NodeState, ...] = ()

    def applied_to(self, estate: Estate) -> Estate:
        """The estate after them. Raises ValueError where they do not fit."""
        after = estate.with_changes(
            created=self.created, changed=self.changed, deleted=self.deleted
        )
        if not self.node_states:
            return after
        states = {**after.node_states, **{state.name: state for state in self.node_states}}
        return replace(after, node_states=states)


class Effort(IntEnum):
    """What a repair costs, the least first."""

    RESTORE = 0
    SETTING = 1
    MACHINES = 2
    EXPOSURE = 3
    REBUILD = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One repair.

    `kind` is its stable name, `summary` one sentence. `commands` make it and `undo` takes it back, in order;
    `terraform` makes the same where that is short. `notes` are what the person should know who decides. `refused` are the cloud's own rules that it would break: then it
    does not work, whatever the replay says. `with_` are the kinds of the repairs that it needs besides. `question` is
    what the source asks afterwards, where that is not the same: a proxy instead of the destination. `advantage` is why
    it may be preferred to what costs less.
    """

    kind: str
    summary: str
    changes: Changes
    commands: tuple[str, ...]
    undo: tuple[str, ...]
    terraform: str = ""
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    control: bool = False
    with_: tuple[str, ...] = ()
    question: Question | None = None
    effort: Effort = Effort.SETTING
    advantage: str = ""


@dataclass(frozen=True, slots=True)
class NotPossible:
    """A repair of which it cannot be said here whether it could be made."""

    kind: str
    why: str
    missing: Missing | None = None


Kind = Callable[[Situation], Iterator[Proposal | NotPossible]]
