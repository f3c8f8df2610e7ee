"""An agent that is killed at random moments while its configuration changes all the time.

After each kill, and again while a program that outlived it may still write, the kernel must hold one of the
configurations of that life as a whole: the one from before or one that was written since. What a whole one looks like
is what the tables' own programs list after an agent that nobody disturbed; so the check shares no code with the agent.

The configurations differ in elements, in rules, and in a flag of the command line.
"""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wayhome.lab.programs import environment

BACKENDS = ("nftables", "iptables-nft")
FLAGS = ("--random-fully=true", "--random-fully=false")
LONGEST_LIFE = 0.5
"""Seconds; about half of it is the start."""
SECONDS = 20.0


def configurations() -> tuple[str, ...]:
    """Lists of several lengths, with and without a carved-out part."""
    return (
        "nonMasqueradeCIDRs: [10.0.0.0/8]\n",
        "nonMasqueradeCIDRs: [172.16.0.0/12, 192.168.0.0/16]\n",
        "nonMasqueradeCIDRs: [10.0.0.0/8]\nmasqueradeCIDRs: [10.2.0.0/16]\n",
        _many(40, 0),
        _many(200, 128),
    )


def _many(entries: int, last: int) -> str:
    lines = (f"  - 10.{i}.{last}.0/24\n" for i in range(entries))
    return f"cidrLimit: {entries}\nnonMasqueradeCIDRs:\n{''.join(lines)}"


def listed(backend: str) -> str:
    """The kernel's rules, as the tables' own programs list them, without counts."""
    command: tuple[str, ...] = (f"{backend}-save", "--table", "nat")
    if backend == "nftables":
        command = ("nft", "--stateless", "list", "table", "inet", "wayhome")
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment(), timeout=SECONDS
    )
    return "\n".join(line for line in done.stdout.splitlines() if line[:1] not in "#:")


@dataclass(slots=True)
class Outcome:
    """What became of it."""

    kills: int = 0
    amid_a_change: int = 0
    """The kernel then held another configuration than the last one written."""
    wrong: list[str] = field(default_factory=list)
    """What was found that is no configuration of that life."""


class Victim:
    """The agent of one back end, in the calling thread's network, with files in a folder."""

    def __init__(self, folder: Path, backend: str, seed: int) -> None:
        self._config = folder / "ip-masq-agent"
        self._log = folder / "log"
        self._backend = backend
        self._dice = random.Random(seed)  # noqa: S311 (moments, no secrets)
        self._whole: dict[str, tuple[str, str]] = {}
        """Which configuration and flag a listing is."""
        self._process: subprocess.Popen[bytes] | None = None

    def learn(self) -> None:
        """See what each configuration looks like when nobody disturbs it. Raises RuntimeError, TimeoutError."""
        for flag in FLAGS:
            for text in configurations():
                self._write(text)
                self._start(flag)
                self._until(self._has_applied)
                self.stop()
                self._whole[listed(self._backend)] = text, flag
        if len(self._whole) != len(FLAGS) * len(configurations()):
            raise RuntimeError("two configurations look the same")

    def kill(self, times: int, say: Callable[[int], None] = lambda _: None) -> Outcome:
        """Live and be killed so many times."""
        outcome = Outcome()
        last: set[tuple[str, str]] = set()  # a program may outlive two agents on a busy machine
        for number in range(times):
            say(number)
            before = self._whole.get(listed(self._backend))
            flag = self._dice.choice(FLAGS)
            written = list(self._live(flag))
            own = {(text, flag) for text in written}
            allowed, last = {before, *own, *last}, own
            outcome.kills += 1
            for _ in range(3):
                found = listed(self._backend)
                if self._whole.get(found, ("", "")) not in allowed:
                    outcome.wrong.append(found)
                    break
                time.sleep(0.02)
            outcome.amid_a_change += self._whole.get(listed(self._backend)) != (written[-1], flag)
        return outcome

    def _live(self, flag: str) -> Iterator[str]:
        """Change the file until the moment comes. Yields what it said."""
        end = time.monotonic() + self._dice.random() * LONGEST_LIFE
        yield self._config.read_text()  # what it finds at its start
        self._start(flag)
        while (left := end - time.monotonic()) > 0:
            text = self._dice.choice(configurations())
            self._write(text)
            yield text
            time.sleep(min(left, self._dice.random() * 0.1))
        self.stop()

    def stop(self) -> None:
        """Kill it, if it is there."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _start(self, flag: str) -> None:
        command = (sys.executable, "-m", "wayhome.agent", f"--config={self._config}", "--state=")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, f"--backend={self._backend}", "--log-format=json", flag],
                stderr=log,
                env=environment(),
            )

    def _write(self, text: str) -> None:
        new = self._config.with_name(".new")
        new.write_text(text)
        new.replace(self._config)

    def _has_applied(self) -> bool:
        return '"event": "applied"' in self._log.read_text()

    def _until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + SECONDS
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"the agent did not apply its list:\n{self._log.read_text()}")
            time.sleep(0.005)
