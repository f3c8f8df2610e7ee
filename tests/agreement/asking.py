"""One drawn directory, read, compiled, and asked about: by the tracer and by the kernel."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.agreement.exports import Exports

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.estate import Estate
from wayhome.lab.check import Checked, Tracer, check
from wayhome.lab.compiled.lab_network import LabNetwork
from wayhome.lab.questions import questions, sample
from wayhome.trace import trace

FLOWS = 40
"""Of one network, at most."""


def read(exports: Exports) -> Estate:
    """As any directory is read."""
    with TemporaryDirectory(prefix="wayhome-") as folder:
        return exports.estate(Path(folder))


def checked(estate: Estate, tracer: Tracer = trace, *, flows: int | None = FLOWS) -> Checked:
    """Ask both."""
    network = compile_estate(estate)
    return check(network, sample(list(questions(network)), flows, seed=0), LabNetwork, tracer)


def keep(exports: Exports, folder: Path) -> None:
    """Write a case of the corpus, without what is empty and can be left out."""
    for name, content in exports.files.items():
        path = folder / "exports" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n")
