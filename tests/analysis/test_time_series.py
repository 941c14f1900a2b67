"""Time series: where buckets begin, the instants that they are shown at, and gaps that are filled."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat.analysis.time_series import BUCKET, bucket_start, fill_gaps, is_partial, truncate_local
from tests.builders import instant, log, view
from tests.run import run_in_process


def bucket_starts(every: str, tz: str, *times: str) -> list[str]:
    """Return the instant at which the bucket of each time begins, in ISO 8601 with the offset of the zone."""
    frame = pl.LazyFrame({"time": [instant(time) for time in times]}, {"time": pl.Datetime("us", "UTC")})
    begins = frame.select(bucket_start(truncate_local(pl.col("time"), every, tz), every, tz))
    return [start.isoformat() for start in begins.collect().to_series()]


def series(every: str, tz: str, *times: str) -> list[tuple[str, int]]:
    """Return a series of how many of the times there are in each bucket."""
    frame = pl.LazyFrame({"time": [instant(time) for time in times]}, {"time": pl.Datetime("us", "UTC")})
    counted = frame.group_by(truncate_local(pl.col("time"), every, tz).alias(BUCKET)).agg(views=pl.len())
    return [(time.isoformat(), views) for time, views in fill_gaps(counted, every, tz).collect().rows()]


# -- where buckets begin ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("every", "tz", "last", "first"),
    [
        ("hour", "UTC", "2026-09-07T10:59:59.999999+00:00", "2026-09-07T11:00:00+00:00"),
        ("hour", "Asia/Kathmandu", "2026-09-07T10:59:59.999999+05:45", "2026-09-07T11:00:00+05:45"),
        ("day", "UTC", "2026-09-07T23:59:59.999999+00:00", "2026-09-08T00:00:00+00:00"),
        ("day", "Europe/Berlin", "2026-09-07T23:59:59.999999+02:00", "2026-09-08T00:00:00+02:00"),
        ("day", "Asia/Kathmandu", "2026-09-07T23:59:59.999999+05:45", "2026-09-08T00:00:00+05:45"),
        ("week", "UTC", "2026-09-06T23:59:59.999999+00:00", "2026-09-07T00:00:00+00:00"),  # Sunday, Monday
        ("week", "Europe/Berlin", "2026-09-06T23:59:59.999999+02:00", "2026-09-07T00:00:00+02:00"),
        ("month", "UTC", "2026-02-28T23:59:59.999999+00:00", "2026-03-01T00:00:00+00:00"),
        ("month", "UTC", "2028-02-29T23:59:59.999999+00:00", "2028-03-01T00:00:00+00:00"),
        ("month", "UTC", "2026-12-31T23:59:59.999999+00:00", "2027-01-01T00:00:00+00:00"),
        ("month", "Europe/Berlin", "2026-09-30T23:59:59.999999+02:00", "2026-10-01T00:00:00+02:00"),
    ],
)
def test_a_bucket_holds_its_first_instant_and_not_the_next_ones(every: str, tz: str, last: str, first: str) -> None:
    before, after = bucket_starts(every, tz, last, first)
    assert after == first
    assert before < after


@pytest.mark.parametrize(
    ("time", "monday"),
    [
        ("2026-09-07T00:00:00+00:00", "2026-09-07T00:00:00+00:00"),
        ("2026-09-09T12:00:00+00:00", "2026-09-07T00:00:00+00:00"),
        ("2026-09-13T23:59:59+00:00", "2026-09-07T00:00:00+00:00"),
        ("2027-01-01T00:00:00+00:00", "2026-12-28T00:00:00+00:00"),  # a week belongs to two years
    ],
)
def test_a_week_begins_on_monday(time: str, monday: str) -> None:
    assert bucket_starts("week", "UTC", time) == [monday]


def test_a_local_day_may_be_another_one_than_that_of_utc() -> None:
    late = "2026-09-07T22:30:00+00:00"
    assert bucket_starts("day", "UTC", late) == ["2026-09-07T00:00:00+00:00"]
    assert bucket_starts("day", "Europe/Berlin", late) == ["2026-09-08T00:00:00+02:00"]
    assert bucket_starts("day", "America/New_York", "2026-09-08T03:59:00+00:00") == ["2026-09-07T00:00:00-04:00"]
    assert bucket_starts("month", "Europe/Berlin", "2026-09-30T22:30:00+00:00") == ["2026-10-01T00:00:00+02:00"]


# -- clock changes ---------------------------------------------------------------------------------------------------


def test_an_hour_that_a_clock_change_repeats_is_two_buckets() -> None:
    assert bucket_starts("hour", "Europe/Berlin", "2025-10-26T02:30:00+02:00", "2025-10-26T02:30:00+01:00") == [
        "2025-10-26T02:00:00+02:00",
        "2025-10-26T02:00:00+01:00",
    ]


def test_an_hour_that_a_clock_change_skips_is_not_in_a_series() -> None:
    assert series("hour", "Europe/Berlin", "2026-03-29T01:59:00+01:00", "2026-03-29T04:00:00+02:00") == [
        ("2026-03-29T01:00:00+01:00", 1),
        ("2026-03-29T03:00:00+02:00", 0),
        ("2026-03-29T04:00:00+02:00", 1),
    ]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25)])
def test_a_day_has_as_many_hours_as_its_clocks_show(day: str, hours: int) -> None:
    first = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=None)
    begins, ends = bucket_starts("day", "Europe/Berlin", f"{day}T10:00+02:00", f"{first + timedelta(days=1)}+02:00")
    last = instant(ends if hours != 25 else "2026-10-26T00:00:00+01:00") - timedelta(seconds=1)
    assert len(series("hour", "Europe/Berlin", begins, last.isoformat())) == hours


def test_a_day_without_midnight_begins_with_the_first_instant_after_it() -> None:
    # In Santiago the clocks go from 24:00 on 5 September to 01:00.
    times = ["2026-09-05T23:59:59-04:00", "2026-09-06T01:00:00-03:00", "2026-09-06T23:00:00-03:00"]
    assert bucket_starts("day", "America/Santiago", *times) == [
        "2026-09-05T00:00:00-04:00",
        "2026-09-06T01:00:00-03:00",
        "2026-09-06T01:00:00-03:00",
    ]


def test_a_day_without_midnight_is_in_the_series_where_nothing_happened_on_it() -> None:
    assert series("day", "America/Santiago", "2026-09-05T10:00:00-04:00", "2026-09-07T10:00:00-03:00") == [
        ("2026-09-05T00:00:00-04:00", 1),
        ("2026-09-06T01:00:00-03:00", 0),
        ("2026-09-07T00:00:00-03:00", 1),
    ]


def test_a_midnight_that_comes_twice_begins_the_day_with_the_first() -> None:
    # In Havana the clocks go back from 01:00 to 00:00 on 1 November.
    times = ["2026-11-01T00:30:00-04:00", "2026-11-01T00:30:00-05:00"]
    assert bucket_starts("day", "America/Havana", *times) == ["2026-11-01T00:00:00-04:00"] * 2


def test_the_day_after_one_that_a_zone_skipped_is_a_bucket() -> None:
    # Samoa went from 29 to 31 December 2011.
    assert bucket_starts("day", "Pacific/Apia", "2011-12-31T12:00:00+14:00") == ["2011-12-31T00:00:00+14:00"]


@pytest.mark.slow
def test_hours_go_on_where_clocks_change_by_half_an_hour(tmp_path: Path) -> None:
    # Lord Howe, 7 April 2024: at 15:00 UTC the clocks go back from 02:00 (+11:00) to 01:30 (+10:30).
    clocks = ("13:10", "14:40", "15:10", "15:40", "17:00")
    (tmp_path / "access.log").write_text(log(*(view("ann", "/", clock, day="2024-04-06") for clock in clocks)))
    finished = run_in_process(tmp_path, "views", "access.log", "--every", "hour", "--tz", "Australia/Lord_Howe", "-q")
    assert [line.split(",")[:2] for line in finished.stdout.splitlines()[1:]] == [
        ["2024-04-07T00:00:00+11:00", "1"],
        ["2024-04-07T01:00:00+11:00", "1"],
        ["2024-04-07T01:30:00+11:00", "1"],
        ["2024-04-07T02:00:00+10:30", "1"],
        ["2024-04-07T03:00:00+10:30", "1"],
    ]


# -- gaps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("every", "first", "last", "between"),
    [
        ("hour", "2026-09-07T23:10:00+00:00", "2026-09-08T01:50:00+00:00", ["2026-09-08T00:00:00+00:00"]),
        ("day", "2026-02-27T10:00:00+00:00", "2026-03-01T10:00:00+00:00", ["2026-02-28T00:00:00+00:00"]),
        ("week", "2026-09-06T10:00:00+00:00", "2026-09-14T10:00:00+00:00", ["2026-09-07T00:00:00+00:00"]),
        ("month", "2026-01-31T10:00:00+00:00", "2026-03-31T10:00:00+00:00", ["2026-02-01T00:00:00+00:00"]),
        ("day", "2026-09-07T10:00:00+00:00", "2026-09-08T10:00:00+00:00", []),
    ],
)
def test_a_bucket_without_events_has_zero(every: str, first: str, last: str, between: list[str]) -> None:
    rows = series(every, "UTC", last, first, last)
    assert [views for _, views in rows] == [1, *(0 for _ in between), 2]
    assert [time for time, _ in rows[1:-1]] == between


def test_a_gap_is_zero_for_what_is_counted_and_null_for_what_is_measured() -> None:
    found = pl.LazyFrame(
        {BUCKET: [datetime(2026, 9, 7), datetime(2026, 9, 9)], "views": [2, 1], "rate": [0.5, 1.0]},  # noqa: DTZ001
        {BUCKET: pl.Datetime("us"), "views": pl.UInt32, "rate": pl.Float64},
    )
    rows = fill_gaps(found, "day", "UTC").collect()
    assert rows["views"].to_list() == [2, 0, 1]
    assert rows["rate"].to_list() == [0.5, None, 1.0]
    assert rows.schema["time"] == pl.Datetime("us", "UTC")


def test_each_group_has_every_bucket_of_the_series() -> None:
    days = [datetime(2026, 9, day) for day in (7, 9)]  # noqa: DTZ001 - local, as buckets are
    found = pl.LazyFrame(
        {BUCKET: days, "page": ["/a", None], "views": [2, 1]},
        {BUCKET: pl.Datetime("us"), "page": pl.String, "views": pl.Int64},
    )
    rows = fill_gaps(found, "day", "UTC", ["page"]).collect()
    assert [(time.day, page, views) for time, page, views in rows.rows()] == [
        (7, "/a", 2), (7, None, 0), (8, "/a", 0), (8, None, 0), (9, "/a", 0), (9, None, 1),
    ]  # fmt: skip


def test_a_series_without_events_has_no_rows() -> None:
    assert series("day", "Europe/Berlin") == []


@pytest.mark.slow
@given(
    st.lists(st.integers(0, 40 * 24 * 60), min_size=1, max_size=12), st.sampled_from(["hour", "day", "week", "month"])
)
@pytest.mark.parametrize("tz", ["UTC", "Europe/Berlin", "Australia/Lord_Howe"])
def test_no_event_is_lost_and_no_bucket_is_there_twice(tz: str, minutes: list[int], every: str) -> None:
    start = datetime(2026, 3, 20, tzinfo=timezone.utc)  # the clocks of both zones change in the forty days behind it
    rows = series(every, tz, *((start + timedelta(minutes=minute)).isoformat() for minute in minutes))
    instants = [instant(time) for time, _ in rows]
    assert sum(views for _, views in rows) == len(minutes)
    assert instants == sorted(set(instants))
    assert rows[0][1] > 0
    assert rows[-1][1] > 0


# -- buckets that a period cuts --------------------------------------------------------------------------------------


def test_a_bucket_is_partial_where_the_period_holds_less_than_all_of_it() -> None:
    days = pl.Series("time", [instant(f"2026-09-0{day}T00:00:00+02:00") for day in (7, 8, 9)], pl.Datetime("us", "UTC"))
    frame = days.dt.convert_time_zone("Europe/Berlin").to_frame()

    def partial(since: str, until: str) -> list[bool]:
        return frame.select(is_partial(instant(since), instant(until), "day", "Europe/Berlin")).to_series().to_list()

    assert partial("2026-09-07T00:00:00+02:00", "2026-09-10T00:00:00+02:00") == [False, False, False]
    assert partial("2026-09-07T00:00:01+02:00", "2026-09-10T00:00:00+02:00") == [True, False, False]
    assert partial("2026-09-07T00:00:00+02:00", "2026-09-09T23:59:59+02:00") == [False, False, True]
