"""One of a pair of real proxies dies under a stream of requests; the health check is the one that the repair makes."""

import asyncio
from pathlib import Path

import pytest
from tests.lab.repairs.proxies import running

from wayhome.lab.compiled.names import TABLE
from wayhome.lab.programs import Program
from wayhome.lab.repairs.balancers import Backend
from wayhome.lab.repairs.health import HealthChecks
from wayhome.lab.repairs.nginx import kill, start_nginx
from wayhome.lab.repairs.survival import lost, survive

pytestmark = pytest.mark.kernel


def test_a_dead_nginx_costs_half_of_the_requests_until_its_check_has_failed_often_enough(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as up:
        seen = asyncio.run(
            survive(
                up.built, up.balancer, up.stream, lambda one: kill(up.built, up.nginx[one.node])
            )
        )
    assert seen.as_expected
    assert list(seen.bounds) == [1, 3]
    assert 0 < lost(seen.between) < len(seen.between)
    reasons = {one.observation.reason for one in seen.between} - {None}
    # A connection that was open as it died is reset.
    assert {"10.1.0.5 refuses port 80: nothing listens there"} <= reasons
    assert reasons <= {
        "10.1.0.5 refuses port 80: nothing listens there",
        "Connection reset by peer",
    }
    assert {str(one.observation.source_seen) for one in seen.before} == {"10.1.0.6", "10.1.0.7"}
    assert {str(one.observation.source_seen) for one in seen.after} == {"10.1.0.7"}


def test_a_machine_that_falls_silent_is_left_out_too_though_each_check_takes_its_time_out(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as up:

        def halt(backend: Backend) -> None:
            for chain in ("arrive", "begin"):
                rule = ("nft", "insert", "rule", "inet", TABLE, chain, "drop")
                assert up.built.run(Program(backend.node, "halt", rule), 5) == (0, "")

        seen = asyncio.run(survive(up.built, up.balancer, up.stream, halt))
    assert seen.as_expected
    assert seen.seconds is not None
    assert seen.seconds >= 2
    assert "no answer within 2 s" in {one.observation.reason for one in seen.between}


def test_where_nobody_dies_nobody_is_left_out_and_that_is_no_survival(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        seen = asyncio.run(survive(up.built, up.balancer, up.stream, lambda _: None))
    assert (seen.left_out_at, lost(seen.sent)) == (None, 0)
    assert not seen.as_expected


def test_what_listens_again_is_taken_in_again(tmp_path: Path) -> None:
    with running(tmp_path) as up:
        dying = up.balancer.backends[0]

        async def changes() -> list[tuple[str, bool]]:
            checks = HealthChecks(up.built, up.balancer)
            task = asyncio.create_task(checks.run())
            kill(up.built, up.nginx[dying.node])
            for number in (1, 2):
                async with asyncio.timeout(10):
                    while len(checks.changes) < number:
                        checks.changed.clear()
                        await checks.changed.wait()
                if number == 1:
                    start_nginx(up.built, up.proxies[dying.node], dying.node)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return [(change.backend.node, change.healthy) for change in checks.changes]

        assert asyncio.run(changes()) == [(dying.node, False), (dying.node, True)]
