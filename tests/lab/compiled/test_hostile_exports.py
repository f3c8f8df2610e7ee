"""Labs of exports that somebody wrote with ill intent, or without care: by the real command, as a process of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.kernel

EXPORTS = Path(__file__).parents[3] / "examples/the-case/exports"
ESCAPE = "\\u001b[31mred\\u001b]0;title\\u0007\\u202e"
"""As JSON has it: colour, the terminal's title, text from right to left."""
NAMED = ("my-pod", "target-gce-01", "my-network", "gke-node-02", "source-project")
INSTANCES = "source-project/instances.json"


def lab(
    *arguments: str, before: str = "", folder: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """`folder` is for the lab that is up."""
    script = f"import sys\n{before}\nfrom wayhome.cli.main import wayhome\nwayhome(['lab', *sys.argv[1:]])"
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONUTF8": "1", **({"XDG_RUNTIME_DIR": str(folder)} if folder else {})},
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", done.stdout + done.stderr)
    return done


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXPORTS, tmp_path / "exports"))


def renamed(exports: Path, new: Callable[[str], str]) -> None:
    for file in exports.rglob("*.json"):
        text = file.read_text()
        for name in NAMED:
            text = text.replace(name, new(name))
        file.write_text(text)


def changed(exports: Path, file: str, change: Callable[[list[dict[str, object]]], None]) -> None:
    content = json.loads((exports / file).read_text())
    change(content)
    (exports / file).write_text(json.dumps(content))


@pytest.mark.parametrize(
    "new",
    [
        lambda name: name + ESCAPE,
        lambda name: name.replace("-", " "),
        lambda name: (name * 100)[:100],
        lambda name: f"{name}; $(reboot) `id` ' \\\" {{ }}",
        lambda name: f"../../{name}/..",
    ],
    ids=["escapes", "spaces", "100 characters", "quotes", "paths"],
)
def test_a_lab_is_built_whatever_things_are_called(
    exports: Path, new: Callable[[str], str]
) -> None:
    renamed(exports, new)
    done = lab("run", "--from", str(exports))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("  seen       ") > 50
    checked = lab("check", "--from", str(exports), "--sample", "40", "--json")
    assert json.loads(checked.stdout)["disagreements"] == []


def test_a_folder_that_is_called_so(tmp_path: Path) -> None:
    exports = shutil.copytree(EXPORTS, tmp_path / "\x1b[31mred\u202e")
    done = lab("run", "--from", str(exports), "my-pod", "target-gce-01:80")
    assert done.returncode == 0
    assert "\\x1b[31mred" in done.stdout


@pytest.mark.parametrize("add", [ESCAPE, "; $(reboot) `id` ' \\\""], ids=["escapes", "quotes"])
def test_a_lab_is_kept_up_whatever_things_are_called(
    exports: Path, tmp_path: Path, add: str
) -> None:
    renamed(exports, lambda name: name + add)
    pod = json.loads('"my-pod' + add + '"')
    up = lab("up", "--from", str(exports), folder=tmp_path)
    assert up.returncode == 0, up.stderr
    try:
        assert "my-pod" in lab("status", folder=tmp_path).stdout
        done = lab("exec", pod, "--", "ip", "-brief", "address", folder=tmp_path)
        assert "172.16.2.2/32" in done.stdout, done.stderr
        said = lab("exec", f"{pod}x", "--", "true", folder=tmp_path)
        assert said.returncode == 2
        assert "is no node of the network" in said.stderr
    finally:
        down = lab("down", folder=tmp_path)
    assert (down.returncode, down.stderr) == (0, "")


def test_two_nodes_with_one_address(exports: Path) -> None:
    """What they share is ambiguous, and each way is built; who asks has to be named."""
    for file in exports.rglob("*.json"):
        file.write_text(file.read_text().replace('"10.1.0.4"', '"10.1.0.3"'))
    done = lab("run", "--from", str(exports))
    assert done.returncode == 0, done.stdout
    last = done.stdout.splitlines()[-1]
    assert re.search(r"in [2-9] networks out of namespaces: all as predicted", done.stdout), last
    asked = lab("run", "--from", str(exports), "10.1.0.3", "10.2.0.1:80")
    assert asked.returncode == 2
    assert "10.1.0.3 is the address of several: " in asked.stderr
    assert "instances/gke-node-02" in asked.stderr
    assert "instances/test-gce-01" in asked.stderr


def test_what_is_no_address_is_said_and_the_rest_is_built(exports: Path) -> None:
    def damage(instances: list[dict[str, object]]) -> None:
        instances[0]["networkInterfaces"][0]["networkIP"] = "10.1.0.999"  # type: ignore[index]

    changed(exports, INSTANCES, damage)
    for command in (("run",), ("check", "--sample", "20")):
        done = lab(*command, "--from", str(exports))
        assert done.returncode == 0, done.stdout
        assert "networkIP: is not an IP address (10.1.0.999)" in done.stderr


CONTRADICTS = """
from wayhome.clouds import compile as compiling
real = compiling.attach
def twice(estate, nodes, links):
    real(estate, nodes, links)
    links.append(links[0])
compiling.attach = twice
"""


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_network_that_contradicts_itself_is_not_built(exports: Path, command: str) -> None:
    """No export is known that makes one; here the compiler makes it."""
    renamed(exports, lambda name: name + ESCAPE)
    done = lab(command, "--from", str(exports), before=CONTRADICTS)
    assert (done.returncode, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert first.startswith("wayhome: the exports contradict each other: port ")
    assert first.endswith(" has 2 links; a port has one")
    assert "the exports contradict each other: port " in second


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (INSTANCES, b"\x00\xff"),
        (INSTANCES, b"[" * 100_000),
        ("source-project/networks.json", b"[{}, 5, null]"),
    ],
)
def test_damaged_files_are_said(exports: Path, file: str, content: bytes) -> None:
    (exports / file).write_bytes(content)
    done = lab("run", "--from", str(exports), "10.2.0.1", "10.2.0.1:80")
    assert done.returncode in {0, 2}
    assert re.search(f"{file}.*(export it again, unchanged|is not JSON)", done.stderr)
