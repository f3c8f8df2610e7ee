import errno
import os
from pathlib import Path

import pytest

from wayhome.agent.memory import Memory

DATA = b"nonMasqueradeCIDRs: []\n"


def test_what_is_remembered_is_recalled_by_the_next_process(tmp_path: Path) -> None:
    assert Memory(tmp_path / "state").recall() == (None, "")
    assert Memory(tmp_path / "state").remember(DATA) == ""
    assert Memory(tmp_path / "state").recall() == (DATA, "")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_what_is_forgotten_is_gone(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.remember(DATA)
    memory.remember(None)
    memory.remember(None)
    assert Memory(tmp_path).recall() == (None, "")


def test_no_folder_remembers_nothing() -> None:
    memory = Memory(None)
    assert memory.remember(DATA) == ""
    assert memory.recall() == (None, "")


@pytest.mark.parametrize("damage", [b"", b"wayhome 1 7\nnonsense", DATA, b"\0" * 100])
def test_a_damaged_memory_is_ignored_and_said(tmp_path: Path, damage: bytes) -> None:
    Memory(tmp_path).remember(DATA)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage)
    data, problem = Memory(tmp_path).recall()
    assert data is None
    assert "is damaged and ignored" in problem


def test_every_prefix_of_the_file_is_known_to_be_damaged(tmp_path: Path) -> None:
    Memory(tmp_path).remember(DATA)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        assert Memory(tmp_path).recall()[0] is None


def test_a_full_disk_leaves_the_one_before_and_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(tmp_path)
    memory.remember(DATA)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert memory.remember(b"other") == (
        f"{tmp_path}: No space left on device; after a restart without a readable configuration, "
        "the configuration before it would apply"
    )
    assert memory.remember(b"other") == ""
    monkeypatch.undo()
    assert Memory(tmp_path).recall() == (DATA, "")
    assert len(list(tmp_path.iterdir())) == 1, "the temporary file is removed"
    assert memory.remember(b"other") == ""
    assert Memory(tmp_path).recall() == (b"other", "")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "Not a directory" in Memory(tmp_path / "file/below").remember(DATA)
