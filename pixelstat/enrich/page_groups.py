"""Page groups: many pages under one name, by rules in their order.

    # a comment
    /products/:id/reviews -> reviews
    /products/*           -> product page
    /blog/:post

A `*` stands for anything, slashes too, and nothing at all; `:post`, behind a slash, for at least one character up to
the next slash. The first rule that fits the whole page names its group; without a name that is the pattern itself.
A page that no rule fits stays what it is. Pages are compared as reports show them: decoded, without query.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.frames.lookup import map_distinct

UNGROUPED = "page itself"  # the column of it: no column of one's own has a space in its name
OF_TOML = "toml"  # what names the table of pixelstat.toml in place of a file
HINT = "Write one rule a line, as /products/* -> product page"
TABLE = 'Add to pixelstat.toml:\n    [page_groups]\n    "/products/*" = "product page"'

_PARAMETER = re.compile(r"(?<=/):[A-Za-z_]\w*")


class PageGroups:
    """Rules and the groups that they make."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._patterns: dict[tuple[str, ...], str] = {}  # by the parts of each
        # Thousands of rules are bearable because only those are tried that begin like the page.
        self._lengths: set[int] = set()  # of beginnings
        self._by_beginning: dict[str, list[tuple[int, tuple[str, ...], str]]] = {}  # place of the rule, parts, name

    def add(self, pattern: str, name: str) -> None:
        """The next rule. Raises ValueError, in words, for what can be none."""
        if not pattern.startswith("/"):
            raise ValueError("does not begin with /")
        if not name.strip():
            raise ValueError("names no group")
        parts = _parts(pattern)
        if parts in self._patterns:
            raise ValueError(f"fits the same pages as {self._patterns[parts]!r} before it")
        beginning = _PARAMETER.split(pattern.partition("*")[0])[0]
        self._lengths.add(len(beginning))
        self._by_beginning.setdefault(beginning, []).append((len(self._patterns), parts, name))
        self._patterns[parts] = pattern
        self.names.add(name)

    def of(self, page: str) -> str:
        """The group of a page, or the page itself."""
        tried = sorted(rule for length in self._lengths for rule in self._by_beginning.get(page[:length], ()))
        return next((name for _, parts, name in tried if _fit(parts, page)), page)

    def of_each(self, pages: pl.Series) -> pl.Series:
        """The group of each page."""
        return pl.Series(map(self.of, pages.to_list()), dtype=pl.String)


def _parts(pattern: str) -> tuple[str, ...]:
    """Regular expressions of what stands before, between and behind the stars."""
    parts = ["[^/]+?".join(map(re.escape, _PARAMETER.split(part))) for part in pattern.split("*")]
    parts[0] = rf"\A{parts[0]}"
    parts[-1] = rf"{parts[-1]}\Z"
    return tuple(parts)


def _fit(parts: Sequence[str], page: str) -> bool:
    """Whether the parts stand in the page one behind the other.

    Each is looked for once, at the first place there is: if the rest fits behind a later one, it fits behind the first
    one, too. So no page takes longer than in proportion to its length, whatever a stranger asks for.
    """
    end = 0
    for part in parts:
        found = _compiled(part).search(page, end)
        if not found:
            return False
        end = found.end()
    return True


_compiled = cache(re.compile)  # when first needed: most of many rules never meet a page


def asked(given: str, configured: PageGroups | None, config_path: Path | None) -> PageGroups:
    """Return the groups that `--group-pages` names: of a file, or those that pixelstat.toml configures.

    Raises PixelstatError where there are none.
    """
    if given != OF_TOML:
        return read(given)
    if configured is None:
        there = (
            f"{config_path} has no table [page_groups]." if config_path else "There is no pixelstat.toml here or above."
        )
        raise PixelstatError(there, TABLE)
    return configured


def read(path: str) -> PageGroups:
    """The rules of a file. Lines that are blank or begin with `#` are passed over.

    Raises PixelstatError, with the line, for what is no rule.
    """
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise PixelstatError(f"{path} cannot be read: {reason}.", HINT) from error
    groups = PageGroups()
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith("#"):
            continue
        try:
            groups.add(*_rule(line))
        except ValueError as error:
            raise PixelstatError(f"{path}, line {number}: {line!r} {error}.", HINT) from error
    if not groups.names:
        raise PixelstatError(f"{path} holds no rule.", HINT)
    return groups


def _rule(line: str) -> tuple[str, str]:
    """Pattern and name of a line. Raises ValueError, in words."""
    pattern, arrow, name = (part.strip() for part in line.partition("->"))
    if not arrow and re.search(r"\s", pattern):
        raise ValueError("has no -> between pattern and name")
    return pattern, name if arrow else pattern


def grouped(events: pl.LazyFrame, groups: PageGroups) -> pl.LazyFrame:
    """EVENTS with its group for each `page`, which stays known as UNGROUPED. A null page stays null."""
    return map_distinct(
        events.with_columns(pl.col("page").alias(UNGROUPED)), "page", groups.of_each, "page", pl.String()
    )
