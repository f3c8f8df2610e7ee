"""docs/why.md shows what is really printed."""

import json
from collections.abc import Iterator
from pathlib import Path

from tests.golden.corpus import ROOT, exports_of

from wayhome.cli.lines import laid_out
from wayhome.clouds.read import read_estate
from wayhome.diagnosis.answer import Answer
from wayhome.diagnosis.cause import Cause
from wayhome.diagnosis.question import Question
from wayhome.report import why_text

PAGE = (ROOT / "docs/why.md").read_text()
WIDTH = 100


def printed(case: str, directory: Path, until: str) -> str:
    """What a case's answer looks like, up to the line that begins with `until`."""
    folder = Path(__file__).parent / case
    described = json.loads((folder / "case.json").read_text())
    estate = read_estate(exports_of(described, folder, directory))
    answer = Answer.to(estate, Question.parse(*described["ask"]))
    return "\n".join(_lines(answer, until)).rstrip()


def _lines(answer: Answer, until: str) -> Iterator[str]:
    for line in why_text.lines(answer):
        for text in laid_out(line, WIDTH):
            if text.strip().startswith(until):
                return
            yield text


def test_the_case_and_what_is_missing_are_shown_as_they_are(tmp_path: Path) -> None:
    assert f"```\n{printed('the-case', tmp_path / 'a', '2. ')}\n```" in PAGE
    assert f"```\n{printed('peer-not-exported', tmp_path / 'b', 'not examined')}\n```" in PAGE


def test_the_readme_shows_its_first_lines(tmp_path: Path) -> None:
    shown = printed("the-case", tmp_path, "The route to")
    assert f"```\n{shown}\n```" in (ROOT / "README.md").read_text()


def test_every_cause_has_its_row() -> None:
    assert [cause for cause in Cause if f"\n| `{cause}`" not in PAGE] == []
