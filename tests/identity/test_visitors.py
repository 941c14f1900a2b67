"""Visitor keys: the first that an event has, the one that is chosen, or address and agent for a day."""

import re
from pathlib import Path

import polars as pl
import pytest

from pixelstat.identity.visitors import client_key, set_visitor_by_key
from tests.builders import BROWSER, log, request
from tests.marks import slow_after
from tests.run import export_rows, run_in_process

LINES = (
    request("/pixel.gif?e=pv&v=1&uid=ann&sid=s%201&p=/", "10:00"),
    request("/pixel.gif?e=pv&user=ben&p=/", "10:01"),
    request("/o.gif?rcpt=r1", "10:02"),
    request("/pixel.gif?e=pv&p=/&sid=", "10:03"),
    request("/matomo.php?idsite=1&rec=1&_id=7&uid=ann&sid=%C3%A9", "10:04"),
)
CLIENT = client_key(f"198.51.100.255\x1f{BROWSER}")


def visitors(folder: Path, *arguments: str) -> list[str | None]:
    """The visitor of each event."""
    return [row["visitor"] for row in export_rows(folder, *arguments)]


def counted(folder: Path, *arguments: str) -> str:
    """Views and visitors of the one page that was viewed."""
    finished = run_in_process(folder, "views", *arguments, "-q")
    assert finished.exit == 0, finished.stderr
    (page,) = finished.stdout.splitlines()[1:]
    return page


# -- by what is asked for ------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "expected"),
    slow_after(
        3,
        [
            ("auto", ["v:1", "u:ben", "r:r1", CLIENT, "v:7"]),
            ("visitor", ["v:1", None, None, None, "v:7"]),
            ("user", ["u:ann", "u:ben", None, None, "u:ann"]),
            ("client", [CLIENT] * 5),
            ("sid", ["p:s 1", None, None, None, "p:é"]),
            ("rcpt", [None, None, "p:r1", None, None]),
            ("s.d", [None] * 5),
            ("cookie:sid", [None] * 5),
        ],
        names=2,
    ),
)
def test_visitors_are_keyed_by_the_chosen_parameter(asked: str, expected: list[str | None], tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*LINES))
    assert visitors(tmp_path, "access.log", "--visitor", asked) == expected
    run_in_process(tmp_path, "events", "access.log", "--reveal-ids", "-o", "events.parquet")
    assert visitors(tmp_path, "events.parquet", "--visitor", asked) == expected
    run_in_process(tmp_path, "events", "access.log", "--reveal-ids", "--visitor", asked, "-o", "asked.parquet")
    assert visitors(tmp_path, "asked.parquet") == expected


@pytest.mark.parametrize(
    ("cookies", "expected"),
    [
        ("sid=7", "k:7"),
        ("a=1; sid=7; b=2", "k:7"),
        ("a=1;sid=7;", "k:7"),
        ("  sid = 7 ; b", "k:7"),
        ("xsid=1; s=2; sidx=3; sid=7", "k:7"),
        ("SID=1; sid=7", "k:7"),
        ("sid=7; sid=8", "k:7"),
        ('sid="a; b"; c=1', "k:a; b"),
        ('sid="a b', "k:a b"),
        ("sid=a=b==", "k:a=b=="),
        ("sid=a%20b+c", "k:a%20b+c"),
        ("sid=\N{REPLACEMENT CHARACTER}", "k:\N{REPLACEMENT CHARACTER}"),
        (f"{'a=1; ' * 200_000}sid=7", "k:7"),
        ("sid=" + "7" * 1_000_000, "k:" + "7" * 1_000_000),
        ("sid=-", None),
        ("sid=", None),
        ('sid=""', None),
        ("sid", None),
        ("-", None),
        ("", None),
        (None, None),
    ],
    ids=range(21),
)
def test_a_cookie_is_found_among_the_others(cookies: str | None, expected: str | None) -> None:
    events = pl.LazyFrame({"cookies": [cookies], "visitor": ["v:1"]}, {"cookies": pl.String, "visitor": pl.String})
    assert set_visitor_by_key(events, "cookie:sid").collect()["visitor"].to_list() == [expected]


@pytest.mark.slow
def test_a_cookie_is_read_from_a_log_with_cookies(tmp_path: Path) -> None:
    lines = [f'{request("/p.gif?p=/", "10:00")} "{cookies}"' for cookies in ("a=1; sid=7", "-", r"sid=\x22x y\x22")]
    (tmp_path / "access.log").write_text(log(*lines))
    form = '$remote_addr - - [$time_local] "$request" $status $bytes "$http_referer" "$http_user_agent" "$http_cookie"'
    given = ("access.log", "--log-format", form, "--visitor", "cookie:sid")
    assert visitors(tmp_path, *given) == ["k:7", None, "k:x y"]
    assert counted(tmp_path, *given) == "/,3,2"


@pytest.mark.slow
def test_keys_of_different_kinds_are_different_visitors(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(request("/p.gif?v=1&p=/", "10:00"), request("/p.gif?uid=1&p=/", "10:01")))
    assert counted(tmp_path, "access.log") == "/,2,2"
    assert visitors(tmp_path, "access.log", "--visitor", "v") == ["p:1", None]


@pytest.mark.slow
@pytest.mark.parametrize("is_parquet", [False, True])
def test_an_event_without_a_key_is_neither_a_visitor_nor_a_duplicate(is_parquet: bool, tmp_path: Path) -> None:
    lines = [request("/pixel.gif?e=pv&p=/", "10:00", client=f"198.51.100.{n % 3}") for n in range(4)]
    (tmp_path / "access.log").write_text(log(*lines, request("/pixel.gif?e=pv&p=/&uid=ann", "10:00")))
    given, asked = "access.log", ("--visitor", "user")
    if is_parquet:  # decided when it was written
        run_in_process(
            tmp_path, "events", "access.log", "--visitor", "user", "--keep-duplicates", "-o", "events.parquet"
        )
        given, asked = "events.parquet", ()  # type: ignore[assignment]
    assert counted(tmp_path, given, *asked) == "/,4,1"
    funnel = run_in_process(tmp_path, "funnel", given, *asked, "--steps", "page_view", "-q")
    assert funnel.stdout.splitlines()[1].split(",")[2] == "1"


@pytest.mark.slow
def test_stderr_counts_the_events_without_a_visitor_where_a_key_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*LINES, LINES[3]))
    for report in ("views", "funnel", "events"):
        finished = run_in_process(tmp_path, report, "access.log", "--visitor", "user")
        assert finished.stderr.splitlines()[:2] == [
            "5 events from 6 lines; excluded: 1 duplicate",
            "2 events without a visitor",
        ]
        assert "without" not in run_in_process(tmp_path, report, "access.log", "--visitor", "client").stderr
        assert "without" not in run_in_process(tmp_path, report, "access.log").stderr


@pytest.mark.slow
def test_chosen_keys_are_stitched_too(tmp_path: Path) -> None:
    lines = [request(f"/p.gif?{query}", "10:00") for query in ("sid=s1&uid=ann", "sid=s2&uid=ann", "sid=s3", "uid=ann")]
    (tmp_path / "access.log").write_text(log(*lines))
    assert visitors(tmp_path, "access.log", "--visitor", "sid", "--stitch") == ["u:ann", "u:ann", "p:s3", None]


@pytest.mark.parametrize("asked", ["", " ", "a b", "a=b", "cookie:", "cooky:sid", "a&b", "é\udcff", "x" * 200])
def test_a_visitor_option_that_names_no_parameter_is_an_error(asked: str, tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "views", "--visitor", asked)
    assert (finished.exit, finished.stdout) == (2, "")
    assert "is not the name of a parameter. Try visitor, user, client, uid or cookie:sid." in finished.stderr


def test_explain_shows_the_chosen_visitor_key(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "views", "--visitor", "user", "--explain", LINES[0])
    assert re.search(r"^event: visitor +u:ann$", finished.stdout, re.MULTILINE)


# -- without cookies and ids ---------------------------------------------------------------------------------------

TOLD = "--cookieless: a person who visits on two days (UTC) counts as two visitors\n"


@pytest.mark.slow
def test_cookieless_visitors_are_one_a_day_and_midnight_makes_two(tmp_path: Path) -> None:
    evening = [
        request(f"/p.gif?p=/&v={n}&uid=u{n}", f"{clock}") for n, clock in enumerate(["00:00", "12:00", "23:59:59"])
    ]
    (tmp_path / "day.log").write_text(log(*evening))
    (tmp_path / "night.log").write_text(log(*evening, request("/p.gif?p=/&v=0&uid=u0", "00:00", day="2026-09-08")))
    assert counted(tmp_path, "day.log") == "/,3,3"
    assert counted(tmp_path, "day.log", "--cookieless") == "/,3,1"
    assert counted(tmp_path, "night.log", "--cookieless") == "/,4,2"
    assert counted(tmp_path, "night.log", "--cookieless", "--tz", "Asia/Tokyo") == "/,4,2"
    for report in ("views", "funnel", "events"):
        assert TOLD in run_in_process(tmp_path, report, "night.log", "--cookieless").stderr
        assert "cookieless" not in run_in_process(tmp_path, report, "night.log").stderr


@pytest.mark.slow
def test_cookieless_visitors_differ_by_address_agent_and_host(tmp_path: Path) -> None:
    lines = [
        request("/p.gif?u=https://a.example/", "10:00"),
        request("/p.gif?u=https://a.example/&x=1", "10:00"),
        request("/p.gif?u=https://b.example/", "10:00"),
        request("/p.gif?u=https://a.example/", "10:00", agent="Firefox/140.0"),
        request("/p.gif?u=https://a.example/", "10:00", client="198.51.100.1"),
    ]
    (tmp_path / "access.log").write_text(log(*lines))
    found = visitors(tmp_path, "access.log", "--cookieless")
    assert found[0] == found[1]
    assert len(set(found)) == 4
    assert all(str(key).startswith("d:") for key in found)
    assert visitors(tmp_path, "access.log", "--cookieless") == found
    (tmp_path / "key").write_text("a" * 64)
    (tmp_path / "key").chmod(0o600)
    assert not set(found) & set(visitors(tmp_path, "access.log", "--cookieless", "--key", "key"))


@pytest.mark.slow
@pytest.mark.parametrize("written", [[], ["--reveal-ids"], ["--cookieless"]], ids="".join)
def test_parquet_counts_the_same_cookieless_visitors(written: list[str], tmp_path: Path) -> None:
    lines = [request("/p.gif?p=/&v=1", "10:00", day=day) for day in ("2026-09-07", "2026-09-08", "2026-09-08")]
    (tmp_path / "access.log").write_text(log(*lines, request("/p.gif?p=/&v=2", "10:00")))
    run_in_process(tmp_path, "events", "access.log", *written, "-o", "events.parquet")
    expected = "/,3,2"
    assert counted(tmp_path, "access.log", "--cookieless") == expected
    assert counted(tmp_path, "events.parquet", "--cookieless") == expected
    assert counted(tmp_path, "events.parquet", "access.log", "--cookieless") == expected or "--cookieless" in written


@pytest.mark.slow
def test_cookieless_events_have_pseudonyms_of_a_day(tmp_path: Path) -> None:
    days = ("2026-09-07", "2026-09-07", "2026-09-08")
    lines = [request("/p.gif?uid=ann", f"1{n}:00", day=day) for n, day in enumerate(days)]
    (tmp_path / "access.log").write_text(log(*lines))
    run_in_process(tmp_path, "events", "access.log", "--cookieless", "-o", "events.parquet")
    events = pl.read_parquet(tmp_path / "events.parquet")
    for name in ("visitor", "user_id", "client", "query"):
        first, again, later = events[name].to_list()
        assert first == again != later


@pytest.mark.parametrize("other", [["--visitor", "user"], ["--stitch"]], ids="".join)
def test_cookieless_excludes_other_visitor_options(other: list[str], tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "views", "--cookieless", *other)
    assert (finished.exit, finished.stdout) == (2, "")
    assert finished.stderr.startswith(f"Error: --cookieless ignores ids, but {other[0]} needs them.\n")
