import os
from pathlib import Path

import pytest

from wayhome.agent.reading import Missing, Present, Unreadable
from wayhome.agent.source import FileSource
from wayhome.policy.configuration import LARGEST


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ip-masq-agent"


def test_a_file_is_read(path: Path) -> None:
    path.write_bytes(b"x: y\n")
    assert FileSource(path).read() == Present(b"x: y\n")


def test_more_than_is_allowed_is_not_read(path: Path) -> None:
    path.write_bytes(b"x" * 10 * 1024 * 1024)
    reading = FileSource(path).read()
    assert isinstance(reading, Present)
    assert len(reading.data) == LARGEST + 1


def test_an_empty_folder_says_where_the_file_goes(path: Path) -> None:
    assert FileSource(path).read() == Missing(
        f"{path.parent} is empty; a configuration goes to {path}"
    )


def test_a_configmap_volume_without_the_key_names_the_cure(path: Path) -> None:
    (path.parent / "..2026").mkdir()
    (path.parent / "..data").symlink_to("..2026")
    reading = FileSource(path).read()
    assert isinstance(reading, Missing)
    assert "its key is not config" in reading.hint
    assert (
        "kubectl create configmap ip-masq-agent --from-file=config=FILE --namespace kube-system"
        in reading.hint
    )


def test_a_file_of_another_name_is_named(path: Path) -> None:
    (path.parent / "masq.yaml").write_text("")
    (path.parent / "\x1b[2J").write_text("")
    reading = FileSource(path).read()
    assert isinstance(reading, Missing)
    assert "masq.yaml and not ip-masq-agent" in reading.hint
    assert reading.hint.isprintable()


def test_a_folder_that_is_gone_is_no_removal(tmp_path: Path) -> None:
    reading = FileSource(tmp_path / "gone" / "ip-masq-agent").read()
    assert reading == Unreadable(f"there is no folder {tmp_path}/gone: no volume is mounted there")


def test_what_is_no_file_is_unreadable_and_never_blocks(path: Path) -> None:
    os.mkfifo(path)
    assert FileSource(path).read() == Unreadable(f"{path} is not a file")
    path.unlink()
    path.mkdir()
    assert isinstance(FileSource(path).read(), Unreadable)
    path.rmdir()
    path.symlink_to(path)
    assert isinstance(FileSource(path).read(), Unreadable)
    path.unlink()
    path.symlink_to("/dev/zero")
    assert FileSource(path).read() == Unreadable(f"{path} is not a file")
