"""--every: no event is lost between the rows of a series."""

from pathlib import Path

from tests.inside import inside
from tests.story import log, view


def test_hours_go_on_where_clocks_change_by_half_an_hour(tmp_path: Path) -> None:
    # Lord Howe, 7 April 2024: at 15:00 UTC the clocks go back from 02:00 (+11:00) to 01:30 (+10:30).
    clocks = ("13:10", "14:40", "15:10", "15:40", "17:00")
    (tmp_path / "access.log").write_text(log(*(view("ann", "/", clock, day="2024-04-06") for clock in clocks)))
    ended = inside(tmp_path, "views", "access.log", "--every", "hour", "--tz", "Australia/Lord_Howe", "-q")
    assert [line.split(",")[:2] for line in ended.stdout.splitlines()[1:]] == [
        ["2024-04-07T00:00:00+11:00", "1"],
        ["2024-04-07T01:00:00+11:00", "1"],
        ["2024-04-07T01:30:00+11:00", "1"],
        ["2024-04-07T02:00:00+10:30", "1"],
        ["2024-04-07T03:00:00+10:30", "1"],
    ]
