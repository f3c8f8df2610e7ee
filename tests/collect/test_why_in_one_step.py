"""`wayhome why` without exports: it collects from the current contexts, after asking, and answers in one step."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.collect.tools import install


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "bin"
    folder.mkdir()
    return install(folder) | {"TMPDIR": str(tmp_path), "TOOLS_LOG": str(tmp_path / "log")}


def why(tools: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wayhome", "why", "my-pod", "10.2.0.1:80", *options]
    return subprocess.run(
        command,
        env=tools,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def test_it_answers_and_leaves_nothing(tools: dict[str, str], tmp_path: Path) -> None:
    done = why(tools, "--yes")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("UNREACHABLE (no-return-route): my-pod")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "log"]


def test_without_a_terminal_nothing_is_read_unasked(tools: dict[str, str], tmp_path: Path) -> None:
    done = why(tools)
    assert done.returncode == 2
    assert "write --yes or --from DIRECTORY" in done.stderr
    asked = (tmp_path / "log").read_text().splitlines()
    assert asked == ["kubectl config current-context", "gcloud config get-value project"]


def test_missing_tools_are_named(tmp_path: Path) -> None:
    done = why({"PATH": str(tmp_path)}, "--yes")
    assert done.returncode == 2
    assert "kubectl is not installed" in done.stderr
    assert "--from DIRECTORY" in done.stderr
