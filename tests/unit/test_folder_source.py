"""The files of Azure's volume, also while it changes."""

from pathlib import Path

import pytest

from wayhome.agent import folder_source
from wayhome.agent.folder_source import FolderSource
from wayhome.agent.reading import Missing, Present, Unreadable
from wayhome.agent.source import read_file
from wayhome.policy.united import pack


def test_every_file_of_the_prefix_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "ip-masq-b").write_bytes(b"b")
    (tmp_path / "ip-masq-agent").write_bytes(b"a")
    (tmp_path / "other").write_bytes(b"o")
    found = FolderSource(tmp_path).read()
    assert found == Present(pack({"ip-masq-agent": b"a", "ip-masq-b": b"b"}))


def test_no_file_no_folder_and_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert isinstance(FolderSource(tmp_path).read(), Missing)
    assert isinstance(FolderSource(tmp_path / "gone").read(), Unreadable)
    (tmp_path / "ip-masq-agent").write_bytes(b"a")
    (tmp_path / "ip-masq-folder").mkdir()
    assert isinstance(FolderSource(tmp_path).read(), Unreadable)


def volume(folder: Path, version: str) -> None:
    (folder / version).mkdir()
    for name in ("ip-masq-a", "ip-masq-b"):
        (folder / version / name).write_text(version)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    (folder / "..data_tmp").symlink_to(version)
    (folder / "..data_tmp").rename(folder / "..data")


def test_a_swap_between_two_files_never_shows_half_of_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume(tmp_path, "..1")
    swaps = iter(["..2", "..3"])
    read = read_file

    def read_and_swap(path: Path) -> Present | Unreadable | None:
        found = read(path)
        if path.name == "ip-masq-a" and (version := next(swaps, "")):
            volume(tmp_path, version)
        return found

    monkeypatch.setattr(folder_source, "read_file", read_and_swap)
    assert FolderSource(tmp_path).read() == Present(
        pack(dict.fromkeys(("ip-masq-a", "ip-masq-b"), b"..3"))
    )


def test_a_volume_that_never_stands_still_is_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume(tmp_path, "..0")
    versions = iter(range(1, 1000))
    read = read_file

    def read_and_swap(path: Path) -> Present | Unreadable | None:
        volume(tmp_path, f"..{next(versions)}")
        return read(path)

    monkeypatch.setattr(folder_source, "read_file", read_and_swap)
    assert isinstance(FolderSource(tmp_path).read(), Unreadable)
