"""docs/audit.md shows what the commands print."""

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.diagnosis.variants import EXPORTS

from wayhome.cli.main import wayhome

ROOT = Path(__file__).parents[2]
SESSIONS = dict(
    re.findall(
        r"^```\n\$ wayhome ([^\n]*)\n(.*?)^```$",
        (ROOT / "docs/audit.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
)


@pytest.mark.parametrize("command", SESSIONS)
def test_the_page_shows_what_is_printed(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    shutil.copytree(EXPORTS, tmp_path / "after")
    for file in (tmp_path / "after").glob("*/networks.json"):
        networks = json.loads(file.read_text())
        for peering in (one for network in networks for one in network["peerings"]):
            peering |= {"exportCustomRoutes": True, "importCustomRoutes": True}
        file.write_text(json.dumps(networks))
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(wayhome, command.split()).output == SESSIONS[command]


def test_the_page_shows_both() -> None:
    assert len(SESSIONS) == 2
