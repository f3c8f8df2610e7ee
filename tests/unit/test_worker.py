"""The thread that the kernel's calls run on."""

import asyncio
import threading

import pytest

from wayhome.agent.worker import Worker


def test_calls_run_one_after_the_other_on_one_other_thread_while_the_loop_goes_on() -> None:
    order: list[object] = []
    released = threading.Event()

    def slow() -> int:
        released.wait(10)
        order.append(threading.current_thread())
        return 7

    def fast() -> None:
        order.append(threading.current_thread())

    async def run() -> int:
        worker = Worker()
        first, second = worker.run(slow), worker.run(fast)
        await asyncio.sleep(0.01)
        assert not first.done()
        assert not order  # the second waits for the first
        released.set()
        await second
        return await first

    assert asyncio.run(run()) == 7
    assert len(order) == 2
    assert order[0] is order[1] is not threading.main_thread()


def test_an_exception_belongs_to_whoever_asked_and_the_thread_lives_on() -> None:
    async def run() -> int:
        worker = Worker()
        with pytest.raises(ZeroDivisionError):
            await worker.run(lambda: 1 // 0)
        return await worker.run(lambda: 7)

    assert asyncio.run(run()) == 7


def test_a_result_that_comes_after_the_loop_has_ended_is_nobodys() -> None:
    released, done = threading.Event(), threading.Event()

    async def run() -> Worker:
        worker = Worker()
        worker.run(lambda: released.wait(10))
        return worker

    worker = asyncio.run(run())
    released.set()

    async def again() -> None:
        await worker.run(done.set)

    asyncio.run(again())
    assert done.is_set()
