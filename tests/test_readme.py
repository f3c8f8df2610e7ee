"""The README says what really happens: its commands are run, and what they print is compared."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def sessions() -> list[tuple[str, str]]:
    """Every `$ command` of the README with the output below it."""
    return [
        (command, output.rstrip("\n"))
        for block in BLOCKS
        for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n?)*)", block, re.MULTILINE)
    ]


def run(command: str, folder: Path) -> str:
    program, *arguments = shlex.split(command)
    if program == "wayhome":
        arguments = ["-m", "wayhome", *arguments]
        program = sys.executable
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout.rstrip("\n")


def test_the_commands_of_the_readme_print_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    assert len(sessions()) >= 3
    for command, output in sessions():
        if command.startswith("cat "):
            (tmp_path / command.split()[1]).write_text(output + "\n")
        assert run(command, tmp_path) == output


def without_measurements(text: str) -> list[str]:
    """What does not differ from run to run: times, temporary folders and the padding behind them do."""
    text = re.sub(r"\d+(\.\d+)? ?(ms|s)\b", "TIME", text)
    text = re.sub(r"\(probe number \d+\)", "(probe number N)", text)
    text = re.sub(r"/\S*/src/wayhome/", "src/wayhome/", text)
    text = re.sub(r"\S*/wayhome lab up", "wayhome lab up", text)
    return text.split()


@pytest.mark.kernel
def test_the_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    (shown,) = [block for block in BLOCKS if block.startswith("the-case:")]
    assert without_measurements(run("wayhome lab run the-case", tmp_path)) == without_measurements(
        shown
    )
