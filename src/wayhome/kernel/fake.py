"""A kernel in memory, for tests of everything above this package: it behaves like the real one, and counts.

What the real back end does over netlink goes through the text here, so both ways are held to the same rules. Damage
is done as others do it on a node, by a script: `fake.nftables.run("delete table inet wayhome")`.
"""

from wayhome.kernel.backend import KernelError
from wayhome.kernel.commands import AddElements, Transaction
from wayhome.kernel.counts import NOTHING_COUNTED, Counts
from wayhome.kernel.difference import ElementChanges, Elements
from wayhome.kernel.fake_nftables import FakeNftables
from wayhome.kernel.skeleton import CHAINS, COUNTER, SENT_ELSEWHERE, TABLE
from wayhome.kernel.table import HeldChain, HeldRule, HeldSet, Table
from wayhome.kernel.text import script
from wayhome.kernel.transactions import changing


class FakeKernel:
    """Keeps `Kernel`'s promises without a kernel. `transactions` are the scripts that were applied, in order."""

    def __init__(self) -> None:
        self.nftables = FakeNftables()
        self.transactions: list[str] = []
        self._next_failure: KernelError | None = None

    def fail_once(self, error: KernelError) -> None:
        """Let the next transaction fail with this error."""
        self._next_failure = error

    @property
    def operations(self) -> int:
        """The commands in all transactions."""
        return sum(script.count("\n") for script in self.transactions)

    def read(self) -> Table | None:
        """Our table as it is."""
        table = self.nftables.tables.get(f"inet {TABLE}")
        if table is None:
            return None
        chains = [table.chains[name] for name in CHAINS if name in table.chains]
        return Table(
            comment=table.comment,
            dormant=table.dormant,
            objects=len(table.chains) + len(table.sets) + len(table.counters),
            chains=tuple(
                HeldChain(
                    chain.base,
                    tuple(HeldRule(rule.comment, rule.statement.encode()) for rule in chain.rules),
                )
                for chain in chains
            ),
            sets=tuple(HeldSet(held.type, tuple(held.intervals)) for held in table.sets.values()),
            counters=tuple(table.counters),
        )

    def counts(self, of: Elements | None = None) -> Counts:
        """What our table has counted."""
        table = self.nftables.tables.get(f"inet {TABLE}")
        if table is None or COUNTER not in table.counters:
            return Counts()
        return Counts(
            {
                held.type.name: dict(held.counts)
                for held in table.sets.values()
                if of is None or held.type in of
            },
            table.counters[COUNTER],
            table.counters.get(SENT_ELSEWHERE, NOTHING_COUNTED),
        )

    def write(self, transaction: Transaction) -> None:
        """Run the transaction as a script."""
        self._run(transaction)

    def change(self, changes: ElementChanges) -> None:
        """Run the changes in the same way."""
        self._run(changing(changes))

    def remove(self) -> None:
        """Remove our table."""
        if f"inet {TABLE}" in self.nftables.tables:
            self._commit(f"delete table inet {TABLE}\n")

    def forget(self) -> None:
        """Nothing is remembered here."""

    def _run(self, transaction: Transaction) -> None:
        self._commit(script(transaction))
        for command in transaction:  # nft's language cannot say what elements count from
            if isinstance(command, AddElements):
                sets = self.nftables.tables[f"inet {TABLE}"].sets
                sets[command.kind.name].counts.update(command.counts)

    def _commit(self, commands: str) -> None:
        error, self._next_failure = self._next_failure, None
        if error:
            raise error
        self.nftables.run(commands)
        self.transactions.append(commands)
