"""A fault of this program itself: said in one line of the log, with the place for whoever mends it, and lived with.

What is told to the cluster matters less than the rules; so a task of that kind that ends is begun again, later each
time, and the rules are kept meanwhile.
"""

import asyncio
import random
import traceback
from collections.abc import Callable, Coroutine

from wayhome.agent.logs import Log
from wayhome.kube.backoff import Backoff


def place_of(error: BaseException | None) -> str:
    """The exception and where it was raised; of a group, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is None:
        return "no reason"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


async def kept_running(
    task: Callable[[], Coroutine[object, object, None]], does: str, log: Log
) -> None:
    """Run what is never to end, for ever. `does`: what it does, for the log."""
    backoff = Backoff(random.random)
    while True:
        try:
            await task()
        except Exception as error:  # noqa: BLE001  # whatever it is, the rules are more important
            log.error(
                "fault",
                f"{does} ended by a fault of this program, {place_of(error)}; it is begun again. Please report it",
            )
        await asyncio.sleep(backoff.delay())
