"""Parse steps, goals and conditions as people type them: an event, a page, or SQL, with an optional name in front.

Where pages are grouped, the name of a group is a step too. It takes precedence over an event of that name.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from pixelstat.enrich.page_groups import ORIGINAL_PAGE, PageGroups
from pixelstat.errors import PixelstatError, suggest
from pixelstat.schemas import CONDITION_COLUMNS, EVENTS, VISITS
from pixelstat.vocabulary import EVENT_SYNONYMS, canonical_event, is_page_view

_SQL = re.compile(r"[=<>!'\"()]|\sis\s+(?:not\s+)?null\b|\sbetween\s", re.IGNORECASE)
_AGGREGATE = re.compile(  # SQL that looks at several rows: its result would depend on which rows share a batch
    r"\b(?:sum|avg|mean|count|min|max|median|mode|std\w*|var\w*|first|last|quantile\w*|array_agg|string_agg|row_number"
    r"|rank|dense_rank|lag|lead|corr|covar)\s*\(|\bover\s*\(|\bselect\b",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\s*([^:'\"()=<>!/]+?)\s*:(?:\s+(?=\S)|(?=/)|\s*(?=.*[=<>!'\"(]))(.*)", re.DOTALL)

MAX_SUGGESTED_FROM = 1_000  # events among which a similar name is looked for
MAX_OPERATORS = 500  # in a condition: each nests those before it, and very many of them crash Polars
_OPERATOR = re.compile(r"(?i)\b(?:and|or|not|like)\b|[-+*/%<>=|]+")

_LIST_TYPE = re.compile(r"list[(\[]struct|List type", re.IGNORECASE)  # how Polars names the type of `products`

# A condition may fit the type of a list and fail on its items only, so it is tried on an event with a product.
_SAMPLE_EVENT = [{"products": [{"id": "A1"}]}]


@dataclass(frozen=True)
class GoalValue:
    """What a conversion of a goal earns where the event states no revenue."""

    amount: float
    currency: str | None = None


@dataclass(frozen=True)
class Step:
    """A step of a funnel, or a goal: its name, and which events are hits of it."""

    name: str
    hit: pl.Expr  # of EVENTS: whether the event is a hit of the step; never null
    event: str | None = None  # where the step is exactly one event: no hit belongs to two steps of different events
    value: GoalValue | None = None  # of a goal in pixelstat.toml that has a value of its own


def parse_step(text: str, custom_columns: Sequence[str] = (), groups: PageGroups | None = None) -> Step:
    """Parse a step; SQL in it may use the custom columns too.

    A path such as /cart means the page as visitors see it, whatever its group. The name of a group means a view of any
    page in the group.

    Raises PixelstatError for SQL that cannot be parsed or that names an unknown column.
    """
    is_group = groups is not None and text.strip() in groups.names
    match = None if is_group else _NAMED.fullmatch(text)
    name, definition = (match[1], match[2].strip()) if match else (text.strip(), text.strip())
    if not definition:
        raise PixelstatError("A step is empty.", "Try: --steps page_view,add_to_cart,purchase")
    if groups and definition in groups.names:
        return Step(name, is_page_view() & pl.col("page").eq_missing(pl.lit(definition)))
    if definition.startswith("/"):
        return Step(name, is_page_view() & _matches_page(definition, ORIGINAL_PAGE if groups else "page"))
    if _SQL.search(definition):
        return Step(name, parse_condition(definition, "step", custom_columns))
    event = canonical_event(definition)
    return Step(name, pl.col("event").eq_missing(pl.lit(event)), event)


def split_steps(text: str) -> list[str]:
    """Split `a,b,c` at commas that are not inside quotes or parentheses. Empty parts are left out."""
    return [
        part for part in re.split(r",(?=(?:[^'\"]*(?:'[^']*'|\"[^\"]*\"))*[^'\"]*$)(?![^(]*\))", text) if part.strip()
    ]


def parse_condition(sql: str, what: str, custom_columns: Sequence[str] = ()) -> pl.Expr:
    """Parse an SQL condition on the columns of events, by Polars' own SQL. Where it is null, the result is false.

    `what` is what messages call it. Raises PixelstatError for text that is not a condition on a single event.
    """
    hint = columns_hint(custom_columns)
    _check_text(sql, what, hint)
    _reject_aggregates(sql, what)
    schema = {**dict(EVENTS), **dict(VISITS), **dict.fromkeys(custom_columns, pl.String())}
    sample = pl.DataFrame(_SAMPLE_EVENT, schema)
    condition = _parse_sql(sql, what, sample, [*CONDITION_COLUMNS, *custom_columns], hint=hint)
    return condition.fill_null(value=False)


def parse_report_condition(sql: str, rows: pl.DataFrame) -> pl.Expr:
    """Parse an SQL condition on the rows of a report, by Polars' own SQL. It may aggregate: `sum(revenue) < 100`.

    Raises PixelstatError for text that is not a condition on these rows.
    """
    hint = f"Columns: {', '.join(rows.columns)}"
    _check_text(sql, "condition", hint)
    return _parse_sql(sql, "condition", rows.clear(), rows.columns, hint=hint, example="Compare: visitors < 100")


def _parse_sql(
    sql: str,
    what: str,
    sample: pl.DataFrame,
    columns: Sequence[str],
    *,
    hint: str,
    example: str = "Compare: value > 50, event = 'purchase'",
) -> pl.Expr:
    """Parse an SQL condition on these columns, and try it on the sample, which has them."""
    try:
        condition = pl.sql_expr(sql)
        unknown = sorted(set(condition.meta.root_names()) - {*columns})
        dtype = None if unknown else sample.select(condition.alias("result")).schema["result"]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).partition("\n")[0]
        if _LIST_TYPE.search(reason):
            reason = "products is a list; use product, the id of the first product"
        raise PixelstatError(f"The {what} {sql!r} is not an SQL condition: {reason}.", hint) from error
    if unknown:
        suggestion = _suggest_column(unknown[0], columns)
        raise PixelstatError(f"The {what} {sql!r} names {unknown[0]!r}, which is not a column.{suggestion}", hint)
    if dtype != pl.Boolean:
        raise PixelstatError(f"The {what} {sql!r} is not true or false.", example)
    return condition


def _check_text(sql: str, what: str, hint: str) -> None:
    """Raise PixelstatError for text that must not be handed to Polars as a condition."""
    try:
        sql.encode()
    except UnicodeEncodeError as error:
        raise PixelstatError(f"The {what} contains bytes that are not UTF-8.", hint) from error
    without_texts = re.sub(r"'[^']*'", "", sql)
    if len(_OPERATOR.findall(without_texts)) > MAX_OPERATORS:
        raise PixelstatError(f"The {what} has more than {MAX_OPERATORS} operators.", "Try: event in ('a', 'b', 'c')")


def _reject_aggregates(sql: str, what: str) -> None:
    """Raise PixelstatError for a condition that looks at several rows."""
    if _AGGREGATE.search(re.sub(r"'[^']*'", "", sql)):
        raise PixelstatError(
            f"The {what} {sql!r} looks at other events, but may only use one event.",
            "Compare values: value > 50, event = 'purchase'",
        )


def _suggest_column(name: str, columns: Sequence[str]) -> str:
    """Return a sentence on what may have been meant by an unknown column."""
    is_event = name in EVENT_SYNONYMS  # purchase is similar to the column purpose, and means something else
    return ("" if is_event else suggest(name, columns, most=3)) or " In SQL, put a text in single quotes."


def columns_hint(custom_columns: Sequence[str] = ()) -> str:
    """Return where the columns of conditions are explained, and the custom ones, as the hint of an error."""
    custom = f"\nColumns of pixelstat.toml: {', '.join(custom_columns)}" if custom_columns else ""
    return f"The columns are explained by: pixelstat help columns{custom}"


def _matches_page(pattern: str, column: str) -> pl.Expr:
    """Return whether the page in `column` matches the pattern, in which `*` matches any text, with slashes."""
    page = pl.col(column)
    if "*" not in pattern:
        return page.eq_missing(pl.lit(pattern))
    regex = ".*".join(re.escape(part) for part in pattern.split("*"))
    return page.str.contains(f"^(?s:{regex})$").fill_null(value=False)


def are_disjoint(steps: Sequence[Step]) -> bool:
    """Return whether the definitions of the steps alone prove that no event is a hit of two of them."""
    events = [step.event for step in steps]
    return None not in events and len(set(events)) == len(events)


def describe_unmatched(rows: pl.DataFrame, flag: str, step: Step, names: str) -> Iterator[str]:
    """Yield a sentence if the column `flag`, which marks hits of the step, is true in no row.

    It suggests the value of the column `names` that is most similar to the step's event. Without rows there is no
    sentence.
    """
    if rows.is_empty() or rows[flag].any():
        return
    counts = rows[names].drop_nulls().cast(pl.String).value_counts().sort("count", names, descending=[True, False])
    suggestion = suggest(step.event, counts[names].head(MAX_SUGGESTED_FROM)) if step.event else ""
    yield f"{step.name!r} matches no event.{suggestion}"
