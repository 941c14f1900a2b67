"""Steps of a funnel as people type them: an event, a page, or a condition in SQL; a name in front if they like.

Where pages are grouped, a group's name is a step, too, and comes before an event of that name.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import polars as pl

from pixelstat.enrich.page_groups import UNGROUPED, PageGroups
from pixelstat.errors import PixelstatError
from pixelstat.schemas import CONDITION_COLUMNS, EVENTS, VISITS
from pixelstat.vocabulary import EVENT_SYNONYMS, canonical_event, is_page_view

_SQL = re.compile(r"[=<>!'\"()]|\sis\s+(?:not\s+)?null\b|\sbetween\s", re.IGNORECASE)
_OF_MANY = re.compile(  # SQL that looks beyond the row: its answer would hang on which rows stand together
    r"\b(?:sum|avg|mean|count|min|max|median|mode|std\w*|var\w*|first|last|quantile\w*|array_agg|string_agg|row_number"
    r"|rank|dense_rank|lag|lead|corr|covar)\s*\(|\bover\s*\(|\bselect\b",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\s*([^:'\"()=<>!/]+?)\s*:(?:\s+(?=\S)|(?=/)|\s*(?=.*[=<>!'\"(]))(.*)", re.DOTALL)

NAMES = 1_000  # events that may have been meant by one that does not occur
MOST = 500  # operators in a condition: each nests the ones before it, and Polars dies of very many
_OPERATOR = re.compile(r"(?i)\b(?:and|or|not|like)\b|[-+*/%<>=|]+")

_OF_LIST = re.compile(r"list[(\[]struct|List type", re.IGNORECASE)  # how Polars calls the type of products

# Some conditions fit a list by its type, and only then fail on what is in it.
_AN_EVENT = [{"products": [{"id": "A1"}]}]


@dataclass(frozen=True)
class Step:
    """One step: what it is called, and which events are hits of it."""

    name: str
    hit: pl.Expr  # of EVENTS; never null
    event: str | None = None  # set where the step is exactly one event: steps of different events share no hit


def parse_step(text: str, further: Sequence[str] = (), groups: PageGroups | None = None) -> Step:
    """The step that a text means; SQL in it may name the `further` columns too.

    A page is one as people see it, whatever its group; a group's name is a view of any page of the group.

    Raises PixelstatError for SQL that cannot be read or names no column.
    """
    named = None if groups and text.strip() in groups.names else _NAMED.fullmatch(text)
    name, wanted = (named[1], named[2].strip()) if named else (text.strip(), text.strip())
    if not wanted:
        raise PixelstatError("A step is empty.", "Try: --steps page_view,add_to_cart,purchase")
    if groups and wanted in groups.names:
        return Step(name, is_page_view() & pl.col("page").eq_missing(pl.lit(wanted)))
    if wanted.startswith("/"):
        return Step(name, is_page_view() & _is_page(wanted, UNGROUPED if groups else "page"))
    if _SQL.search(wanted):
        return Step(name, parse_condition(wanted, "step", further))
    event = canonical_event(wanted)
    return Step(name, pl.col("event").eq_missing(pl.lit(event)), event)


def split_steps(text: str) -> list[str]:
    """`a,b,c` at its commas, but not inside quotes or parentheses."""
    return [
        part for part in re.split(r",(?=(?:[^'\"]*(?:'[^']*'|\"[^\"]*\"))*[^'\"]*$)(?![^(]*\))", text) if part.strip()
    ]


def parse_condition(sql: str, what: str, further: Sequence[str] = ()) -> pl.Expr:
    """A condition on event columns, by Polars' own SQL; null counts as no. Raises PixelstatError."""
    columns, hint = [*CONDITION_COLUMNS, *further], columns_hint(further)
    schema = {**dict(EVENTS), **dict(VISITS), **dict.fromkeys(further, pl.String())}
    try:
        sql.encode()
    except UnicodeEncodeError as error:
        raise PixelstatError(f"The {what} is no text: it holds bytes that are not UTF-8.", hint) from error
    if len(_OPERATOR.findall(re.sub(r"'[^']*'", "", sql))) > MOST:
        raise PixelstatError(f"The {what} has more than {MOST} operators.", "Try: event in ('a', 'b', 'c')")
    if _OF_MANY.search(re.sub(r"'[^']*'", "", sql)):
        raise PixelstatError(
            f"The {what} {sql!r} looks at other events too; it must tell from one event.",
            "Compare: value > 50, event = 'purchase'",
        )
    try:
        expression = pl.sql_expr(sql)
        unknown = sorted(set(expression.meta.root_names()) - set(columns))
        if not unknown:
            dtype = pl.DataFrame(_AN_EVENT, schema).select(expression.alias("it")).schema["it"]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).partition("\n")[0]
        if _OF_LIST.search(reason):
            reason = "products is a list, and product is the id of its first"
        raise PixelstatError(f"The {what} {sql!r} is no SQL condition: {reason}.", hint) from error
    if unknown:
        is_event = unknown[0] in EVENT_SYNONYMS  # purchase is near to the column purpose, and something else
        near = [] if is_event else get_close_matches(unknown[0], columns, 1)
        meant = f" Did you mean {near[0]}?" if near else " A text in SQL stands in single quotes."
        raise PixelstatError(f"The {what} {sql!r} names {unknown[0]!r}, which is no column.{meant}", hint)
    if dtype != pl.Boolean:
        raise PixelstatError(f"The {what} {sql!r} is not true or false.", "Compare: value > 50, event = 'purchase'")
    return expression.fill_null(value=False)


def columns_hint(further: Sequence[str] = ()) -> str:
    return "Columns: " + ", ".join([*CONDITION_COLUMNS, *further])


def _is_page(pattern: str, column: str) -> pl.Expr:
    """The page is the one named; `*` stands for anything, slashes too."""
    page = pl.col(column)
    if "*" not in pattern:
        return page.eq_missing(pl.lit(pattern))
    regex = ".*".join(re.escape(part) for part in pattern.split("*"))
    return page.str.contains(f"^(?s:{regex})$").fill_null(value=False)


def share_no_hit(steps: Sequence[Step]) -> bool:
    """Whether no event can be a hit of two of these steps, told from the steps alone."""
    events = [step.event for step in steps]
    return None not in events and len(set(events)) == len(events)


def warn_of_unmatched(rows: pl.DataFrame, flag: str, step: Step, names: str) -> Iterator[str]:
    """A sentence where no row has the step's flag, with the one of `names` that is written most like its event."""
    if rows.is_empty() or rows[flag].any():
        return
    there = rows[names].drop_nulls().cast(pl.String).value_counts().sort("count", names, descending=[True, False])
    near = get_close_matches(step.event, there[names].head(NAMES), 1) if step.event else []
    yield f"{step.name!r} matches no event.{f' Did you mean {near[0]}?' if near else ''}"
