"""Tries what must be reached after a step of a change, until it is, or until there is no more hope."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from wayhome.cluster.must_reach import SETTLE_SECONDS, Prober, Proof, Standing, standing
from wayhome.cluster.turning import BackError, Interrupt, TimeOverError

SECONDS_BETWEEN = 1.0


class Proving:
    """`proofs`: as they were tried last."""

    def __init__(
        self, prober: Prober | None, proofs: Sequence[Proof], said: Callable[[str], None]
    ) -> None:
        """`said` is told of the outcome."""
        self.proofs = tuple(proofs)
        self._prober = prober
        self._said = said

    async def done(self, proven_at: float, patience: float, interrupt: Interrupt) -> None:
        """Come to an end. `proven_at`: in how many seconds agents that say nothing have read the change; 0: none are.

        Raises BackError where it is not reached, TimeOverError after `patience` seconds, and TurnedError.
        """
        if not self.proofs or not self._prober:
            return
        if proven_at:
            self._said(f"agents that say nothing read a change within about {proven_at:.0f} s: trying until then")  # fmt: skip
        loop = asyncio.get_running_loop()
        began, broken = loop.time(), 0.0
        while True:
            await self._try(self._prober, interrupt)
            passed = loop.time() - began
            if not any(proof.is_broken for proof in self.proofs):
                broken = passed
            now = standing(self.proofs, passed, passed - broken, proven_at)
            if now is Standing.PROVEN:
                break
            failed = [str(proof) for proof in self.proofs if not proof.holds]
            if now is Standing.FAILED:
                raise BackError("; ".join(failed))
            if passed >= max(patience, SETTLE_SECONDS):
                unread = f"what must be reached is, but {passed:.0f} s are too few for agents that say nothing"
                raise TimeOverError("; ".join(failed) or unread)
            await interrupt.unless(asyncio.ensure_future(asyncio.sleep(SECONDS_BETWEEN)))
        for proof in self.proofs:
            self._said(str(proof))

    async def _try(self, prober: Prober, interrupt: Interrupt) -> None:
        trying = asyncio.gather(*(prober(proof.wanted) for proof in self.proofs))
        await interrupt.unless(trying)
        self.proofs = tuple(
            replace(proof, after=tried)
            for proof, tried in zip(self.proofs, trying.result(), strict=True)
        )
