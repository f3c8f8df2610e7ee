"""What is known to be complete, out of everything that was read: lists, damage, and `collected.json`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wayhome.clouds.finding import quoted_place
from wayhome.clouds.gcp.resources.firewall_policy import EffectiveFirewalls
from wayhome.clouds.gcp.resources.firewall_rule import FirewallRule
from wayhome.clouds.knowledge import Claim, Knowledge, State
from wayhome.clouds.kubernetes.resources.metadata import KubernetesObject
from wayhome.clouds.read.assemble import claims_of, scope_of
from wayhome.clouds.read.collected import Collected
from wayhome.clouds.read.file_names import kind_by_name
from wayhome.clouds.read.findings import Findings
from wayhome.clouds.read.kinds import WITHOUT_SUBJECT
from wayhome.clouds.read.listing import Listing
from wayhome.clouds.read.loaded import Damage
from wayhome.clouds.read.placement import Placement
from wayhome.clouds.resource import Resource
from wayhome.network.evidence import Evidence
from wayhome.policy.findings import quote


@dataclass(frozen=True, slots=True)
class Completeness:
    """Collects claims. `entries` is `collected.json` by file, `placement` says what files and folders stand for."""

    findings: Findings
    placement: Placement
    entries: Mapping[str, Collected]

    def knowledge(
        self,
        listings: Iterable[Listing],
        damages: Iterable[Damage],
        collected: Sequence[Collected],
        files: frozenset[str],
    ) -> Knowledge:
        """All claims. `files`: those that were read."""
        self._sort_into_lists()
        claims = [claim for listing in listings for claim in self._of_list(listing)]
        claims += self._of_outputs()
        for damage in damages:
            claims.append(self._of_damage(damage))
        for entry in collected:
            claims.append(self._of_entry(entry, files))
        self._warn_of_unfinished(collected)
        return Knowledge(tuple(dict.fromkeys(claims)))

    def _sort_into_lists(self) -> None:
        for one in self.placement.objects:
            if one.listing is not None:
                one.listing.add(type(one.resource), scope_of(one))

    def _of_list(self, listing: Listing) -> list[Claim]:
        if listing.empty and not listing.partial:
            self._of_empty(listing)
        if listing.partial:
            self.findings.warn(listing.file, listing.pointer, listing.partial, "export all pages")
        for scope, why in listing.refused:
            self.findings.warn(
                listing.file,
                listing.pointer,
                f"lacks {quoted_place(scope)} ({quote(why)})",
                "export it again",
            )
        return claims_of(listing)

    def _of_empty(self, listing: Listing) -> None:
        """Find out what an empty list is a list of."""
        entry = self.entries.get(listing.file)
        if entry:
            return  # the entry itself is the claim
        listing.kind = listing.kind or kind_by_name(listing.file)
        listing.scope = listing.scope or self._scope(listing.kind, listing.file)
        if not (listing.kind and listing.scope):
            self.findings.note(
                listing.file,
                listing.pointer,
                "is empty, and does not say of what it is a list",
                "call it by what it lists (routers.json) in its project's folder",
            )

    def _scope(self, kind: type[Resource] | None, file: str) -> str:
        """The project or the cluster of a file; or nothing, where there may be several."""
        if kind is None:
            return ""
        if issubclass(kind, KubernetesObject):
            near = self.placement.clusters.of(file)
        else:
            near = self.placement.projects.nearest(file)
        return min(near) if len(near) == 1 else ""

    def _of_outputs(self) -> list[Claim]:
        """Outputs about one subject are complete for that subject."""
        claims = []
        for one in self.placement.objects:
            kind = type(one.resource)
            if kind in WITHOUT_SUBJECT:
                subject = one.name.removesuffix(f"/{kind.COLLECTION}")
                evidence = Evidence(one.name, one.file, one.pointer)
                claims.append(Claim(kind, subject, State.EXPORTED, "", evidence))
                if kind is EffectiveFirewalls:
                    claims.append(Claim(FirewallRule, subject, State.EXPORTED, "", evidence))
        return claims

    def _of_damage(self, damage: Damage) -> Claim:
        entry = self.entries.get(damage.file)
        kind, scope = damage.kind, damage.scope
        if entry and kind in (None, entry.kind):
            kind, scope = entry.kind, scope or entry.scope
        scope = scope or self._scope(kind, damage.file)
        evidence = Evidence("", damage.file, damage.pointer)
        return Claim(kind, scope, State.DAMAGED, damage.reason, evidence)

    def _of_entry(self, entry: Collected, files: frozenset[str]) -> Claim:
        pointer = f"/collected/{entry.index}"
        evidence = Evidence("", entry.source, pointer)
        if entry.state is State.EXPORTED and entry.file and entry.file not in files:
            problem = f"names the file {quoted_place(entry.file)}, which is not there"
            self.findings.error(entry.source, pointer, problem, "run the command again")
            return Claim(entry.kind, entry.scope, State.DAMAGED, problem, evidence)
        return Claim(entry.kind, entry.scope, entry.state, entry.reason, evidence)

    def _warn_of_unfinished(self, collected: Iterable[Collected]) -> None:
        """One finding a `collected.json`: a run that was killed leaves hundreds of such entries."""
        unfinished: dict[str, list[Collected]] = {}
        for entry in collected:
            if entry.state is State.NOT_EXPORTED:
                unfinished.setdefault(entry.source, []).append(entry)
        for source, entries in unfinished.items():
            first = entries[0]
            self.findings.warn(
                source,
                f"/collected/{first.index}",
                f"says that {len(entries):,} outputs were not exported, the first {quote(first.kind.KIND)} of "
                f"{quoted_place(first.scope)}{f': {quote(first.reason)}' if first.reason else ''}",
                "run `wayhome collect` again, into the same directory",
            )
