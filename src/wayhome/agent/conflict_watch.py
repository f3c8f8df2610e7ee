"""`--conflict-interval`: looking again and again for rules of others that are in conflict with ours.

Off by default: reading everybody's rules starts the node's own programs and takes 136 MiB and 2.3 s of a core beside
50,000 rules, and an idle agent starts no process. It has a thread of its own, so that a damaged table is repaired while
iptables-save still prints; and each look is a process of its own (`looking`), so that nothing of it is kept.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from wayhome.agent.arguments import Options
from wayhome.agent.looking import look
from wayhome.agent.sightings import Sightings
from wayhome.agent.tally import Tally
from wayhome.agent.worker import Worker
from wayhome.kernel import BackendName, KernelError, Preserve, iptables
from wayhome.kernel.foreign.report import Decider, Question, Report
from wayhome.policy import Policy

_NOT_YET = 0.2
"""Seconds between two questions whether the kernel holds a configuration, at the start."""


def question_of(options: Options, backend: str) -> Callable[[Policy], Question]:
    """What is asked for each policy, by the back end that holds it."""
    if backend != BackendName.NFTABLES:
        chain = options.masq_chain or iptables.CHAIN
        return lambda policy: Question.of(policy, Decider.CHAIN, chain=chain)
    asserts = options.masquerade.preserve is Preserve.ASSERT
    return lambda policy: Question.of(policy, Decider.TABLE, asserts=asserts)


class ConflictWatch:
    """Looks every `interval` seconds, counted from the end of the last look. `question`: what a policy wants to know."""

    def __init__(
        self,
        tally: Tally,
        sightings: Sightings,
        question: Callable[[Policy], Question],
        interval: float,
        look: Callable[[Question], Report] = look,
    ) -> None:
        self._tally = tally
        self._sightings = sightings
        self._question = question
        self._interval = interval
        self._look = look

    async def run(self) -> None:
        """Look until cancelled."""
        worker = Worker()
        while True:
            held = self._tally.applied_held
            if held is None:
                await asyncio.sleep(_NOT_YET)
                continue
            question = self._question(held.configuration.policy)
            try:
                self._sightings.looked(await worker.run(partial(self._look, question)))
            except KernelError as error:
                self._sightings.not_looked(str(error))
            await asyncio.sleep(self._interval)
