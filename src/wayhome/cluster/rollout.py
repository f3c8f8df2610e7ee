r"""A change of the configuration, from the first write to a proven end or back to where it began.

    [candidate -> its nodes hold it -> proofs] -> everywhere -> all nodes hold it -> proofs -> finished
             \\______________________________________\\______________________\\___________> restored

- Back at once: a node that heard of it says no, or what must be reached is not. Nodes that only stay silent are no
  reason, unless that is asked for: a node that is off must not stop a repair. Neither is what no configuration brings
  about: that Pod ranges are not known, or what the node said before, too.
- Nobody has answered before his Lease says that he has read the change, whatever text he says he holds: on the way back
  it is the one that he held before, and between the two his kernel may have come to hold the other. A ConfigMap that is
  removed has no version: then his Lease has to be another than it was just before.
- Back on the first interrupt, as far as the ConfigMap is still what we have written. What somebody else has written
  meanwhile is never overwritten, neither by a step nor by the way back.
- Nothing here knows how to go on from a crash: the ConfigMap does (`unfinished`), and the next run reads it.
- Agents that say nothing (upstream's) are given the time in which they read a ConfigMap; only then do the proofs mean
  anything, unless one fails before the change and holds after it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from wayhome.cluster.before import candidate, everywhere, finished, restored
from wayhome.cluster.follow import Following
from wayhome.cluster.must_reach import Prober
from wayhome.cluster.notes import reading_seconds
from wayhome.cluster.outcome import Outcome, Result
from wayhome.cluster.proposal import Proposal
from wayhome.cluster.proving import Proving
from wayhome.cluster.readings import digests
from wayhome.cluster.report import WAITING, Condition, Report, Row
from wayhome.cluster.summary import summary
from wayhome.cluster.turning import BackError, Interrupt, TimeOverError, TurnedError
from wayhome.cluster.wanted import Wanted
from wayhome.cluster.writer import MovedError, UnknownStateError, Writer
from wayhome.kube.client import Client
from wayhome.kube.configmap import Text
from wayhome.kube.errors import KubeError

MOST_NAMED = 5
BACK_SECONDS = 60.0
"""How long to wait for nodes to hold the old configuration again."""


class Teller(Protocol):
    """Is told of the progress."""

    def said(self, sentence: str) -> None:
        """A step is done, or about to be."""

    def shown(self, report: Report) -> None:
        """The nodes, as they are."""


@dataclass(frozen=True, slots=True)
class Patience:
    """`seconds`: for each wait. `back_on_timeout`: whether silence is a reason to go back."""

    seconds: float = 120.0
    back_on_timeout: bool = False


class Rollout:
    """One change."""

    def __init__(
        self,
        client: Client,
        proposal: Proposal,
        prober: Prober | None,
        patience: Patience,
        teller: Teller,
    ) -> None:
        self._interrupt = Interrupt()
        self._returns = False
        self._restored = False
        self._proposal = proposal
        self._patience = patience
        self._tell = teller
        self._writer = Writer(client, proposal.facts.configmap, proposal.before.there)
        self._following = Following(client, proposal.facts)
        self._proving = Proving(prober, proposal.proofs, teller.said)
        self._failing = {
            row.node: row.condition for row in proposal.report.of(Condition.KERNEL_REFUSED)
        }
        """Nodes that failed before, for a reason that no configuration has."""
        self._taken = False
        """Whether the key is ours now."""

    async def run(self) -> Outcome:
        """Do it. Raises nothing but what the first write is refused with."""
        async with self._following:
            try:
                return await self._forward()
            except BackError as back:
                return await self._back(str(back))
            except TurnedError:
                outcome = await self._back("it was interrupted")
                return replace(outcome, interrupted=True)
            except TimeOverError as over:
                if self._patience.back_on_timeout or not self._taken:
                    return await self._back(str(over))
                return self._ended(Result.TIMED_OUT, str(over))
            except KubeError as error:
                if not self.changed:
                    raise
                return await self._back(str(error))
            except MovedError as moved:
                return self._ended(Result.MOVED, f"{moved}; that is left as it is")
            except UnknownStateError as unknown:
                return self._ended(Result.UNKNOWN, f"whether the last write was done is not known: {unknown}")  # fmt: skip

    def interrupt(self) -> bool:
        """Turn round, at any moment. Returns whether that is news: it may be on its way back already."""
        is_news = not self._returns and not self._interrupt.has_come
        self._interrupt.come()
        return is_news

    def abandoned(self) -> Outcome:
        """It was ended on its way back: what is known of the state that it leaves."""
        if self._restored:
            outcome = self._ended(Result.ROLLED_BACK, "the old configuration is written; whether all nodes hold it again was not waited for")  # fmt: skip
        else:
            outcome = self._ended(Result.UNKNOWN, "it was ended before the old configuration was back")  # fmt: skip
        return replace(outcome, interrupted=True)

    @property
    def changed(self) -> bool:
        """Whether the ConfigMap is another than it was."""
        return self._writer.there != self._proposal.before.there

    async def _forward(self) -> Outcome:
        order, before, text = self._proposal.order, self._proposal.before, self._proposal.text
        if not self._proposal.needs_writing:
            await self._held(lambda _: True)
            await self._proven()
            return self._ended(self._good(Result.UNCHANGED))
        if order.canary and self._proposal.is_change:
            await self._write(candidate(before, text, order.canary), f"the candidate is written for {', '.join(order.canary)}")  # fmt: skip
            await self._held(lambda row: row.node in order.canary)
            await self._proven()
        self._taken = True
        item = everywhere(before, text, self._proposal.nodes)
        await self._write(item, "the configuration is written")
        await self._held(lambda _: True)
        await self._proven()
        await self._write(finished(before, text, self._proposal.nodes), "", same_text=True)
        return self._ended(self._good(Result.APPLIED))

    def _good(self, result: Result) -> Result:
        unverified = self._following.now().of(Condition.UNVERIFIED)
        return Result.UNVERIFIED if unverified and not self._proving.proofs else result

    async def _write(
        self, item: dict[str, object], sentence: str, *, same_text: bool = False
    ) -> None:
        self._following.written(await self._writer.write(item), same_text=same_text)
        if sentence:
            self._tell.said(f"{sentence}: version {self._writer.version}")

    async def _held(self, concerns: Callable[[Row], bool]) -> None:
        """Wait until the nodes hold what the ConfigMap says."""

        def decided(report: Report) -> bool:
            waiting = [row for row in report.of(*WAITING) if concerns(row)]
            failed = [row for row in self._newly_failed(report) if concerns(row)]
            return self._has_moved(report) or bool(failed) or not waiting

        report, in_time = await self._until(decided, self._patience.seconds)
        if failed := [row for row in self._newly_failed(report) if concerns(row)]:
            more = f" and {len(failed) - 1:,} more nodes" if len(failed) > 1 else ""
            first = failed[0]
            raise BackError(f"{first.node}{more}: {first.condition.value}: {first.error}")
        if not in_time:
            missing = [row.node for row in report.of(*WAITING) if concerns(row)]
            more = f" and {len(missing) - MOST_NAMED:,} more" if len(missing) > MOST_NAMED else ""
            named = ", ".join(missing[:MOST_NAMED]) + more
            raise TimeOverError(f"after {self._patience.seconds:g} s there is no answer from {named}")  # fmt: skip

    async def _until(
        self, decided: Callable[[Report], bool], seconds: float
    ) -> tuple[Report, bool]:
        waiting = asyncio.ensure_future(self._following.until(decided, seconds, self._tell.shown))
        await self._interrupt.unless(waiting)
        report, in_time = waiting.result()
        if self._has_moved(report):
            raise MovedError(await self._writer.moved_by())
        return report, in_time

    def _has_moved(self, report: Report) -> bool:
        return isinstance(report.wanted, Wanted) and report.wanted.version != self._writer.version

    def _newly_failed(self, report: Report) -> list[Row]:
        return [
            row
            for row in report.of(Condition.REJECTED, Condition.KERNEL_REFUSED)
            if self._failing.get(row.node) is not row.condition
        ]

    async def _proven(self) -> None:
        report = self._following.now()
        unseen = bool(report.of(Condition.UNVERIFIED)) and self.changed
        proven_at = reading_seconds(report) if unseen else 0.0
        await self._proving.done(proven_at, self._patience.seconds, self._interrupt)

    async def _back(self, why: str) -> Outcome:
        """Put the old configuration back, as far as the ConfigMap is still ours."""
        before = self._proposal.before
        if not self.changed and not before.left:
            return self._ended(Result.UNCHANGED, why, "nothing was written")
        if before.lost:
            return self._ended(Result.NOT_ROLLED_BACK, why, "what was there before an earlier, unfinished apply is not known")  # fmt: skip
        self._tell.said(f"{why}: the old configuration is put back")
        self._returns = True
        self._interrupt.answered()
        try:
            if before.existed:
                await self._write(restored(before, taken=self._taken), "")
            else:
                await self._following.about_to_remove()
                await self._writer.remove()
                self._following.written(None)
        except MovedError as moved:
            return self._ended(Result.NOT_ROLLED_BACK, why, f"{moved}; that is left as it is")
        except UnknownStateError as unknown:
            return self._ended(Result.UNKNOWN, why, f"whether the old configuration is back is not known: {unknown}")  # fmt: skip
        except KubeError as error:
            return self._ended(Result.NOT_ROLLED_BACK, why, f"it could not be put back: {error}")
        self._restored = True
        return await self._returned(why)

    async def _returned(self, why: str) -> Outcome:
        """Wait until the nodes hold the old configuration again."""

        def decided(report: Report) -> bool:
            return not report.of(*WAITING)

        try:
            seconds = min(self._patience.seconds, BACK_SECONDS)
            report, _in_time = await self._until(decided, seconds)
        except (TurnedError, MovedError):
            report = self._following.now()
        return self._ended(Result.ROLLED_BACK, why, f"the old configuration is back: {summary(report)}", self._kept(report))  # fmt: skip

    def _kept(self, report: Report) -> str:
        """Nodes that took the new configuration keep it where the old ConfigMap holds none: they hold the last good one."""
        facts = report.facts
        new = digests(facts, Text(self._proposal.text.encode(), facts.data_key, ()))
        rows = [row.node for row in report.rows if row.status and row.status.held_digest in new]
        if not rows or (isinstance(report.wanted, Wanted) and new & report.wanted.digests):
            return ""
        return (
            f"{', '.join(rows[:MOST_NAMED])}{' and more' if len(rows) > MOST_NAMED else ''} still hold the new "
            "configuration: where the ConfigMap holds none that is valid, an agent keeps the last good one"
        )

    def _ended(self, result: Result, *reasons: str) -> Outcome:
        return Outcome(
            result=result,
            reasons=tuple(filter(None, reasons)),
            report=self._following.now(),
            proofs=self._proving.proofs,
            version=self._writer.version,
            changed=self.changed,
        )
