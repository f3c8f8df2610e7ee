"""A Dockerfile as far as ours goes: stages of ARG, RUN, WORKDIR, COPY and ENTRYPOINT. Anything else is an error.

Source: Dockerfile reference. An ARG before the first FROM is for FROM alone; one in a stage is in the environment of
its RUN, with its default.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Run:
    """A command of the shell, in a folder."""

    command: str
    folder: str


@dataclass(frozen=True, slots=True)
class Copy:
    """`stage` is empty for the build's context. `target` is absolute; it is a folder where it ends with a slash."""

    sources: tuple[str, ...]
    target: str
    stage: str = ""


@dataclass(slots=True)
class Stage:
    """What is done, in order, on top of another stage or of the base."""

    name: str
    base: str
    steps: list[Run | Copy] = field(default_factory=list)
    arguments: dict[str, str] = field(default_factory=dict)
    entry_point: list[str] = field(default_factory=list)


def parse(path: Path) -> dict[str, Stage]:
    """The stages by their names; the last one is the image."""
    stages: dict[str, Stage] = {}
    outer: dict[str, str] = {}
    stage, folder = None, "/"
    for word, rest in _instructions(path.read_text()):
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            folder = "/"
            stage = stages[name] = Stage(name, re.sub(r"\$\{(\w+)\}", lambda m: outer[m[1]], base))
        elif word == "ARG":
            name, _, default = rest.partition("=")
            (stage.arguments if stage else outer)[name] = default
        elif stage is None:
            raise ValueError(f"{word} before FROM")
        elif word == "WORKDIR":
            folder = rest
        elif word == "RUN":
            stage.steps.append(Run(rest, folder))
        elif word == "COPY":
            stage.steps.append(_copy(rest, folder))
        elif word == "ENTRYPOINT":
            stage.entry_point = json.loads(rest)
        else:
            raise ValueError(f"{word} is not known here")
    return stages


def _copy(rest: str, folder: str) -> Copy:
    *sources, target = rest.split()
    stage = ""
    if sources[0].startswith("--from="):
        stage = sources.pop(0).removeprefix("--from=")
    absolute = target if target.startswith("/") else f"{folder}/{target}"
    return Copy(tuple(sources), absolute, stage)


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    for line in filter(str.strip, joined.splitlines()):
        word, _, rest = line.partition(" ")
        yield word, rest.strip()
