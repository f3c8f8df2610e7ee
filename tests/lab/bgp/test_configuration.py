"""What BIRD is told: it is understood by BIRD itself, and nothing that a person named is in it."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.lab.bgp.case import SOURCE, exported, repaired, speaker

from wayhome.lab.bgp import Told
from wayhome.lab.bgp.configuration import Speaking, configuration
from wayhome.lab.programs import environment

HOSTILE = '"; }\nprotocol device { } # \x1b[31m'


def text(told: Told, tables: tuple[int, ...] = (1005,)) -> str:
    sessions = speaker(told, SOURCE).sessions
    return configuration(
        Speaking([(one, f"p{number}") for number, one in enumerate(sessions)], tables)
    )


@pytest.mark.skipif(
    shutil.which("bird", path=environment()["PATH"]) is None,
    reason="bird is not installed; scripts/test installs it (bird2)",
)
@pytest.mark.parametrize("tables", [(), (1005,), (1005, 1006)])
def test_bird_understands_it(tables: tuple[int, ...], tmp_path: Path) -> None:
    file = tmp_path / "bird.conf"
    file.write_text(text(Told.of(repaired()), tables))
    done = subprocess.run(
        ["bird", "-p", "-c", file], capture_output=True, text=True, check=False, env=environment()
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_only_what_is_announced_is_announced() -> None:
    assert "172.16.0.0/16" not in text(Told.of(exported()))
    after = text(Told.of(repaired())).splitlines()
    announced = "  route 172.16.0.0/16 unreachable { bgp_med = 100; };"
    assert after.count(announced) == len(speaker(Told.of(repaired()), SOURCE).sessions) == 2


def test_a_sessions_name_does_not_get_into_it() -> None:
    session = speaker(Told.of(exported()), SOURCE).sessions[0]
    hostile = configuration(Speaking([(replace(session, name=HOSTILE), "p0")], (1,)))
    assert hostile == configuration(Speaking([(session, "p0")], (1,)))
