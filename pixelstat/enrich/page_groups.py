"""Group pages: replace many pages with the name of their group, by an ordered list of rules.

    # a comment
    /products/:id/reviews -> reviews
    /products/*           -> product page
    /blog/:post

A `*` matches any text, also slashes and the empty text. `:post`, after a slash, matches at least one character up to
the next slash. The first rule that matches the whole page names its group. A rule without a name uses its pattern as
the name. A page that no rule matches stays as it is. Pages are compared as reports show them: decoded, without query.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import polars as pl

from pixelstat.errors import PixelstatError, unreadable_file
from pixelstat.frames.columns import internal
from pixelstat.frames.lookup import map_distinct

ORIGINAL_PAGE = internal("original page")  # a column: the page before it was replaced with its group
TOML_OPTION = "toml"  # the value of --group-pages that means the table of pixelstat.toml, not a file
HINT = "Write one rule per line, such as /products/* -> product page"
TABLE = 'Add to pixelstat.toml:\n    [page_groups]\n    "/products/*" = "product page"'

_PARAMETER = re.compile(r"(?<=/):[A-Za-z_]\w*")


class PageGroups:
    """An ordered list of rules, each a pattern and the name of a group."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._patterns: dict[tuple[str, ...], str] = {}  # parts -> pattern
        # Only rules that begin like the page are tried, which keeps thousands of rules affordable.
        self._prefix_lengths: set[int] = set()
        self._by_prefix: dict[str, list[tuple[int, tuple[str, ...], str]]] = {}  # position of the rule, parts, name

    def add(self, pattern: str, name: str) -> None:
        """Append a rule. Raises ValueError with a sentence for an invalid one."""
        if not pattern.startswith("/"):
            raise ValueError("does not start with /")
        if not name.strip():
            raise ValueError("has no group name")
        parts = _parts(pattern)
        if parts in self._patterns:
            raise ValueError(f"matches the same pages as {self._patterns[parts]!r} above")
        prefix = _PARAMETER.split(pattern.partition("*")[0])[0]
        self._prefix_lengths.add(len(prefix))
        self._by_prefix.setdefault(prefix, []).append((len(self._patterns), parts, name))
        self._patterns[parts] = pattern
        self.names.add(name)

    def group_of(self, page: str) -> str:
        """Return the group of a page, or the page itself if no rule matches."""
        candidates = sorted(rule for length in self._prefix_lengths for rule in self._by_prefix.get(page[:length], ()))
        return next((name for _, parts, name in candidates if matches_in_order(parts, page)), page)

    def groups_of(self, pages: pl.Series) -> pl.Series:
        """Return the group of each page."""
        return pl.Series(map(self.group_of, pages.to_list()), dtype=pl.String)


def _parts(pattern: str) -> tuple[str, ...]:
    """Split a pattern at its stars and return a regular expression for each part."""
    parts = ["[^/]+?".join(map(re.escape, _PARAMETER.split(part))) for part in pattern.split("*")]
    parts[0] = rf"\A{parts[0]}"
    parts[-1] = rf"{parts[-1]}\Z"
    return tuple(parts)


def matches_in_order(parts: Sequence[str], page: str) -> bool:
    """Return whether the parts occur in the page one after the other.

    Each part is searched once and its first match is taken. If the rest matches after a later match, it also matches
    after the first one. So the time is proportional to the length of the page, even for a hostile request.
    """
    end = 0
    for part in parts:
        match = _compile(part).search(page, end)
        if not match:
            return False
        end = match.end()
    return True


_compile = cache(re.compile)  # compiled when first needed: most of many rules are never tried


def page_groups_from_option(option: str, table: PageGroups | None, config_path: Path | None) -> PageGroups:
    """Return the rules that `--group-pages` names: those of a file, or `table`, the one in pixelstat.toml.

    `config_path` is the path of pixelstat.toml, None if there is no such file. Raises PixelstatError for a missing
    file or table.
    """
    if option != TOML_OPTION:
        return read_page_groups(option)
    if table is None:
        missing = "There is no pixelstat.toml in this folder or above."
        raise PixelstatError(f"{config_path} has no table [page_groups]." if config_path else missing, TABLE)
    return table


def read_page_groups(path: str) -> PageGroups:
    """Read the rules of a file. Blank lines and lines that begin with `#` are skipped.

    Raises PixelstatError for a file that cannot be read, and for an invalid rule, with its line.
    """
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable_file(path, error, HINT) from error
    groups = PageGroups()
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith("#"):
            continue
        try:
            groups.add(*_parse_rule(line))
        except ValueError as error:
            raise PixelstatError(f"{path}, line {number}: {line!r} {error}.", HINT) from error
    if not groups.names:
        raise PixelstatError(f"{path} contains no rule.", HINT)
    return groups


def _parse_rule(line: str) -> tuple[str, str]:
    """Return the pattern and the name in a line. Raises ValueError with a sentence."""
    pattern, arrow, name = (part.strip() for part in line.partition("->"))
    if not arrow and re.search(r"\s", pattern):
        raise ValueError("has no -> between pattern and name")
    return pattern, name if arrow else pattern


def group_pages(events: pl.LazyFrame, groups: PageGroups) -> pl.LazyFrame:
    """Replace each `page` of EVENTS with its group, and keep the page as ORIGINAL_PAGE. A null page stays null."""
    return map_distinct(
        events.with_columns(pl.col("page").alias(ORIGINAL_PAGE)), "page", groups.groups_of, "page", pl.String()
    )
