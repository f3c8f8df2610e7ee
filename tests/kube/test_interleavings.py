"""Random interleavings of writes and failures: the reflector ends where the server is, and lies on no way there.

Every state that it tells is one that the object really had, in the order in which it had them, each once. It may skip
states: what was overwritten while nobody could see it is gone.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.kube.api_server.faults import Action, Fault
from tests.kube.api_server.kinds import CONFIG_MAP
from tests.kube.api_server.server import ApiServer
from tests.kube.link import Link, access
from tests.kube.steps import NAME, NAMESPACE, Heard, put, remove
from tests.kube.virtual_time import played

from wayhome.kube.client import Client, Selection
from wayhome.kube.reflector import Reflector
from wayhome.kube.resources import CONFIG_MAPS

NAMES = (NAME, "another")
FAULTS = [
    *(Fault(action) for action in (Action.CLOSE, Action.SILENCE, Action.NONSENSE)),
    *(Fault(a, "watch") for a in (Action.MUTE, Action.EMPTY, Action.EXPIRED, Action.CUT)),
    *(Fault(Action.ANSWER, code=code) for code in (401, 403, 410, 429, 500, 503)),
    Fault(Action.ANSWER, code=429, retry_after=5),
    Fault(Action.SLOW, seconds=0.02),
    Fault(Action.SLOW, seconds=2),
]
STEPS = st.one_of(
    st.tuples(st.sampled_from(("put", "remove", "put alike")), st.sampled_from(NAMES)),
    st.tuples(st.just("fault"), st.sampled_from(FAULTS)),
    st.tuples(st.just("wait"), st.sampled_from((0.0, 0.01, 1.0, 30.0, 200.0, 700.0))),
    st.tuples(
        st.sampled_from(
            (
                "break",
                "end",
                "mute",
                "expire",
                "forget",
                "down",
                "up",
                "elsewhere",
                "lag",
                "catch up",
            )
        ),
        st.none(),
    ),
)
LONG_ENOUGH = 1800.0
"""Seconds in which any sequence of failures is over: the longest silences and back-offs one after the other."""


class World:
    """A server, a reflector of all ConfigMaps of a namespace, and the true history of each."""

    def __init__(self, seed: int, window: int) -> None:
        self.server = ApiServer(window=window)
        self.link, self.heard = Link(self.server), Heard()
        client = Client(access(), connect=self.link.connect)
        selection = Selection(CONFIG_MAPS, NAMESPACE)
        self.reflector = Reflector(client, selection, self.heard, random.Random(seed).random)
        self.server.store.subscribe(
            CONFIG_MAP, lambda written: self.history.append(self.state_of(written.item))
        )
        self.history: list[tuple[str, str]] = []
        self.number = 0

    @staticmethod
    def state_of(item: dict[str, object] | None) -> tuple[str, str]:
        if item is None:
            return "", ""
        metadata = item["metadata"]
        assert isinstance(metadata, dict)
        return metadata["name"], metadata["resourceVersion"]

    async def step(self, what: str, argument: object) -> None:
        server = self.server
        if what == "wait":
            assert isinstance(argument, float)
            await asyncio.sleep(argument)
        elif what == "fault":
            assert isinstance(argument, Fault)
            fresh = Fault(
                argument.action,
                argument.verb,
                code=argument.code,
                retry_after=argument.retry_after,
                seconds=argument.seconds,
            )
            server.faults.add(fresh)
        elif what in ("put", "put alike"):
            self.number += what == "put"
            put(server, str(self.number), name=str(argument))
        elif what == "remove":
            remove(server, name=str(argument))
        else:
            self.disaster(what)

    def disaster(self, what: str) -> None:
        server = self.server
        disasters: dict[str, Callable[[], None]] = {
            "break": server.break_watches,
            "end": server.end_watches,
            "mute": server.mute_watches,
            "expire": server.expire_watches,
            "forget": server.store.forget,
            "elsewhere": server.store.elsewhere,
            "lag": server.lists.lag,
            "catch up": server.lists.catch_up,
        }
        if what in disasters:
            disasters[what]()
        else:
            self.link.down = what == "down"

    def check(self) -> None:
        there = {
            (NAMESPACE, item["metadata"]["name"]): item["metadata"]["resourceVersion"]
            for item in self.server.store.all(CONFIG_MAP)
        }
        held = {
            key: item["metadata"]["resourceVersion"]
            for key, item in self.reflector.collection.items.items()
        }
        assert held == there, "the last state is the server's"
        told: dict[tuple[str, str], str | None] = {}
        latest: dict[str, int] = {}
        for change in self.heard.changes:
            before = change.before["metadata"]["resourceVersion"] if change.before else None
            assert told.get(change.key) == before, "a change begins where the one before ended"
            now = change.item["metadata"]["resourceVersion"] if change.item else None
            assert now != before, "what is told is a change"
            told[change.key] = now
            if now is not None:
                name = change.key[1]
                assert (name, now) in self.history, "what is told was so"
                assert int(now) > latest.get(name, 0), "in the order in which it was so"
                latest[name] = int(now)
        assert {key: now for key, now in told.items() if now is not None} == there


@settings(max_examples=400, deadline=None)
@example([("put", NAME), ("mute", None), ("remove", NAME), ("put", NAME)], 0, 1)
@example([("put", NAME), ("down", None), ("remove", NAME), ("forget", None)], 0, 1)
@given(st.lists(STEPS, max_size=25), st.integers(0, 100), st.sampled_from((1, 3, 1000)))
@played
async def test_the_reflector_ends_where_the_server_is(
    steps: list[tuple[str, object]], seed: int, window: int
) -> None:
    world = World(seed, window)
    task = asyncio.ensure_future(world.reflector.run())
    try:
        for what, argument in steps:
            await world.step(what, argument)
        world.link.down = False
        world.server.faults.clear()
        await asyncio.sleep(LONG_ENOUGH)
        world.check()
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.sleep(1)
