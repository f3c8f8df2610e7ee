"""Whatever file of the case is missing or damaged: the answer is never that the target is reached, and never an exception."""

import shutil
from pathlib import Path

import pytest

from wayhome.clouds.endpoints import EndpointError
from wayhome.clouds.read import read_estate
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.question import Question
from wayhome.network.verdict import Verdict

CASE = Path(__file__).parents[2] / "examples/the-case/exports"
FILES = sorted(path.relative_to(CASE).as_posix() for path in CASE.rglob("*.json"))
QUESTION = Question.parse("my-pod", "10.2.0.1:80")
CLUSTER = "gke_source-project_asia-northeast1-a_my-gke"

DECIDING = [
    f"{CLUSTER}/configmaps.json",  # a list that nobody has seen may masquerade
    "destination-project/instances.json",
    "destination-project/routers.json",
    "destination-project/routes.json",
]
"""Without these nobody knows what becomes of the packet, or of its reply."""


def _verdict(directory: Path) -> Verdict | None:
    """None where the exports do not say who is meant."""
    try:
        return Answer.to(read_estate(directory), QUESTION).situation.trace.verdict
    except EndpointError:
        return None


@pytest.mark.parametrize("truncated", [False, True], ids=["missing", "truncated"])
@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_case(tmp_path: Path, name: str, truncated: bool) -> None:
    directory = tmp_path / "exports"
    shutil.copytree(CASE, directory)
    file = directory / name
    if truncated:
        data = file.read_bytes()
        file.write_bytes(data[: len(data) // 2])
    else:
        file.unlink()
    verdict = _verdict(directory)
    assert verdict in (None, Verdict.UNREACHABLE, Verdict.UNDETERMINED)
    if name in DECIDING:
        assert verdict is Verdict.UNDETERMINED
