"""A program on the large estate, and on a quarter of it: two hubs with their spokes, which tells how the time grows."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.apart import told_by
from bench.figure import Run, Spread
from bench.large_estate import HUBS, write


class TwoSizes:
    """Both estates, as exports, and the program that is asked about them."""

    def __init__(self, run: Run, module: str, rounds: int, pod_ranges: int = 0) -> None:
        """`pod_ranges` are those of the whole; the quarter has a quarter of them."""
        self._run, self._module, self._rounds = run, module, rounds
        run.say("writing the estate")
        self._whole, self._quarter = run.folder / "whole", run.folder / "quarter"
        for folder, hubs in ((self._whole, HUBS), (self._quarter, HUBS // 4)):
            folder.mkdir()
            write(folder, hubs, pod_ranges)

    def whole(self) -> list[dict[str, float]]:
        """What it tells of all of it, round by round."""
        return self._told_of(self._whole)

    def quarter(self) -> list[dict[str, float]]:
        """What it tells of a quarter."""
        return self._told_of(self._quarter)

    def _told_of(self, folder: Path) -> list[dict[str, float]]:
        found = []
        for number in range(1, self._rounds + 1):
            self._run.say(f"round {number} of {self._rounds}: {folder.name}")
            found.append(told_by(self._module, folder))
        return found


def spread(rounds: Iterable[Mapping[str, float]], key: str) -> Spread:
    """One of the things that were told, over the rounds."""
    return Spread.of(one[key] for one in rounds)
