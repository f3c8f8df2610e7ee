"""What happens to all nodes at once must not come back at once: many reflectors on one server, on one clock."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
from tests.kube.api_server.calls import Call
from tests.kube.api_server.server import ApiServer
from tests.kube.link import Link, access
from tests.kube.steps import NAME, NAMESPACE, Heard, put
from tests.kube.virtual_time import play

from wayhome.kube.backoff import FIRST_CEILING
from wayhome.kube.client import Client, Selection
from wayhome.kube.reflector import Reflector
from wayhome.kube.resources import CONFIG_MAPS

WATCHERS = 300


async def crowd(
    disaster: Callable[[ApiServer], None], seconds: float
) -> tuple[list[Call], list[Heard], float]:
    """What the server is asked after a disaster, what was heard, and when it was."""
    server = ApiServer()
    put(server, "one")
    link, heard = Link(server), [Heard() for _ in range(WATCHERS)]
    client = Client(access(), connect=link.connect)
    selection = Selection(CONFIG_MAPS, NAMESPACE, NAME)
    draws = random.Random(7)
    tasks = [
        asyncio.ensure_future(Reflector(client, selection, each, draws.random).run())
        for each in heard
    ]
    await asyncio.sleep(1)
    server.calls.clear()
    now = asyncio.get_running_loop().time()
    disaster(server)
    put(server, "two")
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
    calls = [call for call in server.calls if call.at < now + seconds]
    await asyncio.sleep(1)
    return calls, heard, now


def busiest(times: list[float], width: float) -> int:
    """The most of them that fall into one span of `width` seconds."""
    return max(Counter(int(at / width) for at in times).values())


@pytest.mark.parametrize(
    "disaster", [ApiServer.break_watches, ApiServer.end_watches, ApiServer.expire_watches]
)
def test_all_watches_that_end_at_once_come_back_spread(
    disaster: Callable[[ApiServer], None],
) -> None:
    calls, heard, now = play(crowd(disaster, FIRST_CEILING + 1))
    times = [call.at - now for call in calls]
    per_verb = Counter(call.verb for call in calls)
    assert per_verb["watch"] == WATCHERS
    assert per_verb["list"] == (WATCHERS if disaster is ApiServer.expire_watches else 0)
    assert max(times) <= FIRST_CEILING + 0.5
    # An even spread over 5 s puts a tenth into each half second; twice that would be a herd.
    assert busiest(times, 0.5) < len(times) / 10 * 2
    assert all(each.texts == ["one", "two"] for each in heard)
    assert not any(each.errors for each in heard)


def test_watches_that_began_together_end_spread() -> None:
    calls, _, now = play(crowd(lambda _: None, 620.0))
    times = [call.at - now for call in calls if call.verb == "watch"]
    first = sorted(times)[:WATCHERS]
    assert busiest(first, 30.0) < WATCHERS / 10 * 2
    assert min(first) > 290


def test_one_change_reaches_all_without_a_request() -> None:
    calls, heard, _ = play(crowd(lambda _: None, 1.0))
    assert calls == []
    assert all(each.texts == ["one", "two"] for each in heard)
