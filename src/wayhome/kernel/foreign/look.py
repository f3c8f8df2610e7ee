"""`python -m wayhome.kernel.foreign.look`: one look at the rules of others, for an agent that goes on if it fails.

A question comes on standard input and a report goes to standard output (`report`). Nothing is changed: no table is
made by looking, and the generation of nf_tables stands still. Exit code 4: a sentence on standard output says why there
is no report.

Memory is what this takes: beside 50,000 rules 65 MiB here and 71 in iptables-nft-save (55 and 60 with iptables-legacy).
In a container with a limit the kernel would end the whole container, the agent with it, where kubelet says so (memory.oom.group, from 1.28 on). So
each of the two processes may take half of what the limit leaves, and fails in time if that is not enough.
"""

import resource
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from wayhome.kernel.backend import KernelError
from wayhome.kernel.foreign.conflicts import ASSERTING_PRIORITY, Conflict, conflicts
from wayhome.kernel.foreign.observation import Observed, called, conflicts_with_agents, observe
from wayhome.kernel.foreign.ours import Ours, ours_of
from wayhome.kernel.foreign.ranges import written
from wayhome.kernel.foreign.read import read
from wayhome.kernel.foreign.report import MOST_CONFLICTS, Decider, ForeignRules, Question, Report
from wayhome.kernel.masquerade import Preserve
from wayhome.kernel.nftables import NftablesKernel
from wayhome.kernel.skeleton import SRCNAT, TABLE
from wayhome.netfilter.rules import BaseChain, Rule

_CGROUP = Path("/sys/fs/cgroup")
_ASSERTION = ("`--preserve assert` with the nftables back end puts our rules first",)
_LONGEST_RULE = 240


def main() -> int:
    """Answer the question on standard input."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # rather this one than the agent
    share = _limit_memory()
    try:
        answer, status = look(Question.parse(sys.stdin.read())).text(), 0
    except KernelError as error:
        limited = (
            f" (the container's memory limit leaves {share >> 20} MiB for it)" if share else ""
        )
        answer, status = _printable(f"{error}{limited}"), 4
    except MemoryError:
        answer, status = f"the container's memory limit leaves {share >> 20} MiB for it, and that is not enough", 4  # fmt: skip
    sys.stdout.write(answer + "\n")
    return status


def look(question: Question) -> Report:
    """Look at the calling thread's network namespace. Raises KernelError; it names what is missing."""
    with NftablesKernel() as kernel:
        table = ours_of(kernel.read())
    return report(question, read(), table)


def report(question: Question, bases: tuple[BaseChain, ...], table: Ours | None) -> Report:
    """The answer. Pure; `table` is what our table decides, None where it is not there."""
    match question.decider:
        case Decider.TABLE:
            preserve = Preserve.ASSERT if question.asserts else Preserve.REPORT
            wanted = Ours(SRCNAT + preserve.priority_offset, question.keep, question.pods)
            found = conflicts(bases, wanted, question.pods)
            return _with_conflicts(found, "ours do", () if question.asserts else _ASSERTION)
        case Decider.CHAIN:
            wanted = Ours(SRCNAT, question.keep, question.pods)
            found = conflicts_with_agents(bases, wanted, frozenset([question.chain]))
            return _with_conflicts(found, "ours do", _ASSERTION)
        case Decider.ANY_AGENT:
            chains = called(bases)
            alone = table is not None and not chains
            wanted = Ours(table.priority if table and alone else SRCNAT, question.keep, question.pods)  # fmt: skip
            deciders = [_printable(str(chain)) for chain in chains]
            return replace(
                _with_conflicts(conflicts_with_agents(bases, wanted), "the agent's do", ()),
                deciders=(*deciders, f"inet {TABLE}") if table else tuple(deciders),
                disagreements=tuple(s for one in observe(bases, table, wanted) for s in _told(one)),
            )


def _told(found: Observed) -> Iterator[str]:
    family = f"IPv{found.family:d}"
    if found.missing:
        yield f"{family}: no chain of an ip-masq-agent is in force on this node, and no table inet {TABLE}: nothing masquerades as the configuration says"  # fmt: skip
        return
    if found.masqueraded:
        yield f"{written(found.family, found.masqueraded)}: masqueraded on this node, though the configuration keeps the Pod's address"  # fmt: skip
    if found.kept:
        yield f"{written(found.family, found.kept)}: sees the Pod's own address, though the configuration masquerades"  # fmt: skip
    if found.uncovered:
        yield f"the table inet {TABLE} leaves alone what the Pods {written(found.family, found.uncovered)} send"  # fmt: skip
    for rule in found.uncertain:
        yield f"{family}: what this rule translates cannot be said: {_shown(rule)}"


def _with_conflicts(found: Iterable[Conflict], whose: str, assertion: tuple[str, ...]) -> Report:
    found = tuple(found)
    # Rules that come and go with Pods say the same, and one sentence stands for all of them.
    told = dict.fromkeys(ForeignRules(_sentence(c, whose, assertion), c.certain) for c in found)
    certain = sum(conflict.certain for conflict in found)
    return Report(tuple(told)[:MOST_CONFLICTS], certain, len(found) - certain)


def _sentence(conflict: Conflict, whose: str, assertion: tuple[str, ...]) -> str:
    family, writer = conflict.translation.family, conflict.writer
    who = f"{writer.name} in {conflict.base}" if writer else f"a rule in {conflict.base} ({_shown(conflict.translation.rule)})"  # fmt: skip
    does = []
    if conflict.breaks:
        does.append(f"towards {written(family, conflict.breaks)}, which shall see the Pod's own address")  # fmt: skip
    if conflict.takes:
        does.append(f"before {whose}, towards {written(family, conflict.takes)}")
    under = "" if conflict.certain else " under conditions"
    helps = [writer.remedy] if writer else ["remove the rule, if nobody needs it"]
    if conflict.base.priority > ASSERTING_PRIORITY:
        helps += assertion
    return _printable(f"{who} translates{under} {' and '.join(does)}; {'; or '.join(helps)}")


def _shown(rule: Rule) -> str:
    text = _printable(rule.text)
    return text if len(text) <= _LONGEST_RULE else f"{text[:_LONGEST_RULE]}…"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _limit_memory() -> int:
    """Bytes that this process, and each one that it starts, may take; 0 where there is no limit."""
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        statistics = (_CGROUP / "memory.stat").read_text().split()
    except (OSError, ValueError):
        return 0
    # Not memory.current, which counts what the kernel would give up: files that were read.
    used = int(statistics[statistics.index("anon") + 1])
    share = max((limit - used) // 2, 1)
    resource.setrlimit(resource.RLIMIT_DATA, (share, share))
    return share


if __name__ == "__main__":
    sys.exit(main())
