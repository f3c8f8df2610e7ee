"""Field and label selectors.

Source: Kubernetes, "Field Selectors", "Labels and Selectors" (equality-based and set-based requirements).
"""

import re
from collections.abc import Callable

from tests.kube.api_server.failure import bad_request
from tests.kube.api_server.kinds import Kind, Object

Selector = Callable[[Object], bool]

_SET = re.compile(r"([^\s,!=()]+)\s+(in|notin)\s+\(([^)]*)\)")
_TERM = re.compile(r"[^,()]*(?:\([^)]*\))?")


def field_terms(text: str) -> list[tuple[str, str, str]]:
    """(field, operator, value) of each term."""
    terms = []
    for term in filter(None, (part.strip() for part in text.split(","))):
        for operator in ("!=", "==", "="):
            field, found, value = term.partition(operator)
            if found:
                terms.append((field, operator, value))
                break
        else:
            raise bad_request(f'invalid selector: "{text}"; can\'t understand "{term}"')
    return terms


def field_selector(text: str, kind: Kind) -> Selector:
    terms = field_terms(text)
    known = ("metadata.name", "metadata.namespace", *kind.fields)
    for field, _, _ in terms:
        if field not in known:
            raise bad_request(f"field label not supported: {field}")
    return lambda item: all((_at(item, f) == value) != (op == "!=") for f, op, value in terms)


def label_selector(text: str) -> Selector:
    terms = [t for t in (m.group().strip() for m in _TERM.finditer(text)) if t]
    tests = [_label_term(term) for term in terms]
    return lambda item: all(test(item["metadata"].get("labels") or {}) for test in tests)


def _label_term(term: str) -> Callable[[dict[str, str]], bool]:
    if found := _SET.fullmatch(term):
        key, operator, listed = found.groups()
        values = {value.strip() for value in listed.split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    for operator in ("!=", "==", "="):
        key, found_operator, value = (part.strip() for part in term.partition(operator))
        if found_operator:
            return lambda labels: (labels.get(key) == value) != (operator == "!=")
    if term.startswith("!"):
        return lambda labels: term[1:].strip() not in labels
    return lambda labels: term in labels


def _at(item: Object, field: str) -> str:
    value: object = item
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
