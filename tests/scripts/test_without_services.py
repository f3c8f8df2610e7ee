"""scripts/without-services, on a root directory of the test: what an installation enables is disabled again."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
POLICY = "usr/sbin/policy-rc.d"
UNIT = """
[Service]
ExecStart=/bin/true
[Install]
WantedBy=multi-user.target
"""

pytestmark = pytest.mark.skipif(
    shutil.which("deb-systemd-helper") is None, reason="no Debian: deb-systemd-helper is missing"
)


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A system with one service, which is enabled."""
    for folder in (
        "usr/sbin",
        "usr/lib/systemd/system",
        "etc/systemd/system",
        "var/lib",
        "etc/rc2.d",
    ):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "usr/lib/systemd/system/old.service").write_text(UNIT)
    run(tmp_path, "deb-systemd-helper enable old.service")
    return tmp_path


def run(system: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", "-c", *command], capture_output=True, text=True, check=False,
        env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "DPKG_ROOT": str(system),
            "DPKG_MAINTSCRIPT_PACKAGE": "new",  # as dpkg has it for a postinst
        },
    )  # fmt: skip


def install(system: Path, then: str = "true") -> "subprocess.CompletedProcess[str]":
    """What a package does, and its postinst after it."""
    unit = system / "usr/lib/systemd/system/new.service"
    postinst = (
        f"printf '%s' '{UNIT}' >{unit} && deb-systemd-helper enable new.service && "
        f"{{ {system}/{POLICY}; echo policy $?; }}; {then}"
    )
    return run(system, '"$0" sh -c "$1"', str(ROOT / "scripts/without-services"), postinst)


def enabled(system: Path) -> set[str]:
    return {link.name for link in (system / "etc/systemd/system").glob("*.wants/*")}


def test_what_is_new_is_not_enabled_and_what_was_there_stays(system: Path) -> None:
    done = install(system)
    assert (done.returncode, done.stdout) == (0, "policy 101\n"), done.stderr
    assert enabled(system) == {"old.service"}
    assert not (system / POLICY).exists()


def test_without_it_the_service_would_be_enabled(system: Path) -> None:
    (system / "usr/lib/systemd/system/new.service").write_text(UNIT)
    run(system, "deb-systemd-helper enable new.service")
    assert enabled(system) == {"old.service", "new.service"}


def test_an_installation_that_fails_says_so_and_leaves_nothing(system: Path) -> None:
    done = install(system, then="exit 100")
    assert done.returncode == 100
    assert enabled(system) == {"old.service"}
    assert not (system / POLICY).exists()


def test_an_administrators_own_policy_holds_and_stays(system: Path) -> None:
    (system / POLICY).write_text("#!/bin/sh\nexit 104\n")
    (system / POLICY).chmod(0o755)
    assert install(system).stdout == "policy 104\n"
    assert (system / POLICY).exists()
