"""A network that is too large is cut to what a demonstration touches, the health checks of its balancer too."""

from functools import partial
from pathlib import Path

import pytest
from tests.lab.repairs.test_demonstration import of_the_case

from wayhome.lab.cut import buildable
from wayhome.lab.repairs import running
from wayhome.lab.the_case.repairs import CLAIMS

pytestmark = pytest.mark.kernel


def test_what_is_cut_shows_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "buildable", partial(buildable, most=14))
    seen = running.show(of_the_case("proxy-vm")["proxy-vm"], CLAIMS, tmp_path / "lab")
    assert seen.cut is not None
    assert seen.cut.kept < 14 < seen.cut.of
    assert seen.as_expected
    assert len(seen.survivals) == 1
