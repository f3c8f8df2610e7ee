"""An agent's word on a candidate comes out of a container: whatever it is, it is an answer or a sentence."""

import shlex
from pathlib import Path

import pytest
from tests.operator.world import CONFIG, World

HOSTILE = [
    '{"valid": false, "findings": []}',
    '{"valid": false}',
    '{"valid": true, "connections": {"total": 1e999, "changed": 1, "complete": true, "examples": []}}',
    '{"valid": true, "connections": []}',
    "[" * 100_000,
    "null",
    "\\303",
]


@pytest.mark.parametrize("printed", HOSTILE)
def test_what_is_no_answer_is_said(world: World, tmp_path: Path, printed: str) -> None:
    world.wayhome()
    world.node("a")
    world.holds("a", None, "")
    world.agents_pod("wayhome-agent-a", "a", f"printf '%b' {shlex.quote(printed)}\nexit 7")
    (tmp_path / "new").write_text(CONFIG)
    done = world.run("apply", "new", "--dry-run")
    assert "Traceback" not in done.stderr
    assert "could not be asked for their connections (a): its agent ended with 7" in done.stdout
    assert done.returncode == 0
