"""The tracer's word, confirmed by the kernel: on generated networks, on the cases that were found so, and on the account's.

Two hundred networks in a run, the same each time, so that a failure is the change's. Nothing is shrunk here, where a lab is
built for each try: `scripts/bench --agreement N` asks as many others as one likes, shrinks, and keeps what it finds.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from tests.agreement.asking import checked, keep, read
from tests.agreement.estates import estates
from tests.agreement.exports import Exports

from wayhome.clouds.read import read_estate

pytestmark = pytest.mark.kernel

SHARES = 4
NETWORKS = 200
EXAMPLES = Path(__file__).parents[2] / "examples"
FOUND = sorted(path for path in (Path(__file__).parent / "cases").glob("*") if path.is_dir())


@pytest.mark.parametrize("share", range(SHARES))
def test_generated_networks(share: int, tmp_path: Path) -> None:
    @seed(share)
    @given(estates())
    @settings(
        max_examples=NETWORKS // SHARES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def agree(exports: Exports) -> None:
        found = checked(read(exports)).disagreements
        if found:
            keep(exports, tmp_path)
            pytest.fail("\n".join((*map(str, found), f"the exports are in {tmp_path}")))

    agree()


@pytest.mark.parametrize("case", FOUND, ids=lambda path: path.name)
def test_a_network_in_which_they_once_did_not_agree(case: Path) -> None:
    result = checked(read_estate(case / "exports"), flows=None)
    assert result.flows
    assert not result.disagreements, "\n".join(map(str, result.disagreements))


@pytest.mark.parametrize("name", ["the-case/exports", "the-case-uncovered", "the-case-vpn/exports"])
def test_the_accounts_network(name: str) -> None:
    result = checked(read_estate(EXAMPLES / name), flows=None)
    assert result.flows > 50
    assert not result.disagreements, "\n".join(map(str, result.disagreements))
