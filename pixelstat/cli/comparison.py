"""Compare two periods for --compare: a report of both, side by side, with the change.

Both periods are equally long. Where the current one is not over, by its end or by the log's, only the same length of
the other counts. `previous` begins as many whole days earlier as the current period has lasted, rounded up, so that
this morning is compared with yesterday's morning.
"""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from math import ceil
from zoneinfo import ZoneInfo

import polars as pl

from pixelstat.analysis.time_series import EVERY, bucket_start, is_partial, truncate_local
from pixelstat.errors import PixelstatError
from pixelstat.frames.batches import columns_used
from pixelstat.frames.columns import internal
from pixelstat.options.values import ReportOptions
from pixelstat.reports._report import Report, RunContext
from pixelstat.result import NUMBER_KINDS, TIME_KINDS, Column, Result
from pixelstat.schemas import Reason
from pixelstat.sessions.sessionize import limit_to_period
from pixelstat.text.durations import shift_moment

PREVIOUS, CHANGE = "previous", "change"  # in front of a measure's name, for the columns beside it
ADDITIVE = ("count", "figure", "money")  # kinds that are 0 in a period without the row
DAY = timedelta(days=1)
ROW, IS_CURRENT, IS_PREVIOUS = internal("row"), internal("is current"), internal("is previous")


@dataclass(frozen=True)
class Period:
    """The time from `since` up to, and without, `until`."""

    since: datetime
    until: datetime

    def contains(self, moment: pl.Expr) -> pl.Expr:
        return (moment >= self.since) & (moment < self.until)


@dataclass(frozen=True)
class Comparison:
    """The period of --since and --until and the one to compare it with, as far as the options alone tell them."""

    current: Period
    previous: Period  # for `--compare previous` the earliest that it can be
    ends_with_log: bool = False  # without --until: `current` ends where the logs do, and `previous` follows from that

    @property
    def span(self) -> Period:
        """The events that both periods need."""
        return Period(min(self.current.since, self.previous.since), max(self.current.until, self.previous.until))

    def align_lengths(self, last: datetime | None, zone: ZoneInfo) -> tuple[Period, Period]:
        """Return the current and the previous period, cut to one length.

        `last` is the time at which the logs end; None: they hold no request with a time. A period that begins after
        that is not cut.
        """
        current, previous = self.current, self.previous
        end = min(current.until, last + timedelta(seconds=1)) if last and last >= current.since else current.until
        if self.ends_with_log:
            previous = Period(_whole_days_before(current.since, end, zone), current.since)
        length = min(end - current.since, previous.until - previous.since)
        return Period(current.since, current.since + length), Period(previous.since, previous.since + length)


def parse_comparison(text: str, since: datetime | None, until: datetime | None, zone: ZoneInfo) -> Comparison:
    """Parse the value of --compare for the period of --since and --until.

    Raises PixelstatError for a text that does not name a period, and without `since`.
    """
    now = datetime.now(timezone.utc)
    if since is None:
        raise PixelstatError("--compare needs the start of a period.", "Add: --since 7d")
    current = Period(since, until or max(now, since))
    if text != "previous":
        return Comparison(current, _parse_period(text, zone))
    previous = Period(_whole_days_before(since, min(current.until, now), zone), since)
    return Comparison(current, previous, ends_with_log=until is None)


def compare_periods(
    report: Report,
    options: ReportOptions,
    run: RunContext,
    events: pl.LazyFrame,
    comparison: Comparison,
) -> tuple[Result, tuple[Period, Period]]:
    """Compute the report of both periods and join them. Return the result, the current period and the previous one.

    The events are read once, and the columns that the report uses are held in memory.
    """
    zone = ZoneInfo(run.time_zone)
    frame = _collect_events(report, options, replace(run, since=comparison.current.since), events)
    periods = comparison.align_lengths(run.log_end(), zone)
    results = [_compute_period(report, options, run, frame, period) for period in periods]
    every_row = results
    if options.top and max(len(result.frame) for result in results) >= options.top:
        # A row that is at the top in one period has its own figure of the other period beside it.
        unlimited = replace(options, top=0)
        whole = [_compute_period(report, unlimited, run, frame, period) for period in periods]
        every_row = [
            add_rows_of_other_period(results[0], whole[0], results[1]),
            add_rows_of_other_period(results[1], whole[1], results[0]),
        ]
    is_series = "time" in results[0].frame.columns
    if options.every and is_series:
        every_row = [every_row[0], align_series(every_row[1], every_row[0], options.every, periods, zone)]
    result = join_periods(*every_row)
    current = periods[0]
    if options.every in EVERY and is_series:
        result = flag_partial(result, current, options.every, zone.key)
    return result, periods


def _collect_events(report: Report, options: ReportOptions, run: RunContext, events: pl.LazyFrame) -> pl.DataFrame:
    """Collect the columns of the events that the report uses."""
    schema = events.collect_schema()
    silent = replace(run, warn=str, note=str)  # `columns_used` computes the report of no events: nothing to say
    columns = {"time", *columns_used(lambda rows: report.function(rows, options, silent), schema)}
    columns |= {"visit_start"} if "visit" in columns else set()
    return events.select(name for name in schema if name in columns).collect(engine="streaming")


def _compute_period(
    report: Report, options: ReportOptions, run: RunContext, frame: pl.DataFrame, period: Period
) -> Result:
    """Compute the report of a period, as a run of this period alone would."""
    run = replace(run, since=period.since, until=period.until)
    rows = _select_period(report, options, frame, period)
    return report.result(report.function(rows, options, run).collect())


def _select_period(report: Report, options: ReportOptions, frame: pl.DataFrame, period: Period) -> pl.LazyFrame:
    """Return the events that the report of a period gets, as a run of this period alone would."""
    since = shift_moment(period.since, -report.lookbehind(options))
    until = shift_moment(period.until, report.lookahead(options))
    is_inside = Period(since, until).contains(pl.col("time"))
    events = frame.lazy()
    if report.needs_all_orders or report.needs_whole_visits:
        rejected = pl.when(~is_inside).then(pl.coalesce("rejected", pl.lit("other_period", Reason)))
        events = events.with_columns(rejected=rejected.otherwise("rejected"))
    else:
        events = events.filter(is_inside)
    return limit_to_period(events, since, until) if "visit" in frame.columns and report.limits_visits else events


def flag_partial(result: Result, period: Period, every: str, tz: str) -> Result:
    """Add `partial`: whether the period, as far as the log goes, covers only a part of the row's bucket."""
    frame = result.frame.with_columns(partial=is_partial(period.since, period.until, every, tz))
    about = "whether the period, as far as the log goes, covers only a part of it"
    return replace(result, frame=frame, columns=[*result.columns, Column("partial", "flag", about)])


def _parse_period(text: str, zone: ZoneInfo) -> Period:
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)", text.strip())
    try:
        first, last = (date.fromisoformat(match[number]) for number in (1, 2)) if match else (None, None)
    except ValueError:
        first = last = None
    if not first or not last or first > last:
        raise PixelstatError(
            f"--compare: {text!r} is not a period.", "Try: --compare previous, or --compare 2026-08-01..2026-08-31"
        )
    return Period(_midnight(first, zone), _midnight(last + DAY, zone))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(timezone.utc)


def _whole_days_before(since: datetime, until: datetime, zone: ZoneInfo) -> datetime:
    """Return the time as many whole days before `since` as there are to `until`, by the clocks of the zone.

    A part of a day counts as a whole one, and there is at least one.
    """
    first, last = (moment.astimezone(zone).replace(tzinfo=None) for moment in (since, until))
    days = max(1, ceil((last - first) / DAY))
    return (first - days * DAY).replace(tzinfo=zone).astimezone(timezone.utc)


def add_rows_of_other_period(shown: Result, unlimited: Result, other: Result) -> Result:
    """Return the rows of `shown`, and of `unlimited` those that the `other` period shows alone.

    They come in the order of `unlimited`. A row that it does not have, such as `(other)`, stays in front of the next.
    """
    keys = row_keys(shown)
    if not keys:
        return shown
    rows = row_keys(shown, with_time=True)
    places = unlimited.frame.with_row_index(ROW).with_columns(pl.col(ROW).cast(pl.Float64))
    added = places.join(other.frame.select(keys).unique(), on=keys, how="semi", nulls_equal=True)
    added = added.join(shown.frame.select(keys).unique(), on=keys, how="anti", nulls_equal=True)
    placed = shown.frame.join(
        places.select(*rows, ROW), on=rows, how="left", nulls_equal=True, maintain_order="left"
    ).with_columns(pl.coalesce(ROW, pl.col(ROW).backward_fill() - 0.5))
    frame = pl.concat([placed, added.select(placed.columns)])
    return replace(shown, frame=frame.sort(ROW, nulls_last=True, maintain_order=True).drop(ROW))


def row_keys(result: Result, *, with_time: bool = False) -> list[str]:
    """Return the columns that tell rows apart, with or without the time of a series."""
    others = (*NUMBER_KINDS, "flag", *(() if with_time else TIME_KINDS))
    return [column.name for column in result.columns if column.key or column.kind not in others]


def align_series(result: Result, like: Result, every: str, periods: tuple[Period, Period], zone: ZoneInfo) -> Result:
    """Give the series of the second period the times of the first.

    The nth hour, day, week or month of the second period gets the time of the nth of the first. A row of the whole
    range gets the time of the row in `like`.
    """
    if every not in EVERY:
        whole_range = pl.lit(like.frame["time"].first(), like.frame["time"].dtype)
        return replace(result, frame=result.frame.with_columns(whole_range.alias("time")))
    first, start = (truncate_local(pl.lit(period.since), every, zone.key) for period in periods)
    bucket = truncate_local(pl.col("time").dt.convert_time_zone("UTC"), every, zone.key)
    passed = pl.format("{}m", (bucket - start).dt.total_minutes())
    if every == "month":
        passed = pl.format("{}mo", (bucket.dt.year() - start.dt.year()) * 12 + bucket.dt.month() - start.dt.month())
    aligned = bucket_start(first.dt.offset_by(passed), every, zone.key)
    return replace(result, frame=result.frame.with_columns(time=aligned))


def fill_missing_splits(result: Result, other: Result) -> Result:
    """Add the rows that only the other period has, for a column that is marked `splits` (a currency, say).

    Figures in front of that column are copied from the row that is split, counts behind it are 0. A row without any
    figure behind the column is replaced by the added ones.
    """
    names = [column.name for column in result.columns]
    split = next((index for index, column in enumerate(result.columns) if column.splits), None)
    if split is None:
        return result
    on = [column.name for column in result.columns[:split] if column.key or column.kind not in NUMBER_KINDS]
    is_blank = pl.all_horizontal(pl.col(names[split]).is_null(), pl.col(names[split + 1 :]).fill_null(0) == 0)
    rows = result.frame.with_row_index(ROW)
    other_rows = other.frame.filter(~is_blank).select(*on, names[split])
    missing = other_rows.join(rows, on=[*on, names[split]], how="anti", nulls_equal=True)
    added = missing.join(rows.select(ROW, *names[:split]).unique(on, keep="first"), on=on, nulls_equal=True)
    counts = [column.name for column in result.columns[split + 1 :] if column.kind in ADDITIVE]
    added = added.with_columns(pl.lit(0, rows.schema[name]).alias(name) for name in counts)
    replaced = rows.filter(is_blank).join(added, on=on, how="semi", nulls_equal=True)
    rows = pl.concat([rows.join(replaced, on=ROW, how="anti"), added], how="diagonal")
    return replace(result, frame=rows.sort(ROW, names[split], nulls_last=True).select(names))


def join_periods(current: Result, previous: Result) -> Result:
    """Join two results, with `previous_...` and `change_...` beside each measure.

    The change is a share of the previous figure, and null where that is null or 0. The change of a share is the
    difference. Rows with equal texts and times are joined. A count is 0 in a period that does not have the row.
    """
    current, previous = fill_missing_splits(current, previous), fill_missing_splits(previous, current)
    figures = [column for column in current.columns if column.kind in NUMBER_KINDS and not column.key]
    measures = [column for column in figures if column.compared]
    on = row_keys(current, with_time=True)
    before = previous.frame.select(*on, *(pl.col(column.name).alias(previous_name(column)) for column in measures))
    joined = _join_rows(current, before, on) if on else pl.concat([current.frame, before], how="horizontal")
    changes, columns = [], []
    for column in current.columns:
        columns.append(column)
        if column in measures:
            changes.append(_change(column, has_units="unit" in joined.columns).alias(change_name(column)))
            columns.append(replace(column, name=previous_name(column), bar=False, label=""))
            kind = "points" if column.kind == "share" else "change"
            columns.append(replace(column, name=change_name(column), kind=kind, about="", bar=False, label=""))
    frame = joined.with_columns(changes).select(column.name for column in columns)
    return replace(current, frame=frame, columns=columns)


def _join_rows(current: Result, before: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """Join the rows of both periods, a series in the order of time. Counts of a missing row are 0."""
    times = [column.name for column in current.columns if column.kind in TIME_KINDS and not column.key]
    counts = [column for column in current.columns if column.kind in ADDITIVE and not column.key and column.compared]
    now = current.frame.with_columns(pl.lit(value=True).alias(IS_CURRENT))
    before = before.with_columns(pl.lit(value=True).alias(IS_PREVIOUS))
    joined = now.join(before, on=on, how="full", coalesce=True, nulls_equal=True, maintain_order="left_right")
    joined = joined.sort(times, nulls_last=True, maintain_order=True) if times else joined
    presence = {column.name: IS_CURRENT for column in counts} | {
        previous_name(column): IS_PREVIOUS for column in counts
    }
    zero = pl.lit(0)
    if "unit" in joined.columns:  # an average is not 0 without anything to average
        zero = pl.when(~pl.col("unit").str.contains("^(share|seconds)$| per ")).then(zero)
    joined = joined.with_columns(pl.when(has).then(name).otherwise(zero).alias(name) for name, has in presence.items())
    return joined.cast({column.name: now.schema[column.name] for column in counts})


def previous_name(column: Column) -> str:
    """Return the name of the column of the other period. That of a report's only `value` is `previous`."""
    return PREVIOUS if column.name == "value" else f"{PREVIOUS}_{column.name}"


def change_name(column: Column) -> str:
    """Return the name of the column of the change."""
    return CHANGE if column.name == "value" else f"{CHANGE}_{column.name}"


def _change(column: Column, *, has_units: bool) -> pl.Expr:
    now, before = pl.col(column.name), pl.col(previous_name(column))
    relative = pl.when(before != 0).then((now - before) / before)
    change = now - before if column.kind == "share" else relative
    if column.kind == "figure" and has_units:  # each row has a unit of its own
        change = pl.when(pl.col("unit") == "share").then(now - before).otherwise(relative)
    return change.cast(pl.Float64)


def describe_periods(current: Period, previous: Period, zone: ZoneInfo) -> str:
    """Return the two periods for the line below the title of a table."""
    return f"{_format_period(current, zone)} {zone.key}, compared with {_format_period(previous, zone)}"


def describe_missing_period(previous: Period, log_start: datetime | None, zone: ZoneInfo) -> list[str]:
    """Return a sentence if the logs begin after the previous period, so that its figures are 0 for no other reason."""
    if log_start is None or log_start < previous.until:
        return []
    return [f"The logs begin after the period to compare with ({_format_period(previous, zone)}): it has no figures."]


def _format_period(period: Period, zone: ZoneInfo) -> str:
    start, end = (moment.astimezone(zone).strftime("%Y-%m-%d %H:%M") for moment in (period.since, period.until))
    return f"{start} to {end}"
