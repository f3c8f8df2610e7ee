"""Open connections, when the configuration changes: `--transition`, run twice for each change.

A failure here is no failure of the rules: they hold for new connections all the same, so it is logged and left.
"""

import math
from typing import TYPE_CHECKING

from wayhome.agent.logs import Log
from wayhome.kernel import KernelError, NftablesKernel
from wayhome.kernel.transition_mode import TransitionMode
from wayhome.policy import Policy

if TYPE_CHECKING:
    from wayhome.kernel.transition import Transition

_NAMES = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}


class Transitions:
    """Expires what the mode says; used on the keeper's thread. `due` is the time of the second run."""

    def __init__(self, mode: TransitionMode, log: Log) -> None:
        self._mode = mode
        self._log = log
        self._pending: Transition | None = None
        self.due = math.inf

    def before(self) -> Policy | None:
        """What an earlier process left in our table; None where there is none, and where nothing is to be expired."""
        if self._mode is TransitionMode.KEEP:
            return None
        from wayhome.kernel.held_policy import held_policy  # noqa: PLC0415  # as below

        try:
            with NftablesKernel() as kernel:
                return held_policy(kernel.read())
        except KernelError:
            return None  # the commit that follows says more

    def committed(self, old: Policy | None, new: Policy, now: float) -> None:
        """The kernel holds `new` now, and held `old` before; None where that is not known."""
        if self._mode is TransitionMode.KEEP:
            return
        from wayhome.kernel.transition import (  # noqa: PLC0415  # a fifth of a mebibyte, which few agents need
            SECOND_RUN,
            Transition,
        )

        transition = Transition(old, new, self._mode)
        if not transition.needed:
            return
        self._run(transition)
        self._pending, self.due = transition, now + SECOND_RUN

    def finish(self) -> None:
        """Make the second run: when it is due, or before another policy is committed."""
        pending, self._pending, self.due = self._pending, None, math.inf
        if pending:
            self._run(pending)

    def _run(self, transition: "Transition") -> None:
        try:
            expired = transition.run()
        except KernelError as error:
            self._log.error(
                "transition", f"connections keep their old treatment until they end: {error}"
            )
            return
        if expired.total:
            counts = {
                _NAMES.get(protocol, f"protocol-{protocol}"): count
                for protocol, count in sorted(expired.by_protocol.items())
            }
            self._log.info(
                "transition",
                f"{expired.total} open connections start again under the new configuration",
                **counts,
            )
