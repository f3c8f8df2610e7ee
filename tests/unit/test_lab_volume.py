from pathlib import Path

import pytest

from wayhome.lab.volume import ConfigMapVolume

ITEMS = {"config": "ip-masq-agent"}


@pytest.fixture
def volume(tmp_path: Path) -> ConfigMapVolume:
    return ConfigMapVolume(tmp_path, ITEMS)


def hidden(folder: Path) -> list[str]:
    return sorted(
        p.name
        for p in folder.iterdir()
        if p.name.startswith("..") and p.is_dir() and not p.is_symlink()
    )


def test_a_file_is_a_link_through_data_to_a_timestamped_folder(volume: ConfigMapVolume) -> None:
    assert volume.project({"config": b"one"})
    file = volume.folder / "ip-masq-agent"
    assert file.readlink() == Path("..data/ip-masq-agent")
    (stamped,) = hidden(volume.folder)
    assert (volume.folder / "..data").readlink() == Path(stamped)
    assert stamped.startswith("..20")
    assert file.read_bytes() == b"one"
    assert file.stat().st_mode & 0o777 == 0o644


def test_an_update_swaps_data_and_leaves_the_files_link_alone(volume: ConfigMapVolume) -> None:
    volume.project({"config": b"one"})
    file = volume.folder / "ip-masq-agent"
    link, target = file.lstat().st_ino, (volume.folder / "..data").readlink()
    assert volume.project({"config": b"two"})
    assert file.read_bytes() == b"two"
    assert file.lstat().st_ino == link
    assert (volume.folder / "..data").readlink() != target
    assert len(hidden(volume.folder)) == 1


def test_data_changes_by_one_rename(
    volume: ConfigMapVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every rename the old content is whole before, and the new one after."""
    volume.project({"config": b"one"})
    seen = []
    rename = Path.rename

    def watched(self: Path, target: Path) -> Path:
        seen.append((self.name, target.name, (volume.folder / "ip-masq-agent").read_bytes()))
        done = rename(self, target)
        seen.append((self.name, target.name, (volume.folder / "ip-masq-agent").read_bytes()))
        return done

    monkeypatch.setattr(Path, "rename", watched)
    volume.project({"config": b"two"})
    assert seen == [("..data_tmp", "..data", b"one"), ("..data_tmp", "..data", b"two")]


def test_a_new_files_link_comes_after_its_content(
    volume: ConfigMapVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As kubelet: whoever sees the name can read it, and a removed file's name goes after its content."""
    steps: list[tuple[str, bool]] = []

    def watched(name: str) -> None:
        real = getattr(Path, name)

        def step(self: Path, *arguments: object) -> object:
            done = real(self, *arguments)
            if self.parent == volume.folder:
                steps.append((f"{name} {self.name}", (volume.folder / "ip-masq-agent").exists()))
            return done

        monkeypatch.setattr(Path, name, step)

    for name in ("symlink_to", "rename", "unlink"):
        watched(name)
    volume.project({"config": b"one"})
    assert steps == [
        ("symlink_to ..data_tmp", False),
        ("rename ..data_tmp", False),
        ("symlink_to ip-masq-agent", True),
    ]
    steps.clear()
    volume.project({})
    assert steps == [
        ("symlink_to ..data_tmp", True),
        ("rename ..data_tmp", False),
        ("unlink ip-masq-agent", False),
    ]


def test_without_items_every_key_is_a_file(tmp_path: Path) -> None:
    volume = ConfigMapVolume(tmp_path, None)
    assert volume.project({"masq.yaml": b"one", "config": b"two"})
    assert (tmp_path / "masq.yaml").read_bytes() == b"one"
    assert (tmp_path / "config").read_bytes() == b"two"


def test_the_same_data_is_not_written_again(volume: ConfigMapVolume) -> None:
    volume.project({"config": b"one"})
    before = (volume.folder / "..data").readlink(), volume.folder.stat().st_mtime_ns
    assert not volume.project({"config": b"one", "other": b"not listed"})
    assert before == ((volume.folder / "..data").readlink(), volume.folder.stat().st_mtime_ns)


def test_a_missing_configmap_is_an_empty_volume(volume: ConfigMapVolume) -> None:
    assert volume.project({})
    assert list((volume.folder / "..data").iterdir()) == []
    assert not (volume.folder / "ip-masq-agent").exists()


def test_a_wrong_key_on_an_empty_volume_changes_nothing_at_all(volume: ConfigMapVolume) -> None:
    volume.project({})
    before = sorted(volume.folder.iterdir())
    assert not volume.project({"masq.yaml": b"one"})
    assert sorted(volume.folder.iterdir()) == before


def test_a_removed_key_removes_the_file(volume: ConfigMapVolume) -> None:
    volume.project({"config": b"one"})
    assert volume.project({})
    assert not (volume.folder / "ip-masq-agent").is_symlink()
    assert volume.project({"config": b"two"})
    assert (volume.folder / "ip-masq-agent").read_bytes() == b"two"
