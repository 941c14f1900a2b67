"""Reports on random logs equal plain loops that are written from the definitions in the manual."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

import pytest

from tests.marks import slow_after
from tests.random_logs import EMAIL_EVENTS, Event, read_plainly, write_random_log
from tests.run import csv_rows, run_in_process

DAY = datetime(2026, 9, 8, tzinfo=timezone.utc), datetime(2026, 9, 9, tzinfo=timezone.utc)
Selects = Callable[[Event], bool]
# Options, which events they select, and when the period begins.
FILTERS: dict[str, tuple[tuple[str, ...], Selects, datetime | None]] = {
    "all": ((), lambda _: True, None),
    "a day": (("--since", "2026-09-08", "--until", "2026-09-08"), lambda event: DAY[0] <= event.time < DAY[1], DAY[0]),
    "a page": (("--where", "page = '/thanks' or page = '/x'"), lambda event: event.page in ("/thanks", "/x"), None),
}


def ask(folder: Path, *arguments: str) -> list[dict[str, str]]:
    return csv_rows(run_in_process(folder, arguments[0], "access.log", "-q", *arguments[1:]))


@pytest.fixture(params=slow_after(1, range(4)))
def hits(request: pytest.FixtureRequest, tmp_path: Path) -> list[Event]:
    """The hits of a random log as plain loops find them. The log is in the folder."""
    lines = write_random_log(request.param)
    (tmp_path / "access.log").write_text("".join(lines))
    return read_plainly(lines)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILTERS)
def test_figures_equal_plain_loops(name: str, hits: list[Event], tmp_path: Path) -> None:
    options, selects, since = FILTERS[name]
    people = [event for event in hits if not event.is_bot and selects(event)]
    on_site = [event for event in people if event.name not in EMAIL_EVENTS]
    views = [event for event in people if event.name == "page_view"]
    orders = [event for event in people if event.order]
    found = {id(event.visit): event.visit for event in on_site if event.visit}.values()
    visits = [visit for visit in found if since is None or since <= visit.start < DAY[1]]

    pages = {
        row["page"]: (int(row["views"]), int(row["visitors"])) for row in ask(tmp_path, "views", *options, "--top", "0")
    }
    counts = Counter(event.page for event in views)
    assert pages == {
        page: (number, len({e.visitor for e in views if e.page == page})) for page, number in counts.items()
    }

    first_seen: dict[str, datetime] = {}
    for event in hits:
        if not event.is_bot:
            first_seen[event.visitor] = min(event.time, first_seen.get(event.visitor, event.time))
    visitors = {event.visitor for event in on_site}
    [row] = ask(tmp_path, "visitors", *options, "--every", "all") or [{"visitors": "0", "new_visitors": "0"}]
    new = sum(since is None or first_seen[visitor] >= since for visitor in visitors)
    assert (int(row["visitors"]), int(row["new_visitors"])) == (len(visitors), new)

    [row] = ask(tmp_path, "visits", *options)
    active = [sum(event.name != "ping" for event in visit.events) for visit in visits]
    assert (int(row["visits"]), int(row["bounces"])) == (len(visits), active.count(1))
    assert int(row["views"]) == sum(event.name == "page_view" for visit in visits for event in visit.events)
    seconds = [(visit.events[-1].time - visit.start).total_seconds() for visit in visits if len(visit.events) > 1]
    assert float(row["median_duration_seconds"] or -1) == (median(seconds) if seconds else -1)

    sources = {
        row["source"]: int(row["visits"]) for row in ask(tmp_path, "sources", *options, "--by", "source", "--top", "0")
    }
    assert sources == Counter(visit.source for visit in visits)

    goals = {row["goal"]: row for row in ask(tmp_path, "conversions", *options, "--goal", "purchase", "--goal", "lead")}
    assert int(goals["purchase"]["conversions"]) == len(orders)
    assert int(goals["purchase"]["converting_visitors"]) == len({event.visitor for event in orders})
    assert int(goals["lead"]["conversions"]) == sum(event.name == "lead" for event in people)
    assert float(goals["purchase"]["revenue"] or 0) == sum(event.value or 0 for event in orders)
    converting = {id(event.visit) for event in orders} & {id(visit) for visit in visits}
    assert int(goals["purchase"]["converting_visits"]) == len(converting)

    [*rows] = ask(tmp_path, "orders", *options, "--every", "all")
    assert sum(int(row["orders"]) for row in rows) == len(orders)
    assert sum(float(row["revenue"]) for row in rows) == sum(event.value or 0 for event in orders)

    summary = {
        row["name"]: row for row in ask(tmp_path, "summary", *options) if row["section"] in ("totals", "conversions")
    }
    figures = [len(visitors), len(visits), len(views), len(orders)]
    assert [
        float(summary.get(name, {"value": "0"})["value"]) for name in ("visitors", "visits", "page views", "purchase")
    ] == figures

    devices = {row["os"]: row for row in ask(tmp_path, "devices", *options, "--by", "os")}
    for system in ("Linux", "Windows"):
        part = [event for event in on_site if event.system == system]
        visited = {id(event.visit) for event in part if event.visit} & {id(visit) for visit in visits}
        row = devices.get(system, dict.fromkeys(("visitors", "visits", "views"), "0"))
        assert [int(row[name]) for name in ("visitors", "visits", "views")] == [
            len({event.visitor for event in part}), len(visited), sum(event.name == "page_view" for event in part),
        ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", FILTERS)
def test_emails_and_exports_equal_plain_loops(name: str, hits: list[Event], tmp_path: Path) -> None:
    options, selects, _ = FILTERS[name]
    people = [event for event in hits if not event.is_bot and selects(event)]
    opens = {row["message"]: row for row in ask(tmp_path, "opens", *options)}
    for message in ("m1", "m2"):
        mails = [event for event in hits if event.name == "open" and event.message == message and selects(event)]
        row = opens.get(message, dict.fromkeys(("human_opens", "machine_opens", "openers"), "0"))
        humans = [event for event in mails if not event.is_bot]
        counted = [int(row[column]) for column in ("human_opens", "machine_opens", "openers")]
        assert counted == [len(humans), len(mails) - len(humans), len({event.recipient for event in humans})]

    clicks = {row["message"]: row for row in ask(tmp_path, "clicks", *options, "--top", "0")}
    clicked = [event for event in hits if event.name == "click_email" and selects(event)]
    by_people = Counter(event.message for event in clicked if not event.is_bot)
    assert {key: int(row["clicks"]) for key, row in clicks.items()} == Counter(event.message for event in clicked)
    assert Counter({key: int(row["human_clicks"]) for key, row in clicks.items()}) == by_people

    exported = Counter(row["event"] for row in ask(tmp_path, "events", *options))
    machines = [event for event in hits if event.is_bot and event.name in EMAIL_EVENTS and selects(event)]
    assert exported == Counter(event.name for event in (*people, *machines))
