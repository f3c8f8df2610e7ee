"""`wayhome collect --node`: a node's own state, by the real commands, as the reader knows it again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wayhome.clouds.node.outputs import objects
from wayhome.clouds.node.settings import settings_of
from wayhome.clouds.node_state import NodeOutput
from wayhome.clouds.read import read_estate

pytestmark = pytest.mark.kernel


def collect(
    directory: Path, name: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wayhome", "collect", str(directory), "--node", name, "--run"],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def programs(folder: Path, **texts: str) -> dict[str, str]:
    """An environment in which these programs are found before the system's."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}:/usr/sbin:/sbin"
    return {**os.environ, "PATH": path}


def test_what_the_commands_print_is_read_again(tmp_path: Path) -> None:
    done = collect(tmp_path, "node-1", programs(tmp_path / "bin"))
    assert "Traceback" not in done.stderr
    (state,) = read_estate(tmp_path).node_states.values()
    assert state.name.endswith("/k8s/nodes/node-1")
    wanted = {NodeOutput.NFT, NodeOutput.RULES, NodeOutput.ROUTES, NodeOutput.SYSCTL}
    assert wanted <= state.outputs.keys()
    settings = settings_of(state)
    assert settings is not None
    assert settings["net.ipv4.ip_forward"] in {"0", "1"}
    assert objects(state, NodeOutput.RULES)
    for file in (tmp_path / "nodes" / "node-1").iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


def test_what_is_refused_is_said_and_what_was_read_there_earlier_is_gone(tmp_path: Path) -> None:
    collect(tmp_path, "node-1", programs(tmp_path / "bin"))
    assert (tmp_path / "nodes" / "node-1" / "nft.json").exists()
    refusing = programs(tmp_path / "bin", nft="echo 'Operation not permitted' >&2; exit 1")
    done = collect(tmp_path, "node-1", refusing)
    assert done.returncode == 1
    assert "not readable: nft -j list ruleset: Operation not permitted" in done.stderr
    assert not (tmp_path / "nodes" / "node-1" / "nft.json").exists()
    assert (tmp_path / "nodes" / "node-1" / "ip-rule.json").exists()


@pytest.mark.parametrize("name", ["../x", ".x", "a/b"])
def test_no_path_is_a_nodes_name(tmp_path: Path, name: str) -> None:
    done = collect(tmp_path / "d", name, dict(os.environ))
    assert done.returncode == 2
    assert "is no node's name" in done.stderr
    assert not (tmp_path / "d").exists()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "nodes").write_text("a file")
    done = collect(tmp_path, "node-1", programs(tmp_path / "bin"))
    assert done.returncode == 4
    assert "cannot be written: Not a directory" in done.stderr
    assert "Traceback" not in done.stderr
