"""scripts/setup, on a small project beside this one: without the network, and without touching this machine.

The project's requirements are empty, so that pip has nothing to fetch. Where a Debian package is missing, an `apt-get`
of the test is asked for it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = [
    "bash",
    "basename",
    "cat",
    "chmod",
    "cksum",
    "dirname",
    "env",
    "flock",
    "grep",
    "id",
    "readlink",
    "rm",
]


@pytest.fixture
def project() -> Iterator[Path]:
    """A clone that everybody may read: pytest's own folders are closed to other users."""
    folder = Path(tempfile.mkdtemp(prefix="wayhome-test-"))
    folder.chmod(0o755)
    (folder / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/setup", folder / "scripts/setup")
    (folder / "requirements").mkdir()
    (folder / "requirements/wayhome.txt").write_text("")
    (folder / "src").mkdir()
    (folder / "pyproject.toml").write_text("")
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def start(project: Path, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [project / "scripts/setup", "wayhome"], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "WAYHOME_PYTHON": sys.executable, **environment},
    )  # fmt: skip


def setup(project: Path, **environment: str) -> tuple[int, str]:
    running = start(project, **environment)
    said, _ = running.communicate(timeout=120)
    return running.returncode, said


def test_two_first_runs_at_once_make_one_environment(project: Path) -> None:
    both = [start(project), start(project)]
    said = "".join(run.communicate(timeout=120)[0] for run in both)
    assert [run.returncode for run in both] == [0, 0], said
    assert said.count("making .venv") == 1
    assert "making it anew" not in said
    assert setup(project) == (0, "")


def test_a_run_waits_for_one_that_is_at_work_and_says_so(project: Path) -> None:
    with subprocess.Popen(["flock", project, "cat"], stdin=subprocess.PIPE) as other:
        waiting = start(project)
        assert waiting.stdout
        assert other.stdin
        assert (
            waiting.stdout.readline()
            == "setup: another setup is at work in this folder; waiting for it\n"
        )
        assert not (project / ".venv").exists()
        other.stdin.close()
    said, _ = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, said
    assert (project / ".venv/installed-wayhome.txt").exists()


def test_an_interrupted_environment_is_made_anew(project: Path) -> None:
    assert setup(project)[0] == 0
    (project / ".venv/made-in").unlink()
    status, said = setup(project)
    assert status == 0
    assert "making it anew" in said
    assert setup(project) == (0, "")


def test_an_environment_that_was_moved_is_made_anew(project: Path) -> None:
    assert setup(project)[0] == 0
    (project / ".venv/made-in").write_text("/elsewhere\n")
    assert "making it anew" in setup(project)[1]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH of few programs: Debian's Python without its venv package, and an apt-get that fails and says how it was called."""
    for tool in TOOLS:
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    for name, script in {
        "python3.11": f"""
            case "$*" in
                *ensurepip*) exit 1 ;;
                *sys.prefix*) echo /usr ;;
                *) exec {sys.executable} "$@" ;;
            esac""",
        "apt-get": 'echo "asked: $*" >&2; exit 100',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("user", [0, 1000])
def test_an_environment_that_breaks_on_a_python_without_ensurepip_names_the_package(
    project: Path, bare: Path, user: int
) -> None:
    assert setup(project)[0] == 0
    (project / ".venv/bin/python").unlink()
    (bare / "id").unlink()
    (bare / "id").write_text(f"#!/bin/sh\necho {user}\n")
    (bare / "id").chmod(0o755)
    status, said = setup(project, PATH=str(bare), WAYHOME_PYTHON="")
    assert status == 4
    install = "apt-get install --yes --no-install-recommends python3.11-venv"
    assert said.splitlines()[-1] == (
        f"sh -c 'apt-get update && {install}'"
        if user == 0
        else f"su -c 'apt-get update && {install}'"
    )
    assert ("asked: update" in said) is (user == 0)
    assert "Traceback" not in said


def as_nobody(project: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [project / "scripts/setup", "wayhome"], user=65534, group=65534, extra_groups=[],
        capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip


@pytest.mark.skipif(
    os.geteuid() != 0 or Path("/proc/self/uid_map").read_text().split()[2] != "4294967295",
    reason="only root can be another user",
)
def test_a_clone_that_may_only_be_read_is_used_if_it_is_whole(project: Path) -> None:
    nothing = as_nobody(project)
    assert nothing.returncode == 4
    assert nothing.stderr.splitlines() == [
        "setup: this folder cannot be written by nobody, and .venv has to be made in it:",
        as_root(f'chown -R nobody "{project}"'),
    ]
    debian = Path("/usr/bin/python3")
    probe = [str(debian), "-c", "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"]
    if not debian.exists() or subprocess.run(probe, check=False, capture_output=True).returncode:
        pytest.skip("no Python that an ordinary user may run and that can make an environment")
    assert setup(project, WAYHOME_PYTHON=str(debian))[0] == 0
    whole = as_nobody(project)
    assert (whole.returncode, whole.stdout + whole.stderr) == (0, "")
    (project / "requirements/wayhome.txt").write_text("# newer\n")
    newer = as_nobody(project)
    assert newer.returncode == 4
    assert newer.stderr.splitlines()[-1] == as_root(f'chown -R nobody "{project}"')


def as_root(command: str) -> str:
    return f"{'sudo sh' if shutil.which('sudo', path='/usr/bin:/bin') else 'su'} -c '{command}'"
