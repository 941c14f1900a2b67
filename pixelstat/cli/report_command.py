"""Run a report as a command: from its options to its output, the same way for every report."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import click
import polars as pl

from pixelstat.analysis.time_series import earliest, latest
from pixelstat.cli.comparison import (
    Comparison,
    compare_periods,
    describe_missing_period,
    describe_periods,
    parse_comparison,
)
from pixelstat.cli.defaults import is_given
from pixelstat.cli.delivery import deliver_result, validate_options
from pixelstat.cli.help_pages import LogCommand
from pixelstat.cli.run import Run, format_period, last_second, run_command
from pixelstat.cli.settings import (
    CommonOptions,
    build_pipeline_settings,
    build_report_options,
    extend_period,
    read_common_options,
    require_geo,
)
from pixelstat.errors import Exit, PixelstatError
from pixelstat.identity import pseudonyms
from pixelstat.options.shared import common_options, compare_option, logs_argument, reveal_option
from pixelstat.options.values import ReportOptions
from pixelstat.pipeline_settings import PipelineSettings
from pixelstat.reports._report import Report, RunContext, attribute_breakdown
from pixelstat.result import Result
from pixelstat.schemas import EVENTS, VISITS
from pixelstat.sessions.sessionize import SessionRules
from pixelstat.sessions.touches import TOUCH_COLUMNS, AttributionRules, list_attributed_columns


class ReportCommand(LogCommand):
    """Offer a report as a command."""

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__(
            report.name, help=inspect.cleandoc(report.about),
            params=[logs_argument, *self.report_options(), *common_options()], callback=self.perform,
            context_settings={"default_map": dict(report.defaults)},
            epilog=f"More: --help-all, pixelstat help TOPIC, pixelstat schema {report.name}",
        )  # fmt: skip

    def report_options(self) -> list[click.Parameter]:
        """Return the options of this report, with those of --compare and --reveal-ids where they apply."""
        may_show_ids = any(option.name == "by" for option in self.report.options) or any(
            column.name in pseudonyms.REPORT_IDENTIFIERS for column in self.report.columns
        )
        return [*self.report.options, compare_option, *([reveal_option] if may_show_ids else [])]

    def perform(self, logs: Sequence[str], **values: Any) -> Exit:
        """Make the report of these logs and return the exit code. Click calls it with the values of all options."""
        request = read_request(self.report, values)
        return run_command(logs, request.common, request.settings, partial(answer, request))


@dataclass(frozen=True)
class ReportRequest:
    """A report as the command line asks for it."""

    report: Report
    options: ReportOptions
    settings: PipelineSettings
    common: CommonOptions
    reveals_ids: bool
    comparison: Comparison | None = None
    period: tuple[datetime | None, datetime | None] = (None, None)  # since and until, where nothing is compared
    warnings: dict[str, None] = field(default_factory=dict)  # a set in order: a report may warn more than once
    notes: dict[str, None] = field(default_factory=dict)

    @property
    def attribution(self) -> AttributionRules | None:
        """How events are attributed to a touch, if the report needs it."""
        return self.settings.sessions.attribution if self.settings.sessions else None


def read_request(report: Report, values: dict[str, Any]) -> ReportRequest:
    """Read the values of all options. Raises PixelstatError for values that make no sense, alone or together."""
    common = read_common_options({str(option.name): values.pop(str(option.name)) for option in common_options()})
    if values.get("every") and not values.get("by") and is_given("top"):
        common.say("--top needs --by; a series over time is shown whole.")
    if names := [name for name in ("attribution", "lookback") if is_idle(report, name, values)]:
        common.say(f"--{' and --'.join(names)} need --by channel or another column of a visit's source.")
    compared_with, reveals_ids = values.pop("compare"), values.pop("reveal_ids", False)
    if compared_with:
        require_comparable(report, values)
    if report.needs_goals:
        values["goal"] = ()  # without goals, build_report_options takes those of pixelstat.toml
    options = build_report_options(report, values, common)
    event_columns = [*report.event_columns(options)]
    require_geo([*event_columns, *(column.name for column in report.columns)], common)
    settings = build_pipeline_settings(
        common, event_columns, needs_visits=report.needs_visits, attribution=report.attribution(options)
    )
    settings = replace(
        settings,
        keeps_orders=report.needs_all_orders,
        keeps_visits=report.needs_whole_visits,
        keeps_touches=report.needs_touches,
        limits_visits=report.limits_visits,
    )
    period = (settings.filters.since, settings.filters.until)
    if compared_with is None and report.compares_to_previous and settings.filters.since:
        compared_with = "previous"
    comparison = None
    if compared_with:
        comparison = parse_comparison(compared_with, *period, common.tz)
        filters = replace(settings.filters, since=comparison.span.since, until=comparison.span.until)
        settings, period = replace(settings, filters=filters), (None, None)
    settings = extend_period(settings, report.lookbehind(options), report.lookahead(options))
    return ReportRequest(report, options, settings, common, reveals_ids, comparison, period)


def is_idle(report: Report, name: str, values: Mapping[str, Any]) -> bool:
    """Return whether an option for the columns of a touch is given, but --by names none of them."""
    by = values.get("by") or ()
    return (
        report.attribution is attribute_breakdown
        and name in values
        and is_given(name)
        and {*by}.isdisjoint(TOUCH_COLUMNS)
    )


def require_comparable(report: Report, values: dict[str, Any]) -> None:
    """Raise PixelstatError for an option whose rows cannot be compared with those of another period."""
    if name := next((name for name in report.not_comparable_with if values.get(name)), None):
        option = next(option for option in report.options if option.name == name)
        raise PixelstatError(f"{option.opts[0]} and --compare cannot be combined.", "Leave one of them out.")


def answer(request: ReportRequest, run: Run) -> list[str]:
    """Make the report of a run's events, write it, print its warnings, and return what fails the run."""
    if request.common.columns or request.common.sort or request.common.fail_if:
        validate_options(preview_result(request, run), request.common)
    result = compute_result(request, run, run.read_events())
    run.finish()
    if not request.reveals_ids:
        result = pseudonymize_result(result, request.options.by, run.load_key)
    failures = deliver_result(result, run.output_format, request.common)
    print_warnings(request, is_empty=result.frame.is_empty() and run.ledger.hits > 0)
    return failures


def preview_result(request: ReportRequest, run: Run) -> Result:
    """Make the report of no events, which has the columns of the report."""
    custom = dict.fromkeys(request.settings.protocols.custom_columns, pl.String())
    attributed = list_attributed_columns() if request.attribution else {}
    no_events = pl.LazyFrame(schema={**dict(EVENTS), **dict(VISITS), **custom, **attributed})
    return compute_result(replace(request, warnings={}, notes={}), run, no_events)


def compute_result(request: ReportRequest, run: Run, events: pl.LazyFrame) -> Result:
    """Collect the report, of two periods where they are compared, with its notes."""
    report, options, settings = request.report, request.options, request.settings
    since, until = request.period
    context = RunContext(
        time_zone=request.common.tz.key,
        since=since,
        until=until,
        own_hosts=settings.enrichment.own_hosts,
        log_start=lambda: run.ledger.log_first,
        log_end=lambda: run.ledger.log_last,
        session_rules=settings.sessions or SessionRules(),
        sent=settings.enrichment.mailings,
        currencies=settings.currencies,
        warn=request.warnings.setdefault,
        note=request.notes.setdefault,
        is_table=run.output_format == "table",
        attribution=request.attribution,
    )
    behaviour = str(settings.traffic.behaviour or "")
    zone, subtitle = request.common.tz, [report.caption(options)]
    notes = [behaviour] if behaviour else []
    if request.comparison:
        result, (now, before) = compare_periods(report, options, context, events, request.comparison)
        run.period = (min(now.since, before.since), max(now.until, before.until))
        subtitle = [describe_periods(now, before, zone), *subtitle]
        notes += describe_missing_period(before, run.ledger.log_first, zone)
    else:
        result = report.result(report.function(events, options, context).collect(engine="streaming"))
        run.period = request.period
        first = run.ledger.first and latest(run.ledger.first, since)
        subtitle = [format_period(first, earliest(run.ledger.last, last_second(until)), zone), *subtitle]
    if settings.currencies and (converted := settings.currencies.describe()):
        notes = [*notes, converted]
    subtitle, notes = [part for part in subtitle if part], [*notes, *request.notes]
    result = replace(result, subtitle=subtitle, notes=notes, csv_safe=request.common.csv_safe)
    return report.present(result, options)


def pseudonymize_result(result: Result, by: Sequence[str], key: Callable[[], bytes]) -> Result:
    """Replace ids by pseudonyms: in columns of --by, and in those of the report itself.

    `key` returns the key of the pseudonyms. It is called only where there is something to replace.
    """
    of_events = [name for name in by if name in pseudonyms.PSEUDONYMISED_COLUMNS and name != "message"]
    texts = [column.name for column in result.columns if column.kind == "text"]
    ids = [name for name in texts if name in (*of_events, *pseudonyms.REPORT_IDENTIFIERS)]
    if not ids:
        return result
    hidden = pseudonyms.pseudonymize(result.frame.lazy().select(ids), key()).collect()
    return replace(result, frame=result.frame.with_columns(hidden.select(ids)))


def print_warnings(request: ReportRequest, *, is_empty: bool) -> None:
    """Print what the report warned of, or if it warned of nothing, that it is empty although there are events."""
    nothing = [f"the logs contain nothing that {request.report.name} counts, so it is empty."] if is_empty else []
    for sentence in request.warnings or nothing:
        request.common.say(f"Warning: {sentence}")
