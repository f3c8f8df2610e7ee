"""Runs the commands, writes what they print without its secrets, and remembers what could not be read.

A command that fails is no error of the collection: what it would have said is recorded as not readable, with the
program's own words, so that no verdict takes its silence for an answer. Files are complete or not there.
"""

import json
import os
import subprocess
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
from wayhome.clouds.collect.prune import prune
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.project import ServiceProjects
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.kubernetes.resources.egress_nat_policy import EgressNatPolicy
from wayhome.clouds.read.collected import FILE_NAME

AT_ONCE = 4
"""Commands that run side by side: gcloud takes a second to start, and the cloud's quotas are shared."""
SECONDS = 300.0
LONGEST_REASON = 500
_NO_SUCH_TYPE = "the server doesn't have a resource type"


class NotInstalledError(Exception):
    """A program is missing; the message names it."""


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

    Raises NotInstalledError, and OSError where the directory cannot be written.
    """
    answers = _Answers(projects=set(projects))
    waiting = [one for project in sorted(answers.projects) for one in of_project(project)]
    waiting += [one for context in contexts for one in of_context(context)]
    finished: list[Done] = []
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running: dict[Future[tuple[Any, str]], Command] = {}

        def start(commands: Iterable[Command]) -> None:
            fresh = list(commands)
            begun(len(fresh))
            running.update({pool.submit(_ask, command.argv): command for command in fresh})

        start(waiting)
        while running:
            ready, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ready:
                command = running.pop(future)
                finished.append(_finish(directory, command, *future.result()))
                done(finished[-1])
                start(_more(command, future.result()[0], answers))
            if not running:
                start(_of_networks(answers))
    _write(directory / FILE_NAME, _document(finished))
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


def _ask(argv: tuple[str, ...]) -> tuple[Any, str]:
    """What a command prints, or why it did not."""
    try:
        ran = subprocess.run(
            argv, capture_output=True, check=False, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError as error:
        raise NotInstalledError(f"{argv[0]} is not installed, or not on the PATH") from error
    except subprocess.TimeoutExpired:
        return None, f"no answer within {SECONDS:g} s"
    if ran.returncode:
        said = " ".join(ran.stderr.decode(errors="replace").split())
        return None, said[:LONGEST_REASON] or f"ended with exit status {ran.returncode}"
    try:
        return json.loads(ran.stdout), ""
    except (ValueError, RecursionError):
        return None, "what it printed is no JSON"


def _finish(directory: Path, command: Command, answer: Any, reason: str) -> Done:
    if reason and command.kind is EgressNatPolicy and _NO_SUCH_TYPE in reason:
        answer, reason = {"items": []}, ""  # a cluster that does not know the kind has none
    if not reason:
        _write(directory / command.file, prune(answer, command.kind))
    return Done(command, reason)


def _document(finished: Iterable[Done]) -> dict[str, Any]:
    return {"schema": 1, "collected": [_entry(one) for one in finished]}


def _entry(done: Done) -> dict[str, str]:
    command = done.command
    entry = {
        "resource": command.kind.KIND,
        "scope": command.scope,
        "state": "not-readable" if done.reason else "exported",
        "command": " ".join(command.argv),
    }
    return entry | ({"reason": done.reason} if done.reason else {"file": command.file})


def _write(path: Path, document: Any) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    new.rename(path)
