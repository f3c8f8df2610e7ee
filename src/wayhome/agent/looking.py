"""Looks at the rules of others, each in a process of its own whose end, however it ends, is only a look that failed.

What that process may read is `kernel/foreign/look.py`'s; here it is started, given its time, and its answer is read.
"""

import sys

from wayhome.kernel import KernelError, child
from wayhome.kernel.foreign.report import Question, Report

TIMEOUT = 240.0
"""Seconds for one look: nft and four programs of iptables, each of which has a minute."""
_CANNOT = 4


def look(question: Question) -> Report:
    """Ask the kernel of the calling thread's network namespace. Raises KernelError, which says why there is no answer."""
    flags = ["-I"] * sys.flags.isolated + ["-OO"] * (sys.flags.optimize > 1)
    command = [sys.executable, *flags, "-m", "wayhome.kernel.foreign.look"]
    ended = child.run(command, timeout=TIMEOUT, script=question.text(), lines_with="")
    if ended.status == _CANNOT:
        raise KernelError(f"the rules on this node cannot be read: {' '.join(ended.lines).strip()}")
    try:
        return Report.parse("\n".join(ended.lines))
    except (ValueError, KeyError, TypeError) as error:
        last = ended.said.splitlines()[-1:] or [repr(error)]
        raise KernelError(
            f"the rules on this node could not be read: exit code {ended.status}: {last[0]}"
        ) from error
