"""`scripts/bench`: the command line."""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from bench import report
from bench.figure import Figure, Result, Run, results
from bench.figures import FIGURES
from bench.machine import this_machine
from bench.progress import Progress
from bench.report import Report
from wayhome.lab.namespaces import NamespaceRefusedError, enter

OUTPUT = Path("bench-results.json")
_ALL_NUMBERS = "4294967295"


def main() -> int:
    """Measure what is asked for. Returns the exit code."""
    asked = _parser().parse_args()
    if asked.list:
        for figure in FIGURES.values():
            print(f"{figure.name:18} {figure.about}")
        return 0
    chosen = [FIGURES[name] for name in dict.fromkeys(asked.figures or FIGURES)]
    machine, root = this_machine(), _is_real_root()
    user = "root" if root else "an ordinary user"
    try:
        enter()
    except NamespaceRefusedError as refused:
        print(f"bench: {refused}", file=sys.stderr)
        return 4
    progress, measured = Progress(), list[tuple[Figure, tuple[Result, ...]]]()
    for line in report.machine_lines(Report(machine, asked.quick, user, ())):
        print(line, flush=True)
    started = time.monotonic()
    done = Report(machine, asked.quick, user, ())
    for number, figure in enumerate(chosen, 1):
        progress.figure(figure.name, number, len(chosen))
        with tempfile.TemporaryDirectory(prefix="wayhome-bench-") as folder:
            run = Run(asked.quick, root, Path(folder), progress.say)
            measured.append((figure, tuple(results(figure, run))))
        done = Report(machine, asked.quick, user, tuple(measured))
        _write(asked.output, done)  # after each: an interrupted run has measured something too
        progress.clear()
        print("\n".join(report.figure_lines(*measured[-1])), flush=True)
    print(f"\n{report.last_line(done)}; {time.monotonic() - started:.0f} s; {asked.output}")
    return done.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=os.environ.get("WAYHOME_COMMAND", "bench"),
        description="Measures every figure that wayhome promises, beside its peer, in networks of its own.",
        epilog="Ends with 0 if all were reached, 1 if one was missed, 4 if this machine lacks something for one.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "figures", nargs="*", metavar="FIGURE", help="only these; all of them without", type=_name
    )
    parser.add_argument("--list", action="store_true", help="name the figures, and measure nothing")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: under five minutes")
    parser.add_argument(
        "--output", type=Path, default=OUTPUT, metavar="FILE", help=f"the JSON document ({OUTPUT})"
    )
    return parser


def _name(text: str) -> str:
    if text not in FIGURES:
        raise argparse.ArgumentTypeError(
            f"there is no figure {text!r}; one of {', '.join(FIGURES)}"
        )
    return text


def _is_real_root() -> bool:
    """Root of the initial user namespace: its numbers are not mapped (user_namespaces(7))."""
    return os.geteuid() == 0 and Path("/proc/self/uid_map").read_text().split()[2] == _ALL_NUMBERS


def _write(path: Path, done: Report) -> None:
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(report.as_document(done), indent=2, ensure_ascii=False) + "\n")
    new.rename(path)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
