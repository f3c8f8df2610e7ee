"""The image's steps as far as they go without an engine, without root and without the network: `scripts/image` does all.

The wheel is built as the Dockerfile builds it and installed into a fresh environment, beside PyYAML and nothing else;
what starts there is the image's own launcher.
"""

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
from tests.agent.agent_process import kept, wait_for_kept, wait_until
from tests.deploy.dockerfile import Copy, Run, Stage, parse
from tests.deploy.image import LARGEST

ROOT = Path(__file__).parents[2]
STAGES = parse(ROOT / "deploy/Dockerfile")
IMAGE = list(STAGES.values())[-1]
# Of the agent's packages, what only the commands for people import: they bring websockets.
FOR_PEOPLE = ("exec", "websocket")
AGENTS = ("agent", "kernel", "kube", "policy", "prefixes", "probe")


def wheel(folder: Path, project: Path = ROOT) -> Path:
    epoch = STAGES["build"].arguments["SOURCE_DATE_EPOCH"]
    command = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--target=wheel",
        f"--directory={folder}",
    ]
    environment = os.environ | {"SOURCE_DATE_EPOCH": epoch}
    subprocess.run(command, cwd=project, env=environment, capture_output=True, check=True)
    (built,) = folder.glob("*.whl")
    return built


@dataclass(frozen=True)
class Installed:
    """What stands at /opt/agent in the image."""

    folder: Path

    @property
    def site(self) -> Path:
        (found,) = self.folder.glob("lib/python3*/site-packages")
        return found

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [self.launcher("python"), "-I", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def launcher(self, name: str) -> str:
        return str(self.folder / "bin" / name)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("image")
    agent = Installed(folder / "opt/agent")
    venv.create(agent.folder, with_pip=False)
    built = wheel(folder / "wheels")
    command = [sys.executable, "-m", "pip", "--python", agent.launcher("python"), "install"]
    command += ["--no-index", "--no-compile", "--no-deps", "--quiet", str(built)]
    subprocess.run(command, check=True)
    for file in metadata.files("pyyaml") or ():
        if ".." not in file.parts and file.suffix != ".pyc":
            target = agent.site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), target)
    for name in ("wayhome", "wayhome-agent"):
        text = (ROOT / "deploy" / name).read_text()
        assert "/opt/agent/" in text
        launcher = Path(agent.launcher(name))
        launcher.write_text(text.replace("/opt/agent", str(agent.folder)))
        launcher.chmod(0o755)
    (compiling,) = [
        step.command
        for step in IMAGE.steps
        if isinstance(step, Run) and "compileall" in step.command
    ]
    compiling = compiling.replace("/opt/agent", str(agent.folder)).replace(
        "/usr/lib/python3.11", ""
    )
    subprocess.run(compiling, shell=True, check=True)
    return agent


def test_the_wheel_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    project = tmp_path / "project"
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("src", "examples"):
        shutil.copytree(ROOT / folder, project / folder, copy_function=shutil.copy, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, project)
    later = wheel(tmp_path / "later", project)  # every file is newer than in this clone
    assert later.read_bytes() == wheel(tmp_path / "wheels").read_bytes()


def test_the_wheel_has_the_cases_as_the_repository_has_them(installed: Installed) -> None:
    lab = installed.site / "wayhome/lab"
    for one, shipped in (
        ("the-case/config", "the_case/example/config"),
        ("the-case/exports", "the_case/example/exports"),
        ("the-case-vpn/exports", "bgp/example/exports"),
    ):
        done = subprocess.run(["diff", "-r", ROOT / "examples" / one, lab / shipped], check=False)
        assert done.returncode == 0


def test_the_wheel_and_its_dependencies_are_small(installed: Installed) -> None:
    size = sum(file.stat().st_size for file in installed.site.rglob("*") if file.is_file())
    assert size < LARGEST
    compiled = list(installed.site.glob("wayhome/agent/__pycache__/run.*.opt-2.pyc"))
    assert len(compiled) == 1
    assert (
        compiled[0].read_bytes()[4] == 1
    )  # by hash and unchecked: no times in it, and the source is not read


def test_the_agent_needs_nothing_that_is_not_installed(installed: Installed) -> None:
    names = [
        ".".join(file.relative_to(installed.site).with_suffix("").parts)
        for package in AGENTS
        for file in (installed.site / "wayhome" / package).rglob("*.py")
        if file.stem not in ("__main__", "look", *FOR_PEOPLE)
    ]
    assert len(names) > 100
    code = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    done = installed.python("-c", code, *names)
    assert done.returncode == 0, done.stderr


def test_what_is_not_for_a_node_says_so(installed: Installed) -> None:
    command = [installed.launcher("wayhome"), "node", "conflicts"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "not installed" in done.stderr) == (4, True)
    command = [installed.launcher("wayhome"), "agent", "--help"]
    assert (
        "--pod-cidrs" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    )


@pytest.fixture
def started(
    installed: Installed, netns: object, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    config = tmp_path / "config"
    config.write_text("nonMasqueradeCIDRs: [10.0.0.0/8]\n")
    command = [installed.launcher("wayhome-agent"), "--backend=nftables", f"--config={config}"]
    with subprocess.Popen([*command, f"--state={tmp_path}"], env={}) as process:
        yield process
        process.kill()


@pytest.mark.kernel
def test_the_launcher_starts_an_agent_and_the_agent_ends_when_it_is_told(
    installed: Installed, started: subprocess.Popen[bytes]
) -> None:
    """The launcher becomes the agent, so that kubelet's SIGTERM reaches it."""
    wait_for_kept("10.0.0.0/8")
    started.terminate()
    assert started.wait(10) == 0
    clean = [installed.launcher("wayhome-agent"), "clean"]
    assert "is removed" in subprocess.run(clean, capture_output=True, text=True, check=True).stdout
    wait_until(lambda: kept() is None, lambda: "no table")


def test_every_stage_stands_on_one_that_is_there_and_copies_what_exists() -> None:
    known: dict[str, Stage] = {}
    for name, stage in STAGES.items():
        assert stage.base in known or stage.base == "debian:12-slim"
        for step in stage.steps:
            if isinstance(step, Copy):
                made = (
                    {s.target.rstrip("/") for s in STAGES[step.stage].steps if isinstance(s, Copy)}
                    if step.stage
                    else ()
                )
                assert all(
                    any(m.startswith(s) for m in made) if step.stage else (ROOT / s).exists()
                    for s in step.sources
                )
        known[name] = stage
    assert list(STAGES)[-1] == "agent"
    assert IMAGE.base == "base"


def test_what_the_manifests_start_is_on_the_images_path() -> None:
    linked = " ".join(step.command for step in IMAGE.steps if isinstance(step, Run))
    assert IMAGE.entry_point == ["/ip-masq-agent"]
    assert "/opt/agent/bin/wayhome-agent /ip-masq-agent" in linked
    assert re.search(
        r"/opt/agent/bin/wayhome-agent /opt/agent/bin/wayhome /usr/local/bin/$", linked
    )


def test_everything_that_is_fetched_is_fixed_by_hash() -> None:
    for stage in STAGES.values():
        for step in stage.steps:
            for command in step.command.split("&&") if isinstance(step, Run) else ():
                if "pip" in command and " install " in command and "apt-get" not in command:
                    assert "--require-hashes" in command or "--no-deps /wheels/" in command, command
    lock = (ROOT / "requirements/build.txt").read_text()
    assert "hatchling==" in lock
    assert "--hash=sha256:" in lock
