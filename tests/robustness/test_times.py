"""Times at the edges: leap seconds, offsets, zones and clock changes, and values that cannot be read as a time."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.builders import hit, log, view
from tests.run import Finished, run_in_process
from tests.small_logs import ANN, ONE_PAGE, count_views, findings_of, write_log


def haproxy(time: str) -> str:
    """A line of HAProxy's log, whose times are local ones."""
    rest = '0/0/1/0/2 200 168 - - ---- 6/6/0/0/0 0/0 "GET /pixel.gif?v=ann&p=/ HTTP/1.1"'
    return f"203.0.113.7:38862 [{time}.000] incoming~ docs/docs {rest}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("time", "zone", "instant"),
    [
        ("07/Sep/2026:10:00:00", "UTC", "2026-09-07 10:00:00"),
        ("07/Sep/2026:10:00:00", "Europe/Berlin", "2026-09-07 08:00:00"),
        ("07/Jan/2026:10:00:00", "Europe/Berlin", "2026-01-07 09:00:00"),
        ("07/Sep/2026:02:00:00", "Asia/Kolkata", "2026-09-06 20:30:00"),
        ("29/Mar/2026:01:59:59", "Europe/Berlin", "2026-03-29 00:59:59"),  # the clock goes on to 03:00
        ("29/Mar/2026:03:00:00", "Europe/Berlin", "2026-03-29 01:00:00"),
        ("26/Oct/2025:01:59:59", "Europe/Berlin", "2025-10-25 23:59:59"),  # at 03:00 it goes back to 02:00
        ("26/Oct/2025:02:00:00", "Europe/Berlin", "2025-10-26 00:00:00"),  # the first of two
        ("26/Oct/2025:02:59:59", "Europe/Berlin", "2025-10-26 00:59:59"),
        ("26/Oct/2025:03:00:00", "Europe/Berlin", "2025-10-26 02:00:00"),
    ],
)
def test_a_time_without_a_zone_is_in_the_zone_of_log_tz(time: str, zone: str, instant: str, tmp_path: Path) -> None:
    write_log(tmp_path, log(haproxy(time)))
    finished = run_in_process(tmp_path, "views", "access.log", "--log-tz", zone)
    assert finished.stderr == f"1 event from 1 line\nfrom {instant} to {instant} UTC\n"


@pytest.mark.slow
def test_a_time_that_the_clock_skipped_is_unreadable(tmp_path: Path) -> None:
    write_log(tmp_path, log(haproxy("29/Mar/2026:01:30:00"), haproxy("29/Mar/2026:02:30:00")))
    assert ("lines", "bad_time", 1) in findings_of(tmp_path, "access.log", "--log-tz", "Europe/Berlin")
    assert ("lines", "read", 2) in findings_of(tmp_path, "access.log")
    assert run_in_process(tmp_path, "views", "access.log", "--log-tz", "Europe/Berlin", "--strict").exit == 4


def test_a_time_with_an_offset_keeps_it(tmp_path: Path) -> None:
    write_log(tmp_path, log(view("ann", "/", "10:00").replace("+0000", "+0530")))
    finished = run_in_process(tmp_path, "views", "access.log", "--log-tz", "Europe/Berlin")
    assert "from 2026-09-07 04:30:00 to " in finished.stderr


@pytest.mark.slow
def test_days_are_those_of_tz_whatever_log_tz_is(tmp_path: Path) -> None:
    write_log(tmp_path, log(haproxy("07/Sep/2026:00:30:00")))
    asked = ["views", "access.log", "-q", "--every", "day", "--log-tz", "Europe/Berlin"]
    assert run_in_process(tmp_path, *asked).stdout == "time,views,visitors\n2026-09-06T00:00:00+00:00,1,1\n"
    at_home = run_in_process(tmp_path, *asked, "--tz", "Europe/Berlin")
    assert at_home.stdout == "time,views,visitors\n2026-09-07T00:00:00+02:00,1,1\n"


def test_an_unknown_time_zone_is_an_error(tmp_path: Path) -> None:
    write_log(tmp_path, log(ANN))
    finished = run_in_process(tmp_path, "views", "access.log", "--log-tz", "Europe/Berln")
    assert "There is no time zone 'Europe/Berln'. Did you mean Europe/Berlin?" in finished.stderr
    assert finished.exit == 2


def span(ended: Finished) -> str:
    """`2026-09-07 10:00:00 to 2026-09-07 10:01:00`: the times of the first event and the last."""
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("from ")]
    return line.removeprefix("from ").removesuffix(" UTC")


ISO = ("--log-format", "$time_iso8601 $request_uri")

SECONDS = ("--log-format", "$msec $request_uri")


def request_at(time: str) -> str:
    """A request whose log writes its time in this way."""
    return f"{time} /pixel.gif?v=ann&p=/"


def test_a_leap_second_is_the_first_second_of_the_next_day(tmp_path: Path) -> None:
    finished = count_views(tmp_path, log(view("ann", "/", "23:59:60", day="2016-12-31")), "--every", "day")
    assert finished.stdout == "time,views,visitors\n2017-01-01T00:00:00+00:00,1,1\n"
    finished = count_views(tmp_path, log(request_at("2016-12-31T23:59:60Z")), *ISO, "--every", "day")
    assert finished.stdout == "time,views,visitors\n2017-01-01T00:00:00+00:00,1,1\n"


def test_a_second_61_is_unreadable(tmp_path: Path) -> None:
    finished = count_views(tmp_path, log(ANN, view("ben", "/", "23:59:61")))
    assert finished.stderr.startswith("1 event from 2 lines; excluded: 1 unreadable\n")


def test_a_time_up_to_two_days_ahead_is_readable_and_a_later_one_is_not(tmp_path: Path) -> None:
    now = datetime.now(timezone.utc)
    near, far = ((now + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ") for hours in (47, 49))
    finished = count_views(tmp_path, log(request_at(near), request_at(far)), *ISO)
    assert finished.stderr.startswith("1 event from 2 lines; excluded: 1 unreadable\n")


def test_times_from_2000_on_are_readable_and_the_second_before_is_not(tmp_path: Path) -> None:
    finished = count_views(tmp_path, log(request_at("1999-12-31T23:59:59Z"), request_at("2000-01-01T00:00:00Z")), *ISO)
    assert finished.stderr.startswith("1 event from 2 lines; excluded: 1 unreadable\n")
    assert span(finished) == "2000-01-01 00:00:00 to 2000-01-01 00:00:00"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "time"),
    [
        (ISO, "0000-09-07T10:00:00Z"),
        (ISO, "9999-09-07T10:00:00Z"),
        (ISO, "+12026-09-07T10:00:00Z"),
        (ISO, "-2026-09-07T10:00:00Z"),
        (ISO, "2026-02-31T10:00:00Z"),
        (ISO, "2026-09-07T24:00:00Z"),
        (ISO, "2026-09-07T10:00Z"),
        (ISO, "2026-09-07T10:00:00+99:99"),
        (ISO, "2026-09-07T10:00:00+9999"),
        (ISO, "\uff12\uff10\uff12\uff16-09-07T10:00:00Z"),
        (ISO, "2026-09-07T1\u0660:00:00Z"),
        (SECONDS, "-1"),
        (SECONDS, "0"),
        (SECONDS, "nan"),
        (SECONDS, "inf"),
        (SECONDS, "1e400"),
        (SECONDS, "9" * 25),
        (SECONDS, "9" * 5_000),
        (SECONDS, "0x6AA0C2D0"),
        (SECONDS, "\uff11\uff17\uff18\uff18\uff17\uff17\uff15\uff12\uff10\uff10"),
    ],
)
def test_a_value_that_is_not_a_time_or_of_another_age_is_unreadable(
    options: Sequence[str], time: str, tmp_path: Path
) -> None:
    good = request_at("1788775200" if options is SECONDS else "2026-09-07T10:00:00Z")
    finished = count_views(tmp_path, log(good, request_at(time)), *options)
    assert finished.stderr.startswith("1 event from 2 lines; excluded: 1 unreadable\n")
    assert (finished.stdout, finished.exit) == (ONE_PAGE, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "time",
    ["-1", "0", "1e400", "-1e400", "9" * 25, "9" * 5_000, "true", "null", "{}", "[]", '""', '"1e400"',
     '"nan"', '"0000-09-07T10:00:00Z"', '"\\ud800"', "NaN", "Infinity"],
)  # fmt: skip
def test_a_json_value_that_is_not_a_time_is_unreadable(time: str, tmp_path: Path) -> None:
    line = '{{"ts":{},"remote_addr":"203.0.113.1","request":"GET /pixel.gif?v=ann&p=/ HTTP/1.1","status":200}}'
    finished = count_views(tmp_path, log(line.format("1788775200.5"), line.format(time)))
    assert finished.stderr.startswith("1 event from 2 lines; excluded: 1 unreadable\n")
    assert (finished.stdout, finished.exit) == (ONE_PAGE, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("offset", "utc"),
    [
        ("+1400", "2026-09-06 20:00:00"),  # Kiritimati
        ("+0545", "2026-09-07 04:15:00"),  # Kathmandu
        ("-0330", "2026-09-07 13:30:00"),  # Newfoundland
        ("-1200", "2026-09-07 22:00:00"),
        ("-0000", "2026-09-07 10:00:00"),
    ],
)
def test_an_offset_that_exists_on_earth_is_read(offset: str, utc: str, tmp_path: Path) -> None:
    assert span(count_views(tmp_path, log(hit("ann", "page_view", "10:00", offset=offset)))) == f"{utc} to {utc}"


@pytest.mark.slow
@pytest.mark.parametrize("offset", ["+1401", "+2400", "+9999", "-9999", "+00x0", "+000", "0000", "\uff0b0000"])
def test_an_offset_that_exists_nowhere_on_earth_is_unreadable(offset: str, tmp_path: Path) -> None:
    finished = count_views(tmp_path, log(ANN, hit("ben", "page_view", "10:00", offset=offset)))
    assert finished.stderr.startswith("1 event from 2 lines; excluded: 1 unreadable\n")


def test_a_repeated_hour_is_two_hours_by_its_offsets(tmp_path: Path) -> None:
    summer, winter = (
        hit("ann", "page_view", "02:30", day="2025-10-26", offset=offset) for offset in ("+0200", "+0100")
    )
    finished = count_views(tmp_path, log(winter, summer), "--every", "hour", "--tz", "Europe/Berlin")
    assert finished.stdout == ("time,views,visitors\n2025-10-26T02:00:00+02:00,1,1\n2025-10-26T02:00:00+01:00,1,1\n")


def test_the_days_of_a_clock_change_have_their_23_and_25_hours(tmp_path: Path) -> None:
    days = {  # in UTC: the last minute before a day of Berlin, its first and last, and the first behind it
        "spring": ["2025-03-29T22:59Z", "2025-03-29T23:00Z", "2025-03-30T21:59Z", "2025-03-30T22:00Z"],
        "autumn": ["2025-10-25T21:59Z", "2025-10-25T22:00Z", "2025-10-26T22:59Z", "2025-10-26T23:00Z"],
    }
    found = {}
    for season, times in days.items():
        content = log(*(request_at(time.replace("Z", ":00Z")) for time in times))
        finished = count_views(tmp_path, content, *ISO, "-q", "--every", "day", "--tz", "Europe/Berlin")
        found[season] = finished.stdout.splitlines()[1:]
    assert found == {
        "spring": ["2025-03-29T00:00:00+01:00,1,1", "2025-03-30T00:00:00+01:00,2,1", "2025-03-31T00:00:00+02:00,1,1"],
        "autumn": ["2025-10-25T00:00:00+02:00,1,1", "2025-10-26T00:00:00+02:00,2,1", "2025-10-27T00:00:00+01:00,1,1"],
    }


@pytest.mark.slow
def test_a_log_that_goes_backwards_counts_as_if_it_went_forwards(tmp_path: Path) -> None:
    lines = [view("ann", "/", "10:00"), view("ann", "/cart", "10:01"), hit("ann", "purchase", "10:02")]
    (tmp_path / "forth.log").write_text(log(*lines))
    (tmp_path / "back.log").write_text(log(*reversed(lines)))
    asked = ["--steps", "/,/cart,purchase", "-q"]
    assert run_in_process(tmp_path, "funnel", "back.log", *asked) == run_in_process(
        tmp_path, "funnel", "forth.log", *asked
    )
