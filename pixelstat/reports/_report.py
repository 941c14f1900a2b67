"""Declare a report: a pure function from EVENTS to a frame, with its columns, its options and its caption."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click
import polars as pl

from pixelstat.analysis.time_series import earliest, latest
from pixelstat.enrich.currencies import CurrencyRules
from pixelstat.enrich.mailings import Mailings
from pixelstat.frames.columns import internal
from pixelstat.options.values import AttributedOptions, ReportOptions
from pixelstat.result import TIME_KINDS, TYPE_OF_KIND, Column, Result, event_column
from pixelstat.sessions.sessionize import SessionRules
from pixelstat.sessions.touches import TOUCH_COLUMNS, AttributionRules, attributed_column


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What a report may know of its run besides the events."""

    time_zone: str = "UTC"  # where days begin at midnight
    since: datetime | None = None  # the period that the report is about, from --since up to, and without, --until
    until: datetime | None = None
    own_hosts: Sequence[str] = ()  # hosts that are one site
    # Beginning and end of the logs, whatever the period, --where, --host or a quiet site leave of them. Both are known
    # once all events are read.
    log_start: Callable[[], datetime | None] = lambda: None
    log_end: Callable[[], datetime | None] = lambda: None
    session_rules: SessionRules = field(default_factory=SessionRules)  # where visits end
    sent: Mailings | None = None  # the mailings of --sent
    currencies: CurrencyRules | None = None  # convert amounts that are not of events; those of events are converted
    warn: Callable[[str], object] = str  # takes a sentence for stderr
    note: Callable[[str], object] = str  # takes a sentence for people who read a table, below it
    is_table: bool = False  # whether people read the output as a table
    attribution: AttributionRules | None = None  # set if --by names a column of a touch: the events have its value too

    def column_of(self, name: str) -> str:
        """Return the column of the events that holds the values of a column of --by."""
        return attributed_column(name) if self.attribution and name in TOUCH_COLUMNS else name

    def covered_period(self) -> tuple[datetime | None, datetime | None]:
        """Return the part of the period that the logs cover, from the first time up to, and without, the second."""
        start, last = self.log_start(), self.log_end()
        end = last + timedelta(seconds=1) if last else None
        return latest(start, self.since), earliest(end, self.until)


def group_column(name: str) -> str:
    """Return the name of the temporary column for a column of --by, since a report may have a column `name` itself."""
    return internal(f"by {name}")


OptionsType = TypeVar("OptionsType", bound=ReportOptions)


def describe_attribution(options: AttributedOptions) -> str:
    """Return the words of a caption on the attribution; empty if --by names no column of a touch."""
    return options.describe_attribution([name for name in options.by if name in TOUCH_COLUMNS])


def no_caption(_: ReportOptions) -> str:
    """Return an empty caption."""
    return ""


def return_no_time(_: ReportOptions) -> timedelta:
    """Return no time: the report reads no event outside of the period."""
    return timedelta(0)


def keep_result(result: Result, _: ReportOptions) -> Result:
    """Return the result as it is: the report has no headline."""
    return result


def breakdown_columns(options: ReportOptions) -> Iterable[str]:
    """Return the columns of the events that --by names."""
    return options.by


def attribute_breakdown(options: ReportOptions) -> AttributionRules | None:
    """Return how events are attributed to a touch; None if --by names no column of a touch."""
    if not isinstance(options, AttributedOptions) or {*TOUCH_COLUMNS}.isdisjoint(options.by):
        return None
    return AttributionRules(options.attribution, options.lookback)


@dataclass(frozen=True)
class Report:
    """A registered report. `function(events, options, run)` is lazy and pure."""

    title: str
    columns: Sequence[Column]
    options: Sequence[click.Parameter]
    function: Callable[[pl.LazyFrame, Any, RunContext], pl.LazyFrame]
    options_type: type[ReportOptions] = ReportOptions
    caption: Callable[[Any], str] = no_caption
    defaults: Mapping[str, str] = field(default_factory=dict)  # of common options that have another default here
    needs_visits: bool = False  # it reads the columns of VISITS
    needs_all_orders: bool = False  # it gets the events of orders that a filter rejected too, see `Ledger.settle`
    needs_whole_visits: bool = False  # and the events before the period of visits that reach into it
    needs_goals: bool = False  # its option `goal` is filled from pixelstat.toml, not by the command line
    compares_to_previous: bool = False  # --since alone means --compare previous
    not_comparable_with: Sequence[str] = ()  # options for rows that cannot be matched with those of another period
    # Makes `options_type` of a function that parses a step and of the options by name, where it takes more than a call.
    build_options: Callable[..., ReportOptions] | None = None
    event_columns: Callable[[Any], Iterable[str]] = breakdown_columns  # columns of the events that the options name
    # Finishes the result, with both periods if two are compared: headline, notes and marks for people, and rows that
    # say nothing left out. It changes no figure.
    present: Callable[[Result, Any], Result] = keep_result
    lookbehind: Callable[[Any], timedelta] = return_no_time  # how far before the period it reads events
    lookahead: Callable[[Any], timedelta] = return_no_time  # how far after the period it reads events
    limits_visits: bool = True  # the report ignores visits that begin outside the period
    groups: Sequence[str] = ()  # what --by may name beside the columns of the events
    # How events are attributed to a touch; None if the report needs no touches.
    attribution: Callable[[Any], AttributionRules | None] = attribute_breakdown
    needs_touches: bool = False  # it gets the events that are touches too, whatever filter rejected them

    @property
    def name(self) -> str:
        """The name of the command."""
        return self.function.__name__

    @property
    def about(self) -> str:
        """The help text of the command."""
        return (self.function.__doc__ or "").strip()

    def compute(self, events: pl.LazyFrame, **settings: Any) -> pl.LazyFrame:
        """Return the report of these events, with its options and the fields of its RunContext given by name.

        For example `views.compute(events, by=["host"], top=5, time_zone="Europe/Berlin")`.
        """
        of_run = {run.name: settings.pop(run.name) for run in fields(RunContext) if run.name in settings}
        return self.function(events, self.options_type(**settings), RunContext(**of_run))

    def result(self, frame: pl.DataFrame) -> Result:
        """Return the collected frame as declared, with the same columns in the same order and types every time.

        A column that is not declared is a column of the events that --by named.
        """
        declared = {column.name: column for column in self.columns}
        shown = [declared.get(name) or event_column(name, dtype) for name, dtype in frame.schema.items()]
        frame = frame.cast(
            {column.name: TYPE_OF_KIND[column.kind] for column in shown if column.kind not in TIME_KINDS}
        )
        return Result(self.title, shown, frame)


def report(
    title: str,
    columns: Sequence[Column],
    options: Sequence[click.Parameter],
    options_type: type[OptionsType],
    *,
    caption: Callable[[OptionsType], str] = no_caption,
    event_columns: Callable[[OptionsType], Iterable[str]] = breakdown_columns,
    present: Callable[[Result, OptionsType], Result] = keep_result,
    lookbehind: Callable[[OptionsType], timedelta] = return_no_time,
    lookahead: Callable[[OptionsType], timedelta] = return_no_time,
    **declarations: Any,
) -> Callable[[Callable[[pl.LazyFrame, OptionsType, RunContext], pl.LazyFrame]], Report]:
    """Declare a function as a report. Its name is the command, its docstring the help.

    The other `declarations` are fields of Report.
    """

    def declare(function: Callable[[pl.LazyFrame, OptionsType, RunContext], pl.LazyFrame]) -> Report:
        return Report(
            title, columns, options, function, options_type, caption,
            event_columns=event_columns, present=present, lookbehind=lookbehind, lookahead=lookahead, **declarations,
        )  # fmt: skip

    return declare
