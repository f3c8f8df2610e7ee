"""What the agent says, and that it says each thing once.

The same reading of the source or the same refusal of the kernel may come again every minute for weeks; an operator
needs it once, when it begins, and once more when something else is true.
"""

from dataclasses import replace

from wayhome.agent.holding import Basis, Held
from wayhome.agent.logs import Field, Log
from wayhome.kernel import Change
from wayhome.policy import Action

_SHOWN_FINDINGS = 20
"""Log lines for one file; the rest is counted."""


class Announcer:
    """Turns what happened into log lines. `source` names where the configuration comes from."""

    def __init__(self, log: Log, source: str) -> None:
        self._log = log
        self._source = source
        self._said: Held | None = None
        self._problem = ""

    def source(self, held: Held) -> None:
        """The source was looked at, and this is to be held now."""
        # When a removed configuration ends is news only once, and another version of the same text none.
        news = replace(held.unversioned, until=None)
        before = self._said
        if news == before:
            return
        self._said = news
        if held.rejected:
            self._rejected(held)
        elif held.until is not None:
            self._log.warning(
                "removed",
                f"{held.note}; the removed configuration holds for 10 s more, in case a new one follows",
            )
        elif held.unreadable and held.basis is Basis.LAST_GOOD:
            self._log.error("unreadable", f"{held.note}; the last good configuration stays")
        elif held.basis is Basis.DEFAULTS:
            self._log.warning("no configuration", f"{held.note}; upstream's defaults apply")
        elif held.basis is Basis.LAST_GOOD:
            self._log.info("starting", f"{held.note}; the last good configuration holds until then")
        elif (
            before and before.basis is not held.basis and before.configuration == held.configuration
        ):
            self._log.info("accepted", f"{self._source} is accepted, and says what the kernel holds already")  # fmt: skip
        for finding in held.warnings[:_SHOWN_FINDINGS]:
            self._log.warning("warning", f"{self._source}: {finding}")

    def _rejected(self, held: Held) -> None:
        shown = held.rejected[:_SHOWN_FINDINGS]
        for finding in shown[:-1]:
            self._log.error("rejected", f"{self._source} is rejected: {finding}")
        more = len(held.rejected) - len(shown)
        stays = (
            f"{held.basis.value} stays"
            if held.basis is Basis.LAST_GOOD
            else "defaults of upstream's agent apply"
        )
        also = f" (and {more} more errors)" if more else ""
        self._log.error("rejected", f"{self._source} is rejected: {shown[-1]}{also}. The {stays}")

    def applied(self, held: Held, change: Change, seconds: float) -> None:  # noqa: ARG002  # an observer's
        """The kernel holds another configuration than before, or the first one of this process."""
        entries = held.configuration.policy.entries
        self._log.info(
            "applied",
            f"the kernel holds the {held.basis.value}",
            how=change.kind.value,
            keep=sum(entry.action is Action.KEEP for entry in entries),
            masquerade=sum(entry.action is Action.MASQUERADE for entry in entries),
            added=change.added,
            removed=change.removed,
            milliseconds=round(change.seconds * 1000, 1),
        )

    def repaired(self, change: Change, *, alarm: bool, next_in: float) -> None:
        """Somebody had damaged our table, and it is whole again."""
        fields: dict[str, Field] = {
            "cause": change.damage,
            "added": change.added,
            "removed": change.removed,
            "milliseconds": round(change.seconds * 1000, 1),
        }
        if alarm:
            self._log.error(
                "alarm",
                f"somebody on this node keeps damaging the rules; they were repaired, and will be again in {next_in:.0f} s at the earliest",
                **fields,
            )
        else:
            self._log.warning(
                "repaired",
                "somebody on this node had damaged the rules; they are whole again",
                **fields,
            )

    def verified(self) -> None:
        """The kernel holds what it shall; said where it did not."""
        if self._problem:
            self._problem = ""
            self._log.info("recovered", "the kernel could be read and changed again")

    def kernel_refused(self, problem: str, retry_in: float) -> None:
        """The kernel could not be read or changed."""
        if problem != self._problem:
            self._problem = problem
            self._log.error(
                "kernel",
                f"{problem}; the kernel holds what it held before, next attempt in {retry_in:.0f} s",
            )

    def not_remembered(self, problem: str) -> None:
        """The last good configuration could not be written to disk; told once each time that this begins."""
        self._log.warning("not remembered", problem)
