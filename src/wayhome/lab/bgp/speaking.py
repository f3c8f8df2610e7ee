"""BIRD on the speakers of a network that is up.

A Cloud Router that advertises something else is a BIRD that is told so while it runs (`birdc configure`): its sessions
stay up, and the other end hears of what is new and of what is withdrawn.

BIRD is Debian's, and its service is not used: there is a program for each speaker, with its files in a folder of the
lab's. It is talked to from within that folder, because a socket's path has at most 107 bytes.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wayhome.lab.bgp.configuration import Speaking, configuration, session_name
from wayhome.lab.bgp.kernel_routes import learned
from wayhome.lab.bgp.network import LEARNED_INTO
from wayhome.lab.bgp.sessions import Announcement, Session, Speaker, far_end
from wayhome.lab.compiled import BuiltNetwork
from wayhome.lab.compiled.build import BuiltNode
from wayhome.lab.programs import Program, ProgramError, RunningProgram, environment
from wayhome.prefixes import Prefix

INSTALL = "apt-get install --no-install-recommends bird2  # its service is not needed: systemctl disable --now bird"
PATIENCE_SECONDS = 30.0
_HEARD = re.compile(
    r"^(?P<prefix>[\d.]+/\d+) .*?^\s*(?:BGP\.|bgp_)med: (?P<med>\d+)$", re.MULTILINE | re.DOTALL
)


@dataclass(slots=True)
class _Bird:
    """A running BIRD: for whom it speaks, and where it is talked to."""

    speaker: Speaker
    node: BuiltNode
    file: Path
    running: RunningProgram

    def ask(self, *words: str) -> str:
        """What it answers. Raises ProgramError."""
        socket = _socket(self.file)
        done = subprocess.run(
            ("birdc", "-s", socket.name, *words), cwd=socket.parent,
            capture_output=True, text=True, check=False, env=environment(),
        )  # fmt: skip
        if done.returncode != 0:
            said = self.running.ending or done.stdout + done.stderr
            raise ProgramError(f"bird on {self.speaker.node} does not answer:\n{said}")
        return done.stdout

    def heard(self, number: int) -> frozenset[Announcement]:
        """What it heard over a session, by its number."""
        name = session_name(number)
        said = self.ask("show", "route", "all", "table", f"{name}_routes", "protocol", name)
        return frozenset(
            Announcement(Prefix.parse(one["prefix"]), int(one["med"]))
            for one in _HEARD.finditer(said)
        )

    def all_heard(self) -> frozenset[Prefix]:
        """The prefixes that it heard over any session."""
        numbers = range(len(self.speaker.sessions))
        return frozenset(one.prefix for number in numbers for one in self.heard(number))


def require_bird() -> None:
    """Raises ProgramError where this machine has none."""
    if shutil.which("bird", path=environment()["PATH"]) is None:
        raise ProgramError(f"bird is not installed; this installs it:\n{INSTALL}")


class Birds:
    """A BIRD for each speaker. They end with the network that they run in."""

    def __init__(self, built: BuiltNetwork, speakers: Sequence[Speaker], folder: Path) -> None:
        """Start them, and return when all have heard what there is. Raises OSError, ProgramError."""
        require_bird()
        self._built = built
        self._birds = {
            one.node: self._start(one, folder / f"{number}.conf")
            for number, one in enumerate(speakers)
        }
        self.wait()

    def announce(self, speakers: Sequence[Speaker]) -> None:
        """Have the speakers announce this from now on. Raises ProgramError, KeyError."""
        for speaker in speakers:
            bird = self._birds[speaker.node]
            if bird.speaker != speaker:
                bird.speaker = speaker
                _write(speaker, bird.node, bird.file)
                bird.ask("configure")

    def wait(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Return when everybody has heard exactly what is announced, and the kernels have it. Raises ProgramError."""
        until = time.monotonic() + seconds
        while missing := list(self._not_settled()):
            if time.monotonic() > until:
                raise ProgramError(f"after {seconds:g} s of BGP: {'; '.join(missing)}")
            time.sleep(0.02)

    def learned(self, node: str) -> frozenset[Prefix]:
        """The prefixes that a speaker's BIRD has put into its kernel's tables. Raises OSError, KeyError."""
        bird = self._birds[node]
        tables = [learned(bird.node.namespace, table) for table in _tables(bird.node)]
        return frozenset().union(*tables)

    def _start(self, speaker: Speaker, file: Path) -> _Bird:
        node = self._built.nodes[speaker.node]
        _write(speaker, node, file)
        files = ("-c", file.name, "-s", _socket(file).name, "-P", file.with_suffix(".pid").name)
        program = Program(speaker.node, "bird", ("bird", "-f", *files), folder=file.parent)
        running = self._built.start(program)
        running.wait_until(lambda _: _socket(file).exists(), PATIENCE_SECONDS)
        return _Bird(speaker, node, file, running)

    def _not_settled(self) -> Iterator[str]:
        for bird in self._birds.values():
            for number, session in enumerate(bird.speaker.sessions):
                told, heard = self._told(session), bird.heard(number)
                if heard != told:
                    yield f"{bird.speaker.node} heard {_said(heard)} over {session.name}, not {_said(told)}"
            held = self.learned(bird.speaker.node)
            if _tables(bird.node) and held != bird.all_heard():
                yield f"the kernel of {bird.speaker.node} has routes to {', '.join(map(str, held))}"

    def _told(self, session: Session) -> frozenset[Announcement]:
        """What the other end announces."""
        far = far_end(self._built.network, session.at)
        other = self._birds[far.node].speaker if far else None
        for one in other.sessions if other else ():
            if (one.at, one.local) == (far, session.remote):
                return frozenset(one.announced)
        return frozenset()


def _tables(node: BuiltNode) -> list[int]:
    names = LEARNED_INTO[node.node.kind]
    return [number for name in names for number in node.tables.get(name, ())]


def _write(speaker: Speaker, node: BuiltNode, file: Path) -> None:
    sessions = [(one, node.names.ports[one.at.port].name) for one in speaker.sessions]
    file.write_text(configuration(Speaking(sessions, _tables(node))))


def _socket(file: Path) -> Path:
    return file.with_suffix(".socket")


def _said(announced: frozenset[Announcement]) -> str:
    return ", ".join(sorted(f"{one.prefix} (MED {one.med})" for one in announced)) or "nothing"
