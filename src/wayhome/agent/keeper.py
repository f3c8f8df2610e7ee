"""Keeps the kernel as the configuration says: when to look, when to apply, what to say.

There is no thread and no waiting in here: `step()` does what is due and returns when it wants to be called again, and
events only note that something is due earlier. The clock is injected, so that any sequence of events can be played in
a test in no time.

Everything ends in the same call: bring the kernel to the wanted policy, whatever it holds. A change of the file, damaged
rules and the regular verification differ only in when that call comes:

- a change of the configuration: at once;
- somebody has changed nftables: at once, then at most once a second. A table that is damaged again and again is
  repaired more and more rarely, down to once a minute, with an alarm: every commit makes other writers on the node
  start over (their transactions carry the generation that they were made for);
- where the kernel reports no changes (iptables-legacy): every 10 s;
- the interval of the configuration (`resyncInterval`): everything is read again, the file too;
- a source that could not be read: again after 10 s, because what was in the way may go without an event;
- a kernel that refused: again after 1 s, 2 s, up to a minute.

And never more than five transactions a second.
"""

import math
import time
from collections.abc import Callable
from typing import Protocol

from wayhome.agent.holding import Basis, Held, Holding
from wayhome.agent.memory import Memory
from wayhome.agent.observer import Observer
from wayhome.agent.reading import Missing, Present, Reading, Unreadable, Wrong
from wayhome.agent.transitions import Transitions
from wayhome.kernel import Backend, ChangeKind, KernelError, RepairBackoff, TransactionPace
from wayhome.policy import Policy, Settings

LONGEST_RETRY = 60.0
"""Seconds between two attempts at a kernel that refuses."""
UNREADABLE_INTERVAL = 10.0
"""Seconds between two looks at a source that cannot be read."""
VERIFY_INTERVAL = 1.0
"""Seconds between two looks at our table, however often others change theirs."""


class Source(Protocol):
    """Where the configuration comes from."""

    def read(self) -> Reading:
        """Look at it. Never raises."""


class Drift(Protocol):
    """Says whether anybody has changed nftables."""

    def drain(self) -> bool:
        """Forget what was reported so far."""


class Keeper:
    """One node's rules."""

    def __init__(
        self,
        *,
        source: Source,
        backend: Backend,
        holding: Holding,
        memory: Memory,
        observer: Observer,
        transitions: Transitions,
        drift: Drift | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._backend = backend
        self._holding = holding
        self._memory = memory
        self._observer = observer
        self._transitions = transitions
        self._drift = drift
        self._clock = clock

        # Set by the first look, which comes before everything else.
        self._reading: Reading
        self._held: Held
        self._in_kernel: Policy | None = None
        """What the kernel was last brought to, by this process or an earlier one; None where that is not known."""
        self._begun = False
        self._resettled = False
        self._changed = False
        """The wanted configuration is not the one that the kernel was last given."""
        self._noticed_at = math.inf
        """When a change of the source was first heard of that the kernel does not hold yet."""

        self._look_at = -math.inf
        self._apply_at = -math.inf
        self._audit_at = -math.inf
        self._drift_seen_at = -math.inf
        self._drifted = False
        self._retries = 0
        self._pace = TransactionPace()
        self._backoff = RepairBackoff()

    # Events. They only note what is due.

    def source_changed(self) -> None:
        """The configuration may have changed: look at it in the next step."""
        self._look_at = -math.inf
        self._noticed_at = min(self._noticed_at, self._clock())

    def settings_changed(self, settings: Settings) -> None:
        """Flags mean something else from here on: what is held is read again in the next step."""
        self._holding.resettle(settings)
        self._resettled = True
        self.source_changed()

    def tables_changed(self) -> None:
        """Somebody has changed nftables: look at our table, at once or a second after the last such look."""
        self._drifted = True
        due = max(self._drift_seen_at + VERIFY_INTERVAL, self._backoff.not_before)
        self._apply_at = min(self._apply_at, max(due, self._clock()))

    @property
    def verification_due(self) -> bool:
        """Whether our table will be looked at anyway: until then nobody needs to listen for changes."""
        return self._apply_at < math.inf

    # The work.

    def step(self) -> float:
        """Do what is due. Returns the time of the next step, by the keeper's clock."""
        now = self._clock()
        if self._audit_at <= now:
            self._look_at = self._apply_at = -math.inf
            self._backend.forget()
        if self._look_at <= now:
            self._look(now)
        if self._apply_at <= now:
            self._apply(now)
        if self._transitions.due <= now:
            self._transitions.finish()
        return min(self._look_at, self._apply_at, self._audit_at, self._transitions.due)

    def _look(self, now: float) -> None:
        reading = self._source.read()
        self._look_at = now + UNREADABLE_INTERVAL if isinstance(reading, Unreadable) else math.inf
        resettled, self._resettled = self._resettled, False
        if self._begun and not resettled and self._is_known(reading):
            self._forget_notice()
            return
        held = self._holding.observe(reading, now)
        news = not self._begun or held.configuration != self._held.configuration
        self._begun, self._reading, self._held = True, reading, held
        if held.until is not None:
            self._look_at = held.until
        self._observer.source(held)
        if news:
            self._changed = True
            self._apply_at = -math.inf
            self._noticed_at = min(self._noticed_at, now)
        else:
            self._forget_notice()

    def _is_known(self, reading: Reading) -> bool:
        """Whether it means what it meant: the same text of the same version, and nobody waits for time to pass."""
        same = isinstance(reading, (Present, Wrong)) and reading == self._reading
        return same and self._held.until is None

    def _forget_notice(self) -> None:
        """What was heard of changed nothing; an earlier change may still be on its way to the kernel."""
        if not self._changed:
            self._noticed_at = math.inf

    def _apply(self, now: float) -> None:
        delay = self._pace.delay(now)
        if delay > 0:
            self._apply_at = now + delay
            return
        if self._drift:
            self._drift.drain()  # before reading: what happens from here on is news
        if self._drifted:
            self._drifted = False
            self._drift_seen_at = now
        if self._changed:
            self._transitions.finish()  # for another policy, other connections are the ones that start again
            self._in_kernel = self._in_kernel or self._transitions.before()
        try:
            change = self._backend.apply(self._held.configuration.policy)
        except KernelError as error:
            self._retry(now, str(error))
            return
        held = self._held
        self._audit_at = now + held.configuration.resync_interval
        self._apply_at = now + (self._backend.poll_interval or math.inf)
        self._retries = 0
        if change.kind is not ChangeKind.NOTHING:
            for _ in range(change.transactions):
                self._pace.record(now)
            self._apply_at = now  # once more: our own change is drained as news, and what came with it is not lost
        if self._changed:
            self._changed = False
            self._observer.applied(held, change, self._clock() - self._noticed_at)
            self._noticed_at = math.inf
            self._transitions.committed(self._in_kernel, held.configuration.policy, now)
            self._in_kernel = held.configuration.policy
        elif change.kind is not ChangeKind.NOTHING:
            alarm = self._backoff.record(now)
            self._apply_at = self._backoff.not_before
            self._observer.repaired(change, alarm=alarm, next_in=self._apply_at - now)
        self._observer.verified()
        self._remember(held)

    def _retry(self, now: float, problem: str) -> None:
        wait = min(2.0**self._retries, LONGEST_RETRY)
        self._retries += 1
        self._observer.kernel_refused(problem, wait)
        self._apply_at = now + wait
        self._audit_at = max(self._audit_at, now + wait)

    def _remember(self, held: Held) -> None:
        """Keep for the next start what the kernel holds now; what was removed on purpose must not come back."""
        removed = held.basis is Basis.DEFAULTS and isinstance(self._reading, Missing)
        if held.basis is Basis.CONFIGURATION or removed:
            problem = self._memory.remember(held.data)
            if problem:
                self._observer.not_remembered(problem)
