"""gcloud's commands, word by word: names in exports are hostile, and a command is pasted into a shell."""

import shlex

from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.network import Evidence

Option = str | int | bool | tuple[str, ...] | None


def gcloud(*words: str, **options: Option) -> str:
    """A command: `gcloud("instances", "start", name, zone="z")`, of `gcloud compute`.

    An option that is True is a flag, one that is None or False is left out, and several values become a list.
    """
    return _command("compute", words, options)


def container(*words: str, **options: Option) -> str:
    """The same, of `gcloud container`."""
    return _command("container", words, options)


def _command(group: str, words: tuple[str, ...], options: dict[str, Option]) -> str:
    return " ".join(["gcloud", group, *map(shlex.quote, (*words, *_options(options)))])


def _options(options: dict[str, Option]) -> list[str]:
    written = []
    for name, value in options.items():
        option = f"--{name.rstrip('_').replace('_', '-')}"
        if value is True:
            written.append(option)
        elif value is not None and value is not False:
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            written.append(f"{option}={text}")
    return written


def place(name: str) -> dict[str, Option]:
    """The options that say where an object is, by its full name: its project, and its zone or region."""
    parts = name.split("/")
    found: dict[str, Option] = {"project": parts[1]} if len(parts) > 1 else {}
    if len(parts) > 3 and parts[2] in {"zones", "regions"}:
        found[parts[2].removesuffix("s")] = parts[3]
    return found


def short(name: str) -> str:
    """The last part of a full name."""
    return name.rpartition("/")[2]


def with_input(command: str, text: str, then: str = "") -> str:
    """A command that reads a text from /dev/stdin; nothing in it is expanded, and no line of it ends it.

    What it prints is piped to `then`.
    """
    piped = f" | {then}" if then else ""
    end = "EOF"
    while end in text.splitlines():
        end += "F"
    return f"{command} <<'{end}'{piped}\n{text if text.endswith(chr(10)) else text + chr(10)}{end}"


def made(name: str, value: Resource) -> Located[Resource]:
    """An object that a repair makes: it is in no export."""
    return Located(value, Evidence(name, ""))
