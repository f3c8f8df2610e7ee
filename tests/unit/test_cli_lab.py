"""What `wayhome lab` refuses before it asks for a lab."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wayhome.cli.lab_configmap import LARGEST_CONFIGMAP
from wayhome.cli.main import wayhome


def run(*arguments: str) -> Result:
    return CliRunner().invoke(wayhome, ["lab", *arguments])


@pytest.mark.parametrize("key", ["a/b", "", " ", "..", "x" * 254, "schl\u00fcssel"])
def test_a_key_that_no_configmap_has(tmp_path: Path, key: str) -> None:
    (tmp_path / "file").write_text("x")
    done = run("configmap", "--from-file", f"{key}={tmp_path}/file")
    assert done.exit_code == 2
    assert "cannot be a ConfigMap's key" in done.output


def test_a_key_that_is_given_twice_and_data_without_end(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("x")
    twice = run("configmap", "--from-file", f"{tmp_path}/config", "--from-file", f"config={tmp_path}/config")  # fmt: skip
    assert (twice.exit_code, "given twice" in twice.output) == (2, True)
    endless = run("configmap", "--from-file", "config=/dev/zero")
    assert (endless.exit_code, f"{LARGEST_CONFIGMAP:,} bytes" in endless.output) == (2, True)


@pytest.mark.parametrize("seconds", ["nan", "-1", "inf"])
def test_a_capture_ends_after_a_number_of_seconds(tmp_path: Path, seconds: str) -> None:
    assert run("capture", "my-pod", str(tmp_path / "x"), "--seconds", seconds).exit_code == 2


@pytest.mark.parametrize("command", ["lab_node", "lab_status", "lab_configmap", "lab_down"])
def test_what_only_joins_a_lab_starts_without_the_model_of_a_network(command: str) -> None:
    """It is typed again and again, and the model takes twice as long as all else."""
    program = f"import sys, wayhome.cli.{command}; print([m for m in sys.modules if m in ('wayhome.network', 'msgspec')])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
