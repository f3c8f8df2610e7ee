"""The case's scripts for Google Cloud: they are what the repairs say, a shell takes them, and they name the user's projects."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.diagnosis.variants import asked, the_case

CLOUD = Path(__file__).parents[2] / "examples" / "the-case" / "cloud"
SCRIPTS = sorted(CLOUD.glob("*.sh"))


def test_they_are_as_generated(tmp_path: Path) -> None:
    subprocess.run([sys.executable, CLOUD / "generate.py", tmp_path], check=True)
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert {path.name: path.read_text() for path in SCRIPTS} == made


def test_each_repair_that_works_has_one() -> None:
    kinds = {one.proposal.kind for one in asked(the_case()).repairs if one.works}
    assert kinds == {path.stem.removeprefix("repair-") for path in CLOUD.glob("repair-*.sh")}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    result = subprocess.run([shellcheck, script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
@pytest.mark.parametrize("what", ["make", "undo"])
def test_they_name_the_users_projects_and_no_others(
    tmp_path: Path, script: Path, what: str
) -> None:
    if what == "undo" and not script.name.startswith("repair-"):
        pytest.skip("nothing to undo")
    for name in ("gcloud", "kubectl"):
        stub = tmp_path / name
        stub.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{tmp_path}/said\necho 192.0.2.7\n')
        stub.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SOURCE_PROJECT": "mine-1",
        "DESTINATION_PROJECT": "mine-2",
    }
    arguments = [what] if script.name.startswith("repair-") else []
    subprocess.run(["bash", script, *arguments], env=environment, check=True, capture_output=True)
    said = (tmp_path / "said").read_text()
    assert "mine-1" in said
    assert "source-project" not in said
    assert "destination-project" not in said


def test_without_projects_nothing_is_done(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    result = subprocess.run(
        ["bash", CLOUD / "create.sh"], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert "SOURCE_PROJECT" in result.stderr
