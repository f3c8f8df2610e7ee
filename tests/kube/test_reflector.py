"""Every way in which a watch goes wrong, against the tests' API server, on a clock that jumps."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest
from tests.kube.api_server.faults import Action, Fault
from tests.kube.api_server.server import ApiServer
from tests.kube.link import Link, access
from tests.kube.steps import NAME, NAMESPACE, Heard, put, remove
from tests.kube.virtual_time import play, played

from wayhome.kube.access import Access
from wayhome.kube.backoff import FIRST_CEILING, HIGHEST_CEILING
from wayhome.kube.client import Client, Selection
from wayhome.kube.connection import connect
from wayhome.kube.errors import NonsenseError, RefusedError, UnreachableError
from wayhome.kube.reflector import QUIET_SECONDS, WATCH_SECONDS, Reflector
from wayhome.kube.resources import CONFIG_MAPS

SELECTION = Selection(CONFIG_MAPS, NAMESPACE, NAME)


@dataclass(slots=True)
class Playing:
    server: ApiServer
    link: Link
    heard: Heard
    reflector: Reflector
    task: "asyncio.Task[None]"

    def verbs(self) -> list[str]:
        return [f"{call.verb}@{call.version}" for call in self.server.calls]


@asynccontextmanager
async def reflecting(server: ApiServer | None = None, seed: int = 1) -> AsyncIterator[Playing]:
    server = server or ApiServer()
    link, heard = Link(server), Heard()
    client = Client(access(), connect=link.connect)
    reflector = Reflector(client, SELECTION, heard, random.Random(seed).random)
    task = asyncio.ensure_future(reflector.run())
    playing = Playing(server, link, heard, reflector, task)
    try:
        yield playing
        assert not task.done(), "a reflector never ends by itself"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.sleep(1)
        assert not link.serving, "a cancelled reflector leaves no connection"


def holding(text: str) -> ApiServer:
    server = ApiServer()
    put(server, text)
    return server


async def settle(seconds: float = 1.0) -> None:
    await asyncio.sleep(seconds)


@played
async def test_it_lists_what_a_cache_holds_and_watches_from_there() -> None:
    server = holding("one")
    put(server, "not asked for", name="other")
    async with reflecting(server) as playing:
        await settle()
        assert playing.verbs() == ["list@0", f"watch@{server.store.version}"]
        assert all(call.name == NAME for call in server.calls), "RBAC by name needs the name"
        put(server, "two")
        put(server, "still not asked for", name="other")
        await settle()
        remove(server)
        await settle()
        put(server, "three")
        await settle()
        assert playing.heard.texts == ["one", "two", None, "three"]
        assert len(server.calls) == 2


@played
async def test_a_watch_that_ends_as_asked_goes_on_at_once_from_the_last_bookmark() -> None:
    async with reflecting() as playing:
        await settle()
        playing.server.store.elsewhere(5000)
        await settle(WATCH_SECONDS[1])
        version = playing.server.store.version
        assert playing.verbs()[2] == f"watch@{version}", "not the version of the list"
        watches = [call.at for call in playing.server.calls if call.verb == "watch"]
        low, high = WATCH_SECONDS
        asked_for = low + random.Random(1).random() * (high - low)
        assert watches[1] - watches[0] == pytest.approx(asked_for, abs=1)
        assert playing.heard.said == ["current"]


@played
async def test_a_day_without_changes_takes_few_requests() -> None:
    async with reflecting() as playing:
        await settle(24 * 3600)
        assert 24 * 6 <= len(playing.server.calls) <= 24 * 12
        assert playing.heard.said == ["current"]


@pytest.mark.parametrize("ending", ["break_watches", "end_watches"])
@played
async def test_a_watch_that_breaks_or_ends_early_waits_and_goes_on_where_it_was(
    ending: str,
) -> None:
    server = holding("one")
    async with reflecting(server) as playing:
        await settle()
        put(server, "two")
        await settle()
        version = server.store.version
        getattr(server, ending)()
        put(server, "three")  # in the gap
        put(server, "four")
        await settle(FIRST_CEILING + 1)
        assert playing.verbs()[2:] == [f"watch@{version}"], "no list"
        assert playing.heard.texts == ["one", "two", "three", "four"], "nothing is lost"
        assert not playing.heard.errors


@pytest.mark.parametrize(
    "fault", [Fault(Action.EXPIRED, "watch"), Fault(Action.ANSWER, "watch", code=410)]
)
@played
async def test_410_as_an_event_and_as_a_status_is_followed_by_a_list_of_the_newest(
    fault: Fault,
) -> None:
    server = holding("one")
    async with reflecting(server) as playing:
        await settle()
        server.faults.add(fault)
        server.break_watches()
        put(server, "two")
        await settle(20)
        assert [call.split("@")[0] for call in playing.verbs()[2:]] == [
            "watch",
            "list",
            "watch",
        ]
        assert playing.verbs()[3] == "list@"
        assert playing.heard.texts == ["one", "two"]
        assert not playing.heard.errors, "that is how it is meant to go"


@played
async def test_what_is_really_forgotten_is_listed_and_only_the_difference_told() -> None:
    server = ApiServer(window=3)
    put(server, "one")
    async with reflecting(server) as playing:
        await settle()
        playing.link.down = True
        server.break_watches()
        for number in range(10):
            put(server, str(number))
        await settle(30)
        playing.link.down = False
        await settle(200)
        assert playing.heard.texts == ["one", "9"]
        assert playing.heard.said[-1] == "current"
        remove(server)
        server.store.forget()
        server.break_watches()
        await settle(60)
        assert playing.heard.texts == ["one", "9", None]


@played
async def test_an_object_made_anew_under_its_name_while_nobody_saw_is_one_change() -> None:
    server = holding("one")
    async with reflecting(server) as playing:
        await settle()
        server.break_watches()
        remove(server)
        put(server, "one")
        server.store.forget()
        await settle(60)
        before, after = playing.heard.changes[-1].before, playing.heard.changes[-1].item
        assert before is not None
        assert after is not None
        assert before["metadata"]["uid"] != after["metadata"]["uid"]


@played
async def test_a_version_that_only_ends_the_stream_is_given_up_after_three() -> None:
    server = holding("one")
    async with reflecting(server) as playing:
        await settle()
        server.faults.add(Fault(Action.EMPTY, "watch", times=2))
        server.break_watches()
        put(server, "two")
        await settle(120)
        # The broken one brought nothing, and neither did two more.
        verbs = [call.split("@")[0] for call in playing.verbs()[2:]]
        assert verbs == ["watch", "watch", "list", "watch"]
        assert playing.heard.texts == ["one", "two"]


@played
async def test_a_list_is_trusted_for_three_streams_more() -> None:
    server = ApiServer()
    server.faults.add(Fault(Action.EMPTY, "watch", times=9))
    async with reflecting(server) as playing:
        await settle(9 * HIGHEST_CEILING)
        verbs = [call.split("@")[0] for call in playing.verbs()]
        assert verbs == ["list", "watch", "watch", "watch"] * 3 + ["list", "watch"]


@played
async def test_a_half_open_watch_is_given_up_and_listed_anew() -> None:
    server = holding("one")
    async with reflecting(server) as playing:
        await settle()
        server.mute_watches()
        put(server, "two")
        await settle(QUIET_SECONDS - 10)
        assert playing.heard.texts == ["one"]
        await settle(10 + FIRST_CEILING)
        assert playing.heard.texts == ["one", "two"]
        assert playing.verbs()[2].startswith("list@"), (
            "it may be the version that nothing comes for"
        )
        assert len(server.watches) == 1, "the silent one is closed"


@played
async def test_a_server_that_knows_no_such_version_yet_is_asked_for_the_newest() -> None:
    server = ApiServer()
    for number in range(5):
        put(server, str(number))
    async with reflecting(server) as playing:
        await settle()
        server.store.restore(3)
        put(server, "of the backup")
        server.break_watches()
        await settle(1200)
        assert playing.heard.texts == ["4", "of the backup"]
        put(server, "later")
        await settle()
        assert playing.heard.texts[-1] == "later"
        assert not playing.heard.errors


@played
async def test_a_backup_that_gives_the_same_version_to_another_content_is_noticed_after_an_outage() -> (
    None
):
    server = holding("one")
    version = server.store.version
    put(server, "two")
    async with reflecting(server) as playing:
        await settle()
        playing.link.down = True
        server.break_watches()
        await settle(60)
        server.store.restore(version)
        put(server, "of another history")
        assert server.store.version == version + 1, "as it was seen"
        playing.link.down = False
        await settle(HIGHEST_CEILING + 1)
        assert playing.heard.texts == ["two", "of another history"]


@played
async def test_an_api_server_that_is_away_is_told_once_for_each_attempt_and_backed_off_from() -> (
    None
):
    async with reflecting() as playing:
        await settle()
        playing.link.down = True
        playing.server.break_watches()
        await settle(3600)
        attempts = len(playing.link.opened) - 2
        assert 3600 / HIGHEST_CEILING <= attempts <= 4 * 3600 / HIGHEST_CEILING
        gaps = [b - a for a, b in itertools.pairwise(playing.link.opened[2:])]
        assert max(gaps) <= HIGHEST_CEILING + 0.01
        assert isinstance(playing.heard.errors[0], UnreachableError)
        assert len(playing.heard.errors) == attempts
        playing.link.down = False
        await settle(HIGHEST_CEILING + 1)
        assert playing.heard.said[-1] == "current"


@played
async def test_retry_after_is_the_least_that_is_waited() -> None:
    server = ApiServer()
    server.faults.add(Fault(Action.ANSWER, "list", code=429, retry_after=17, times=3))
    async with reflecting(server) as playing:
        await settle(300)
        lists = [call.at for call in server.calls if call.verb == "list"]
        assert len(lists) == 4
        assert all(b - a >= 17 for a, b in itertools.pairwise(lists))
        error = playing.heard.errors[0]
        assert isinstance(error, RefusedError)
        assert (error.code, error.retry_after) == (429, 17.0)
        assert "Too many requests" in str(error)


@pytest.mark.parametrize("verb", ["list", "watch"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(Action.ANSWER, code=500),
        Fault(Action.ANSWER, code=503),
        Fault(Action.ANSWER, code=403),
        Fault(Action.CLOSE),
        Fault(Action.SILENCE),
        Fault(Action.NONSENSE),
    ],
    ids=str,
)
@played
async def test_a_request_that_fails_is_told_and_tried_again(verb: str, fault: Fault) -> None:
    server = holding("one")
    server.faults.add(Fault(fault.action, verb, code=fault.code, times=2))
    async with reflecting(server) as playing:
        await settle(200)
        assert len(playing.heard.errors) == 2
        assert playing.heard.said[-1] == "current"
        assert playing.heard.texts == ["one"]
        put(server, "two")
        await settle()
        assert playing.heard.texts == ["one", "two"]


@played
async def test_who_may_list_and_not_watch_hears_of_changes_late_and_stays_failed() -> None:
    server = holding("one")
    server.faults.add(Fault(Action.ANSWER, "watch", code=403, times=-1))
    async with reflecting(server) as playing:
        await settle(600)
        put(server, "two")
        await settle(HIGHEST_CEILING + 1)
        assert playing.heard.texts == ["one", "two"]
        assert playing.heard.said[:3] == ["changed", "current", "failed"]
        assert "current" not in playing.heard.said[3:]
        server.faults.clear()
        await settle(HIGHEST_CEILING + 1)
        assert playing.heard.said[-1] == "current"


@played
async def test_after_something_came_the_first_delay_is_short_again() -> None:
    async with reflecting() as playing:
        await settle()
        playing.link.down = True
        playing.server.break_watches()
        await settle(3600)
        playing.link.down = False
        await settle(HIGHEST_CEILING + 1)
        put(playing.server, "one")
        await settle()
        for number in range(20):
            playing.server.break_watches()
            put(playing.server, str(number))
            await settle(FIRST_CEILING + 0.1)
            assert len(playing.server.watches) == 1


@played
async def test_nonsense_is_told_as_such() -> None:
    server = ApiServer()
    server.faults.add(Fault(Action.NONSENSE))
    async with reflecting(server) as playing:
        await settle(10)
        assert isinstance(playing.heard.errors[0], NonsenseError)


@played
async def test_a_stream_that_is_cut_within_an_event_loses_nothing() -> None:
    server = holding("one")
    server.faults.add(Fault(Action.CUT, "watch"))
    async with reflecting(server) as playing:
        put(server, "two")
        await settle(20)
        assert playing.heard.texts[-1] == "two"
        assert not playing.heard.errors


@played
async def test_bytes_that_come_slowly_are_waited_for_within_reason() -> None:
    server = holding("one")
    server.faults.add(Fault(Action.SLOW, "list", seconds=0.01))
    async with reflecting(server) as playing:
        await settle(30)
        assert playing.heard.texts == ["one"]
        server.faults.add(Fault(Action.SLOW, "watch", seconds=0.01))
        server.break_watches()
        await settle(30)
        put(server, "two")
        await settle(30)
        assert playing.heard.texts == ["one", "two"]
        server.faults.add(Fault(Action.SLOW, "watch", seconds=10))
        server.break_watches()
        await settle(60)
        assert "has not answered within 30 s" in str(playing.heard.errors[0])


def test_cancelling_ends_it_at_any_moment() -> None:
    async def scenario(after: float, fault: Fault | None) -> None:
        server = ApiServer()
        if fault:
            server.faults.add(fault)
        async with reflecting(server):
            await settle(after)

    for fault in (None, Fault(Action.SILENCE), Fault(Action.MUTE), Fault(Action.SLOW, seconds=1)):
        for after in (0.0, 0.5, 29.0, 400.0):
            play(scenario(after, fault))


@played
async def test_without_bookmarks_a_quiet_watch_costs_a_few_requests_more() -> None:
    async with reflecting(ApiServer(bookmark_seconds=None)) as playing:
        await settle(3600)
        assert len(playing.server.calls) <= 2 * 3600 / QUIET_SECONDS + 2
        assert set(playing.heard.said) == {"current"}


@pytest.mark.parametrize("host", ["127.0.0.1", "a..b", "x" * 70 + ".test", "name.invalid"])
def test_nobody_listens(host: str) -> None:
    async def scenario() -> None:
        heard = Heard()
        client = Client(Access(host, 1, tls=False), connect=connect)
        task = asyncio.ensure_future(Reflector(client, SELECTION, heard).run())
        while not heard.errors:  # noqa: ASYNC110  # it is told, and not waited for
            await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert "cannot be reached" in str(heard.errors[0])

    asyncio.run(scenario())
