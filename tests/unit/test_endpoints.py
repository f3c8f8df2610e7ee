"""What is answered over HTTP while the kernel does not answer."""

import asyncio
import threading

import pytest

from wayhome.agent import endpoints
from wayhome.agent.endpoints import Endpoints
from wayhome.agent.tally import Tally
from wayhome.agent.worker import Worker
from wayhome.kernel.counts import Connections


def test_scrapes_while_the_kernel_hangs_are_answered_and_do_not_pile_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoints, "COUNTING_SECONDS", 0.05)
    released, counts = threading.Event(), []

    def count() -> Connections:
        counts.append(1)
        released.wait(10)
        return Connections({}, 7)

    async def run() -> None:
        answers = Endpoints(Tally(), Worker(), backend="nftables", count=count)
        scrape = answers.paths["/metrics"]
        for _ in range(5):
            assert "wayhome_connections_total" not in (await scrape()).body
        released.set()
        await asyncio.sleep(0.05)
        assert "wayhome_connections_total" in (await scrape()).body

    asyncio.run(run())
    assert len(counts) == 2


def test_a_step_that_never_ends_is_not_healthy() -> None:
    now = [0.0]
    answers = Endpoints(Tally(), Worker(), backend="x", count=lambda: None, clock=lambda: now[0])

    async def status() -> int:
        return (await answers.paths["/healthz"]()).status

    answers.step_begins()
    now[0] = endpoints.STUCK_SECONDS
    assert asyncio.run(status()) == 200
    now[0] += 1
    assert asyncio.run(status()) == 503
    answers.step_ends()
    assert asyncio.run(status()) == 200
