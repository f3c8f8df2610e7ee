"""One file: its objects, its lists, what is wrong with it."""

import re
from dataclasses import dataclass, field

import msgspec

from wayhome.clouds.gcp.resources.firewall_policy import EffectiveFirewalls
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoutes
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.read.collected import (
    FILE_NAME,
    Collected,
    NotCollectedError,
    parse_collected,
)
from wayhome.clouds.read.decode import decode
from wayhome.clouds.read.documents import NotJsonError, documents
from wayhome.clouds.read.encoding import as_utf8
from wayhome.clouds.read.file_names import kind_by_name
from wayhome.clouds.read.files import File
from wayhome.clouds.read.findings import Findings
from wayhome.clouds.read.listing import Listing
from wayhome.clouds.read.loaded import Damage, Loaded
from wayhome.clouds.read.problem import EXPORT_AGAIN, Problem, explained
from wayhome.clouds.read.signs import kinds_in, projects_in
from wayhome.clouds.read.unfold import Item, Unfolder
from wayhome.clouds.resource import Resource
from wayhome.policy.findings import quote

_JSON_NAMES = (".json", ".ndjson", ".jsonl")
_NOTHING_LOST = "nothing is lost by it"
_YAML = re.compile(rb"^(- )?(apiVersion|kind|selfLink): ", re.MULTILINE)
_BEGINNING = 4096
_SECRET = "Secret"  # noqa: S105  # a kind of objects


@dataclass(slots=True)
class FileReader:
    """Reads files, and collects what is in them."""

    findings: Findings
    loaded: list[Loaded] = field(default_factory=list)
    quoted: list[Loaded] = field(default_factory=list)
    """Objects within others: evidence is rather taken from a list of their own."""
    listings: list[Listing] = field(default_factory=list)
    damages: list[Damage] = field(default_factory=list)
    collected: list[Collected] = field(default_factory=list)
    _others: dict[str, int] = field(default_factory=dict)

    def read(self, file: File) -> None:
        """Read one file, whatever is in it."""
        if file.data is None:
            self._whole(file, b"", file.problem, "make it readable, or split it")
            return
        try:
            text = as_utf8(file.data).strip()
        except ValueError as error:
            self._whole(file, b"", str(error), "save it as UTF-8")
            return
        is_json = file.path.lower().endswith(_JSON_NAMES)
        if not text and is_json:
            self._whole(file, b"", "is empty: its command failed", "run the command again")
        elif text[:1] in (b"{", b"["):
            self._json(file, text)
        elif is_json:
            self._whole(file, text, "is not JSON", "keep only what the command itself printed")
        elif _YAML.search(text[:_BEGINNING]):
            self.findings.warn(file.path, "", "is YAML, and was not read", "export it as JSON")
        else:
            self.findings.note(file.path, "", "is not JSON, and was not read", _NOTHING_LOST)

    def _json(self, file: File, text: bytes) -> None:
        if file.path.rpartition("/")[2] == FILE_NAME:
            self._collected(file, text)
            return
        try:
            found = documents(text)
        except NotJsonError as error:
            self._whole(file, text, str(error), EXPORT_AGAIN)
            return
        unfolder = Unfolder(file.path)
        self._others = {}
        for index, document in enumerate(found):
            pointer = f"/{index}" if len(found) > 1 else ""
            for item in unfolder.document(document, pointer):
                if isinstance(item, Problem):
                    self._problem(file, item)
                else:
                    self._item(file, item)
        for listing in unfolder.listings:
            if listing.empty and kind_by_name(file.path) is PeeringRoutes:
                nothing = decode(PeeringRoutes, msgspec.Raw(b"[]"))
                self.loaded.append(Loaded(nothing, file.path, listing.pointer, None))
            else:
                self.listings.append(listing)
        for called, count in self._others.items():
            self._other(file, called, count)

    def _item(self, file: File, item: Item) -> None:
        if item.kind is None:
            self._others[item.called] = self._others.get(item.called, 0) + 1
            return
        try:
            resource = decode(item.kind, item.raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._problem(file, explained(error, item.pointer, item.listing, item.kind), item)
            return
        if isinstance(resource, Route) and len(resource.next_hops()) != 1:
            problem = f"has {len(resource.next_hops())} next hops that are known here, and not one"
            self._problem(file, Problem(item.pointer, problem, item.listing, item.kind), item)
            return
        self.loaded.append(Loaded(resource, file.path, item.pointer, item.listing, item.name))
        if isinstance(resource, EffectiveFirewalls):
            for index, rule in enumerate(resource.firewalls):
                pointer = f"{item.pointer}/firewalls/{index}"
                self.quoted.append(Loaded(rule, file.path, pointer, None))

    def _other(self, file: File, called: str, count: int) -> None:
        if called == _SECRET:
            problem = f"holds {count:,} Secrets, which nothing here needs; they were not read"
            self.findings.warn(file.path, "", problem, "delete them from the file")
        elif called:
            problem = f"holds {count:,} objects of a kind that is not used: {quote(called)}"
            self.findings.note(file.path, "", problem, _NOTHING_LOST)
        else:
            problem = f"holds {count:,} objects of no kind that is known here"
            self.findings.warn(file.path, "", problem, "remove it, or export it again, unchanged")

    def _problem(self, file: File, problem: Problem, item: Item | None = None) -> None:
        self.findings.error(file.path, problem.pointer, problem.problem, problem.instead)
        listing = problem.listing
        kind = problem.kind or (listing.kind if listing else None) or kind_by_name(file.path)
        scope = listing.scope if listing else ""
        projects = projects_in(bytes(memoryview(item.raw))) if item else frozenset()
        if not scope and len(projects) == 1:
            (scope,) = projects
        self.damages.append(Damage(file.path, problem.pointer, kind, scope, problem.problem))

    def _whole(self, file: File, text: bytes, problem: str, instead: str) -> None:
        """Note that nothing in a file is to be believed, and what it was probably about."""
        self.findings.error(file.path, "", problem, instead)
        by_name = kind_by_name(file.path)
        found: list[type[Resource] | None] = [*kinds_in(text)] or [by_name]
        self.damages += [
            Damage(file.path, "", kind, scope, problem)
            for kind in found
            for scope in projects_in(text) or {""}
        ]

    def _collected(self, file: File, text: bytes) -> None:
        try:
            self.collected += parse_collected(text, file.path)
        except NotCollectedError as error:
            self.findings.error(file.path, error.pointer, str(error), "see docs/exports.md")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            found = explained(error, "", None)
            self.findings.error(file.path, found.pointer, found.problem, "see docs/exports.md")
