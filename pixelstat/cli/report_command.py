"""A report as a command: what happens between its options and its output, the same for every report."""

import inspect
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import click

from pixelstat import outputs
from pixelstat.cli.comparison import compare_periods, parse_comparison
from pixelstat.cli.run import Run, execute
from pixelstat.cli.settings import (
    common_settings,
    event_query,
    extend_past_period,
    goals_of,
    is_given,
    report_settings,
    require_geo,
)
from pixelstat.errors import Exit, PixelstatError
from pixelstat.identity import pseudonyms
from pixelstat.options.shared import COMMON, by_option, common_options, compare_option, logs_argument, reveal_option
from pixelstat.reports._report import Report
from pixelstat.result import Result
from pixelstat.terminal import say

UNCOMPARED = ("visitors_at", "viewed_not_purchased", "histogram")  # options for rows that another period has not


class ReportCommand(click.Command):
    """A command whose help shows its own options first and those of every report under their headings."""

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__(
            report.name, help=inspect.cleandoc(report.about), short_help=report.about.partition("\n")[0],
            params=[logs_argument, *self.own(), *common_options()], callback=self.perform,
            context_settings={"default_map": dict(report.defaults)},
        )  # fmt: skip

    def own(self) -> list[click.Parameter]:
        may_show_ids = by_option in self.report.options or any(
            column.name in pseudonyms.REPORT_IDENTIFIERS for column in self.report.columns
        )
        return [*self.report.options, compare_option, *([reveal_option] if may_show_ids else [])]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, Sequence[click.Parameter]] = {"This report": self.own(), **COMMON}
        for heading, options in sections.items():
            records = [record for option in options if (record := option.get_help_record(ctx))]
            with formatter.section(heading):
                formatter.write_dl(records, col_max=26)
        with formatter.section("Columns"):
            formatter.write_dl([(column.name, column.about) for column in self.report.columns], col_max=26)

    def perform(self, logs: Sequence[str], **given: Any) -> Exit:
        """The command's work; the exit code is its result."""
        common = common_settings({str(option.name): given.pop(str(option.name)) for option in common_options()})
        zone: ZoneInfo = common.tz
        if given.get("every") and not given.get("by") and is_given("top") and not common.quiet:
            say("--top needs --by; a series over time is shown whole.")
        against, every, is_revealed = given.pop("compare"), given.get("every"), given.pop("reveal_ids", False)
        if against and (alone := next((name for name in UNCOMPARED if given.get(name)), None)):
            option = f"--{alone.replace('_', '-')}"
            raise PixelstatError(f"{option} and --compare do not go together.", "Leave one of them out.")
        options = report_settings(self.report, given, common)
        named = [*self.report.named(**options)]
        require_geo([*named, *(column.name for column in self.report.columns)], common)
        selection = event_query(common, named, of_visits=self.report.of_visits)
        if against is None and self.report.compares and selection.filters.since:
            against = "previous"
        wanted = parse_comparison(against, selection.filters.since, selection.filters.until, zone) if against else None
        if wanted:
            period = replace(selection.filters, since=wanted.both.since, until=wanted.both.until)
            selection = replace(selection, filters=period)
        told = inspect.signature(self.report.function).parameters
        if "since" in told and not wanted:  # what is compared is looked at for equally long, and no further
            options |= {"since": selection.filters.since, "until": selection.filters.until}
            selection = extend_past_period(selection, self.report.ahead(**options))
        warnings: dict[str, None] = {}  # each once, however often a report is made
        known = {
            "sent": selection.enrichment.mailings,
            "tz": zone.key,
            "goals": goals_of(common) if "goals" in told else {},
            "warn": warnings.setdefault,
        }
        options |= {name: value for name, value in known.items() if name in told}

        def write(run: Run) -> None:
            # Known when all events are read, and so when the report's frame is made.
            ends = {"log_start": lambda: run.ledger.first, "log_end": lambda: run.ledger.last}
            options.update((name, end) for name, end in ends.items() if name in told)
            if "is_table" in told:
                options["is_table"] = run.output == "table"
            find = partial(self.report.function, **options)
            behaviour = str(selection.traffic.behaviour or "")
            notes = [f"times in {zone.key}", self.report.caption(**options), behaviour]
            if wanted:
                report, events = self.report, run.events()
                result, note = compare_periods(report, find, events, wanted, every=every, zone=zone)
                notes.append(note)
            else:
                result = self.report.result(find(run.events()).collect(engine="streaming"))
            run.finish()
            result = result if is_revealed else pseudonymize_result(result, options.get("by", ()), run)
            result = replace(result, notes=[note for note in notes if note], csv_safe=common.csv_safe)
            outputs.deliver([result], run.output, common.output)
            nothing = [f"none of these events is one that {self.report.name} counts."]
            is_empty = result.frame.is_empty() and run.ledger.hits > 0
            for sentence in () if common.quiet else warnings or (nothing if is_empty else ()):
                say(f"Warning: {sentence}")

        return execute(logs, common, selection, write)


def pseudonymize_result(result: Result, by: Sequence[str], run: Run) -> Result:
    """The result with pseudonyms in place of whoever it names, by these columns of the events or by its own."""
    of_events = [name for name in by if name in pseudonyms.PSEUDONYMISED_COLUMNS and name != "message"]
    texts = [column.name for column in result.columns if column.kind == "text"]
    ids = [name for name in texts if name in (*of_events, *pseudonyms.REPORT_IDENTIFIERS)]
    if not ids:
        return result
    shown = pseudonyms.pseudonymize(result.frame.lazy().select(ids), run.key()).collect()
    return replace(result, frame=result.frame.with_columns(shown.select(ids)))
