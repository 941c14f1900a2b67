"""Parameters without end, encoded a thousand times, or with values that cannot be read as numbers."""

from pathlib import Path

import pytest

from tests.builders import hit, log, request
from tests.marks import slow_after
from tests.small_logs import ANN, ONE_PAGE, count_views


@pytest.mark.slow
def test_two_hundred_thousand_different_parameters_hide_none(tmp_path: Path) -> None:
    many = "&".join(f"a{number}=1" for number in range(200_000))
    finished = count_views(tmp_path, log(request(f"/pixel.gif?{many}&v=ann&p=/", "10:00")), "-q")
    assert finished.stdout == ONE_PAGE


def test_a_percent_sign_encoded_a_thousand_times_is_decoded_once(tmp_path: Path) -> None:
    finished = count_views(tmp_path, log(request("/pixel.gif?v=ann&p=/%" + "25" * 1_000 + "41", "10:00")), "-q")
    assert finished.stdout == "page,views,visitors\n/%" + "25" * 999 + "41,1,1\n"


def test_escapes_of_a_server_are_undone_once_and_a_percent_sign_after_them_once(tmp_path: Path) -> None:
    finished = count_views(tmp_path, log(request(r"/pixel.gif?v=ann&p=/\x5Cx41\x25\x32\x35", "10:00")), "-q")
    assert finished.stdout == "page,views,visitors\n/\\x41%,1,1\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "query", ["&" * 50_000, "=" * 50_000, "%" * 50_000, "v=&" * 50_000, "?" * 50_000, "%00" * 9_000]
)
def test_a_query_of_nothing_but_signs_is_a_page_view_without_a_page(query: str, tmp_path: Path) -> None:
    assert (
        count_views(tmp_path, log(request(f"/pixel.gif?{query}", "10:00")), "-q").stdout
        == "page,views,visitors\n,1,1\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "value",
    slow_after(5, [
        "ten", "", "-", "0x10", "1_00", "12,500", "1.000 EUR", "\uff11\uff12", "%00", "1e", "--1", "1" * 5_000 + "x",
        "nan",
        "inf",
        "1e400",
        "9" * 5_000,
    ]),
)  # fmt: skip
def test_a_value_that_is_not_a_number_is_null(value: str, tmp_path: Path) -> None:
    content = log(hit("ann", "page_view", "10:00", p="/", value=value))
    assert count_views(tmp_path, content, "-q", "--where", "value IS NULL").stdout == ONE_PAGE
    assert count_views(tmp_path, content, "-q", "--where", "value > 0").stdout == "page,views,visitors\n"


@pytest.mark.slow
@pytest.mark.parametrize("status", ["9" * 20, "-200", "1000", "65736", "2e2", "200.5", "\uff12\uff10\uff10"])
def test_a_status_that_is_not_a_number_in_range_is_unreadable(status: str, tmp_path: Path) -> None:
    finished = count_views(tmp_path, log(ANN, ANN.replace(" 200 ", f" {status} ")))
    assert finished.stderr.startswith("1 event from 2 lines; excluded: 1 unreadable\n")
    line = '{{"ts":1788775200,"remote_addr":"203.0.113.1","request":"GET /pixel.gif?v=ann&p=/ HTTP/1.1","status":{}}}'
    finished = count_views(tmp_path, log(line.format(200), line.format(f'"{status}"')))
    assert (finished.stdout, finished.exit) == (ONE_PAGE, 0)


@pytest.mark.parametrize("size", ["9" * 20, "9" * 5_000])
def test_a_size_beyond_all_numbers_does_not_matter(size: str, tmp_path: Path) -> None:
    finished = count_views(tmp_path, log(ANN.replace(" 43 ", f" {size} ")))
    assert (finished.stdout, finished.exit) == (ONE_PAGE, 0)
