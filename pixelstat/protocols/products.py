"""Read the products of an event from its parameters: one for each field, one for each product, or one with JSON.

A protocol lists its readers in order of preference. Products are read only if a report needs them, and only on requests
that have one of the parameters.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, zip_longest
from urllib.parse import unquote_plus

import polars as pl

from pixelstat.frames.numbers import read_number
from pixelstat.schemas import EVENTS

MAX_PRODUCTS = 200  # products of one event; the rest is dropped
FIELDS = ("id", "name", "category", "price", "quantity")
NUMBERS = FIELDS[3:]

Product = dict[str, str | float | None]
_SEPARATORS = re.compile(r"[\s,]*")
_JSON = json.JSONDecoder()


def make_product(*values: str | float | None) -> Product:
    """Return a product with these values, in the order of FIELDS. Omitted values are null."""
    return dict(zip_longest(FIELDS, values))


@dataclass(frozen=True)
class ProductReader:
    """A way to find products: the names of their parameters, as a regular expression, and a function of the query."""

    names: str
    read: Callable[[str], Iterable[Product]]


def numbered_products(
    names: str, *, needs: Sequence[str] = ("id", "name"), **fields: str | Sequence[str]
) -> ProductReader:
    """Return a reader for products with one parameter for each field.

    In `names`, `{n}` means the number of the product and `{key}` the key of a field. Without `{n}` there is one product.
    A field has one key or several, of which the first with a value counts. A product without any of the fields that it
    `needs` is dropped.
    """
    keys = "|".join(re.escape(key) for aliases in fields.values() for key in _as_sequence(aliases))
    pattern = names.replace("{n}", "(?P<n>[0-9]{1,3})").replace("{key}", f"(?P<key>{keys})")
    parameter = _parameter(pattern)

    def read(query: str) -> Iterator[Product]:
        values: dict[int, dict[str, object]] = {}  # number of the product -> key -> value
        for match in parameter.finditer(query):
            groups = match.groupdict()
            values.setdefault(int(groups.get("n", 0)), {}).setdefault(groups["key"], unquote_plus(groups["value"]))
        for n in sorted(values):
            yield from _build_product(values[n], fields, needs)

    return ProductReader(pattern, read)


def joined_products(names: str, **fields: str) -> ProductReader:
    """Return a reader for products with one parameter each: fields separated by `~`, each after a key of two letters.

    A `~` in a value is doubled.
    """
    parameter = _parameter(names.replace("{n}", "(?P<n>[0-9]{1,3})"))

    def read(query: str) -> Iterator[Product]:
        values: dict[int, str] = {}  # number of the product -> its fields
        for match in parameter.finditer(query):
            values.setdefault(int(match["n"]), unquote_plus(match["value"]))
        for n in sorted(values):
            parts = re.findall("(?:[^~]|~~)+", values[n])
            yield from _build_product({part[:2]: part[2:].replace("~~", "~") for part in reversed(parts)}, fields)

    return ProductReader(names.replace("{n}", "[0-9]{1,3}"), read)


def json_products(names: str, alone: Mapping[str, str] | None = None, **fields: str) -> ProductReader:
    """Return a reader for one parameter with all products, as a JSON list.

    Its items are objects with keys, lists with positions for keys, or plain ids with the key ``. Ids may also be
    separated by commas. `alone` maps fields to parameters that describe a single product.
    """
    parameter = _parameter(names)
    extra = {field: _parameter(alias) for field, alias in (alone or {}).items()}

    def read(query: str) -> Iterator[Product]:
        match = parameter.search(query)
        items = islice(_split_items(unquote_plus(match["value"])), MAX_PRODUCTS) if match else ()
        products = [product for item in items for product in _build_product(_as_mapping(item), fields)]
        if len(products) == 1:
            matches = {field: pattern.search(query) for field, pattern in extra.items()}
            products[0] |= {field: unquote_plus(match["value"]) for field, match in matches.items() if match}
        yield from products

    return ProductReader(names, read)


def cdp_products() -> tuple[ProductReader, ...]:
    """Return the readers for the message of a customer data platform (CDP).

    They read the list `products` of its properties, else the properties themselves if they have an id.
    """
    fields = {"name": "name", "category": "category", "price": "price", "quantity": "quantity"}
    listed = numbered_products(r"properties\.products\.{n}\.{key}", id=("product_id", "sku", "id"), **fields)
    single = numbered_products(r"properties\.{key}", needs=("id",), id=("product_id", "sku"), **fields)
    return listed, single


def read_products(query: pl.Expr, readers: Sequence[ProductReader]) -> pl.Expr:
    """Read the products of a query with the first reader that finds any; null if none does."""
    is_needed = pl.any_horizontal(query.str.contains(f"(?:^|&)(?:{reader.names})=[^&]") for reader in readers)
    batch = partial(_read_batch, readers)
    return pl.when(is_needed).then(query).map_batches(batch, return_dtype=EVENTS["products"], is_elementwise=True)


def _read_batch(readers: Sequence[ProductReader], queries: pl.Series) -> pl.Series:
    """Return the products of each query, as a list of structs; null for none."""
    return pl.Series([_read_query(readers, query) for query in queries.to_list()], dtype=EVENTS["products"])


def _read_query(readers: Sequence[ProductReader], query: str | None) -> list[Product] | None:
    """Return the products that the first successful reader finds in a query; None if there are none."""
    lists = (list(islice(reader.read(query), MAX_PRODUCTS)) for reader in readers) if query else ()
    return next(filter(None, lists), None)


def _parameter(names: str) -> re.Pattern[str]:
    return re.compile(f"(?:^|&)(?:{names})=(?P<value>[^&]+)")


def _as_sequence(keys: str | Sequence[str]) -> Sequence[str]:
    return (keys,) if isinstance(keys, str) else keys


def _split_items(text: str) -> Iterator[object]:
    """Yield the items of a JSON list, or a single JSON object. Other text is split at commas.

    Broken JSON yields the items before the damage.
    """
    offset = int(text.startswith("["))
    is_json = False
    try:
        while text.startswith(("[", "{")):
            between = _SEPARATORS.match(text, offset)
            item, offset = _JSON.raw_decode(text, between.end() if between else offset)
            yield item
            is_json = True
    except (ValueError, RecursionError):
        pass
    if not is_json:
        yield from (part.strip("[]'\" ") for part in text.split(","))


def _as_mapping(item: object) -> Mapping[str, object]:
    """Return an item as a mapping: a list by its positions, a plain value under the key ``."""
    if isinstance(item, dict):
        return item
    return {str(index): value for index, value in enumerate(item[:10])} if isinstance(item, list) else {"": item}


def _build_product(
    values: Mapping[str, object], fields: Mapping[str, str | Sequence[str]], needs: Sequence[str] = ("id", "name")
) -> Iterator[Product]:
    """Yield the product if it has one of the fields that it needs."""
    texts = {
        field: next(filter(None, (_read_text(values.get(key)) for key in _as_sequence(keys))), None)
        for field, keys in fields.items()
    }
    if any(texts.get(field) for field in needs):
        yield make_product(*((read_number if field in NUMBERS else _read_text)(texts.get(field)) for field in FIELDS))


def _read_text(value: object) -> str | None:
    """Return a value as text, the first one of a list; None for anything but a text or a number."""
    if isinstance(value, str) and value.startswith('["'):
        value = list(islice(_split_items(value), 1))
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).encode(errors="replace").decode() or None
