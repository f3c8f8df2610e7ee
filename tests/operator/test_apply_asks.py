"""`wayhome cluster apply` on a terminal, and without one."""

import json
import os
import select
import signal
import subprocess
from collections.abc import Callable

import pytest
from tests.kube.server_process import ENVIRONMENT
from tests.operator.agents import Agents
from tests.operator.changing import (
    NEW,
    content,
)
from tests.operator.world import World


def test_without_a_terminal_it_asks_for_yes(world: World, file: str) -> None:
    done = world.run("apply", file)
    assert done.returncode == 2
    assert "--yes" in done.stderr


@pytest.mark.parametrize(
    ("typed", "ending"), [(b"n\n", 1), (b"\x04", 1), (b"\x03", -signal.SIGINT)]
)
def test_on_a_terminal_it_asks_and_anything_but_yes_writes_nothing(
    world: World, started: Callable[..., Agents], file: str, typed: bytes, ending: int
) -> None:
    started()
    answered, output = on_a_terminal(world, typed, "apply", file)
    assert "write it? [y/N]: " in output
    assert answered == ending
    assert content(world) is None


def test_on_a_terminal_yes_is_yes(world: World, started: Callable[..., Agents], file: str) -> None:
    started()
    answered, output = on_a_terminal(world, b"y\n", "apply", file)
    assert answered == 0, output
    assert "applied" in output
    assert content(world) == ({"config": NEW}, {"wayhome/nodes": "3"})


def test_the_question_is_no_part_of_the_document(
    world: World, started: Callable[..., Agents], file: str
) -> None:
    started()
    terminal, other_end = os.openpty()
    with open(terminal, "r+b", buffering=0) as screen, open(other_end, "rb") as typed:
        screen.write(b"n\n")
        done = subprocess.run(
            world.command("apply", file, "--json"),
            stdin=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=ENVIRONMENT,
        )
    assert json.loads(done.stdout)["result"] == "declined"
    assert "write it? [y/N]: " in done.stderr


def on_a_terminal(world: World, typed: bytes, *arguments: str) -> tuple[int, str]:
    """Run it on one, and type once it asks. Returns how it ended and what it printed."""
    terminal, other_end = os.openpty()
    running = subprocess.Popen(
        ["setsid", "--ctty", *world.command(*arguments)],
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        cwd=world.folder,
        env=ENVIRONMENT | {"TERM": "xterm"},
    )
    os.close(other_end)
    output = b""
    with open(terminal, "r+b", buffering=0) as screen:
        while True:
            if select.select([screen], [], [], 1.0)[0]:
                try:
                    output += screen.read(4096)
                except OSError:  # it has ended
                    break
            elif output.endswith(b"[y/N]: "):  # a Ctrl-C just before it waits does not end that
                screen.write(typed)
    return running.wait(30), output.decode()
