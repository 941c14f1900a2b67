"""Hold the values that the first lines of a JSON log have under each key, and find keys by name or by value."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from pixelstat.formats import field_values as values
from pixelstat.formats.field_names import Path, rank_name
from pixelstat.formats.json import ALL_ITEMS, FIRST_ITEM
from pixelstat.formats.json_text import to_text

MAX_DEPTH = 6  # of objects in objects
MIN_SHARE = 0.8  # of the values of a key that must have the form of the field
CACHED_KEYS = 1_000  # sets of keys whose ranks are remembered
Predicate = Callable[[str], bool]


def list_leaves(value: dict[str, object], above: Path = ()) -> Iterable[tuple[Path, str]]:
    """Yield the texts and numbers of an object with the keys that lead to them. Arrays give their first item."""
    for name, member in value.items():
        if not name.isprintable() or "*" in name or name.startswith("^") or name.endswith((FIRST_ITEM, ALL_ITEMS)):
            continue  # Polars would read the name as a pattern, or `_bare_name` would cut it
        if isinstance(member, dict):
            if len(above) < MAX_DEPTH:
                yield from list_leaves(member, (*above, name))
        elif isinstance(member, list):
            items = [text for item in member if (text := to_text(item)) is not None]
            if items:
                yield (*above, name + FIRST_ITEM), items[0]
        elif not isinstance(member, bool):
            yield (*above, name), to_text(member) or ""


@dataclass(frozen=True)
class Columns:
    """The values that the first lines have under each key."""

    rows: Sequence[dict[Path, str]]

    @cached_property
    def values(self) -> dict[Path, list[str]]:
        """The values of each key, without absent ones."""
        by_path: dict[Path, list[str]] = {}
        for row in self.rows:
            for path, text in row.items():
                texts = by_path.setdefault(path, [])
                if text not in values.ABSENT:
                    texts.append(text)
        return by_path

    def looks_like(self, path: Path, predicate: Predicate) -> bool:
        """Return whether the key has values, and the predicate is true for nearly all of them."""
        texts = self.values[path]
        return bool(texts) and sum(map(predicate, texts)) >= MIN_SHARE * len(texts)

    def find_by_name(self, field: str, predicate: Predicate) -> list[Path]:
        """Return the keys that have a known name of the field, the best name first.

        The predicate must be true for their values. Keys without any value come last.
        """
        named = _rank_keys(tuple(self.values), field)
        with_values = [path for path in named if self.looks_like(path, predicate)]
        return with_values + [path for path in named if not self.values[path]]

    def find_by_values(self, predicate: Predicate, exclude: re.Pattern[str], taken: Iterable[Path] = ()) -> list[Path]:
        """Return the keys with values of this form, except taken keys and keys whose words match `exclude`."""
        return [
            path
            for path in self.values
            if path not in taken and not exclude.search(spell_path(path)) and self.looks_like(path, predicate)
        ]


@lru_cache(CACHED_KEYS)
def _rank_keys(paths: Sequence[Path], field: str) -> Sequence[Path]:
    """Return those of the keys that have a known name of the field, the best name first."""
    ranks = {path: rank for path in paths if (rank := rank_name(bare_path(path), field)) is not None}
    return sorted(ranks, key=lambda path: (ranks[path], len(path)))


def bare_path(path: Path) -> Path:
    """Return the path without the mark of a list behind its last name."""
    return (*path[:-1], path[-1].removesuffix(FIRST_ITEM))


def spell_path(path: Path) -> str:
    """Return the words of the path in lower case, with blanks between them."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", " ", " ".join(path)).lower()
