"""`--observe`: the node's rules are somebody else's, and are compared with the configuration instead of written.

For clusters whose cloud owns the agent: GKE reconciles its addon, and another image does not stay. Nothing is changed
and nothing is held, so it takes no lock on the node: an agent that keeps rules may run beside it. It does not listen
to the kernel either, because reading everybody's rules at each change of theirs would cost more than it tells: a look
comes with each change of the configuration and with each `resyncInterval`.

The keeper knows nothing of it: for it this is a back end whose kernel always holds what it shall. What is really there
is in the sightings: the log, the metrics, and that an agent is not ready while the rules decide otherwise.
"""

import time
from collections.abc import Callable

from wayhome.agent.announcer import Announcer
from wayhome.agent.holding import Held
from wayhome.agent.looking import look
from wayhome.agent.sightings import Sightings
from wayhome.kernel import Change, ChangeKind, KernelError
from wayhome.kernel.foreign.processes import agent_processes, agent_runs
from wayhome.kernel.foreign.report import Decider, Question, Report
from wayhome.policy import Action, Policy


class ObservingBackend:
    """Writes nothing. A look that fails is a KernelError, and names who writes rules here as far as can be seen."""

    name = "observe"
    poll_interval: float | None = None

    def __init__(self, sightings: Sightings, look: Callable[[Question], Report] = look) -> None:
        self._sightings = sightings
        self._look = look

    def apply(self, policy: Policy) -> Change:
        """Compare the node's rules with the policy."""
        started = time.monotonic()
        try:
            report = self._look(Question.of(policy, Decider.ANY_AGENT))
        except KernelError as error:
            self._sightings.unknown()
            raise KernelError(f"{error}. {_writers()}") from error
        self._sightings.looked(report)
        return Change(ChangeKind.NOTHING, time.monotonic() - started)

    def forget(self) -> None:
        """Nothing is remembered between two looks."""

    def remove(self) -> bool:
        """There is nothing of ours."""
        return False

    def connections(self) -> None:
        """Others' rules are not counted by our lines."""

    def close(self) -> None:
        """Nothing is open."""


class ObservingAnnouncer(Announcer):
    """Says what the configuration is, and leaves it to the sightings what the kernel makes of it."""

    def applied(self, held: Held, change: Change, seconds: float) -> None:  # noqa: ARG002  # an observer's
        """The node's rules were compared with another configuration than before."""
        entries = held.configuration.policy.entries
        self._log.info(
            "compared",
            f"the rules on this node are compared with the {held.basis.value}",
            keep=sum(entry.action is Action.KEEP for entry in entries),
            masquerade=sum(entry.action is Action.MASQUERADE for entry in entries),
            milliseconds=round(change.seconds * 1000, 1),
        )


def _writers() -> str:
    """What can be said of a node whose rules cannot be read, without any right: who writes them."""
    seen = [str(process) for process in agent_processes()]
    if agent_runs():
        seen.append("an agent of wayhome that keeps rules")
    return (
        f"Seen running here: {', '.join(seen)}"
        if seen
        else "No masquerade agent is seen running from here"
    )
