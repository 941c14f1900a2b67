"""The sample logs are made by their script to the byte, and every count equals a plain loop and the truth."""

import gzip
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from click.testing import CliRunner

from pixelstat.cli.main import pixelstat

SAMPLE = Path(__file__).parent.parent / "sample_logs"
LOGS = sorted(SAMPLE.glob("access.log*"))
LINE = re.compile(r'(\S+) - \S+ \[([^\]]+)\] "(?:GET|POST|HEAD) (\S+) HTTP/\d\.\d" (\d+) \d+ "([^"]*)" "([^"]*)"')
BOT = re.compile("Googlebot|AhrefsBot|GPTBot|python-requests")
FUNNEL = ["page_view", "product_view", "add_to_cart", "checkout", "purchase"]


def read_log(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def read_plain_events() -> Iterator[tuple[datetime, str, str, str | None]]:
    """Time, event, visitor and page of every hit that counts, by a loop that knows nothing of the program."""
    for log in LOGS:
        for line in read_log(log).decode().splitlines():
            found = LINE.fullmatch(line)
            if not found or BOT.search(found[6]) or not 200 <= int(found[4]) < 400:
                continue
            url = urlsplit(found[3])
            if url.path not in ("/pixel.gif", "/beacon.gif", "/o.gif"):
                continue
            given = {key: values[0] for key, values in parse_qs(url.query).items()}
            event = next(
                (given[key] for key in ("e", "ev", "event") if key in given), "open" if url.path == "/o.gif" else ""
            )
            visitor = next((given[key] for key in ("v", "cid", "visitor_id", "rcpt") if key in given), "")
            page = next((given[key] for key in ("p", "page") if key in given), None)
            if "url" in given:
                page = unquote(urlsplit(given["url"]).path)
            yield datetime.strptime(found[2], "%d/%b/%Y:%H:%M:%S %z"), event.replace("pv", "page_view"), visitor, page


@cache
def plain_events() -> list[tuple[datetime, str, str, str | None]]:
    return list(read_plain_events())


def report(*arguments: str) -> list[dict[str, object]]:
    done = CliRunner().invoke(
        pixelstat, [*arguments, "--format", "json", "-q", *map(str, LOGS)], catch_exceptions=False
    )
    rows: list[dict[str, object]] = json.loads(done.stdout)
    return rows


@pytest.mark.slow
def test_the_script_makes_the_sample_to_the_byte(tmp_path: Path) -> None:
    subprocess.run([sys.executable, SAMPLE / "shop.py", "-o", tmp_path], check=True)
    assert {log.name: log.read_bytes() for log in tmp_path.iterdir()} == {
        log.name: log.read_bytes() for log in [*LOGS, SAMPLE / "truth.json", SAMPLE / "spend.csv"]
    }


def test_the_sample_is_small() -> None:
    assert sum(len(gzip.compress(log.read_bytes())) for log in SAMPLE.iterdir() if log.is_file()) < 2_000_000


def test_the_funnel_is_the_truth_to_the_visitor() -> None:
    truth = json.loads((SAMPLE / "truth.json").read_text())["visitors"]
    assert {row["name"]: row["visitors"] for row in report("funnel")} == truth


def test_the_funnel_equals_a_plain_loop() -> None:
    hits = defaultdict(list)
    for time, event, visitor, _ in plain_events():
        if event in FUNNEL:
            hits[visitor].append((time, FUNNEL.index(event)))
    reached = [0] * len(FUNNEL)
    for own in hits.values():
        level = 0
        for _, step in sorted(own):  # the week is shorter than the window
            level += step == level
        for step in range(level):
            reached[step] += 1
    assert [row["visitors"] for row in report("funnel")] == reached


@pytest.mark.slow
def test_views_by_page_equal_a_plain_loop() -> None:
    visitors: defaultdict[str | None, set[str]] = defaultdict(set)
    views: defaultdict[str | None, int] = defaultdict(int)
    for _, event, visitor, page in plain_events():
        if event == "page_view":
            visitors[page].add(visitor)
            views[page] += 1
    expected = sorted(((page, views[page], len(visitors[page])) for page in views), key=lambda row: (-row[1], row[0]))
    assert [(row["page"], row["views"], row["visitors"]) for row in report("views", "--top", "0")] == expected


@pytest.mark.slow
@pytest.mark.parametrize(("every", "form"), [("day", "%Y-%m-%dT00:00:00+00:00"), ("hour", "%Y-%m-%dT%H:00:00+00:00")])
def test_views_over_time_equal_a_plain_loop(every: str, form: str) -> None:
    visitors: defaultdict[str | None, set[str]] = defaultdict(set)
    views: defaultdict[str | None, int] = defaultdict(int)
    for time, event, visitor, _ in plain_events():
        if event == "page_view":
            visitors[time.strftime(form)].add(visitor)
            views[time.strftime(form)] += 1
    rows = [(row["time"], row["views"], row["visitors"]) for row in report("views", "--every", every)]
    assert [row for row in rows if row[1]] == [
        (time, views[time], len(visitors[time])) for time in sorted(views, key=str)
    ]
    assert len(rows) >= len(views)


@pytest.mark.slow
def test_visitors_equal_sets_and_those_of_the_week_are_no_more_than_the_days_have() -> None:
    days: defaultdict[str, set[str]] = defaultdict(set)
    for time, event, visitor, _ in plain_events():
        if event != "open":
            days[time.strftime("%Y-%m-%dT00:00:00+00:00")].add(visitor)
    seen: set[str] = set()
    expected = []
    for day in sorted(days):
        expected.append((day, len(days[day]), len(days[day] - seen), len(days[day] & seen)))
        seen |= days[day]
    assert [tuple(row.values()) for row in report("visitors")] == expected
    whole = [
        (row["visitors"], row["new_visitors"], row["returning_visitors"])
        for row in report("visitors", "--every", "all")
    ]
    week = [
        (row["visitors"], row["new_visitors"], row["returning_visitors"])
        for row in report("visitors", "--every", "week")
    ]
    assert whole == week == [(len(seen), len(seen), 0)]
    assert len(seen) <= sum(len(visitors) for visitors in days.values())


def test_visits_equal_a_plain_loop() -> None:
    times: defaultdict[str, list[datetime]] = defaultdict(list)
    for time, event, visitor, _ in plain_events():
        if event != "open":
            times[visitor].append(time)
    visits: list[list[datetime]] = []
    for own in times.values():
        visits.append([])
        for time in sorted(own):
            if visits[-1] and time - visits[-1][-1] > timedelta(minutes=30):
                visits.append([])
            visits[-1].append(time)
    [row] = report("visits")
    assert (row["visits"], row["visitors"]) == (len(visits), len(times))
    assert row["bounces"] == row["visits_without_duration"] == sum(len(visit) == 1 for visit in visits)


@pytest.mark.slow
def test_orders_are_the_truth_in_every_report() -> None:
    truth = json.loads((SAMPLE / "truth.json").read_text())
    days = report("orders")
    [week] = report("orders", "--every", "all")
    summary = {(row["section"], row["name"]): row["value"] for row in report("summary")}
    assert sum(row["orders"] for row in days) == week["orders"] == summary["conversions", "purchase"] == truth["orders"]  # type: ignore[misc]
    assert sum(row["revenue"] for row in days) == pytest.approx(truth["revenue"])  # type: ignore[misc]
    assert week["revenue"] == pytest.approx(summary["revenue", "EUR"]) == pytest.approx(truth["revenue"])


@pytest.mark.slow
def test_paths_from_a_cart_equal_a_plain_loop() -> None:
    hits: defaultdict[str, list[tuple[datetime, bool, str]]] = defaultdict(list)
    for time, event, visitor, page in plain_events():
        if event != "open":
            is_view = event == "page_view"
            hits[visitor].append((time, not is_view, str(page if is_view else event)))
    followers: defaultdict[str, set[str]] = defaultdict(set)
    for visitor, own in hits.items():
        seen: dict[int, list[str]] = {}
        last, number = datetime.min.replace(tzinfo=timezone.utc), 0
        for time, _, name in sorted(own):
            number += time - last > timedelta(minutes=30)
            last = time
            if name == "add_to_cart" or number in seen:
                seen.setdefault(number, []).append(name)
        for names in seen.values():
            following = [name for name in names if name != "add_to_cart"]
            assert len(following) >= len(names) - 1, "nobody in the sample fills a cart twice in a visit"
            followers[following[0] if following else "(exit)"].add(visitor)
    rows = report("paths", "--from", "add_to_cart", "--depth", "1", "--top", "0")
    assert {row["target"]: row["visitors"] for row in rows} == {name: len(who) for name, who in followers.items()}


@pytest.mark.slow
def test_the_ledger_sums_to_the_lines() -> None:
    done = CliRunner().invoke(pixelstat, ["funnel", *map(str, LOGS)], catch_exceptions=False)
    truth = json.loads((SAMPLE / "truth.json").read_text())
    numbers = [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", done.stderr.splitlines()[0])]
    events, lines, *excluded = numbers
    assert lines == truth["lines"]
    assert events == len(plain_events())
    pixels = sum(len(re.findall(rb'"[A-Z]+ /(?:pixel|beacon|o)\.gif', read_log(path))) for path in LOGS)
    assert events + sum(excluded) == pixels
