"""The command with damaged exports: never an exception, never a target that is reached because something was not read."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.diagnosis.damage import cut, flipped, lacking, mistyped

from wayhome.cli.main import wayhome

CASE = Path(__file__).parents[2] / "examples/the-case/exports"
FILES = sorted(path.relative_to(CASE) for path in CASE.rglob("*.json"))
UNSAFE = {chr(code) for code in range(32)} - {"\n"}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("damage", [flipped, cut, lacking, mistyped])
def test_damage(damage: Callable[[Path, random.Random], str], seed: int, tmp_path: Path) -> None:
    chance = random.Random(f"{damage.__name__} {seed}")
    exports = tmp_path / "exports"
    shutil.copytree(CASE, exports)
    file = exports / chance.choice(FILES)
    what = damage(file, chance)
    done = CliRunner().invoke(wayhome, ["why", "my-pod", "10.2.0.1:80", "--from", str(exports)])
    said = f"{file.relative_to(exports)}: {what}\n{done.stdout}{done.stderr}"
    assert done.exception is None or isinstance(done.exception, SystemExit), said
    assert done.exit_code in ((1, 2, 3) if damage is not flipped else (0, 1, 2, 3)), said
    assert not UNSAFE & set(done.stdout + done.stderr), said
    if damage is cut:
        assert done.stderr, said


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_file_of_zeroes(file: Path, tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    shutil.copytree(CASE, exports)
    (exports / file).write_bytes(bytes(1000))
    done = CliRunner().invoke(
        wayhome, ["why", "my-pod", "10.2.0.1:80", "--from", str(exports), "--json"]
    )
    assert done.exit_code in {1, 2, 3}
    assert done.stderr
    assert done.exit_code == 2 or json.loads(done.stdout)["verdict"] != "REACHABLE"
