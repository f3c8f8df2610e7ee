"""`scripts/bench --agreement FLOWS`: generated networks, until so many flows were asked of the tracer and of the kernel.

The seed is printed, and draws the same networks again. A disagreement is shrunk to the smallest directory of exports
that shows it, which is kept among the cases that every run of the tests asks again; so is one that the lab cannot
build. One that does not show itself again is none of the tracer's, which always says the same: it is the lab's, and is
kept and shown all the same.
"""

import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Verbosity, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from tests.agreement.asking import checked, keep, read
from tests.agreement.estates import estates
from tests.agreement.exports import Exports

from wayhome.cli.lab_check_report import lines
from wayhome.cli.lines import print_line
from wayhome.clouds.estate import Estate
from wayhome.lab.check import Checked
from wayhome.lab.compiled import Seen
from wayhome.lab.programs import ProgramError
from wayhome.network import Verdict

AT_ONCE = 50
"""Networks of one seed: the next fifty have the next seed."""
CASES = Path("tests/agreement/cases")

Ask = Callable[[Estate], Checked]
Drawn = st.SearchStrategy[Exports]
ESTATES = estates()


@dataclass(frozen=True, slots=True)
class _Found:
    """Exports that show something, and what: both answers, or why there are none."""

    exports: Exports
    shown: Checked | OSError | ProgramError


class _DisagreeError(Exception):
    """They do not agree, or the kernel could not be asked."""


def run(
    flows: int, first_seed: int, ask: Ask = checked, cases: Path = CASES, drawn: Drawn = ESTATES
) -> int:
    """Ask. Returns the exit code."""
    started, asked, labs, networks, not_built = time.monotonic(), 0, 0, 0, 0
    ends: Counter[str] = Counter()
    ambiguous = 0
    print(f"seed {first_seed}", flush=True)
    seed = first_seed
    while asked < flows:
        found: list[_Found] = []
        try:
            for one in _fifty(seed, drawn, ask, found):
                asked, labs, networks = asked + one.flows, labs + one.labs, networks + 1
                not_built += one.not_built
                ends.update(_end(seen) for _, seen in one.both)
                ambiguous += sum(trace.verdict is Verdict.AMBIGUOUS for trace, _ in one.both)
        except _DisagreeError:
            return _kept(seed, found[-1], cases, "the smallest network that shows it")
        except Flaky:
            return _kept(seed, found[-1], cases, "this did not happen again when asked again; it")
        seed += 1
        if sys.stderr.isatty():
            print(f"\r{asked:,} of {flows:,} flows", end="", file=sys.stderr)
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"no disagreement: {asked:,} flows of {networks:,} generated networks in {labs:,} labs, seeds {first_seed} to "
        f"{seed - 1}; {ambiguous:,} of the flows one alternative of several, {not_built:,} ways that no lab can have; "
        f"{seconds:.0f} s, {peak:.0f} MiB"
    )
    for end, number in ends.most_common():
        print(f"{number:8,}  {end}")
    return 0


def _end(seen: Seen) -> str:
    return "came home" if seen.reached else f"lost on its way {seen.lost}: {seen.cause}"


def _fifty(seed: int, drawn: Drawn, ask: Ask, found: list[_Found]) -> Iterator[Checked]:
    """Ask about fifty networks. What does not agree is added to `found`, the smallest last. Raises _DisagreeError, Flaky."""
    results: list[Checked] = []

    @seeded(seed)
    @settings(
        max_examples=AT_ONCE, deadline=None, database=None, print_blob=False, verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(drawn)
    def asking(exports: Exports) -> None:
        try:
            result = ask(read(exports))
        except (OSError, ProgramError) as error:
            found.append(_Found(exports, error))
            raise _DisagreeError from error
        results.append(result)
        if result.disagreements:
            found.append(_Found(exports, result))
            raise _DisagreeError

    asking()
    yield from results


def _kept(seed: int, found: _Found, cases: Path, what: str) -> int:
    folder = cases / f"seed-{seed}"
    keep(found.exports, folder)
    if isinstance(found.shown, Checked):
        for line in lines(found.shown, folder / "exports"):
            print_line(line)
    else:
        print(f"no lab can be built of it: {found.shown}")
    print(f"seed {seed}: {what} is kept in {folder}")
    print(f"to ask again: wayhome lab check --from {folder}/exports")
    return 1
