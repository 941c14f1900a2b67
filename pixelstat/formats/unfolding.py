"""Unfold parts of JSON objects: queries as objects, headers as lists, and objects as text.

    {"queryStringParameters": {"e": "pv"}}               {"queryStringParameters": "e=pv"}
    {"headers": [{"name": "User-Agent", "value": "x"}]}  {"headers": {"User-Agent": "x"}}
    {"properties": "{\"CIp\": \"203.0.113.7\"}"}         {"properties": {"CIp": "203.0.113.7"}}

AWS Lambda logs such queries, AWS WAF logs such headers, and Azure App Service logs its properties as text.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from pixelstat.formats.field_names import names_of, rank_name
from pixelstat.text.json_values import load_json

MAX_DEPTH = 4  # of objects in objects
_ALWAYS_QUERIES = frozenset({"querystringparameters", "multivaluequerystringparameters"})
_NAME_KEYS, _VALUE_KEYS = ("name", "key", "Name", "Key"), ("value", "Value")
_HEADERS = frozenset({"headers", "requestheaders", "header", "reqheaders"})
_TEXTS_OF_OBJECTS = frozenset({"properties"})


def unfold(value: Mapping[str, object], line: str) -> dict[str, Any] | None:
    """Return the unfolded object, or None if there is nothing to unfold. `line` is the text of the object."""
    return _unfold(value, line, (), MAX_DEPTH)


def _unfold(value: Mapping[str, object], line: str, above: tuple[str, ...], depth: int) -> dict[str, Any] | None:
    changed: dict[str, Any] = {}
    for name, member in value.items():
        path = (*above, name)
        names = names_of(path)
        if _is_query(path, names):
            query = "" if member is None and not _ALWAYS_QUERIES.isdisjoint(names) else _read_query(member, line)
            if query is not None:
                changed[name] = query
                continue
        if isinstance(member, list) and not _HEADERS.isdisjoint(names) and (pairs := dict(_iter_pairs(member))):
            changed[name] = pairs
        elif isinstance(member, str) and not _TEXTS_OF_OBJECTS.isdisjoint(names) and (parsed := _parse(member)):
            changed[name] = parsed
        elif isinstance(member, dict) and depth > 1 and (inner := _unfold(member, line, path, depth - 1)):
            changed[name] = inner
    return {**value, **changed} if changed else None


def _is_query(path: tuple[str, ...], names: tuple[str, ...]) -> bool:
    is_url = len(path) > 1 and names[0].endswith("urlquery")
    return is_url or rank_name(path, "args") is not None or not _ALWAYS_QUERIES.isdisjoint(names)


def _read_query(member: object, line: str) -> str | None:
    """Return the query that an object, a list of names and values, or the text of an object holds, or None.

    If the line also contains this query as text, the text is better: then return None.
    """
    if isinstance(member, str):
        member = _parse(member)
    pairs = [*_iter_pairs(member)] if isinstance(member, list) else [*_iter_members(member)]
    if pairs and (f"?{pairs[0][0]}=" in line or f"&{pairs[0][0]}=" in line):
        return None
    if not pairs:
        return "" if isinstance(member, dict) and not member else None
    if '"elb"' in line:  # a load balancer does not decode the query
        return "&".join(f"{name}={text}" for name, text in pairs)
    return "&".join(f"{quote(name, safe='')}={quote(text, safe='/:@,')}" for name, text in pairs)


def _iter_members(member: object) -> Iterator[tuple[str, str]]:
    """Yield the names and values of an object, one pair for each item of an array. Skip values that are objects."""
    for name, value in member.items() if isinstance(member, dict) else ():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, (str, int, float)):
                yield name, str(item)


def _iter_pairs(items: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a list of objects that have both."""
    for item in items:
        if isinstance(item, dict):
            name = next((item[key] for key in _NAME_KEYS if key in item), None)
            value = next((item[key] for key in _VALUE_KEYS if key in item), None)
            if isinstance(name, str) and isinstance(value, (str, int, float)):
                yield name, str(value)


def _parse(text: str) -> dict[str, Any] | None:
    """Return the object that a text holds, or None."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = load_json(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
