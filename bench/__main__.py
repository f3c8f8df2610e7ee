"""`scripts/bench`: the command line."""

import argparse
import json
import os
import secrets
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench import node_commands
from bench.figure import Figure, Run, not_run, results
from bench.figures import FIGURES
from bench.machine import this_machine
from bench.progress import Progress
from bench.report import Report, as_document, figure_lines, last_line, machine_lines
from wayhome.lab.namespaces import NamespaceRefusedError, enter

ROOT = "root"
OUTPUT = Path("bench-results.json")
LAST_START = 240.0
"""Seconds after which a quick run begins no other figure: the longest of them takes the rest of its five minutes."""
_ALL_NUMBERS = "4294967295"


def main() -> int:
    """Measure what is asked for. Returns the exit code."""
    parser = _parser()
    asked = parser.parse_args()
    if asked.list:
        for figure in FIGURES.values():
            print(f"{figure.name:18} {figure.about}")
        return 0
    if asked.seed is not None and asked.agreement is None:
        parser.error("--seed is that of generated networks; it goes with --agreement FLOWS")
    every = [name for name, figure in FIGURES.items() if not (asked.quick and figure.slow)]
    chosen = [FIGURES[name] for name in dict.fromkeys(asked.figures or every)]
    machine, user = this_machine(), ROOT if _is_real_root() else "an ordinary user"
    try:
        enter()
    except NamespaceRefusedError as refused:
        print(f"bench: {refused}", file=sys.stderr)
        return 4
    if asked.agreement is not None:
        return _agreement(asked.agreement, asked.seed)
    with tempfile.TemporaryDirectory(prefix="wayhome-bench-") as folder:
        os.environ[node_commands.LOCK_FILE] = os.fspath(Path(folder, "xtables.lock"))
        limit = LAST_START if asked.quick and not asked.figures else None
        report = Report(machine, asked.quick, user, ())
        return measure(chosen, report, Path(folder), asked.output, limit)


def _agreement(flows: int, seed: int | None) -> int:
    from bench.agreement import run  # noqa: PLC0415 (hypothesis, which figures do without)

    return run(flows, secrets.randbelow(1 << 32) if seed is None else seed)


def measure(
    chosen: list[Figure], report: Report, folder: Path, output: Path, limit: float | None
) -> int:
    """Measure, print and write. After `limit` seconds no other figure is begun. Returns the exit code."""
    progress, started = Progress(), time.monotonic()
    print("\n".join(machine_lines(report)), flush=True)
    for number, figure in enumerate(chosen, 1):
        progress.figure(figure.name, number, len(chosen))
        own = folder / figure.name
        own.mkdir()
        if limit is not None and time.monotonic() - started > limit:
            measured = not_run(figure, f"no time was left: scripts/bench {figure.name}")
        else:
            measured = results(figure, Run(report.quick, report.user == ROOT, own, progress.say))
        report = replace(report, measured=(*report.measured, (figure, tuple(measured))))
        _write(output, report)  # after each: an interrupted run has measured something too
        progress.clear()
        print("\n".join(figure_lines(figure, measured)), flush=True)
    print(f"\n{last_line(report)}; {time.monotonic() - started:.0f} s; {output}")
    return report.exit_code


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
    parser.add_argument(
        "--quick",
        action="store_true",
        help="fewer rounds, and no slow figures: under five minutes; on a busy machine the last ones are not run",
    )
    parser.add_argument(
        "--agreement",
        type=_flows,
        metavar="FLOWS",
        help="no figure: so many flows of generated networks, asked of the tracer and of the kernel",
    )
    parser.add_argument(
        "--seed", type=int, help="of the generated networks; without it one is chosen and printed"
    )
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


def _flows(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of flows; write one from 1 on")
    return int(text)


def _is_real_root() -> bool:
    """Root of the initial user namespace: its numbers are not mapped (user_namespaces(7))."""
    return os.geteuid() == 0 and Path("/proc/self/uid_map").read_text().split()[2] == _ALL_NUMBERS


def _write(path: Path, report: Report) -> None:
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(as_document(report), indent=2, ensure_ascii=False) + "\n")
    new.rename(path)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
