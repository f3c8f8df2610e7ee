"""A collection that does not come to its end, or is made again: what is left says so, and nothing runs on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.collect.tools import CONTEXT, install

from wayhome.clouds.collect.programs import Programs
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.knowledge import State
from wayhome.clouds.kubernetes.resources.pod import Pod
from wayhome.clouds.read import read_estate

PROJECT = ("--project", "source-project", "--run")
CLUSTER = "projects/source-project/locations/asia-northeast1-a/clusters/my-gke"


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "bin").mkdir()
    return install(tmp_path / "bin") | {"TOOLS_PIDS": str(tmp_path / "pids")}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "wayhome", "collect", *arguments]


def collect(tools: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), env=tools, capture_output=True, text=True, check=False, timeout=120
    )


def wait_for(true: Callable[[], object]) -> None:
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def alive(process: int) -> bool:
    """Whether it runs; one that nobody waited for yet does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


def pids(tools: dict[str, str]) -> list[int]:
    file = Path(tools["TOOLS_PIDS"])
    return [int(word) for word in file.read_text().split()] if file.exists() else []


@contextmanager
def hanging(tools: dict[str, str], what: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A collection one of whose commands does not answer, with everything else of the project read."""
    exports = Path(arguments[0])
    with subprocess.Popen(
        command(*arguments), env=tools | {"HANGS": what}, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(
            lambda: pids(tools) and (exports / "source-project" / "project-info.json").exists()
        )
        yield process


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)]
)
def test_a_signal_ends_it_and_what_it_started(
    number: signal.Signals, status: int, tools: dict[str, str], tmp_path: Path
) -> None:
    exports = tmp_path / "exports"
    with hanging(tools, "routes list", str(exports), *PROJECT) as process:
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == status
    assert "Traceback" not in errors
    assert not any(map(alive, pids(tools)))
    if number is signal.SIGINT:
        assert f"{exports} lacks what collected.json in it calls not-exported" in errors
    collected = json.loads((exports / "collected.json").read_text())["collected"]
    states = {(entry["resource"], entry["scope"]): entry["state"] for entry in collected}
    assert states["compute#network", "projects/source-project"] == "exported"
    assert states["compute#route", "projects/source-project"] == "not-exported"


def test_one_that_is_killed_does_not_look_complete(tools: dict[str, str], tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    with hanging(tools, "routes list", str(exports), *PROJECT) as process:
        process.kill()
        for pid in pids(tools):
            os.kill(pid, signal.SIGKILL)
    estate = read_estate(exports)
    assert estate.knows(Route, "projects/source-project").state is State.NOT_EXPORTED
    (finding,) = [one for one in estate.findings if one.file == "collected.json"]
    assert "were not exported" in finding.problem
    assert "run `wayhome collect` again" in finding.instead

    assert collect(tools, str(exports), *PROJECT).returncode == 0
    estate = read_estate(exports)
    assert estate.knows(Route, "projects/source-project").state is State.EXPORTED
    assert not [one for one in estate.findings if one.file == "collected.json"]


def test_a_program_that_hangs_is_given_up_with_what_it_started(
    tools: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in tools.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HANGS", "get")
    began = time.monotonic()
    output, reason = Programs(1.0).ask(("kubectl", "get", "pods"))
    assert (output, reason) == (b"", "no answer within 1 s")
    assert time.monotonic() - began < 20
    assert len(pids(tools)) == 2
    wait_for(lambda: not any(map(alive, pids(tools))))


def test_a_full_disk_is_said_and_leaves_no_half_file(tools: dict[str, str], tmp_path: Path) -> None:
    """A limit on the size of files fails in the same place: nodes.json of the case has more than 1 KiB."""
    exports = tmp_path / "exports"
    limited = ["bash", "-c", 'ulimit -f 1; exec "$@"', "bash"]
    done = subprocess.run(
        [*limited, *command(str(exports), "--context", CONTEXT, "--run")],
        env=tools, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 4
    assert f"{exports} cannot be written: File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(exports.rglob(".*"))
    for file in exports.rglob("*.json"):
        json.loads(file.read_text())
    assert read_estate(exports).knows(Pod, CLUSTER).state is State.NOT_EXPORTED


def test_what_was_read_earlier_and_is_refused_now_is_gone(
    tools: dict[str, str], tmp_path: Path
) -> None:
    exports = tmp_path / "exports"
    collect(tools, str(exports), *PROJECT)
    collect(tools | {"REFUSED": "destination-project"}, str(exports), *PROJECT)
    estate = read_estate(exports)
    assert estate.knows(Network, "projects/destination-project").state is State.NOT_READABLE
    assert not estate.all(Network).keys() & {
        "projects/destination-project/global/networks/target-network"
    }


def test_a_second_collection_keeps_what_the_first_one_recorded(
    tools: dict[str, str], tmp_path: Path
) -> None:
    exports = tmp_path / "exports"
    collect(tools | {"REFUSED": "destination-project"}, str(exports), *PROJECT)
    collect(tools, str(exports), "--context", CONTEXT, "--run")
    estate = read_estate(exports)
    assert estate.knows(Pod, CLUSTER).state is State.EXPORTED
    assert estate.knows(Network, "projects/destination-project").state is State.NOT_READABLE


def test_a_record_that_is_none_is_not_written_over(tools: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "collected.json").write_text('{"schema": 1, "collected": 7}')
    done = collect(tools, str(tmp_path), *PROJECT)
    assert done.returncode == 4
    assert f"{tmp_path}/collected.json is there and not understood" in done.stderr
    assert json.loads((tmp_path / "collected.json").read_text())["collected"] == 7
