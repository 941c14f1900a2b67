"""funnel: how many visitors go each step of the way, and where they leave.

A visitor's level is the largest k for which k distinct hits match the steps 1..k in order, with times that
never fall and the last no more than the window after the first. Hits of one second may stand in any order:
logs tick in seconds, and the tie goes to the visitor. This is the best chain there is (ClickHouse's
windowFunnel with strict_once, PostHog's ordered funnel up to ties), not what one greedy pass finds.

How: hits in the order of visitor, time and step; from each hit a pointer to the next hit of the next step;
from each hit of step 1 the chain along the pointers, which is the earliest there is. Hits that match
several steps stand there once a step, later steps first, so that no pointer leads from a hit to itself. Only
where several hits share a second and one of them matches several steps must chains be searched for.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

import polars as pl

from pixelstat.options import (
    by_option,
    duration_text,
    funnel_option,
    step_option,
    steps_option,
    top_option,
    window_option,
)
from pixelstat.people.duplicates import distinct, earliest
from pixelstat.report import Column, report
from pixelstat.reports.steps import Step, share_no_hit, step
from pixelstat.vocabulary import SHOP_FUNNEL, top_groups

TIME = pl.Datetime("us", "UTC")


def _caption(window: timedelta, by: Sequence[str] = (), **_: object) -> str:
    length = f"window {duration_text(window)} from the first step to the last"
    return f"{length}; by the first {' and '.join(by)} that a visitor shows" if by else length


@report(
    "Funnel",
    columns=[
        Column("step", "count", "1 for the first", key=True),
        Column("name", "text", "as it was given"),
        Column("visitors", "count", "who reached this step", bar=True),
        Column("from_first", "share", "of those who reached step 1"),
        Column("from_previous", "share", "of those who reached the step before; empty for step 1"),
        Column("lost", "count", "who reached the step before and not this one; empty for step 1"),
        Column("median_seconds", "seconds", "from the step before, of those who reached this one; empty for step 1"),
    ],
    options=[steps_option, step_option, funnel_option, window_option, by_option, top_option],
    caption=_caption,
)
def funnel(
    events: pl.LazyFrame, *, steps: Sequence[Step], window: timedelta, by: Sequence[str] = (), top: int = 0
) -> pl.LazyFrame:
    """How many visitors go each step of the way, and where they leave.

    A step is an event (add_to_cart), a page (/cart, /products/*) or a condition in SQL ("value > 50"),
    with a name in front if you like ("big order: event = 'purchase' and value > 50"), or a goal of pixelstat.toml.
    Without steps it is the usual shop funnel, as far as its events occur.

    A visitor reaches a step by hits in the order of the steps within the window; others may lie between. With --by
    there is a funnel for each value, of the visitors of whom it is the first that any of their events shows.
    """
    wanted = steps or [step(event) for event in SHOP_FUNNEL]
    if by:
        return broken_down(events, wanted, window, by, top, renumber=not steps)
    found = chains(numbered(events), wanted, window, renumber=not steps)
    return table(found, [step.name for step in wanted], only_those_that_occur=not steps)


def numbered(events: pl.LazyFrame) -> pl.LazyFrame:
    """EVENTS with `who`: the visitor as a number that holds within this run, 4 bytes where the key has any length."""
    return events.with_columns(who=pl.col("visitor").cast(pl.Categorical()).to_physical())


def chains(events: pl.LazyFrame, steps: Sequence[Step], window: timedelta, *, renumber: bool = False) -> pl.LazyFrame:
    """`numbered` EVENTS -> each visitor's best chain: visitor, level, time_1 ...; `present` if renumbered."""
    if share_no_hit(steps):
        ordered = in_order(single_hits(events, steps))
        return best(_pointed(_renumbered(ordered) if renumber else ordered, len(steps), window))
    ordered = shared_hits(events, steps).sort("visitor", "time", "place").with_columns(must_search=_is_ambiguous())
    found = best(_pointed(ordered.filter(~pl.col("must_search")), len(steps), window))
    searched = ordered.filter("must_search").map_batches(
        lambda rows: _searched(rows, len(steps), window), schema=found.collect_schema()
    )
    return pl.concat([found, searched])


def broken_down(
    events: pl.LazyFrame, steps: Sequence[Step], window: timedelta, by: Sequence[str], top: int, *, renumber: bool
) -> pl.LazyFrame:
    """A funnel for each value of the columns, those with most visitors first."""
    # All that steps and values need is held at once: a second look at the events would read the logs again.
    needed = {name for step in steps for name in step.hit.meta.root_names()}
    rows = numbered(events).select("who", *sorted({"time", "hit", "first"} | needed | {*by}))
    groups = [f"by {name}" for name in by]  # with a space, as no column of one's own has

    def funnels(rows: pl.LazyFrame, wanted: Sequence[Step]) -> pl.LazyFrame:
        found = chains(rows, wanted, window).rename({"visitor": "who it is"})
        found = found.join(first_shown(rows, by), on="who it is", how="left")
        parts = table(found, [step.name for step in wanted], groups)
        most = top_groups(parts.filter(pl.col("step") == 1), groups, "visitors", top)
        ranked = most.select(groups).with_row_index("group")
        ordered = parts.join(ranked, on=groups, nulls_equal=True).sort("group", "step").drop("group")
        return ordered.rename(dict(zip(groups, by, strict=True)))

    def batch(rows: pl.DataFrame) -> pl.DataFrame:
        occur = [step for step in steps if not renumber or rows.select(step.hit.any()).item()]
        return funnels(rows.lazy(), occur).collect() if occur else funnels(rows.clear().lazy(), steps).collect()

    return rows.map_batches(batch, schema=funnels(rows, steps).collect_schema())


def first_shown(events: pl.LazyFrame, by: Sequence[str]) -> pl.LazyFrame:
    """`numbered` EVENTS -> `who it is` and `by ...` of each column the first value that their events show.

    Of those of one second it is the least.
    """
    return events.group_by(pl.col("who").alias("who it is")).agg(
        pl.col(name).sort_by("time", name, nulls_last=True).drop_nulls().first().alias(f"by {name}") for name in by
    )


# -- hits --------------------------------------------------------------------------------------------------------


def single_hits(events: pl.LazyFrame, steps: Sequence[Step]) -> pl.LazyFrame:
    """`numbered` EVENTS -> visitor, time, step: one row for each event that is a hit, of one step each."""
    # Not replace_strict: the streaming engine would hold all rows back for it.
    numbers = [pl.when(step.hit).then(pl.lit(number, pl.UInt8)) for number, step in enumerate(steps, 1)]
    rows = events.select("time", "hit", "first", visitor="who", step=pl.coalesce(numbers))
    return rows.filter(pl.col("visitor").is_not_null() & pl.col("step").is_not_null())


def in_order(hits: pl.LazyFrame) -> pl.LazyFrame:
    """Each hit once, by visitor, time and step, sorted as one number of 128 bits: what is twice stands side by side.

    It is three times as fast as to sort by three columns.
    """
    column = pl.col
    key = column("visitor").cast(pl.Int128) * _VISITOR + column("time").to_physical().cast(pl.Int128) * _TIME
    key += column("step").cast(pl.Int128) * _STEP + (column("hit") % _STEP).cast(pl.Int128)
    packed = hits.map_batches(earliest).select(key=key).sort("key")
    packed = packed.filter((column("key") != column("key").shift()).fill_null(value=True))
    return packed.select(
        visitor=(column("key") // _VISITOR).cast(pl.UInt32),
        time=(column("key") // _TIME % (_VISITOR // _TIME)).cast(pl.Int64).cast(TIME),
        step=(column("key") // _STEP % (_TIME // _STEP)).cast(pl.UInt8),
    )


# Places of step, time and visitor in the number; microseconds take 56 bits, and what is below tells hits of one
# visitor, time and step apart.
_STEP, _TIME, _VISITOR = 1 << 30, 1 << 38, 1 << 94


def _renumbered(hits: pl.LazyFrame) -> pl.LazyFrame:
    """The steps that occur, numbered anew without gaps; `present` has bit k - 1 set where step k occurs."""
    bit = pl.lit(1, pl.UInt64) * 2 ** (pl.col("step") - 1).cast(pl.UInt64)
    return hits.with_columns(present=bit.unique().sum(), step=pl.col("step").rank("dense").cast(pl.UInt8))


def shared_hits(events: pl.LazyFrame, steps: Sequence[Step]) -> pl.LazyFrame:
    """EVENTS -> visitor, time, step, hit, of_several, place: a row for each step that an event is a hit of.

    `place` orders the rows of one second: the steps of one hit backwards, different hits by their steps.
    """
    step = pl.col("step")
    matched = pl.concat_list(pl.when(one.hit).then(pl.lit(number, pl.UInt8)) for number, one in enumerate(steps, 1))
    return (
        events.select("time", "hit", "first", visitor="who", step=matched.list.drop_nulls())
        .filter(pl.col("visitor").is_not_null() & (step.list.len() > 0))
        .pipe(distinct)
        .with_row_index("hit")
        .with_columns(of_several=step.list.len() > 1)
        .explode("step")
        .with_columns(place=pl.when("of_several").then(-step.cast(pl.Int8)).otherwise(step.cast(pl.Int8)))
    )


# -- by pointers -------------------------------------------------------------------------------------------------


def _pointed(rows: pl.LazyFrame, steps: int, window: timedelta) -> pl.LazyFrame:
    """Hits in order -> for each hit of step 1 that matters the earliest chain from it: visitor, level, time_1 ...

    `time_k` is null beyond the chain's level.
    """
    column = pl.col
    row = pl.int_range(pl.len(), dtype=pl.UInt32)
    turns = rows.filter(_matters()).with_columns(row_1=row)
    for number in range(2, steps + 1):
        # The next row of step k from each row on; from a hit of step k - 1 that is the chain's next hit.
        following = pl.when(column("step") == number).then(row).backward_fill()
        turns = turns.with_columns(following.gather(column(f"row_{number - 1}")).alias(f"row_{number}"))
    # Past the visitor's last hit a pointer leads to somebody else's, past the window to a hit too late:
    # either way all further pointers do, too.
    is_start = column("step") == 1
    visitor, start = column("visitor").filter(is_start), column("time").filter(is_start)
    times = []
    for number in range(1, steps + 1):
        at = column(f"row_{number}").filter(is_start)
        time = column("time").gather(at)
        holds = (column("visitor").gather(at) == visitor) & (time - start <= window)
        times.append(pl.when(holds).then(time).alias(f"time_{number}"))
    carried = [column("present").filter(is_start)] if "present" in rows.collect_schema() else []
    return turns.select(visitor, *carried, *times).with_columns(level=_level(steps))


def _matters() -> pl.Expr:
    """Of hits of one step in a row the one that chains need: the last of step 1, the first of any other."""
    begins = ((pl.col("step") != pl.col("step").shift()) | (pl.col("visitor") != pl.col("visitor").shift())).fill_null(
        value=True
    )
    ends = begins.shift(-1).fill_null(value=True)
    return pl.when(pl.col("step") == 1).then(ends).otherwise(begins)


def _level(steps: int) -> pl.Expr:
    return pl.sum_horizontal(pl.col(f"time_{number}").is_not_null() for number in range(1, steps + 1)).cast(pl.UInt8)


def best(chains: pl.LazyFrame) -> pl.LazyFrame:
    """Each visitor's chain: of those of the highest level the one that ends first, of those the one that starts last.

    The three in one number, so that one look at each visitor's chains finds it. Chains come by their start.
    """
    end = pl.max_horizontal(name for name in chains.collect_schema().names() if name.startswith("time_"))
    early = _NEVER - end.to_physical().cast(pl.Int128)
    rank = (pl.col("level").cast(pl.Int128) * _NEVER + early) * _ROWS + pl.int_range(pl.len(), dtype=pl.UInt32)
    return chains.with_columns(rank=rank).filter(pl.col("rank") == pl.col("rank").max().over("visitor")).drop("rank")


_NEVER, _ROWS = 1 << 60, 1 << 32  # microseconds beyond any time, and rows beyond any number of them


# -- by search ---------------------------------------------------------------------------------------------------


def _is_ambiguous() -> pl.Expr:
    """The visitor has several hits in one second of which one matches several steps."""
    here, before = pl.struct("visitor", "time"), pl.struct("visitor", "time").shift()
    is_tie = (here == before) & (pl.col("hit") != pl.col("hit").shift())
    matters = is_tie & (pl.col("of_several") | pl.col("of_several").shift())
    return matters.fill_null(value=False).any().over("visitor")


def _searched(rows: pl.DataFrame, steps: int, window: timedelta) -> pl.DataFrame:
    """Hits in order -> each visitor's best chain, as `best` gives it, whatever hits share a second."""
    micros = int(window.total_seconds() * 1_000_000)
    found = []
    plain = rows.select("visitor", pl.col("time").to_physical(), "hit", "step").iter_rows()
    for visitor, own in groupby(plain, key=lambda row: row[0]):
        seconds = []
        for time, tied in groupby(own, key=lambda row: row[1]):
            by_hit: dict[int, set[int]] = {}
            for _, _, hit, number in tied:
                by_hit.setdefault(hit, set()).add(number)
            seconds.append((time, list(by_hit.values())))
        chain = search(seconds, steps, micros)
        if chain:
            found.append((visitor, len(chain), *chain, *[None] * (steps - len(chain))))
    times = [f"time_{number}" for number in range(1, steps + 1)]
    schema = {"visitor": pl.UInt32, "level": pl.UInt8} | dict.fromkeys(times, pl.Int64)
    frame = pl.DataFrame(found, schema=schema, orient="row")
    return frame.select("visitor", pl.col(times).cast(TIME), "level")


def search(seconds: Sequence[tuple[int, list[set[int]]]], steps: int, window: int) -> tuple[int, ...]:
    """The best chain of one visitor: the times of its hits, () if there is none.

    `seconds` are the times in order, each with the steps that each of its hits matches. For every level the
    best chain so far is kept: the one that starts last, of those the one with the earliest hits. A second
    lifts a chain of level i to j if the steps i + 1 .. j can be dealt out to different hits of it.
    """
    levels: list[tuple[int, ...]] = [()] * (steps + 1)
    result: tuple[int, ...] = ()
    for time, hits_of_second in seconds:
        furthest = [_dealt(hits_of_second, level, steps) for level in range(steps)]
        after = list(levels)
        for level, reached in enumerate(furthest):
            chain = levels[level]
            if level and (not chain or time - chain[0] > window):
                continue
            for number in range(level + 1, reached + 1):
                longer = chain + (time,) * (number - level)
                if not after[number] or _rank(longer) > _rank(after[number]):
                    after[number] = longer
        levels = after
        top = max(number for number in range(steps + 1) if levels[number] or not number)
        if top > len(result):
            result = levels[top]
    return result


def _rank(chain: tuple[int, ...]) -> tuple[int, ...]:
    return (chain[0], *(-time for time in chain[1:]))


def _dealt(hits_of_second: list[set[int]], level: int, steps: int) -> int:
    """The highest step up to which the steps after `level` can be dealt out to different hits (augmenting paths)."""
    owner: dict[int, int] = {}

    def deal(number: int, tried: set[int]) -> bool:
        for place, matches in enumerate(hits_of_second):
            if number in matches and place not in tried:
                tried.add(place)
                if place not in owner or deal(owner[place], tried):
                    owner[place] = number
                    return True
        return False

    number = level
    while number < steps and deal(number + 1, set()):
        number += 1
    return number


# -- chains -> the table -----------------------------------------------------------------------------------------


def table(
    chains: pl.LazyFrame, names: Sequence[str], by: Sequence[str] = (), *, only_those_that_occur: bool = False
) -> pl.LazyFrame:
    """One chain a visitor -> one row a step, for each group of `by`."""
    column = pl.col
    numbers = range(1, len(names) + 1)
    seconds = [
        (column(f"time_{number}") - column(f"time_{number - 1}")).dt.total_microseconds() / 1_000_000
        for number in numbers
        if number > 1
    ]
    measures = {
        "visitors": pl.concat_list((column("level") >= number).sum().cast(pl.Int64) for number in numbers),
        "median_seconds": pl.concat_list([pl.lit(None, pl.Float64), *(passed.median() for passed in seconds)]),
    }
    if only_those_that_occur:
        measures["present"] = column("present").first().fill_null(0)
    by_step = chains.group_by(by).agg(**measures) if by else chains.select(**measures)
    name = pl.lit(pl.Series(list(names)))
    if only_those_that_occur:
        bits = pl.lit(pl.Series([1 << (number - 1) for number in numbers], dtype=pl.UInt64))
        name = name.filter((bits & column("present").first()) > 0)
    shown = column("name").list.len()
    return (
        by_step.with_columns(name=name.implode())
        .with_columns(column("visitors", "median_seconds").list.head(shown))
        .with_columns(column("visitors").list.shift(1).alias("one before"), first=column("visitors").list.first())
        .with_columns(step=pl.int_ranges(1, shown + 1))
        .filter(shown > 0)
        .explode("step", "name", "visitors", "median_seconds", "one before")
        .select(
            *by,
            "step",
            "name",
            "visitors",
            from_first=pl.when(column("first") > 0).then(column("visitors") / column("first")),
            from_previous=pl.when(column("one before") > 0).then(column("visitors") / column("one before")),
            lost=column("one before") - column("visitors"),
            median_seconds="median_seconds",
        )
    )
