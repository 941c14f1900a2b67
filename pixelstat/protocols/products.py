"""The products that an event names, out of parameters: one for each field, one for each product, or one with JSON.

A protocol says where its products stand, in the order of preference; what becomes of them is the same for all. They
are read only for a report that asks for them, and only on requests that have such parameters.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from math import isfinite
from urllib.parse import unquote_plus

import polars as pl

from pixelstat.schemas import EVENTS

MOST = 200  # products of one event; the rest is cut
FIELDS = ("id", "name", "category", "price", "quantity")
NUMBERS = FIELDS[3:]

Product = dict[str, str | float | None]
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_BETWEEN = re.compile(r"[\s,]*")
_JSON = json.JSONDecoder()


def product(*values: str | float | None) -> Product:
    """The product of these values, in the order of the fields; what is left out is null."""
    return dict(zip_longest(FIELDS, values))


@dataclass(frozen=True)
class Place:
    """Where products stand: in parameters of these names (a regular expression), and how to read them off a query."""

    names: str
    read: Callable[[str], Iterable[Product]]


def numbered(names: str, *, needs: Sequence[str] = ("id", "name"), **fields: str | Sequence[str]) -> Place:
    """Each field in a parameter of its own. In the names `{n}` stands for the product's number, `{key}` for a field's.

    Without `{n}` it is one product. A field goes by any of its keys; a product has one of those that it `needs`.
    """
    keys = "|".join(re.escape(key) for those in fields.values() for key in _several(those))
    pattern = names.replace("{n}", "(?P<n>[0-9]{1,3})").replace("{key}", f"(?P<key>{keys})")
    parameter = _parameter(pattern)

    def read(query: str) -> Iterator[Product]:
        found: dict[int, dict[str, object]] = {}
        for match in parameter.finditer(query):
            said = match.groupdict()
            found.setdefault(int(said.get("n", 0)), {}).setdefault(said["key"], unquote_plus(said["value"]))
        for n in sorted(found):
            yield from _product(found[n], fields, needs)

    return Place(pattern, read)


def joined(names: str, **fields: str) -> Place:
    """Each product in a parameter of its own, its fields between `~`, each with a key of two letters in front.

    A `~` in a value is doubled.
    """
    parameter = _parameter(names.replace("{n}", "(?P<n>[0-9]{1,3})"))

    def read(query: str) -> Iterator[Product]:
        found: dict[int, str] = {}
        for match in parameter.finditer(query):
            found.setdefault(int(match["n"]), unquote_plus(match["value"]))
        for n in sorted(found):
            parts = re.findall("(?:[^~]|~~)+", found[n])
            yield from _product({part[:2]: part[2:].replace("~~", "~") for part in reversed(parts)}, fields)

    return Place(names.replace("{n}", "[0-9]{1,3}"), read)


def in_json(names: str, alone: Mapping[str, str] | None = None, **fields: str) -> Place:
    """All products in one parameter: a JSON list of objects by their keys, of lists by places, of ids by the key ``.

    Ids may also stand between commas. `alone` are parameters that tell of the product where it is the only one.
    """
    parameter = _parameter(names)
    others = {field: _parameter(those) for field, those in (alone or {}).items()}

    def read(query: str) -> Iterator[Product]:
        match = parameter.search(query)
        items = islice(_items(unquote_plus(match["value"])), MOST) if match else ()
        found = [product for item in items for product in _product(_by_key(item), fields)]
        if len(found) == 1:
            said = {field: other.search(query) for field, other in others.items()}
            found[0] |= {field: unquote_plus(match["value"]) for field, match in said.items() if match}
        yield from found

    return Place(names, read)


def of_properties(above: str = "") -> tuple[Place, ...]:
    """The products of a CDP's message: the list of its properties, else the properties themselves if they have an id."""
    fields = {"name": "name", "category": "category", "price": "price", "quantity": "quantity"}
    listed = numbered(f"{above}properties\\.products\\.{{n}}\\.{{key}}", id=("product_id", "sku", "id"), **fields)
    single = numbered(f"{above}properties\\.{{key}}", needs=("id",), id=("product_id", "sku"), **fields)
    return listed, single


def products(query: pl.Expr, places: Sequence[Place]) -> pl.Expr:
    """The products that a query names, by the first place that has any; null where none has."""
    is_needed = pl.any_horizontal(query.str.contains(f"(?:^|&)(?:{place.names})=[^&]") for place in places)

    def read(query: str | None) -> list[Product] | None:
        found = (list(islice(place.read(query), MOST)) for place in places) if query else ()
        return next(filter(None, found), None)

    def batch(queries: pl.Series) -> pl.Series:
        return pl.Series([read(each) for each in queries.to_list()], dtype=EVENTS["products"])

    return pl.when(is_needed).then(query).map_batches(batch, return_dtype=EVENTS["products"], is_elementwise=True)


def _parameter(names: str) -> re.Pattern[str]:
    return re.compile(f"(?:^|&)(?:{names})=(?P<value>[^&]+)")


def _several(keys: str | Sequence[str]) -> Sequence[str]:
    return (keys,) if isinstance(keys, str) else keys


def _items(text: str) -> Iterator[object]:
    """The items of a JSON list, or the one object, as far as it can be read; of any other text the parts between commas."""
    place = int(text.startswith("["))
    is_read = False
    try:
        while text.startswith(("[", "{")):
            between = _BETWEEN.match(text, place)
            item, place = _JSON.raw_decode(text, between.end() if between else place)
            yield item
            is_read = True
    except (ValueError, RecursionError):
        pass
    if not is_read:
        yield from (part.strip("[]'\" ") for part in text.split(","))


def _by_key(item: object) -> Mapping[str, object]:
    if isinstance(item, dict):
        return item
    return {str(place): held for place, held in enumerate(item[:10])} if isinstance(item, list) else {"": item}


def _product(
    said: Mapping[str, object], fields: Mapping[str, str | Sequence[str]], needs: Sequence[str] = ("id", "name")
) -> Iterator[Product]:
    """The product, if what is said of it names one."""
    texts = {
        field: next(filter(None, (_text(said.get(key)) for key in _several(keys))), None)
        for field, keys in fields.items()
    }
    if any(texts.get(field) for field in needs):
        yield product(*((_number if field in NUMBERS else _text)(texts.get(field)) for field in FIELDS))


def _text(value: object) -> str | None:
    """A value as text, of several the first; null for what is none."""
    if isinstance(value, str) and value.startswith('["'):
        value = list(islice(_items(value), 1))
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).encode(errors="replace").decode() or None


def _number(text: str | None) -> float | None:
    number = float(text) if text and _NUMBER.fullmatch(text) else None
    return number if number is not None and isfinite(number) else None
