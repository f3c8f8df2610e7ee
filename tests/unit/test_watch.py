"""inotify, for real: each way in which people and the kubelet replace a file."""

import io
import select
from pathlib import Path

import pytest

from wayhome.agent import watch as watch_module
from wayhome.agent.inotify import FolderWatch
from wayhome.agent.logs import Log
from wayhome.agent.watch import SourceWatch


def noticed(watch: FolderWatch) -> bool:
    return bool(select.select([watch], [], [], 0.5)[0]) and watch.drain()[0]


def watched(watch: SourceWatch) -> bool:
    return watch.current is not None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config").write_text("old")
    return tmp_path


def test_a_rename_over_the_file(folder: Path) -> None:
    (folder / ".new").write_text("new")
    watch = FolderWatch(folder)
    (folder / ".new").rename(folder / "config")
    assert noticed(watch)


def test_a_write_in_place_counts_when_it_is_closed(folder: Path) -> None:
    watch = FolderWatch(folder)
    with (folder / "config").open("w") as file:
        file.write("half")
        file.flush()
        assert watch.drain() == (False, True)
    assert noticed(watch)


def test_a_new_file_counts_when_it_is_closed(folder: Path) -> None:
    watch = FolderWatch(folder)
    with (folder / "other").open("w"):
        assert watch.drain() == (False, True)
    assert noticed(watch)


def test_the_swap_of_a_volume(folder: Path) -> None:
    (folder / "..data").symlink_to("..1")
    watch = FolderWatch(folder)
    (folder / "..data_tmp").symlink_to("..2")
    (folder / "..data_tmp").rename(folder / "..data")
    assert noticed(watch)


def test_links_count_at_once(folder: Path) -> None:
    watch = FolderWatch(folder)
    (folder / "symlink").symlink_to("config")
    assert noticed(watch)
    (folder / "hardlink").hardlink_to(folder / "config")
    assert noticed(watch)


def test_a_removal(folder: Path) -> None:
    watch = FolderWatch(folder)
    (folder / "config").unlink()
    assert noticed(watch)


def test_a_folder_that_goes_away_ends_the_watch(folder: Path) -> None:
    watch = FolderWatch(folder)
    (folder / "config").unlink()
    folder.rmdir()
    select.select([watch], [], [], 0.5)
    assert watch.drain() == (True, False)


def test_a_folder_that_comes_back_is_watched_again(folder: Path) -> None:
    stream = io.StringIO()
    watch = SourceWatch(folder, Log(stream=stream))
    assert watch.renew()
    assert not watch.renew()
    folder.rename(folder.parent / "elsewhere")
    assert watch.drain()
    assert not watched(watch)
    assert "is read every 1 s" in stream.getvalue()
    folder.mkdir()
    assert watch.renew()
    assert watched(watch)
    assert "is watched again" in stream.getvalue()


def test_a_symlink_to_another_folder_is_followed(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    link = tmp_path / "link"
    link.symlink_to("one")
    watch = SourceWatch(link, Log(stream=io.StringIO()))
    assert watch.renew()
    link.unlink()
    link.symlink_to("other")
    assert watch.renew(), "a look is due: what is there now was never seen"
    assert not watch.renew()
    assert watch.current is not None
    (tmp_path / "other" / "config").write_text("")
    assert noticed(watch.current)


@pytest.mark.parametrize(
    ("number", "limit"), [(24, "max_user_instances"), (28, "max_user_watches")]
)
def test_a_refused_watch_is_said_once_with_the_limit(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, limit: str
) -> None:
    def refuse(path: Path) -> FolderWatch:
        raise OSError(number, "refused")

    monkeypatch.setattr(watch_module, "FolderWatch", refuse)
    stream = io.StringIO()
    watch = SourceWatch(folder, Log(stream=stream))
    assert not watch.renew()
    assert not watch.renew()
    assert stream.getvalue().count("is read every 1 s") == 1
    assert limit in stream.getvalue()
