import os
from pathlib import Path

import pytest

from wayhome.lab import state
from wayhome.lab.state import KeptAgent, KeptNode, LabError, LabState, NoLabError

UP = LabState(
    "the-case",
    4711,
    3,
    ["a remark"],
    {"pods/my-pod": KeptNode(7, ["default/my-pod"], ["172.16.2.2"])},
    {"instances/node": KeptAgent("/volume", {"config": "ip-masq-agent"}, "/log")},
)


def test_a_lab_is_up_while_its_lock_is_held(tmp_path: Path) -> None:
    lock = state.take_lock(tmp_path)
    assert lock is not None
    state.write(tmp_path, UP)
    assert state.take_lock(tmp_path) is None
    assert state.read(tmp_path) == UP
    os.close(lock)
    (tmp_path / "logs").mkdir()
    with pytest.raises(NoLabError, match="keeper was killed"):
        state.read(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
    with pytest.raises(NoLabError, match=r"^no lab is up\. `wayhome lab up the-case` starts one$"):
        state.read(tmp_path)


def test_a_lab_that_is_only_starting_is_not_up(tmp_path: Path) -> None:
    lock = state.take_lock(tmp_path)
    assert lock is not None
    with pytest.raises(NoLabError, match="started or stopped"):
        state.read(tmp_path)
    os.close(lock)


def test_the_runtime_folder_is_used_only_if_it_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / f"wayhome-{state.user_outside()}" / "wayhome" / "lab"
    runtime = tmp_path / "runtime"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    assert state.lab_folder(tmp_path) == private  # the runtime folder does not exist
    runtime.mkdir()
    assert state.lab_folder(tmp_path) == runtime / "wayhome" / "lab"
    assert state.lab_folder(tmp_path).stat().st_mode & 0o777 == 0o700
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "runtime")  # another folder for each command
    assert state.lab_folder(tmp_path) == private
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    for mode in (0o720, 0o702):  # others could write there
        runtime.chmod(mode)
        assert state.lab_folder(tmp_path) == private
    runtime.chmod(0o700)
    link = tmp_path / "link"
    link.symlink_to(runtime)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(link))
    assert state.lab_folder(tmp_path) == private


def test_the_runtime_folder_of_another_user_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `su` the variable may still name it, and root could write there."""
    foreign = tmp_path / "foreign"
    foreign.mkdir(mode=0o755)
    try:
        os.chown(foreign, 65534, 65534)
    except OSError:  # we are an ordinary user: then root's folder is another's
        foreign = Path("/usr")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(foreign))
    private = tmp_path / f"wayhome-{state.user_outside()}" / "wayhome" / "lab"
    assert state.lab_folder(tmp_path) == private


def test_a_folder_of_another_user_in_ours_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = state.lab_folder(tmp_path)
    try:
        os.chown(folder, 65534, 65534)
    except OSError:
        pytest.skip("only root can give a folder away")
    with pytest.raises(LabError, match="not a folder that only you write to"):
        state.lab_folder(tmp_path)


def test_a_folder_that_others_can_use_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    private = tmp_path / f"wayhome-{state.user_outside()}"
    private.mkdir(mode=0o755)
    with pytest.raises(LabError, match="not a folder that only you can use"):
        state.lab_folder(tmp_path)
    private.rmdir()
    private.symlink_to(tmp_path)
    with pytest.raises(LabError, match="not a folder that only you can use"):
        state.lab_folder(tmp_path)
