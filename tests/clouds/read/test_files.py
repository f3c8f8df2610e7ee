"""What may lie in a directory besides files."""

import errno
import os
from pathlib import Path

import pytest
from tests.clouds.read.directory import estate_of, network, problems, route

from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.knowledge import State
from wayhome.clouds.read import UnreadableDirectoryError, read_estate
from wayhome.policy.findings import Severity


def test_links_are_not_followed_and_fifos_not_waited_for(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text('[{"kind": "compute#route"')
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "link.json").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.json")
    estate = estate_of(folder, {"a.json": [route()]})
    assert list(estate.all(Route)) == ["projects/p/global/routes/r"]
    assert problems(estate) == [
        "link.json: is a symbolic link, which is not followed; copy the file",
        "loop: is a symbolic link, which is not followed; copy the file",
        "pipe.json: is no regular file, and was not opened; remove it",
    ]


def test_hidden_files_are_somebody_elses(tmp_path: Path) -> None:
    estate = estate_of(tmp_path, {".git/x.json": b"[", ".x.json": b"[", "a.json": [route()]})
    assert not estate.findings


def test_folders_in_each_other_end_somewhere(tmp_path: Path) -> None:
    deep = "/".join("d" for _ in range(40))
    estate = estate_of(tmp_path, {f"{deep}/a.json": [route()]})
    (found,) = estate.findings
    assert found.severity is Severity.ERROR
    assert found.problem == "lies in more than 32 folders"
    assert estate.knows(Route, "projects/p").state is State.DAMAGED


def test_what_may_not_be_read_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: str, flags: int) -> int:
        if path.endswith("routes.json"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, flags)

    real = os.open
    monkeypatch.setattr(os, "open", denied)  # root may read everything
    estate = estate_of(tmp_path, {"a.json": [network()], "routes.json": [route()]})
    assert estate.knows(Route, "projects/p").state is State.DAMAGED
    assert estate.knows(Network, "projects/p").state is State.EXPORTED
    assert problems(estate) == [
        "routes.json: cannot be read (Permission denied); make it readable, or split it"
    ]


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    with (tmp_path / "routes.json").open("wb") as file:
        file.truncate((1 << 30) + 1)
    estate = read_estate(tmp_path)
    assert estate.knows(Route, "projects/p").state is State.DAMAGED


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDirectoryError, match="No such file"):
        read_estate(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(UnreadableDirectoryError, match="Not a directory"):
        read_estate(tmp_path / "file")


def test_hostile_names_are_printed_harmlessly(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"a\x1b[2J\xff.json")).write_text("[")
    named = network("[bold]\x1b]0;x\x07", selfLink="")
    estate = estate_of(tmp_path, {"n.json": [named | {"subnetworks": ["projects/p/regions/r/s"]}]})
    assert list(estate.all(Network)) == ["projects/p/global/networks/[bold]\x1b]0;x\x07"]
    assert problems(estate)[0].startswith("a\\x1b[2J\\udcff.json: ends in the middle")


def test_the_same_object_twice(tmp_path: Path) -> None:
    files = {"a.json": [route()], "b.json": {"items": [route(description="x"), network()]}}
    same = estate_of(tmp_path / "same", files | {"b.json": [route(id="5", fingerprint="y")]})
    assert not same.findings
    assert not same.disputed
    differing = estate_of(tmp_path / "differing", files)
    name = "projects/p/global/routes/r"
    dispute = differing.disputed[name]
    first, second = dispute.used.evidence, dispute.other.evidence
    assert (first.file, second.file, second.pointer) == ("a.json", "b.json", "/items/0")
    assert differing.all(Route)[name].evidence == first
    assert problems(differing) == [
        f"b.json, /items/0: {name} is not as in a.json, which is used; keep the newer one of the two"
    ]


def test_a_thousand_problems_are_counted(tmp_path: Path) -> None:
    broken = [route(f"r{index}", destRange="x") for index in range(1000)]
    estate = estate_of(tmp_path, {"a.json": broken})
    assert len(estate.findings) == 51
    assert estate.findings[-1].problem == "there are 950 more of these"


def test_references_to_what_is_not_there(tmp_path: Path) -> None:
    gone = route("g", nextHopGateway=None, nextHopInstance="projects/p/zones/z/instances/gone")
    del gone["nextHopGateway"]
    files = {"a.json": [gone], "n.json": [network()]}
    assert not estate_of(tmp_path, files).findings  # nobody said that all instances are here
    estate = estate_of(tmp_path, {"p/instances.json": [], "p/n.json": [network()]})
    assert problems(estate) == [
        (
            "a.json, /0/nextHopInstance: names projects/p/zones/z/instances/gone, which is not in the exports; "
            "export both at the same time; or it was deleted"
        )
    ]
