"""docs/cluster.md says what really happens: its commands are run in their order, and what they print is compared."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.kube.server_process import ENVIRONMENT, ROOT
from tests.operator.agents import Agents
from tests.operator.world import World

DOCUMENT = ROOT / "docs" / "cluster.md"
NODES = ("gke-node-01", "gke-node-02", "gke-node-03")


def sessions() -> list[tuple[str, str]]:
    """Every `$ command` with the output below it."""
    blocks = re.findall(r"^```\n(\$ .*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    return [
        (command, output.rstrip("\n"))
        for block in blocks
        for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n?)*)", block, re.MULTILINE)
    ]


def run(command: str, world: World) -> str:
    program, *arguments = shlex.split(command)
    if program == "wayhome":
        program, arguments = sys.executable, ["-m", "wayhome", *arguments]
    done = subprocess.run(
        [program, *arguments],
        cwd=world.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=ENVIRONMENT
        | {"KUBECONFIG": str(world.server.kubeconfig), "COLUMNS": "100", "HOME": str(world.folder)},
    )
    return done.stdout.rstrip("\n")


def without_counters(text: str) -> list[str]:
    """Versions and times differ from run to run, and the padding with them."""
    text = re.sub(r"version \d+", "version N", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\S+Z", "TIME", text)
    text = re.sub(r"(gke-node-\d\d +\S+) +\d+ s", r"\1 AGE", text)
    return re.sub(r"(gke-node-\d\d) +\d+ AGE", r"\1 N AGE", text).split()


def test_the_commands_of_the_document_print_what_it_says(world: World) -> None:
    world.wayhome()
    agents = Agents(world, *NODES)
    (world.folder / "masq.yaml").write_text("nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n")
    (world.folder / "stricter").write_text("nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n")
    assert len(sessions()) >= 10
    for command, output in sessions():
        if command.startswith("cat "):
            (world.folder / command.split()[1]).write_text(output + "\n")
        assert without_counters(run(command, world)) == without_counters(output), command
    agents.stop()


def fill(world: World) -> None:
    """Write what the commands print into the document: `python -m tests.operator.test_docs`."""
    done, left = "", DOCUMENT.read_text()
    for command, output in sessions():
        if command.startswith("cat "):
            (world.folder / command.split()[1]).write_text(output + "\n")
            continue
        before, prompt, after = left.partition(f"$ {command}\n")
        printed = run(command, world)
        done += before + prompt + (f"{printed}\n" if printed else "")
        left = after.removeprefix(f"{output}\n") if output else after
    DOCUMENT.write_text(done + left)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        made = World(Path(folder))
        made.wayhome()
        beside = Agents(made, *NODES)
        for name in ("masq.yaml", "stricter"):
            (made.folder / name).write_text("nonMasqueradeCIDRs:\n  - 172.16.0.0/16\n")
        fill(made)
        beside.stop()
        made.stop()
