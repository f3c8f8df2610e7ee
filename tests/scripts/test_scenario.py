"""scripts/scenario: the exports of a case, and what can be asked of them."""

import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from wayhome.cli.main import wayhome

ROOT = Path(__file__).parents[2]


def scenario(*arguments: str, here: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    command = [str(ROOT / "scripts/scenario"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=here)


def test_what_it_prints_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = scenario("policy-ingress", "here and there", here=tmp_path)
    assert done.returncode == 0, done.stderr
    about, why, lab = done.stdout.splitlines()
    assert about == "A NetworkPolicy of the destination lets nobody in."
    assert lab.startswith("wayhome lab run my-pod other-pod:80 --from ")
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(wayhome, shlex.split(why)[1:])
    assert answer.stdout.startswith("UNREACHABLE (network-policy)")


def test_it_lists_the_cases() -> None:
    assert "docker-overlap: The node has a bridge" in scenario().stdout


def test_what_it_cannot_do_it_says(tmp_path: Path) -> None:
    for arguments, said in (
        (("nothing", str(tmp_path / "new")), "there is no case 'nothing'"),
        (("the-case", str(tmp_path)), "is there already"),
        (("the-case",), "usage: scripts/scenario"),
    ):
        done = scenario(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
