"""--compare: a report of two periods side by side, with the change.

What is compared has lasted equally long: of a period that is not over, by its end or by the log's, only as much of the
other is looked at. `previous` is as many whole days earlier as the period has begun, so that today's morning stands
beside yesterday's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from functools import partial
from math import ceil
from zoneinfo import ZoneInfo

import polars as pl

from pixelstat.analysis.time_series import EVERY, bucket_start, is_partial, truncate_local
from pixelstat.errors import PixelstatError
from pixelstat.frames.batches import columns_used
from pixelstat.reports._report import Report
from pixelstat.result import NUMBERS, TIMES, Column, Result
from pixelstat.sessions import limit_to_period
from pixelstat.traffic.deduplication import drop_later_copies

PREVIOUS, CHANGE = "previous", "change"  # what stands before a measure's name in the columns beside it
COUNTED = ("count", "figure", "money")  # kinds that are 0 where there is nothing
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """From `since` up to, and without, `until`."""

    since: datetime
    until: datetime

    def contains(self, moment: pl.Expr) -> pl.Expr:
        return (moment >= self.since) & (moment < self.until)


@dataclass(frozen=True)
class Comparison:
    """The period asked for and the one to compare it with, as far as they can be told before the logs are read."""

    own: Period
    before: Period  # where it is the previous one, at its earliest
    ends_with_log: bool = False  # nobody said when `own` ends: it does with the last event, and `before` accordingly

    @property
    def both(self) -> Period:
        """What must be read."""
        return Period(min(self.own.since, self.before.since), max(self.own.until, self.before.until))

    def align_lengths(self, last: datetime | None, zone: ZoneInfo) -> tuple[Period, Period]:
        """Both periods, by the last event of the first: equally long, as far as that one has lasted."""
        ends = min(self.own.until, last + timedelta(seconds=1)) if last else self.own.until
        ends = max(ends, self.own.since)
        before = self.before
        if self.ends_with_log:
            before = Period(_days_before(self.own.since, ends, zone), self.own.since)
        length = min(ends - self.own.since, before.until - before.since)
        return Period(self.own.since, self.own.since + length), Period(before.since, before.since + length)


def parse_comparison(against: str, since: datetime | None, until: datetime | None, zone: ZoneInfo) -> Comparison:
    """What `--compare` asks for. Raises PixelstatError for a text that names no period, or where none is given."""
    now = datetime.now(timezone.utc)
    if since is None:
        raise PixelstatError("--compare needs a period to compare.", "Say which: --since 7d")
    own = Period(since, until or max(now, since))
    if against != "previous":
        return Comparison(own, _parse_period(against, zone))
    return Comparison(own, Period(_days_before(since, min(own.until, now), zone), since), ends_with_log=until is None)


def compare_periods(
    report: Report,
    find: partial[pl.LazyFrame],
    events: pl.LazyFrame,
    wanted: Comparison,
    *,
    every: str | None,
    zone: ZoneInfo,
) -> tuple[Result, str]:
    """The report of both periods in one, and what it compares."""
    schema = events.collect_schema()
    silent = partial(find, warn=str) if "warn" in find.keywords else find  # of no events there is nothing to warn of
    asked = {"time", *columns_used(silent, schema)}
    asked |= {"visit_start"} if "visit" in asked else set()
    held = events.select(name for name in schema if name in asked).collect(engine="streaming")
    if {"hit", "first"} <= asked:
        held = drop_later_copies(held)
    last = held.filter(wanted.own.contains(pl.col("time")))["time"].max()
    own, before = wanted.align_lengths(last if isinstance(last, datetime) else None, zone)

    def found(period: Period, **more: object) -> Result:
        """The report of a period, for which the logs begin and end no further than it does."""
        first, last = held["time"].min(), held["time"].max()
        if isinstance(first, datetime) and isinstance(last, datetime):
            ends = {"log_start": partial(max, first, period.since), "log_end": partial(min, last, period.until)}
            more |= {name: end for name, end in ends.items() if name in find.keywords}
        return report.result(find(_select_period(held, period), **more).collect())

    results = [found(period) for period in (own, before)]
    top, every_row = find.keywords.get("top"), results
    if top and max(len(one.frame) for one in results) >= top:
        # A row that is among the first in one period has its own figure of the other beside it.
        every_row = [found(period, top=0) for period in (own, before)]
    if every and "time" in results[0].frame.columns:
        every_row = [every_row[0], align_series(every_row[1], every_row[0], every, (own, before), zone)]
    result = keep_shown_rows(join_periods(*every_row), results)
    if every in EVERY and "time" in result.frame.columns:
        result = flag_partial(result, own, every)
    return result, f"compared with {_clock(before.since, zone)} to {_clock(before.until, zone)}"


def flag_partial(result: Result, period: Period, every: str) -> Result:
    """The result with `partial`: whether the period, as far as the log goes, covers less than the whole of a bucket."""
    frame = result.frame.with_columns(partial=is_partial(period.since, period.until, every))
    about = "whether the period, as far as the log goes, covers only a part of it"
    return replace(result, frame=frame, columns=[*result.columns, Column("partial", "flag", about)])


def _parse_period(text: str, zone: ZoneInfo) -> Period:
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)", text.strip())
    try:
        first, last = (date.fromisoformat(found[place]) for place in (1, 2)) if found else (None, None)
    except ValueError:
        first = last = None
    if not first or not last or first > last:
        raise PixelstatError(
            f"--compare: {text!r} is no period.", "Try: --compare previous, or --compare 2026-08-01..2026-08-31"
        )
    return Period(_midnight(first, zone), _midnight(last + DAY, zone))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(timezone.utc)


def _days_before(since: datetime, until: datetime, zone: ZoneInfo) -> datetime:
    """As many whole days before `since` as there are to `until`, at the same time by the clocks of the zone."""
    first, last = (moment.astimezone(zone).replace(tzinfo=None) for moment in (since, until))
    days = max(1, ceil((last - first) / DAY))
    return (first - days * DAY).replace(tzinfo=zone).astimezone(timezone.utc)


def _select_period(held: pl.DataFrame, period: Period) -> pl.LazyFrame:
    events = held.lazy().filter(period.contains(pl.col("time")))
    return limit_to_period(events, period.since, period.until) if "visit" in held.columns else events


def keep_shown_rows(result: Result, shown: Sequence[Result]) -> Result:
    """The rows of the result, or the series, that one of the others shows."""
    on = row_keys(result)
    wanted = pl.concat(one.frame.select(on) for one in shown)
    rows = result.frame.join(wanted, on=on, how="semi", nulls_equal=True, maintain_order="left") if on else result.frame
    return replace(result, frame=rows)


def row_keys(result: Result) -> list[str]:
    """The columns that tell rows apart, but for a series' time."""
    return [column.name for column in result.columns if column.key or column.kind not in (*NUMBERS, *TIMES, "flag")]


def align_series(result: Result, like: Result, every: str, periods: tuple[Period, Period], zone: ZoneInfo) -> Result:
    """A series of the second period with the times of the first: its nth hour, day, week or month is that one's nth."""
    if every not in EVERY:  # one row is the whole range
        return replace(
            result,
            frame=result.frame.with_columns(pl.lit(like.frame["time"].first(), like.frame["time"].dtype).alias("time")),
        )
    first, start = (truncate_local(pl.lit(period.since), every, zone.key) for period in periods)
    here = truncate_local(pl.col("time").dt.convert_time_zone("UTC"), every, zone.key)
    passed = pl.format("{}m", (here - start).dt.total_minutes())
    if every == "month":
        passed = pl.format("{}mo", (here.dt.year() - start.dt.year()) * 12 + here.dt.month() - start.dt.month())
    time = bucket_start(first.dt.offset_by(passed), every, zone.key)
    return replace(result, frame=result.frame.with_columns(time=time))


def fill_missing_splits(result: Result, other: Result) -> Result:
    """The result with each row of the other that differs from one of its own only in what splits rows.

    What stands before that column is the same in both. A row of its own that says nothing behind it gives way.
    """
    names = [column.name for column in result.columns]
    split = next((place for place, column in enumerate(result.columns) if column.splits), None)
    if split is None:
        return result
    on = [column.name for column in result.columns[:split] if column.key or column.kind not in NUMBERS]
    says_nothing = pl.all_horizontal(pl.col(names[split]).is_null(), pl.col(names[split + 1 :]).fill_null(0) == 0)
    rows, told = result.frame.with_row_index("its row"), other.frame.filter(~says_nothing).select(*on, names[split])
    lacking = told.join(rows, on=[*on, names[split]], how="anti", nulls_equal=True)
    added = lacking.join(rows.select("its row", *names[:split]).unique(on, keep="first"), on=on, nulls_equal=True)
    counts = [column.name for column in result.columns[split + 1 :] if column.kind in COUNTED]
    added = added.with_columns(pl.lit(0, rows.schema[name]).alias(name) for name in counts)
    silent = rows.filter(says_nothing).join(added, on=on, how="semi", nulls_equal=True)
    rows = pl.concat([rows.join(silent, on="its row", how="anti"), added], how="diagonal")
    return replace(result, frame=rows.sort("its row", names[split], nulls_last=True).select(names))


def join_periods(own: Result, other: Result) -> Result:
    """Both results in one: beside each measure `previous_...` and `change_...`.

    The change is a share of what was before, null where that is null or 0; of a share it is the difference. Rows stand
    beside rows of the same texts and times; what is counted is 0 in a period without the row.
    """
    own, other = fill_missing_splits(own, other), fill_missing_splits(other, own)
    measures = [column for column in own.columns if column.kind in NUMBERS and not column.key]
    times = [column.name for column in own.columns if column.kind in TIMES and not column.key]
    on = [column.name for column in own.columns if column not in measures]
    now, before = own.frame, other.frame.rename({column.name: f"{PREVIOUS}_{column.name}" for column in measures})
    if on:
        now, before = now.with_columns(here=True), before.with_columns(there=True)
        joined = now.join(before, on=on, how="full", coalesce=True, nulls_equal=True, maintain_order="left_right")
        joined = joined.sort(times, nulls_last=True, maintain_order=True) if times else joined
        counts = [column.name for column in measures if column.kind in COUNTED]
        both = [(name, "here") for name in counts] + [(f"{PREVIOUS}_{name}", "there") for name in counts]
        joined = joined.with_columns(pl.when(is_in).then(name).otherwise(0).alias(name) for name, is_in in both)
        joined = joined.cast({name: now.schema[name] for name in counts})
    else:
        joined = pl.concat([now, before], how="horizontal")
    changes, columns = [], []
    for column in own.columns:
        columns.append(column)
        if column in measures:
            here, there = pl.col(column.name), pl.col(f"{PREVIOUS}_{column.name}")
            change = here - there if column.kind == "share" else pl.when(there != 0).then((here - there) / there)
            changes.append(change.cast(pl.Float64).alias(f"{CHANGE}_{column.name}"))
            columns.append(replace(column, name=f"{PREVIOUS}_{column.name}", bar=False))
            columns.append(replace(column, name=f"{CHANGE}_{column.name}", kind="share", about="", bar=False))
    frame = joined.with_columns(changes).select(column.name for column in columns)
    return replace(own, frame=frame, columns=columns)


def _clock(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
