"""Every report's counts are the same whether all visitors are looked at together or in parts that are added up."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pixelstat.cli.report_command import ReportCommand
from pixelstat.cli.settings import build_report_options, read_common_options
from pixelstat.options.shared import common_options, every_option
from pixelstat.reports import NAMES, load_report
from pixelstat.reports._report import Report, RunContext
from pixelstat.sessions.sessionize import SessionRules, sessionize
from pixelstat.sessions.touches import AttributionRules
from tests.builders import events

START = datetime(2026, 9, 7, 22, tzinfo=timezone.utc)
LAST = START + timedelta(days=3)
# What a report is asked for beside its defaults, which follow from the events that occur at all.
ASKED: dict[str, list[str]] = {
    "funnel": ["--steps", "page_view,add_to_cart,purchase"],
    "conversions": ["--goal", "purchase", "--goal", "signup"],
    "roi": ["--spend", str(Path(__file__).parents[2] / "sample_logs" / "spend.csv"), "--by", "source"],
}
# Counts that need not add up.
OTHERS = {
    "paths": ["visitors_at_step"],  # those at the source stand in a part's row only where somebody goes that way
    "experiment": ["excluded_visitors"],  # each row has the sum over all variants
    "roi": ["spend", "immature_spend", "impressions", "clicks"],  # the file of spend is the same for all parts
}


@dataclass(frozen=True)
class Did:
    """One event: who it was is a number, None for nobody known; the time is in quarters of an hour."""

    who: int | None
    quarter: int
    event: str
    page: str | None = None
    source: str | None = None
    device: str | None = None
    traffic_class: str = "human"


def visited(story: Sequence[Did], rules: AttributionRules | None) -> pl.LazyFrame:
    """EVENTS with VISITS. An order is one visitor's; the same event of one second stands there twice."""
    rows = [
        {
            "time": START + timedelta(minutes=15 * did.quarter),
            "visitor": None if did.who is None else f"v:{did.who}",
            "recipient": f"{did.who}" if did.who is not None and did.event in ("open", "click_email") else None,
            "event": did.event,
            "page": did.page,
            "message": "launch",
            "link": did.page,
            "product": did.page,
            "value": 5.0 if did.event == "purchase" else None,
            "currency": "EUR",
            "order_id": f"{did.who} {did.page}" if did.event == "purchase" else None,
            "source": did.source,
            "medium": did.source and "email",
            "channel": did.source and "Email",
            "device_type": did.device,
            "variant": did.page,
            "traffic_class": did.traffic_class,
            "query": f"{did.event} {did.page}",
        }
        for did in story
    ]
    return sessionize(events(*rows), SessionRules(attribution=rules)).collect().lazy()


def cases() -> Iterator[Any]:
    for name in NAMES:
        report = load_report(name)
        variants = [[], *([["--every", "day"]] if every_option in report.options else [])]
        variants += (
            [["--by", "device_type"], ["--by", "page"]]
            if any(option.name == "by" for option in report.options) and name != "roi"
            else []
        )
        for more in variants:
            yield pytest.param(report, more, id=" ".join([name, *more]))


def counts(report: Report, arguments: Sequence[str], story: Sequence[Did]) -> Counter[tuple[object, ...]]:
    """What the report counts: by the column and what else tells the row."""
    top = ["--top", "0"] if any(option.name == "top" for option in report.options) else []
    with ReportCommand(report).make_context(report.name, [*ASKED.get(report.name, []), *arguments, *top]) as context:
        own = {name: value for name, value in context.params.items() if name not in ("logs", "compare", "reveal_ids")}
        common = read_common_options({str(option.name): own.pop(str(option.name)) for option in common_options()})
        own |= {"goal": ()} if report.needs_goals else {}
        options = build_report_options(report, own, common)
    run = RunContext(log_start=lambda: START, log_end=lambda: LAST, attribution=report.attribution(options))
    result = report.result(report.function(visited(story, run.attribution), options, run).collect())
    # All orders are in one currency, which parts without an order cannot know. The control is the first variant there.
    told = [column for column in result.columns if column.name not in ("currency", "is_control")]
    kinds = {column.name: "row" if column.key else column.kind for column in told}
    row = [name for name, kind in kinds.items() if kind in ("row", "text", "time", "instant", "flag")]
    counted = [
        name
        for name, kind in kinds.items()
        if kind in ("count", "figure", "money")
        and name not in (*row, *OTHERS.get(report.name, ()))
        and not name.endswith("_growth")
    ]
    found: Counter[tuple[object, ...]] = Counter()
    for values in result.frame.iter_rows(named=True):
        for name in counted:
            if values[name] and not re.search("share|seconds| per ", values.get("unit") or ""):
                found[(name, *(values[key] for key in row))] += values[name]
    return found


STORIES = st.lists(
    st.builds(
        Did,
        who=st.sampled_from([None, 0, 1, 2, 3, 4]),
        quarter=st.integers(0, 20),
        event=st.sampled_from(["page_view", "page_view", "add_to_cart", "purchase", "open", "click_email", "ping"]),
        page=st.sampled_from(["/", "/cart", None]),
        source=st.sampled_from(["mail", None, None]),
        device=st.sampled_from(["mobile", "desktop", None]),
        traffic_class=st.sampled_from(["human", "proxy", "machine"]),
    ),
    max_size=25,
)
# The fast set has two of the reports.
FAST = ("views --every day", "visits")
FEW_FAST = [
    pytest.param(*case.values, id=case.id, marks=[] if case.id in FAST else pytest.mark.slow) for case in cases()
]
TWO = [Did(0, 0, "page_view", "/"), Did(0, 1, "purchase", "/"), Did(1, 0, "page_view", "/"), Did(1, 9, "open", "/")]


@pytest.mark.slow
@pytest.mark.parametrize(("report", "arguments"), FEW_FAST)
@settings(max_examples=6)
@given(story=STORIES, part_of=st.lists(st.integers(0, 2), min_size=5, max_size=5))
@example(story=TWO, part_of=[0, 1, 0, 0, 0])
def test_the_counts_of_any_parts_of_the_visitors_add_up_to_those_of_all(
    report: Report, arguments: list[str], story: list[Did], part_of: list[int]
) -> None:
    parts: list[list[Did]] = [[], [], []]
    for did in story:
        parts[0 if did.who is None else part_of[did.who]].append(did)
    added: Counter[tuple[object, ...]] = Counter()
    for part in parts:
        added += counts(report, arguments, part)
    assert added == counts(report, arguments, story)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_reports_that_are_split_have_something_to_count(name: str) -> None:
    clicked = [Did(1, 9, "click_email", "/")]
    assert counts(load_report(name), [], [*TWO, *clicked])
