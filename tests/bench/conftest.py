from pathlib import Path

import pytest

from bench import node_commands


@pytest.fixture(autouse=True)
def own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """iptables-legacy waits for nobody outside the test."""
    monkeypatch.setenv(node_commands.LOCK_FILE, str(tmp_path / "xtables.lock"))
