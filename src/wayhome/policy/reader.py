"""Reads the keys of a configuration document, in the order in which upstream's agent meets them.

Upstream turns YAML into a Go map, in which of equal keys the last one stays, and writes that as JSON in the order of
its keys: `NonMasq…` before `nonMasq…`. JSON it reads in the order of the text. Either way a later key overrides an
earlier one that differs from it in case only.
"""

from collections.abc import Mapping

from wayhome.policy.document import Document, Node, Scalar, Sequence
from wayhome.policy.document import Mapping as MappingNode
from wayhome.policy.findings import Findings, Severity, quote
from wayhome.policy.keys import KEYS, closest_key
from wayhome.policy.policy import LINK_LOCAL, LINK_LOCAL_KEYS, Action, Entry, Origin
from wayhome.policy.ties import check_ties
from wayhome.policy.values import read_interval, read_limit, read_ranges, read_switch
from wayhome.prefixes import Family, Prefix

_OF_KUBERNETES_OBJECTS = ("apiVersion", "kind", "data", "metadata")


class Reader:
    """What the keys say, on top of the defaults; what is wrong with it goes to `findings`."""

    def __init__(
        self,
        default_ranges: tuple[str, ...],
        *,
        ipv6: bool,
        findings: Findings,
        keys: Mapping[str, str] = KEYS,
    ) -> None:
        self._keys = keys
        self._ipv6 = ipv6
        self._findings = findings
        origin = Origin("nonMasqueradeCIDRs")
        self.kept = [Entry(Prefix.parse(text), Action.KEEP, origin) for text in default_ranges]
        self.masqueraded: list[Entry] = []
        self._masq_link_local: dict[Family, tuple[bool, Origin]] = {
            family: (False, Origin(key)) for key, family in LINK_LOCAL_KEYS.items()
        }
        self._cidr_limit_line: int | None = None
        self.given: set[str] = set()
        """The keys that the document has."""
        self.cidr_limit = 64
        self.resync_interval = 60.0

    def entries(self) -> tuple[Entry, ...]:
        """All entries in upstream's order: link-local first, then the lists as they were written."""
        return (*self._link_local(), *self.kept, *self.masqueraded)

    def _link_local(self) -> list[Entry]:
        return [
            Entry(LINK_LOCAL[family], Action.KEEP, origin)
            for family, (masqueraded, origin) in self._masq_link_local.items()
            if not masqueraded and (family is Family.IPV4 or self._ipv6)
        ]

    def masquerades_link_local(self, family: Family) -> bool:
        """What `masqLinkLocal` or `masqLinkLocalIPv6` says."""
        return self._masq_link_local[family][0]

    def read(self, document: Document, *, json: bool) -> None:
        """Apply a document. `json`: the keys count in the order of the text."""
        if document.more:
            self._findings.warn(
                None,
                "the file holds several documents (---), and only the first one counts",
                "put everything into one document",
            )
        written = self._named(self._top_level(document))
        counted = written
        if not json:
            counted = sorted({item[0]: item for item in written}.values(), key=lambda i: i[0])
        self._warn_of_duplicates(written, counted)
        for name, line, value in counted:
            known = self._keys.get(name.casefold())
            if known is None:
                self._warn_of_unknown(name, line)
            else:
                self._apply(known, line, value)
        self._check_limit()
        check_ties((*self._link_local(), *self.kept), self.masqueraded, self._findings)

    def _top_level(self, document: Document) -> tuple[tuple[Node, Node], ...]:
        root = document.root
        if isinstance(root, MappingNode):
            return root.items
        if root is None or (isinstance(root, Scalar) and root.value is None):
            self._findings.warn(
                None,
                f"the file says nothing, so {'the defaults apply' if self.kept else 'it adds no range'}",
                "write nonMasqueradeCIDRs and a list, or remove the file",
            )
        elif isinstance(root, Sequence):
            self._findings.error(
                root.line,
                "the file is a list without a name",
                "write `nonMasqueradeCIDRs:` in a line above it",
            )
        else:
            self._findings.error(
                root.line,
                f"the file is the text '{quote(root.text)}', not keys and values",
                "write a line `nonMasqueradeCIDRs:` and the list below it",
            )
        return ()

    def _named(self, pairs: tuple[tuple[Node, Node], ...]) -> list[tuple[str, int, Node]]:
        named = []
        for key, value in pairs:
            if isinstance(key, Scalar):
                named.append((key.text, key.line, value))
            else:
                self._findings.error(
                    key.line,
                    "a list or mapping stands where a key is wanted",
                    "write a key such as nonMasqueradeCIDRs",
                )
        return named

    def _warn_of_duplicates(
        self, written: list[tuple[str, int, Node]], counted: list[tuple[str, int, Node]]
    ) -> None:
        """Name each key that another one of the same name overrides."""
        winners = {name.casefold(): (line, value) for name, line, value in counted}
        for name, line, value in written:
            known = self._keys.get(name.casefold())
            winner_line, winner = winners[name.casefold()]
            if known and winner is not value:
                self._findings.warn(
                    line,
                    f"{known} is given again in line {winner_line}, and that one counts",
                    "keep one of them",
                )

    def _warn_of_unknown(self, name: str, line: int) -> None:
        if name in _OF_KUBERNETES_OBJECTS:
            self._findings.warn(
                line,
                f"the key {name} belongs to a Kubernetes object and has no effect here",
                "the file holds only what stands below `config: |` in the ConfigMap's data",
            )
            return
        if name.casefold() in KEYS:
            self._findings.warn(
                line,
                f"the key {KEYS[name.casefold()]} has no effect in Azure's files",
                "remove it; the interval is the flag --resync-interval, and a file holds at most 64 ranges",
            )
            return
        meant = None if self._findings.full(Severity.WARNING) else closest_key(name)
        self._findings.warn(
            line,
            f"the key '{quote(name)}' is not known and has no effect",
            f"did you mean {meant}?" if meant else f"the keys are {', '.join(KEYS.values())}",
        )

    def _apply(self, key: str, line: int, value: Node) -> None:
        findings = self._findings
        self.given.add(key)
        if key == "nonMasqueradeCIDRs":
            self.kept = read_ranges(
                key, line, value, Action.KEEP, ipv6=self._ipv6, findings=findings
            )
        elif key == "masqueradeCIDRs":
            self.masqueraded = read_ranges(
                key, line, value, Action.MASQUERADE, ipv6=self._ipv6, findings=findings
            )
        elif key == "cidrLimit":
            limit = read_limit(line, value, findings)
            if limit is not None:
                self.cidr_limit, self._cidr_limit_line = limit, line
        elif key == "resyncInterval":
            self.resync_interval = read_interval(line, value, findings) or self.resync_interval
        else:
            switch = read_switch(key, line, value, findings)
            if switch is not None:
                self._masq_link_local[LINK_LOCAL_KEYS[key]] = (switch, Origin(key, line))

    def _check_limit(self) -> None:
        count = len(self.kept) + len(self.masqueraded)
        if count > self.cidr_limit:
            self._findings.error(
                self._cidr_limit_line,
                f"the lists have {count} ranges, and cidrLimit is {self.cidr_limit}",
                f"write `cidrLimit: {count}` if they are all meant",
            )
