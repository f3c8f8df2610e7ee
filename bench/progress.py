"""One line on standard error about what is being done: rewritten on a terminal, one for each figure elsewhere."""

import shutil
import sys
import time


class Progress:
    """Says where a run is."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._figure = ""
        self._started = time.monotonic()

    def figure(self, name: str, number: int, count: int) -> None:
        """A figure begins."""
        self._figure = f"{number}/{count} {name}"
        if not self._terminal:
            self._write(f"bench: {self._elapsed()} {self._figure}\n")

    def say(self, what: str) -> None:
        """A part of it begins."""
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            self._write(f"\r\x1b[K{f'{self._elapsed()} {self._figure}: {what}'[:width]}")

    def clear(self) -> None:
        """Something else is going to be printed."""
        if self._terminal:
            self._write("\r\x1b[K")

    def _elapsed(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        return f"{minutes}:{seconds:02}"

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
