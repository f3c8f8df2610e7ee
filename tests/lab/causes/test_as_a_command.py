"""`wayhome lab run --from` on a scenario's exports, as this user and as one without rights."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.golden.corpus import golden
from tests.lab.conftest import WayhomeCommand

pytestmark = pytest.mark.kernel

SAVED = "nodes/gke-node-02/iptables-nft-save.txt"


@pytest.fixture
def everybodys() -> Iterator[Path]:
    """A folder that every user may read; pytest's own is its user's alone."""
    folder = Path(tempfile.mkdtemp(prefix="wayhome-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("variant", ["nft", "legacy"])
def test_a_foreign_rule_is_loaded_and_does_what_it_does(
    variant: str, wayhome_command: WayhomeCommand, everybodys: Path
) -> None:
    exports = golden("foreign-rule", everybodys)
    saved = exports / SAVED
    saved.rename(saved.with_name(saved.name.replace("nft", variant)))
    done = wayhome_command(
        "lab", "run", "--from", str(exports), "my-pod", "target-gce-01:80", "--json"
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["own_rules_not_loaded"] == {}
    (flow,) = document["flows"]
    assert (flow["lost"], flow["cause"], flow["as_predicted"]) == ("forward", "FIREWALL_RULE", True)


def test_a_rule_that_this_machine_does_not_take_is_said(
    wayhome_command: WayhomeCommand, everybodys: Path
) -> None:
    exports = golden("foreign-rule", everybodys)
    saved = exports / SAVED
    unknown = "-A IP-MASQ -m set --match-set calico src -j RETURN\nCOMMIT"
    saved.write_text(saved.read_text().replace("COMMIT", unknown))
    done = wayhome_command("lab", "run", "--from", str(exports), "my-pod", "target-gce-01:80")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "obeys what was read of its rules, and not themselves: iptables-nft-restore" in said
    assert "calico" in said
