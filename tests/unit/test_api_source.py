"""The source of API mode: what the watch says at any time, and what becomes of a watch that ends."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.kube.virtual_time import played

from wayhome.agent.api_source import FIRST_ANSWER_SECONDS, ApiSource, reading_of
from wayhome.agent.reading import Missing, Pending, Present, Unreadable, Wrong
from wayhome.kube import configmap
from wayhome.kube.configmap import Said
from wayhome.kube.objects import ObjectVersion
from wayhome.policy import Finding, Severity

ONE = ObjectVersion("kube-system", "one", "uid-1", "7")
TWO = ObjectVersion("net", "two", "uid-2", "9")
TEXT = configmap.Text(b"a", "config", (ONE,))
NEWER = configmap.Text(b"b", "config", (ONE,))
FINDING = Finding(Severity.ERROR, None, "wrong", "write")
NOT_YET = configmap.Pending("not yet")


class Watch:
    """One that says what the test says."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.said: Said = NOT_YET
        self.nodes: int | None = None
        self.ends = asyncio.Event()
        self.error: Exception | None = None
        self.over = False

    async def run(self) -> None:
        """As the real one: a task for each ConfigMap, in a group."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._one())
        finally:
            self.over = True

    async def _one(self) -> None:
        await self.ends.wait()
        if self.error:
            raise self.error

    def say(self, said: Said) -> None:
        self.said = said
        self._changed()

    def die(self, error: Exception | None) -> None:
        self.error = error
        self.ends.set()


class Api:
    def __init__(self) -> None:
        self.watches: list[Watch] = []
        self.source = ApiSource(self._make)
        self.told = 0

    def _make(self, changed: Callable[[], None]) -> Watch:
        self.watches.append(Watch(changed))
        return self.watches[-1]

    def changed(self) -> None:
        self.told += 1

    @property
    def watch(self) -> Watch:
        return self.watches[-1]

    @contextmanager
    def running(self) -> Iterator["asyncio.Task[None]"]:
        task = asyncio.ensure_future(self.source.run(self.changed))
        try:
            yield task
        finally:
            task.cancel()


def test_what_the_api_says_in_the_words_of_a_source() -> None:
    assert reading_of(TEXT) == Present(b"a", "7", "config", (), (ONE,))
    both = configmap.Text(b"a", "config", (TWO, ONE), (FINDING,))
    assert reading_of(both) == Present(
        b"a", "kube-system/one=7,net/two=9", "config", (FINDING,), (TWO, ONE)
    )
    assert reading_of(configmap.Wrong((FINDING,), (ONE,))) == Wrong((FINDING,), "7", (ONE,))
    assert reading_of(configmap.Absent("make it")) == Missing("make it")
    assert reading_of(configmap.Unknown("why")) == Unreadable("why")
    assert reading_of(NOT_YET) == Pending("not yet")


@played
async def test_whoever_reads_finds_what_was_last_said_and_is_told_of_it() -> None:
    api = Api()
    with api.running():
        await asyncio.sleep(1)
        assert (api.source.read(), api.told) == (Pending("not yet"), 0)
        api.watch.say(TEXT)
        assert (api.source.read(), api.told) == (reading_of(TEXT), 1)


@played
async def test_the_first_answer_is_waited_for_and_not_for_ever() -> None:
    clock = asyncio.get_running_loop().time
    api = Api()
    with api.running():
        waiting = asyncio.ensure_future(api.source.answered())
        await asyncio.sleep(1)
        assert not waiting.done()
        api.watch.say(configmap.Unknown("a bad one is one too"))
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        assert waiting.done()
    began = clock()
    await Api().source.answered()
    assert clock() - began == FIRST_ANSWER_SECONDS


@played
async def test_a_watch_that_ends_is_a_fault_that_is_said_and_another_one_begins() -> None:
    api = Api()
    with api.running():
        await asyncio.sleep(1)
        api.watch.say(TEXT)
        api.watch.die(KeyError("metadata"))
        await asyncio.sleep(0.01)
        found = api.source.read()
        assert isinstance(found, Unreadable)
        assert "ended by a fault of this program, KeyError: 'metadata'" in found.reason
        assert "test_api_source.py, line" in found.reason
        assert api.told == 2
        await asyncio.sleep(6)
        assert len(api.watches) == 2
        assert api.source.read() == found, "until the new one has said something"
        api.watch.say(NEWER)
        assert api.source.read() == reading_of(NEWER)


@played
async def test_a_watch_that_ends_again_and_again_is_begun_ever_more_rarely() -> None:
    api = Api()
    with api.running():
        for _ in range(3600):
            api.watch.die(None)
            await asyncio.sleep(1)
        assert 60 < len(api.watches) < 200
        await asyncio.sleep(1000)
        before = len(api.watches)
        api.watch.die(None)
        await asyncio.sleep(6)
        assert len(api.watches) == before + 1, "one that lived long is begun again soon"


@played
async def test_renewing_begins_another_watch_at_once_and_forgets_nothing() -> None:
    api = Api()
    api.source.renew()  # before it runs there is nothing to renew
    with api.running():
        await asyncio.sleep(1)
        api.watch.say(TEXT)
        first = api.watch
        api.source.renew()
        await asyncio.sleep(0.01)
        assert (first.over, len(api.watches)) == (True, 2)
        assert api.source.read() == reading_of(TEXT)
        api.watch.say(NOT_YET)
        assert (api.source.read(), api.told) == (reading_of(TEXT), 1)
        api.watch.say(NEWER)
        assert api.source.read() == reading_of(NEWER)


@played
async def test_cancelling_ends_the_watch_too() -> None:
    api = Api()
    with api.running() as task:
        await asyncio.sleep(1)
    with suppress(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.01)
    assert api.watch.over
    assert len(api.watches) == 1
