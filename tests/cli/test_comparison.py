"""--compare: which periods are compared, and how their rows are aligned."""

from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from pixelstat.cli.comparison import Comparison, Period, join_periods, parse_comparison
from pixelstat.errors import PixelstatError
from pixelstat.frames.batches import columns_used
from pixelstat.result import Column, Result
from pixelstat.schemas import EVENTS
from tests.builders import hit, instant, log, view
from tests.run import csv_rows, run_in_process

BERLIN = ZoneInfo("Europe/Berlin")
UTC = ZoneInfo("UTC")


def test_the_previous_period_is_as_many_whole_days_earlier() -> None:
    wanted = parse_comparison("previous", instant("2026-09-08"), instant("2026-09-15"), UTC)
    assert wanted.current == Period(instant("2026-09-08"), instant("2026-09-15"))
    assert wanted.previous == Period(instant("2026-09-01"), instant("2026-09-08"))
    assert wanted.span == Period(instant("2026-09-01"), instant("2026-09-15"))
    hours = parse_comparison("previous", instant("2026-09-08T06:00"), instant("2026-09-08T18:00"), UTC)
    assert hours.previous == Period(instant("2026-09-07T06:00"), instant("2026-09-08T06:00"))


def test_a_day_before_a_clock_change_begins_at_the_same_local_time() -> None:
    friday, saturday, sunday, monday, tuesday = (  # Sunday has 25 hours
        datetime(2025, 10, day, tzinfo=BERLIN).astimezone(timezone.utc) for day in (24, 25, 26, 27, 28)
    )
    assert parse_comparison("previous", sunday, monday, BERLIN).previous.since == saturday
    assert parse_comparison("previous", monday, tuesday, BERLIN).previous.since == sunday
    assert parse_comparison("previous", sunday, tuesday, BERLIN).previous.since == friday


def test_a_period_by_its_days_includes_both() -> None:
    wanted = parse_comparison("2026-08-01..2026-08-31", instant("2026-09-01"), None, UTC)
    assert wanted.previous == Period(instant("2026-08-01"), instant("2026-09-01"))


@pytest.mark.parametrize("text", ["", "lately", "2026-08-31..2026-08-01", "2026-08-01..2026-08-32", "2026-08-01"])
def test_a_compared_period_that_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(PixelstatError, match="is not a period"):
        parse_comparison(text, instant("2026-09-01"), None, UTC)


def test_a_run_without_a_period_has_no_previous_one() -> None:
    with pytest.raises(PixelstatError, match="--compare needs the start of a period"):
        parse_comparison("previous", None, None, UTC)


def test_compared_periods_have_the_same_length() -> None:
    week, before = (
        Period(instant("2026-09-08"), instant("2026-09-15")),
        Period(instant("2026-09-01"), instant("2026-09-08")),
    )
    wanted = Comparison(week, before)
    assert wanted.align_lengths(None, UTC) == (week, before)
    cut = wanted.align_lengths(instant("2026-09-10T11:59:59"), UTC)
    assert cut == (Period(week.since, instant("2026-09-10T12:00")), Period(before.since, instant("2026-09-03T12:00")))
    short = Period(instant("2026-09-01"), instant("2026-09-02"))
    assert Comparison(week, short).align_lengths(None, UTC) == (Period(week.since, instant("2026-09-09")), short)


def test_a_period_without_an_end_ends_with_the_log_and_the_one_before_is_as_long() -> None:
    wanted = parse_comparison("previous", instant("2026-09-08"), None, UTC)
    own, before = wanted.align_lengths(instant("2026-09-10T11:59:59"), UTC)
    assert own == Period(instant("2026-09-08"), instant("2026-09-10T12:00"))
    assert before == Period(instant("2026-09-05"), instant("2026-09-07T12:00"))


def test_the_change_is_a_share_of_what_was_and_of_a_share_the_difference() -> None:
    columns = [Column("page"), Column("views", "count"), Column("rate", "share")]
    own = pl.DataFrame({"page": ["/a", "/b", None], "views": [30, 5, 1], "rate": [0.5, None, 0.1]})
    before = pl.DataFrame({"page": [None, "/a", "/c"], "views": [0, 20, 4], "rate": [0.1, 0.25, 1.0]})
    found = join_periods(Result("", columns, own), Result("", columns, before))
    assert [column.name for column in found.columns] == [
        "page", "views", "previous_views", "change_views", "rate", "previous_rate", "change_rate",
    ]  # fmt: skip
    assert found.frame.rows() == [
        ("/a", 30, 20, 0.5, 0.5, 0.25, 0.25),
        ("/b", 5, 0, None, None, None, None),
        (None, 1, 0, None, 0.1, 0.1, 0.0),
        ("/c", 0, 4, -1.0, None, 1.0, None),
    ]


def test_two_series_are_aligned_by_their_times() -> None:
    columns = [Column("time", "time"), Column("plan"), Column("views", "count")]
    days = [instant("2026-09-08"), instant("2026-09-09")]
    own = pl.DataFrame({"time": [days[0], days[0], days[1]], "plan": ["x", "y", "x"], "views": [1, 2, 3]})
    before = own.with_columns(views=pl.col("views") * 2).reverse()
    found = join_periods(Result("", columns, own), Result("", columns, before)).frame
    assert found.select("plan", "views", "previous_views").rows() == [("x", 1, 2), ("y", 2, 4), ("x", 3, 6)]
    assert found["time"].to_list() == own["time"].to_list()


def test_the_columns_that_a_report_uses_are_found() -> None:
    def report(events: pl.LazyFrame) -> pl.LazyFrame:
        return events.filter(pl.col("event") == "x").group_by("page").agg(pl.col("visitor").n_unique())

    assert columns_used(report, EVENTS) == ["event", "visitor", "page"]


LOG = log(
    view("ann", "/", "10:00", day="2026-09-05"),
    *(view(who, "/", "10:00", day="2026-09-06") for who in ("ann", "bob", "cid")),
    view("ann", "/", "12:30", day="2026-09-09"),
)
PERIODS = ("--since", "2026-09-08", "--until", "2026-09-10", "--compare", "previous")


def figures(folder: Path, *arguments: str) -> list[str]:
    (folder / "access.log").write_text(LOG)
    finished = run_in_process(folder, *arguments, "access.log", *PERIODS, "-q")
    assert finished.exit == 0, finished.stderr
    return [line for line in finished.stdout.splitlines() if not line.startswith("time")]


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu"])
def test_the_nth_days_are_aligned_even_where_nothing_happened_before(zone: str, tmp_path: Path) -> None:
    days = figures(tmp_path, "views", "--every", "day", "--tz", zone)
    assert [(line[:10], *line.split(",")[1:3]) for line in days] == [("2026-09-08", "0", "1"), ("2026-09-09", "1", "3")]
    hours = figures(tmp_path, "views", "--every", "hour", "--tz", "Europe/Berlin")
    assert hours[0].startswith("2026-09-08T12:00:00+02:00,0,1,-1.0,")
    assert [line[:25] for line in hours if ",0,3," in line] == ["2026-09-09T12:00:00+02:00"]


@pytest.mark.slow
def test_figures_of_a_day_are_aligned_with_the_same_day(tmp_path: Path) -> None:
    found = [line for line in figures(tmp_path, "summary", "--every", "day") if "page views" in line]
    assert [(line[:10], *line.split(",")[4:6]) for line in found] == [
        ("2026-09-08", "0", "1"),
        ("2026-09-09", "1", "3"),
    ]


@pytest.mark.slow
def test_two_whole_ranges_are_aligned_even_where_one_is_empty(tmp_path: Path) -> None:
    (line,) = figures(tmp_path, "visitors", "--every", "all", "--tz", "Asia/Kathmandu")
    assert line.split(",")[1:3] == ["1", "3"]
    (tmp_path / "access.log").write_text(LOG)
    finished = run_in_process(tmp_path, "visitors", "access.log", "--every", "all", "--since", "2026-09-20", "--until",
                   "2026-09-30", "--compare", "2026-09-01..2026-09-10", "-q")  # fmt: skip
    assert finished.stdout.splitlines()[1].startswith(",0,3,-1.0,")


@pytest.mark.slow
def test_a_number_that_rows_are_by_is_not_compared(tmp_path: Path) -> None:
    assert figures(tmp_path, "views", "--by", "status")[1:] == ["200,1,4,-0.75,1,3,-0.6666666666666666"]
    assert len(figures(tmp_path, "views", "--by", "visit_start")) == 1 + 3


def test_an_average_of_a_period_without_orders_is_empty_and_its_revenue_is_0(tmp_path: Path) -> None:
    bought = hit("ann", "purchase", "10:00", day="2026-09-08", order_id="A1", value="20", cur="EUR")
    (tmp_path / "access.log").write_text(log(view("ben", "/", "10:00", day="2026-09-07"), bought))
    options = ("--since", "2026-09-08", "--until", "2026-09-08", "-q")
    rows = csv_rows(run_in_process(tmp_path, "summary", "access.log", *options))
    found = {(row["section"], row["unit"]): (row["value"], row["previous"], row["change"]) for row in rows}
    assert found["revenue", "EUR"] == ("20", "0", "")
    assert found["average order value", "EUR per order"] == ("20", "", "")
