"""Runs the commands, writes what they print without its secrets, and remembers what could not be read.

A command that fails is no error of the collection: what it would have said is recorded as not readable, with the
program's own words, so that no verdict takes its silence for an answer. Files are complete or not there, and
`collected.json` says at every moment what is not read yet.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wayhome.clouds.collect.commands import (
    Command,
    following,
    of_context,
    of_project,
    peers,
    regions_of,
    service_projects,
)
from wayhome.clouds.collect.files import write
from wayhome.clouds.collect.programs import Programs
from wayhome.clouds.collect.prune import prune
from wayhome.clouds.collect.record import Record
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.project import ServiceProjects
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.kubernetes.resources.egress_nat_policy import EgressNatPolicy

AT_ONCE = 4
"""Commands that run side by side: gcloud takes a second to start, and the cloud's quotas are shared."""
SECONDS = 300.0
_NO_SUCH_TYPE = "the server doesn't have a resource type"


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a command; `reason` is empty where it was read."""

    command: Command
    reason: str


@dataclass(slots=True)
class _Answers:
    """What has to be remembered between commands."""

    regions: dict[str, set[str]] = field(default_factory=dict)
    networks: list[tuple[Command, Any]] = field(default_factory=list)
    projects: set[str] = field(default_factory=set)


def collect(
    directory: Path,
    projects: Iterable[str],
    contexts: Iterable[str],
    *,
    begun: Callable[[int], None] = lambda _: None,
    done: Callable[[Done], None] = lambda _: None,
) -> tuple[Done, ...]:
    """Collect projects, those of their peers, and clusters. `begun` hears of so many more commands.

    However it ends, no program is left running. Raises NotInstalledError, OSError where the directory cannot be
    written, and msgspec.DecodeError where its `collected.json` is none.
    """
    answers = _Answers(projects=set(projects))
    waiting = [one for project in sorted(answers.projects) for one in of_project(project)]
    waiting += [one for context in contexts for one in of_context(context)]
    finished: list[Done] = []
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    record = Record(directory)
    programs = Programs(SECONDS)
    pool = ThreadPoolExecutor(AT_ONCE)
    running: dict[Future[tuple[Any, str]], Command] = {}

    def start(commands: Iterable[Command]) -> None:
        fresh = list(commands)
        if fresh:
            begun(len(fresh))
            record.begun(fresh)
            running.update({pool.submit(_ask, programs, one.argv): one for one in fresh})

    try:
        start(waiting)
        while running:
            ready, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ready:
                command, (answer, reason) = running.pop(future), future.result()
                finished.append(_finish(directory, command, answer, reason))
                record.done(command, finished[-1].reason)
                done(finished[-1])
                start(_more(command, answer, answers))
            if not running:
                start(_of_networks(answers))
    finally:
        programs.end()
        pool.shutdown(cancel_futures=True)
        record.write()
    return tuple(finished)


def _more(command: Command, answer: Any, answers: _Answers) -> Iterator[Command]:
    """What follows at once. Networks wait until all subnetworks are known."""
    if command.kind is Network:
        answers.networks.append((command, answer))
        yield from _of_new_projects(peers(answer), answers)
        return
    if command.kind is ServiceProjects:
        yield from _of_new_projects(service_projects(answer), answers)
        return
    if command.kind is Subnetwork:
        for network, regions in regions_of(answer).items():
            answers.regions.setdefault(network, set()).update(regions)
    yield from following(command, answer, answers.regions)


def _of_new_projects(projects: Iterable[str], answers: _Answers) -> Iterator[Command]:
    for project in dict.fromkeys(projects):
        if project not in answers.projects:
            answers.projects.add(project)
            yield from of_project(project)


def _of_networks(answers: _Answers) -> Iterator[Command]:
    networks, answers.networks = answers.networks, []
    for command, answer in networks:
        yield from following(command, answer, answers.regions)


def _ask(programs: Programs, argv: tuple[str, ...]) -> tuple[Any, str]:
    """What a command prints, or why it did not."""
    output, reason = programs.ask(argv)
    if reason:
        return None, reason
    try:
        return json.loads(output), ""
    except (ValueError, RecursionError):
        return None, "what it printed is no JSON"


def _finish(directory: Path, command: Command, answer: Any, reason: str) -> Done:
    file = directory / command.file
    if reason and command.kind is EgressNatPolicy and _NO_SUCH_TYPE in reason:
        answer, reason = {"items": []}, ""  # a cluster that does not know the kind has none
    if reason:
        file.unlink(missing_ok=True)  # what an earlier run read there holds no longer
    else:
        write(file, json.dumps(prune(answer, command.kind), indent=1).encode() + b"\n")
    return Done(command, reason)
