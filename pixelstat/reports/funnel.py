"""funnel: how many visitors go each step of the way, and where they leave.

What a chain of hits is, and which of a visitor's counts, stands in `chains.rules`. A funnel of events, as most are,
goes by pointers through the stream of all hits; any other holds what its units did, once.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import polars as pl

from pixelstat.analysis.time_series import BUCKET, EVERY, fill_gaps, truncate_local
from pixelstat.funnels.actors import OTHER, UNIT, Parting, of_units, once, steps_of, that_matter
from pixelstat.funnels.from_options import caption, named, prepared, step_names
from pixelstat.funnels.hit_buffer import HeldHits, in_order
from pixelstat.funnels.observed_steps import Seen
from pixelstat.funnels.open_funnel import opened
from pixelstat.funnels.rules import Rules
from pixelstat.funnels.step_counts import by_step, who, with_shares
from pixelstat.funnels.step_counts import histogram as of_lengths
from pixelstat.funnels.vectorized import find_chain_starts, select_best
from pixelstat.options.shared import FUNNEL
from pixelstat.reports._report import report
from pixelstat.result import Column
from pixelstat.traffic.rejection import is_outside

UNITS = {"visitor": "visitors", "visit": "visits", "user": "users"}  # what there is a column of, by --unit
IDS = {"visitor": "visitor", "user": "user_id"}  # who is listed
MEASURES = (
    "from_first", "from_previous", "lost", "median_seconds", "pending", "from_first_low", "from_first_high",
    "from_previous_low", "from_previous_high", "mean_seconds", "p90_seconds",
    "total_median_seconds", "total_mean_seconds", "total_p90_seconds",
)  # fmt: skip


@report(
    "Funnel",
    columns=[
        Column("time", "time", "with --every: where the day, week (from Monday) or month of step 1 begins"),
        Column("step", "count", "1 for the first; with --order unordered, how many steps are done", key=True),
        Column("name", "text", "as it was given"),
        Column("visitors", "count", "who reached this step", bar=True),
        Column("visits", "count", "in place of visitors with --unit visit or --count visits", bar=True),
        Column("users", "count", "in place of visitors with --unit user", bar=True),
        Column("entries", "count", "in place of visitors with --count totals", bar=True),
        Column("from_first", "share", "of those who reached step 1"),
        Column(
            "from_previous",
            "share",
            "of those who reached the step before that none may leave out; empty for step 1",
        ),
        Column("lost", "count", "who reached the step before and not this one; empty for step 1"),
        Column("median_seconds", "seconds", "from the step before, of those who reached this one; empty for step 1"),
        Column("pending", "count", "of the lost, whose window was not over when the log ended: they may still come"),
        Column("entered", "count", "with --open: who reached this step, but not from the one before"),
        Column("from_first_low", "share", "the lower end of its 95% interval (Wilson)", detail=True),
        Column("from_first_high", "share", "the upper end", detail=True),
        Column("from_previous_low", "share", "the same of from_previous", detail=True),
        Column("from_previous_high", "share", "the upper end", detail=True),
        Column("mean_seconds", "seconds", "as median_seconds, the mean", detail=True),
        Column("p90_seconds", "seconds", "as median_seconds, what 90 of 100 do not exceed", detail=True),
        Column("total_median_seconds", "seconds", "from step 1, of those who reached this one", detail=True),
        Column("total_mean_seconds", "seconds", "the mean", detail=True),
        Column("total_p90_seconds", "seconds", "what 90 of 100 do not exceed", detail=True),
        Column("incomplete", "flag", "with --every: whether chains of that time may still grow after the log's end"),
        Column("from_seconds", "seconds", "with --histogram: from first step to last at least so long", key=True),
        Column("to_seconds", "seconds", "with --histogram: and less than that", key=True),
        Column("visitor", "text", "with --visitors-at: who"),
        Column("user_id", "text", "with --visitors-at and --unit user: who"),
        Column("level", "count", "with --visitors-at: the furthest step they reached", key=True),
        Column("first_time", "instant", "with --visitors-at: of step 1"),
        Column("last_time", "instant", "with --visitors-at: of the furthest step"),
    ],
    options=FUNNEL,
    caption=caption,
    prepared=prepared,
    named=named,
    ahead=lambda rules, **_: rules.window,
)
def funnel(
    events: pl.LazyFrame,
    *,
    rules: Rules,
    are_usual: bool = False,
    unit: str = "visitor",
    hold: str | None = None,
    by: Sequence[str] = (),
    touch: str = "first",
    top: int = 0,
    every: str | None = None,
    tz: str = "UTC",
    is_open: bool = False,
    histogram: bool = False,
    listed: int = 0,
    is_lost: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
    log_end: Callable[[], datetime | None] = lambda: None,
    warn: Callable[[str], object] = str,
) -> pl.LazyFrame:
    """How many visitors go each step of the way, and where they leave.

    A step is an event (add_to_cart), a page (/cart, /products/*) or a condition in SQL ("value > 50"),
    with a name in front if you like ("big order: event = 'purchase' and value > 50"), a goal of pixelstat.toml,
    or with --group-pages a group's name; /cart is then still the page itself.
    Without steps it is the usual shop funnel, as far as its events occur.

    A visitor reaches a step by hits in the order of the steps within the window; others may lie between. Step 1 lies
    in the period, later steps also up to a window after its end. With --by there is a funnel for each value, of the
    visitors of whom it is the first that any of their events shows (--touch).

    \b
    pixelstat funnel access.log* --steps "/products/*,purchase" --window 1d
    pixelstat funnel access.log* --by channel --top 5
    pixelstat funnel access.log* --steps /cart,purchase --visitors-at 2 --lost
    """
    parting = Parting(unit, hold, by, touch, top, every, tz)
    noun = "entries" if rules.count == "totals" else "visits" if rules.count == "visits" else UNITS[unit]
    seen, held = Seen(), HeldHits()

    def shown(chains: pl.DataFrame, rules: Rules) -> pl.DataFrame:
        if histogram:
            return of_lengths(chains, rules).rename({"counted": noun})
        if listed:
            return listing(chains, rules, listed, parting, is_lost=is_lost)
        return table(chains, rules, parting, noun, log_end())

    def warned(rows: pl.DataFrame) -> pl.DataFrame:
        found = batch(rows)
        nobody = unit == "user" and seen.is_any and not seen.steps
        missing = () if are_usual else seen.missing(rules.steps)
        for sentence in ["no event of these steps names a user."] if nobody else missing:
            warn(sentence)
        return found if seen.steps or not are_usual else found.clear()  # none of the usual steps occurs

    def of_held(_: pl.DataFrame) -> pl.DataFrame:
        wanted = _occurring(rules, seen.steps) if are_usual else rules
        return shown(plain_chains(held, wanted, sorted(seen.steps) if are_usual else range(1, 65), period), wanted)

    def of_rows(rows: pl.DataFrame) -> pl.DataFrame:
        rows, wanted = once(rows), rules
        for sentence in idle(rows, rules):
            warn(sentence)
        if are_usual:
            occurring = steps_of(rows)
            rows, wanted = _renumbered(rows, occurring), _occurring(rules, occurring)
        if is_open:
            return with_names(opened(rows, wanted, parting, log_end()), wanted, parting, noun, ["entered"])
        return shown(of_units(rows, wanted, parting), wanted)

    period = ~is_outside(since, until)
    batch: Callable[[pl.DataFrame], pl.DataFrame]
    if rules.is_plain and parting == Parting(tz=tz, top=top) and not (is_open or listed):
        found, batch = plain(events, rules, seen, held), of_held
    else:
        found, batch = that_matter(events, rules, parting, period, seen), of_rows
    empty = batch(pl.DataFrame(schema=found.collect_schema()))
    return found.map_batches(warned, schema=empty.schema)


def plain(events: pl.LazyFrame, rules: Rules, seen: Seen, held: HeldHits) -> pl.LazyFrame:
    """EVENTS of a funnel of events: `seen` and `held` are told of them, and nothing is left."""
    # Not replace_strict: the streaming engine would hold all rows back for it.
    numbers = [pl.when(step.hit).then(pl.lit(number, pl.UInt8)) for number, step in enumerate(rules.steps, 1)]
    # A number in place of the visitor. That two of ten million have the same one is a matter of one in 300,000 runs.
    key = pl.when(pl.col("visitor").is_not_null()).then(pl.col("visitor").hash())
    hits = events.select("time", "hit", "first", "event", key=key, step=pl.coalesce(numbers))
    hits = seen.past(hits, _steps_of_hits, pl.col("step").is_null())
    return held.hold(hits.filter(pl.col("key").is_not_null() & pl.col("step").is_not_null()))


def plain_chains(held: HeldHits, rules: Rules, steps: Sequence[int], period: pl.Expr) -> pl.DataFrame:
    """CHAINS of the hits that are held, of these of their steps, that begin in the period."""
    place = pl.lit(pl.Series([0] + [sum(one <= number for one in steps) for number in range(1, 65)], dtype=pl.UInt8))

    def of_part(hits: pl.DataFrame) -> pl.DataFrame:
        rows = in_order(hits.lazy()).with_columns(step=place.gather("step"))
        rows = rows.filter((pl.col("step") > 1) | period)
        return select_best(find_chain_starts(rows, len(rules.steps), rules.window)).collect()

    with ThreadPoolExecutor(2) as both:  # much of what is done for a part goes through one core
        return pl.concat(both.map(of_part, held.parts()))


def _steps_of_hits(hits: pl.DataFrame) -> set[int]:
    return {*hits.select(pl.col("step").filter(pl.col("key").is_not_null()).unique())["step"].drop_nulls()}


def _renumbered(rows: pl.DataFrame, steps: set[int]) -> pl.DataFrame:
    """Rows as if these were all steps."""
    bits = [(pl.col("matches") // (1 << number - 1) % 2) * (1 << place) for place, number in enumerate(sorted(steps))]
    return rows.with_columns(matches=pl.sum_horizontal(bits).cast(pl.UInt64)) if bits else rows


def idle(rows: pl.DataFrame, rules: Rules) -> list[str]:
    """A sentence for each exclusion that none of the rows is one of, where there are rows."""
    done = rows["excluded"].bitwise_or()
    names = (one.name for place, one in enumerate(rules.exclusions) if isinstance(done, int) and not done >> place & 1)
    return [f"--exclude {name} matches no event, so it changes nothing." for name in names]


def _occurring(rules: Rules, steps: set[int]) -> Rules:
    """The rules with the steps that occur; all of them where none does."""
    return replace(rules, steps=[rules.steps[number - 1] for number in sorted(steps)] or rules.steps)


def table(chains: pl.DataFrame, rules: Rules, parting: Parting, noun: str, log_end: datetime | None) -> pl.DataFrame:
    """CHAINS -> a row a step, for each group and each bucket of `every`."""
    labels, every = parting.labels, parting.every
    if every:
        chains = chains.with_columns(truncate_local(pl.col("time_1"), every, parting.tz).alias(BUCKET))
    found = by_step(chains, rules, [*([BUCKET] if every else []), *labels], log_end)
    if every:
        found = fill_gaps(found.lazy(), every, parting.tz, [*labels, "step"]).collect()
        end = pl.col("time").dt.offset_by(EVERY[every]).dt.convert_time_zone("UTC") + rules.window
        found = found.with_columns(incomplete=pl.lit(None, pl.Boolean) if log_end is None else end > log_end)
    return with_names(with_shares(found, rules), rules, parting, noun, ["incomplete"] if every else [])


def with_names(found: pl.DataFrame, rules: Rules, parting: Parting, noun: str, further: Sequence[str]) -> pl.DataFrame:
    """Rows by step as the report has them: the groups with most first, steps by their names."""
    labels, number = parting.labels, len(rules.steps)
    order = ["step"]
    if labels:
        totals = found.filter(pl.col("step") == 1).group_by(labels).agg(units=pl.col("counted").sum())
        is_other = pl.any_horizontal(pl.col(label) == OTHER for label in labels).fill_null(value=False)
        ranked = totals.sort(is_other, -pl.col("units"), *labels).select(labels).with_row_index("its rank")
        found, order = found.join(ranked, on=labels, nulls_equal=True), ["its rank", "step"]
    series = ["time"] if parting.every else []
    named = pl.DataFrame(
        {"step": range(1, number + 1), "name": step_names(rules)}, schema={"step": pl.Int64, "name": pl.String}
    )
    shown = found.join(named, on="step").sort(*series, *order)
    own = [pl.col(label).alias(name) for label, name in zip(labels, parting.by, strict=True)]
    return shown.select(*series, *own, "step", "name", pl.col("counted").alias(noun), *MEASURES, *further)


def listing(chains: pl.DataFrame, rules: Rules, step: int, parting: Parting, *, is_lost: bool) -> pl.DataFrame:
    """CHAINS -> who reached a step or was lost before it, those first who began first."""
    name = IDS[parting.unit]
    found = who(chains, rules, step, lost=is_lost).with_columns(pl.col(UNIT).cast(pl.String).alias(name))
    times = (pl.col("first_time", "last_time")).dt.convert_time_zone(parting.tz)
    return found.sort("first_time", name).select(name, "level", times)
