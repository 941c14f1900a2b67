"""A compared period has the figures of a run of that period alone, in every report."""

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pixelstat.cli.comparison import CHANGE, PREVIOUS
from pixelstat.reports import NAMES, load_report
from pixelstat.result import NUMBER_KINDS
from tests.builders import bought, hit, log, refunded
from tests.marks import slow_after
from tests.run import csv_rows, run_in_process

# Two periods of three days, in a log that begins earlier and ends later.
OWN, BEFORE, LATER = ("2026-09-08", "2026-09-10"), ("2026-09-05", "2026-09-07"), timedelta(days=3)
PAGES, SOURCES = ("/", "/a", "/b", "/c", "/d"), ("google", "news", "face", "blog", "")
STEPS = ("--steps", "page_view,add_to_cart,purchase")
REPORTS = [
    *(name for name in NAMES if name not in ("places", "roi")),  # which need another file
    "views --every day", "views --by utm_source --top 2", "visitors --every all", "visits --by entry_page --top 2",
    "sources --by source --top 2", "orders --every all", "orders --every day --by utm_source --top 1",
    "orders --repeat --horizon 2d", "orders --refund-date own", "products --by product --top 2",
    "products --abandoned --window 1d", "conversions --by utm_source --top 2", "conversions --every day",
    "roi --spend spend.csv", "paths --top 2", "paths --top 1 --show tree --format csv", "paths --top 2 --show whole --to purchase",
    "paths --from /a --top 1 --depth 5", "experiment --force --goal purchase --goal lead --window 1d --bayes",
    *(f"funnel {' '.join(STEPS)} {options}" for options in (
        "--window 1d", "--every day --window 1d", "--by utm_source --top 2", "--by utm_source --top 1 --every day",
        "--open", "--unit visit", "--count visits", "--count totals --entry first", "--order strict", "--grace 5m",
        "--step-window 1h --exclude lead", "--hold product", "--entry latest --by page --touch step:2 --top 2",
    )),
]  # fmt: skip


def shop_log() -> str:
    """A fortnight of a shop with a few visitors, who come at any time of any day."""
    draw = random.Random(5)
    lines: dict[str, str] = {}
    for number in range(700):
        day, clock = f"2026-09-{draw.randint(1, 14):02}", f"{draw.randrange(24):02}:{draw.randrange(60):02}"
        visitor = f"v{draw.randrange(40)}"
        event = draw.choice(["page_view", "page_view", "product_view", "add_to_cart", "lead", "purchase", "open"])
        further: dict[str, Any] = {
            "p": draw.choice(PAGES),
            "utm_source": draw.choice(SOURCES),
            "product": draw.choice("xyz"),
            "variant": "ab"[int(visitor[1:]) % 2],
        }
        if event == "purchase":
            order = f"A{number - draw.choice([0, 0, 0, 0, 40])}"  # some are reloaded, on another day
            line = bought(visitor, clock, order, f"{draw.randint(1, 90)}", day=day, **further)
            if draw.random() < 0.2:
                lines[f"{day} {clock} r"] = refunded(f"A{number}", clock, day=day)
        elif event == "open":
            line = hit(
                visitor, draw.choice(["open", "click_email"]), clock, day=day, mid=draw.choice("mn"), rcpt=visitor
            )
        else:
            line = hit(visitor, event, clock, day=day, **further)
        lines[f"{day} {clock} {number}"] = line
    return log(*(line for _, line in sorted(lines.items())))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    (folder / "access.log").write_text(shop_log())
    days = [f"2026-09-{day:02},{SOURCES[day % 3]},{day}" for day in range(1, 15)]
    (folder / "spend.csv").write_text("\n".join(["date,source,spend", *days]) + "\n")
    return folder


Key = tuple[tuple[str, str], ...]  # the columns that tell a row apart, with their values


def read_figures(
    folder: Path, report: str, period: tuple[str, str], *options: str, shift: timedelta = timedelta(0)
) -> dict[Key, dict[str, str]]:
    """The figures of a report of this period, by row. Times of a series are moved by `shift`."""
    dates = ("--since", period[0], "--until", period[1])
    figures: dict[Key, dict[str, str]] = {}
    for row in csv_rows(run_in_process(folder, *report.split(), "access.log", *dates, *options, "-q")):
        if row.get("time"):
            row["time"] = (datetime.fromisoformat(row["time"]) + shift).isoformat()
        names = [name for name in row if is_figure(report, name)]
        key = tuple((name, value) for name, value in row.items() if name not in names)
        assert key not in figures
        figures[key] = {name: row[name] for name in names}
    return figures


def is_figure(report: str, name: str) -> bool:
    """Whether the column tells no rows apart: it is a figure, one of --compare, or a flag."""
    columns = {column.name: column for column in load_report(report.partition(" ")[0]).columns}
    if name not in columns:
        return name.startswith((PREVIOUS, CHANGE, "partial"))
    return columns[name].kind in (*NUMBER_KINDS, "flag") and not columns[name].key


@pytest.mark.parametrize("report", slow_after(0, REPORTS))
def test_a_compared_period_has_the_figures_of_a_run_of_its_own(report: str, folder: Path) -> None:
    compared = read_figures(folder, report, OWN, "--compare", "previous")
    of_days = read_figures(folder, report, OWN, "--compare", "..".join(BEFORE))
    assert compared == of_days
    alone = read_figures(folder, report, OWN)
    assert alone
    for key, figures in alone.items():
        own = {name: value for name, value in figures.items() if not name.startswith((PREVIOUS, CHANGE))}
        assert own == {name: compared[key][name] for name in own}
    for key, figures in read_figures(folder, report, BEFORE, shift=LATER).items():
        before = {f"{PREVIOUS}_{name}": value for name, value in figures.items()} | {PREVIOUS: figures.get("value")}
        shown = {name: value for name, value in compared[key].items() if name.startswith(PREVIOUS)}
        assert shown == {name: before[name] for name in shown}
