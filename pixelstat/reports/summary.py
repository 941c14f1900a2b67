"""summary: visitors, visits, views, conversions and revenue at a glance: what bare `pixelstat LOGS` shows."""

from collections.abc import Mapping, Sequence

import polars as pl

from pixelstat.analysis.order_lines import fill_values, is_order_event
from pixelstat.analysis.orders import deduplicate_orders, exact_sum, is_purchase
from pixelstat.analysis.time_series import bucket_start, truncate_local
from pixelstat.options.shared import by_option, every_option, top_per_section_option
from pixelstat.reports._report import report
from pixelstat.reports.visits import each
from pixelstat.result import Column
from pixelstat.traffic.deduplication import drop_later_copies
from pixelstat.vocabulary import is_email_event, is_page_view

CONVERSIONS = ("purchase", "lead", "signup")  # what is counted where pixelstat.toml names no goals
FIGURES = pl.Schema({"section": pl.String(), "name": pl.String(), "value": pl.Float64()})


OF_ORDERS = ("event", "value", "order_id", "product", "products")


@report(
    "Summary",
    columns=[
        Column("time", "time", "with --every: where the hour, day, week (from Monday) or month begins"),
        Column("section", "text", "totals, conversions, revenue, pages, channels or devices"),
        Column("name", "text", "what is counted: pages by views, channels by visits, devices by visitors"),
        Column("value", "figure", "how many; revenue in the currency of its name"),
    ],
    options=[by_option, top_per_section_option, every_option],
    caption=lambda by, every, **_: f"by {', '.join([*([every] if every else []), *by])}" if by or every else "",
    of_visits=True,
    compares=True,
)
def summary(
    events: pl.LazyFrame, *, by: Sequence[str], top: int, every: str | None, tz: str, goals: Mapping[str, pl.Expr]
) -> pl.LazyFrame:
    """Visitors, visits, views, conversions and revenue at a glance, and the top pages, channels and devices.

    With --since the period before stands beside it, as --compare previous says. Conversions are the goals of
    pixelstat.toml; without any, purchases, leads and signups, each order once. Revenue is before refunds.
    """
    column = pl.col
    wanted = goals or {event: column("event").eq_missing(pl.lit(event)) for event in CONVERSIONS}
    # All figures come from one look at the events: a second one would read the logs again.
    rows = events.select(
        "time", "hit", "first", "visit", "visit_start", "visit_seconds", "visit_views", "single_hit",
        "channel", "device_type", "currency",
        visitor=pl.when(~is_email_event()).then("visitor").cast(pl.Categorical()).to_physical(),
        **{name: pl.when(is_order_event()).then(name) for name in OF_ORDERS},
        page=pl.when(is_page_view()).then("page").cast(pl.Categorical()),
        is_view=is_page_view(),
        **{f"goal {name}": reached for name, reached in wanted.items()},
        **({"by time": truncate_local(column("time"), every, tz)} if every else {}),
        **{f"by {name}": column(name) for name in by},
    )  # fmt: skip
    groups = {name: dtype for name, dtype in rows.collect_schema().items() if name.startswith("by ")}

    def batch(held: pl.DataFrame) -> pl.DataFrame:
        held = with_orders(drop_later_copies(held).filter(column("hit").is_first_distinct()), list(wanted))
        if not groups:
            return figures(held, list(wanted), top, always=bool(goals))
        parts = [pl.DataFrame(schema={**groups, **FIGURES})]
        for values, part in _most_first(held, list(groups), top if by else 0):
            told = [
                pl.lit(value, dtype).alias(name) for value, (name, dtype) in zip(values, groups.items(), strict=True)
            ]
            parts.append(figures(part, list(wanted), top, always=bool(goals)).select(*told, *FIGURES))
        return pl.concat(parts)

    found = rows.map_batches(batch, schema=pl.Schema({**groups, **FIGURES}))
    found = found.rename({name: name.removeprefix("by ") for name in groups})
    return found.with_columns(bucket_start(pl.col("time"), every, tz)) if every else found


def with_orders(rows: pl.DataFrame, goals: Sequence[str]) -> pl.DataFrame:
    """Rows with the `value` of orders alone. A purchase that is no order of its own is no conversion and has none."""
    sold = fill_values(rows.filter(is_order_event())).lazy().filter(is_purchase())
    # Few rows are orders: to join them to all would copy every column.
    orders = rows.lazy().select("hit").with_row_index("place").join(deduplicate_orders(sold), on="hit").collect()
    place, size = orders["place"], len(rows)
    value = pl.Series("value", [None], pl.Float64).new_from_index(0, size).scatter(place, orders["value"])
    is_order = pl.Series([False]).new_from_index(0, size).scatter(place, values=True)
    is_again = is_purchase() & ~is_order
    reached = ((pl.col(f"goal {name}") & ~is_again).alias(f"goal {name}") for name in goals)
    return rows.with_columns(value, *reached)


def _most_first(rows: pl.DataFrame, groups: list[str], top: int) -> list[tuple[tuple[object, ...], pl.DataFrame]]:
    """The rows of each group with its values: in the order of time, then those with most rows first."""
    parts = rows.partition_by(groups, as_dict=True).items()
    ordered = sorted(parts, key=lambda part: (-len(part[1]), [str(value) for value in part[0]]))
    kept = ordered[:top] if top else ordered
    return sorted(kept, key=lambda part: part[0][0]) if groups[0] == "by time" else kept  # type: ignore[arg-type, return-value]


def figures(rows: pl.DataFrame, goals: list[str], top: int, *, always: bool) -> pl.DataFrame:
    """Rows of events -> FIGURES. Conversions that do not occur are left out, unless `always`."""
    of_visits = each(rows.lazy()).collect()
    totals = {
        "visitors": rows["visitor"].drop_nulls().n_unique(),
        "visits": len(of_visits),
        "page views": rows["is_view"].sum(),
        "single-hit visits": of_visits["single_hit"].sum(),
        "median visit, seconds": of_visits["visit_seconds"].median(),
    }
    reached = {name: rows[f"goal {name}"].sum() for name in goals}
    visitors = pl.col("visitor").drop_nulls().n_unique()
    held = rows.lazy()  # of which each section needs few columns
    return pl.concat(
        [
            _listed("totals", totals),
            _listed("conversions", {name: count for name, count in reached.items() if count or always}),
            _ranked("revenue", held.filter(pl.col("value").is_not_null()), "currency", exact_sum(pl.col("value")), 0),
            _ranked("pages", held.filter(pl.col("page").is_not_null()), "page", pl.len(), top),
            _ranked("channels", held.filter(pl.col("visit").is_not_null()), "channel", pl.col("visit").n_unique(), top),
            _ranked("devices", held.filter(pl.col("visitor").is_not_null()), "device_type", visitors, top),
        ]
    )


def _listed(section: str, values: Mapping[str, object]) -> pl.DataFrame:
    rows = {"section": [section] * len(values), "name": list(values), "value": list(values.values())}
    return pl.DataFrame(rows, FIGURES, strict=False)


def _ranked(section: str, rows: pl.LazyFrame, name: str, measure: pl.Expr, top: int) -> pl.DataFrame:
    found = rows.group_by(name=name).agg(value=measure.cast(pl.Float64)).with_columns(pl.col("name").cast(pl.String))
    found = found.sort("value", "name", descending=[True, False], nulls_last=True)
    return (found.head(top) if top else found).select(pl.lit(section).alias("section"), "name", "value").collect()
