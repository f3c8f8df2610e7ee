"""SIGKILL at random moments during changes: how often the kernel then holds something that nobody configured."""

from collections.abc import Iterator

from bench import kills
from bench.figure import Figure, Measured, NotReachedError, Row, Run, Spread, at_most
from wayhome.lab.namespaces import NetworkNamespace

KILLS, KILLS_IN_SHORT = 1_000, 25
SEED = 2026
_WRONG = {
    backend: Row(f"{backend}: wrong states after {KILLS:,} kills", "", at_most(0))
    for backend in kills.BACKENDS
}
_AMID = {
    backend: Row(f"{backend}: kills that left an older configuration than the newest", "%")
    for backend in kills.BACKENDS
}


def _measure(run: Run) -> Iterator[Measured]:
    times = run.pick(KILLS, KILLS_IN_SHORT)
    for backend in kills.BACKENDS:
        folder = run.folder / backend
        folder.mkdir()

        def say(number: int, backend: str = backend) -> None:
            run.say(f"{backend}: kill {number + 1:,} of {times:,}")

        with NetworkNamespace.create() as network, network.entered():
            victim = kills.Victim(folder, backend, SEED)
            try:
                victim.learn()
                outcome = victim.kill(times, say)
            except TimeoutError as error:
                raise NotReachedError(str(error)) from error
            finally:
                victim.stop()
        note = f"of {outcome.kills:,} kills"
        if outcome.wrong:
            note += f"; the first: {outcome.wrong[0][:200]!r}"
        yield Measured(_WRONG[backend], Spread.of([len(outcome.wrong)]), note)
        yield Measured(_AMID[backend], Spread.of([100 * outcome.amid_a_change / outcome.kills]))


FIGURE = Figure(
    "kills",
    "SIGKILL at random moments during changes, and what the kernel holds then",
    "",
    tuple(rows[backend] for backend in kills.BACKENDS for rows in (_WRONG, _AMID)),
    _measure,
    slow=True,
)
