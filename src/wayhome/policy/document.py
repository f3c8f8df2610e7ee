"""A YAML or JSON document as nodes with lines, resolved as the library of upstream's agent resolves it.

Nodes are built from the parser's events and not by PyYAML's composer: the composer recurses in C, and 100 kB of `[`
end the process with a segmentation fault. Here depth and number of the nodes are bounded, before they cost a node's
agent its time and its memory; an alias costs nothing, so an alias bomb is a small document; and merge keys, which
copy, count towards the number.

What a plain scalar means follows goyaml v2 (kubernetes-sigs/yaml), which upstream uses: YAML 1.1 with `yes`, `on`
and `y` as booleans, underscores in numbers, dates. Only the first document of a stream counts, as there.

Source: kubernetes-sigs/yaml, goyaml.v2/resolve.go; yaml.org/spec/1.1.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import yaml

# The C parser reads 10,000 entries in 20 ms; the wheels for our platforms all have it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

DEEPEST = 16
"""How many lists and mappings may stand in each other. A configuration has two."""

MOST_NODES = 50_000
"""How many values a document may have, keys and merged ones included: five times what a long list takes."""

MOST_DIRECTIVES = 100
"""How many lines may begin with `%`: libyaml compares each `%TAG` with all before it, for 6 s within 1 MiB."""

_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
_BOOLEANS = {
    **dict.fromkeys(
        ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(
        ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False
    ),
}
_NULLS = ("", "~", "null", "Null", "NULL")
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_LINE_ENDS = dict.fromkeys(map(ord, "\r\x85\u2028\u2029"), "\n")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([Tt ].*)?", re.ASCII)


class DocumentError(Exception):
    """The text is no YAML document that we read. `line` counts from 1."""

    def __init__(self, line: int | None, problem: str, instead: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem
        self.instead = instead


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value: `value` is None, a bool, an int, a float or a str; `text` is how it was written."""

    line: int
    value: bool | int | float | str | None
    text: str
    block: bool = False
    """Written as a block of text, with `|` or `>`."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    line: int
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in the order of the text, duplicates included."""

    line: int
    items: "tuple[tuple[Node, Node], ...]"


Node = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Document:
    """The first document of a text, None if it holds nothing, and whether more followed."""

    root: Node | None
    more: bool


def read_document(text: str) -> Document:
    """Read the first document. Raises DocumentError."""
    _refuse_many_directives(text)
    loader = _Loader(text)
    try:
        events = iter(loader.get_event, None)
        builder = _Builder(events)
        next(events)  # the stream's start
        root = builder.document()
        more = _more(loader)
    except yaml.MarkedYAMLError as error:
        raise _explained(error, text) from None
    except yaml.YAMLError as error:
        raise DocumentError(
            None,
            f"is not text that YAML allows ({_first_line(error)})",
            "write plain UTF-8 text without control characters",
        ) from None
    finally:
        loader.dispose()
    return Document(root, more)


def _refuse_many_directives(text: str) -> None:
    unified = text.translate(_LINE_ENDS) if "\r" in text or not text.isascii() else text
    if next(islice(_DIRECTIVE.finditer(unified), MOST_DIRECTIVES, None), None):
        raise DocumentError(
            None,
            f"has more than {MOST_DIRECTIVES} directives (lines that begin with %)",
            "remove them: a configuration needs none",
        )


def _more(loader: Any) -> bool:
    try:
        return isinstance(loader.peek_event(), yaml.DocumentStartEvent)
    except yaml.YAMLError:
        return True  # whatever it is, upstream does not read it either


class _Builder:
    """Builds nodes from a stream of events."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._anchors: dict[str, Node] = {}
        self._count = 0

    def document(self) -> Node | None:
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            return None
        root = self._node(next(self._events), 1)
        next(self._events)  # the document's end
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        line = event.start_mark.line + 1  # type: ignore[union-attr]  # the loaders always set it
        if depth > DEEPEST:
            raise DocumentError(
                line,
                f"has more than {DEEPEST} lists and mappings in each other",
                "write a mapping whose values are plain lists",
            )
        self._count_nodes(1, line)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise DocumentError(
                    line,
                    "has an alias (*) that names no anchor (&) above it",
                    "write the value itself",
                )
            return self._anchors[event.anchor]
        node = self._content(event, line, depth)
        # A node is known by its anchor only when it is complete: one that holds itself is refused as unknown.
        anchor: str | None = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _content(self, event: yaml.Event, line: int, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event, line)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
                items.append(self._node(item, depth + 1))
            return Sequence(line, tuple(items))
        pairs = []
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            key_node = self._node(key, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if _is_merge_key(key):
                pairs.extend(self._merged(value, key_node.line))
            else:
                pairs.append((key_node, value))
        return Mapping(line, tuple(pairs))

    def _merged(self, value: Node, line: int) -> list[tuple[Node, Node]]:
        """What a merge key (`<<: *other`) brings, at its place among the others: a later key overrides it.

        goyaml v2 does so; YAML's own rule is that what the mapping says itself counts wherever it stands.
        """
        pairs: list[tuple[Node, Node]] = []
        sources = value.items if isinstance(value, Sequence) else (value,)
        # Of several merged mappings the first one counts.
        for source in reversed(sources):
            if not isinstance(source, Mapping):
                raise DocumentError(
                    line,
                    "merges (<<) something that is no mapping",
                    "write `<<: *NAME`, where &NAME marks a mapping above, or the keys themselves",
                )
            self._count_nodes(2 * len(source.items), line)
            pairs.extend(source.items)
        return pairs

    def _count_nodes(self, number: int, line: int) -> None:
        self._count += number
        if self._count > MOST_NODES:
            raise DocumentError(
                line,
                f"has more than {MOST_NODES:,} values",
                "use wider ranges, and list fewer of them",
            )


def _is_merge_key(event: yaml.Event) -> bool:
    return (
        isinstance(event, yaml.ScalarEvent)
        and event.value == "<<"
        and (event.implicit[0] or (event.tag or "").endswith(":merge"))
    )


def _scalar(event: yaml.ScalarEvent, line: int) -> Scalar:
    text: str = event.value
    plain, _quoted = event.implicit
    if plain or (event.tag or "").endswith((":int", ":float", ":bool", ":null")):
        return Scalar(line, resolve_plain(text), text)
    return Scalar(line, text, text, block=event.style in ("|", ">"))


def resolve_plain(text: str) -> bool | int | float | str | None:
    """What a scalar without quotes means."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] not in "0123456789+-." or _DATE.fullmatch(text):
        return text
    digits = text.replace("_", "")
    if _INTEGER.fullmatch(digits) and len(digits) <= 40:
        octal = re.fullmatch(r"([-+]?)0([0-7]+)", digits)
        return int(f"{octal[1]}0o{octal[2]}" if octal else digits, 0)
    if _FLOAT.fullmatch(digits):
        return float(digits)
    return text


def _explained(error: yaml.MarkedYAMLError, text: str) -> DocumentError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else None
    shown = next(islice(io.StringIO(text), mark.line, None), "") if mark else ""
    if "\t" in shown[: len(shown) - len(shown.lstrip())]:
        return DocumentError(
            line, "is indented with a tab, which YAML does not allow", "indent with spaces"
        )
    what = ", ".join(part for part in (error.context, error.problem) if part)
    return DocumentError(
        line, f"is not YAML ({what})", "check the indentation, quotes and brackets here and above"
    )


def _first_line(error: yaml.YAMLError) -> str:
    return str(error).splitlines()[0]
