"""The objects in a JSON document, unparsed, each with its JSON pointer.

A document may be an object, an array of them, a list of an API (`{"items": […]}`, `{"clusters": […]}`), an aggregated
one (`{"items": {"zones/Z": {"instances": […]}}}`), a line of an asset inventory, or any of these within an array
(`jq -s`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from wayhome.clouds.gcp.resources.cluster import Cluster
from wayhome.clouds.read import kinds
from wayhome.clouds.read.listing import Listing
from wayhome.clouds.read.problem import Problem, explained
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import Reference

_NOTHING = msgspec.Raw(b"")
_DEEPEST = 4
"""Arrays and lists in each other."""
_NO_RESULTS = ("NO_RESULTS_ON_PAGE", "")


class _Object(msgspec.Struct, rename="camel", gc=False):
    """As much of an object as tells what it is. The parts of lists stay unparsed."""

    kind: str = ""
    api_version: str = ""
    id: str | int = ""
    self_link: str = ""
    asset_type: str = msgspec.field(name="asset_type", default="")
    asset_type_of_gcloud: str = msgspec.field(name="assetType", default="")
    name: str = ""
    resource: msgspec.Raw = _NOTHING
    items: msgspec.Raw = _NOTHING
    clusters: msgspec.Raw = _NOTHING
    missing_zones: tuple[str, ...] = ()
    next_page_token: str = ""
    unreachables: tuple[str, ...] = ()


class _AssetResource(msgspec.Struct):
    data: msgspec.Raw = _NOTHING


class _ScopeWarning(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Scope(msgspec.Struct):
    warning: _ScopeWarning = msgspec.field(default_factory=_ScopeWarning)


_object = msgspec.json.Decoder(_Object).decode
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_asset = msgspec.json.Decoder(_AssetResource).decode
_scope = msgspec.json.Decoder(_Scope).decode


@dataclass(frozen=True, slots=True)
class Item:
    """An object. `kind` is None where it is none that we use: `called` is then what it calls itself, if anything."""

    raw: msgspec.Raw
    pointer: str
    kind: type[Resource] | None
    listing: Listing | None
    called: str = ""
    name: str = ""
    """Its full name, where something beside the object says it."""


@dataclass(slots=True)
class Unfolder:
    """Takes the documents of one file apart. `listings` are the lists that it met."""

    file: str
    listings: list[Listing] = field(default_factory=list)
    _inventory: Listing | None = None

    def document(self, raw: msgspec.Raw, pointer: str) -> Iterator[Item | Problem]:
        """The objects of a document, and what is wrong with those that are none."""
        yield from self._any(raw, pointer, None, 0)

    def _any(
        self, raw: msgspec.Raw, pointer: str, listing: Listing | None, depth: int
    ) -> Iterator[Item | Problem]:
        try:
            if _begins(raw, b"["):
                if depth > _DEEPEST:
                    yield Problem(pointer, "has lists nested too deeply", listing)
                    return
                yield from self._items(raw, pointer, listing or self._listing(pointer), depth + 1)
            else:
                yield from self._object(raw, pointer, listing, depth)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            yield explained(error, pointer, listing)

    def _listing(self, pointer: str, kind: type[Resource] | None = None) -> Listing:
        listing = Listing(self.file, pointer, kind)
        self.listings.append(listing)
        return listing

    def _items(
        self, raw: msgspec.Raw, pointer: str, listing: Listing, depth: int
    ) -> Iterator[Item | Problem]:
        items = _array(raw)
        listing.empty = not items
        if items and _begins(items[0], b"{"):
            whole = kinds.of_member_fields(_fields(items[0]).keys())
            if whole:
                self.listings.remove(listing)  # it is no list of objects, but one object
                yield Item(raw, pointer, whole, None)
                return
        for index, item in enumerate(items):
            yield from self._any(item, f"{pointer}/{index}", listing, depth)

    def _object(
        self, raw: msgspec.Raw, pointer: str, listing: Listing | None, depth: int
    ) -> Iterator[Item | Problem]:
        found = _object(raw)
        if found.asset_type or found.asset_type_of_gcloud:
            yield self._asset(found, pointer, listing)
        elif found.clusters and not found.kind:
            inner = self._list_of(found, f"{pointer}/clusters", Cluster)
            inner.refused += [(zone, "did not answer") for zone in found.missing_zones]
            yield from self._items(found.clusters, f"{pointer}/clusters", inner, depth)
        elif found.items and (found.kind.endswith("List") or (not found.kind and _listed(found))):
            yield from self._list(raw, found, pointer, depth)
        elif found.kind.endswith("List"):  # an API leaves an empty list of items out
            kind = kinds.of_kind(found.kind, found.api_version)
            self._list_of(found, pointer, kind).empty = True
        else:
            kind, called = self._kind(found, raw, listing)
            yield Item(raw, pointer, kind, listing, called)

    def _kind(
        self, found: _Object, raw: msgspec.Raw, listing: Listing | None
    ) -> tuple[type[Resource] | None, str]:
        if found.kind:
            return kinds.of_kind(found.kind, found.api_version), found.kind
        link = Reference(found.self_link)
        return (
            (listing.kind if listing else None)
            or kinds.of_link(link)
            or kinds.of_fields(_fields(raw).keys()),
            "",
        )

    def _asset(self, found: _Object, pointer: str, listing: Listing | None) -> Item | Problem:
        asset_type = found.asset_type or found.asset_type_of_gcloud
        if self._inventory is None:
            self._inventory = listing or self._listing("")
        kind = kinds.of_asset(asset_type)
        data = _asset(found.resource).data if found.resource else _NOTHING
        if kind and not data:
            return Problem(
                pointer,
                f"is an asset without its resource ({kind.KIND})",
                self._inventory,
                kind,
                "export it with --content-type=resource",
            )
        where = f"{pointer}/resource/data"
        return Item(data, where, kind, self._inventory, asset_type, Reference(found.name))

    def _list_of(self, found: _Object, pointer: str, kind: type[Resource] | None) -> Listing:
        listing = self._listing(pointer, kind)
        listing.scope = _scope_of(found.self_link) or _scope_of(str(found.id))
        if found.next_page_token:
            listing.partial = "it is one page of several"
        listing.refused += [(place, "could not be reached") for place in found.unreachables]
        return listing

    def _list(
        self, raw: msgspec.Raw, found: _Object, pointer: str, depth: int
    ) -> Iterator[Item | Problem]:
        kind = kinds.of_kind(found.kind, found.api_version)
        if kind in kinds.WITHOUT_SUBJECT:
            yield Item(raw, pointer, kind, None)
            return
        listing = self._list_of(found, f"{pointer}/items", kind)
        if _begins(found.items, b"{"):
            yield from self._aggregated(found.items, f"{pointer}/items", listing, depth)
        elif _begins(found.items, b"["):
            yield from self._items(found.items, f"{pointer}/items", listing, depth + 1)
        elif _begins(found.items, b"n"):
            listing.empty = True
        else:
            yield Problem(f"{pointer}/items", "is no list", listing)

    def _aggregated(
        self, raw: msgspec.Raw, pointer: str, listing: Listing, depth: int
    ) -> Iterator[Item | Problem]:
        for place, content in _fields(raw).items():
            where = f"{pointer}/{place.replace('~', '~0').replace('/', '~1')}"
            warning = _scope(content).warning
            if warning.code not in _NO_RESULTS:
                scope = f"{listing.scope}/{place}" if listing.scope else place
                listing.refused.append((scope, warning.message or warning.code))
            for collection, objects in _fields(content).items():
                if _begins(objects, b"["):
                    yield from self._items(objects, f"{where}/{collection}", listing, depth + 1)


def _begins(raw: msgspec.Raw, character: bytes) -> bool:
    return bytes(memoryview(raw)[:1]) == character


def _listed(found: _Object) -> bool:
    """Whether `items` of an object that says nothing about itself are the items of a list: a schema has some too."""
    if _begins(found.items, b"{"):
        return all(_begins(content, b"{") for content in _fields(found.items).values())
    return not _begins(found.items, b'"')


def _scope_of(link: str) -> str:
    """What a list is a list of, by its own link: `projects/P` of `projects/P/global/routes`."""
    name = Reference(link)
    scope = name.rpartition("/")[0] if name.startswith("projects/") else ""
    return scope.removesuffix("/global").removesuffix("/aggregated")
