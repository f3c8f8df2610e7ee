from pathlib import Path

import pytest

from wayhome.agent.limits import memory_limit, too_little


@pytest.mark.parametrize(
    "text, limit", [("16777216\n", 16 << 20), ("max\n", None), ("", None), (None, None)]
)
def test_the_limit_as_cgroups_write_it(tmp_path: Path, text: str | None, limit: int | None) -> None:
    file = tmp_path / "memory.max"
    if text is not None:
        file.write_text(text)
    assert memory_limit((tmp_path / "absent", file)) == limit


def test_upstreams_limit_is_named_and_ours_is_enough() -> None:
    assert "is 16 MiB, and the agent takes about 22" in too_little(16 << 20, api=False)
    assert "is 32 MiB, and the agent takes about 30" in too_little(32 << 20, api=True)
    assert "Set resources.limits.memory to 48Mi" in too_little(32 << 20, api=True)
    for api, enough in ((False, 32), (False, 48), (True, 40), (True, 48)):
        assert too_little(enough << 20, api=api) == ""
    assert too_little(None, api=True) == ""
