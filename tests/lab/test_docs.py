"""docs/lab.md says what really happens: what its session types is typed, and what is printed is compared."""

import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lab.conftest import WayhomeCommand

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"^## Kept up.*?(?=^## )", re.MULTILINE | re.DOTALL)


def session() -> Iterator[tuple[str, str]]:
    """Each `$ wayhome …` with the output below it."""
    (section,) = SECTION.findall((ROOT / "docs/lab.md").read_text())
    shown = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))
    yield from re.findall(r"^\$ wayhome (.*)\n((?:(?!\$ ).*\n?)*)", shown, re.MULTILINE)


def without_measurements(text: str) -> list[str]:
    """What does not differ from run to run and from machine to machine."""
    for changing, instead in (
        (r"after [\d.]+ s", "after TIME"),
        (r"after \d+ milliseconds", "after TIME"),
        (r"process \d+", "process N"),
        (r"its log: \S+", "its log: FILE"),
        (r"172\.16\.2\.2:\d+", "172.16.2.2:PORT"),
        (r'"source_port": \d+', "PORT"),
        (r"\((once|\d+ times), \d+ s ago\)", "(TIMES)"),
        (r"^ +\S*wayhome lab", "wayhome lab"),
    ):
        text = re.sub(changing, instead, text, flags=re.MULTILINE)
    return text.split()


def test_the_session_of_the_documentation(wayhome_command: WayhomeCommand) -> None:
    typed = list(session())
    assert [shlex.split(command)[1] for command, _ in typed] == [
        "up", "exec", "status", "configmap", "exec",
    ]  # fmt: skip
    try:
        for command, output in typed:
            arguments = [
                str(ROOT / word) if word.startswith("examples/") else word
                for word in shlex.split(command)
            ]
            until, said = time.monotonic() + 15, ""
            # What is seen of a death, and what an agent does, comes a moment after its cause.
            while without_measurements(said) != without_measurements(output):
                assert time.monotonic() < until, said
                done = wayhome_command(*arguments)
                said = (done.stdout + curl_says(done.stderr)).replace(f"{ROOT}/", "")
    finally:
        wayhome_command("lab", "down")


def curl_says(text: str) -> str:
    """Without the table of its progress."""
    return "".join(re.findall(r"curl: .*\n", text))
