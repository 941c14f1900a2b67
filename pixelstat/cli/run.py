"""Run a command over logs: open the inputs, let the command compute and deliver, and report what was read."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import polars as pl

from pixelstat import outputs
from pixelstat.analysis.time_series import earliest, latest
from pixelstat.cli.delivery import report_failures
from pixelstat.cli.doubts import list_doubts
from pixelstat.cli.explain import explain
from pixelstat.cli.output_files import prepare_folders
from pixelstat.cli.settings import CommonOptions, build_reading_rules, load_project_key, match_pseudonymised_input
from pixelstat.cli.suggestions import suggest_pixels
from pixelstat.cli.unreadable import choose_exit_code, list_unreadable_warnings
from pixelstat.errors import Exit, PixelstatError
from pixelstat.formats.assignment import LogSet, assign_formats
from pixelstat.ledger import Ledger
from pixelstat.pipeline import read_events
from pixelstat.pipeline_settings import PipelineSettings
from pixelstat.sources import discovery
from pixelstat.sources.bad_lines import BadLines, check_limit
from pixelstat.sources.blocks import STDIN, Log
from pixelstat.terminal import escape_controls, say, show_progress
from pixelstat.text.plurals import format_count
from pixelstat.traffic.networks import describe_age

MAX_SKIPPED_NAMES = 5  # of files inside an archive that are named


@dataclass
class Run:
    """One run over logs, handed to the command that delivers its events."""

    logs: LogSet
    settings: PipelineSettings
    common: CommonOptions
    output_format: str  # table, csv, ...
    inputs: Sequence[Log]  # all that were found, empty ones too
    ledger: Ledger
    bad_lines: BadLines | None
    period: tuple[datetime | None, datetime | None]  # what the figures cover, with the period to compare with

    def read_events(self) -> pl.LazyFrame:
        """Read the EVENTS that count. The ledger is complete when they are collected."""
        return read_events(self.logs, self.settings, self.ledger, self.bad_lines)

    def load_key(self) -> bytes:
        """Return the project's key; create it where there is none."""
        return load_project_key(self.common)

    def finish(self) -> None:
        """Write the bad lines and warn of logs that have too many. Call it when all is read, before the output.

        Raises PixelstatError where there are more bad lines than the options allow.
        """
        if self.bad_lines and self.common.rejects:
            write_bad_lines(self.bad_lines, self.inputs, self.common)
        check_limit(self.common.bad_line_limit, self.bad_lines.total if self.bad_lines else 0, self.ledger.lines)
        for warning in list_unreadable_warnings(self.logs, self.ledger.reading.pixel_lines):
            self.common.say(warning)


def run_command(
    names: Sequence[str], common: CommonOptions, settings: PipelineSettings, deliver: Callable[[Run], Sequence[str]]
) -> Exit:
    """Find the logs, let `deliver` compute and write its result, and print the ledger.

    `deliver` returns sentences on what fails the run. With --explain print the explanation of the line instead.
    """
    if not gc.isenabled():  # disabled at the start of the program: objects loaded so far live until its end
        gc.freeze()
        gc.enable()
    names = names or common.project.logs
    if common.explain is not None:
        click.echo(explain(common.explain, names, build_reading_rules(common), settings))
        return Exit.DONE
    run = prepare_run(names, common, settings)
    total = sum(log.size for log in run.inputs)
    positions = run.ledger.reading.positions
    with show_progress(total, lambda: sum(positions.values()), shown=not common.quiet), _translate_failures():
        failures = deliver(run)
    for note in filter(None, _ledger_notes(run)):
        common.say(note)
    name_skipped_files(run.inputs, common)
    damage = warn_of_damage(run.inputs)
    return report_failures(failures) or choose_exit_code(run.ledger) or damage


def prepare_run(names: Sequence[str], common: CommonOptions, settings: PipelineSettings) -> Run:
    """Find the inputs, assign them formats and check that nothing overwrites them."""
    output_format = outputs.choose_output(common.format, common.output)
    inputs = discovery.find_logs(names or [STDIN])
    protect_inputs(inputs, common)
    prepare_folders((common.output, common.rejects), may_create=common.mkdir)
    logs = assign_formats(inputs, build_reading_rules(common), common.say)
    settings = match_pseudonymised_input(settings, logs, common)
    for first, second in discovery.find_repeated(inputs):
        effect = "count twice" if common.keep_duplicates else "are duplicates"
        common.say(f"Warning: {first} and {second} begin alike. If they are the same log, its events {effect}.")
    needs_bad_lines = common.bad_line_limit or common.rejects
    bad_lines = BadLines(keeps_numbers=bool(common.rejects)) if needs_bad_lines else None
    period = (settings.filters.since, settings.filters.until)
    return Run(logs, settings, common, output_format, inputs, Ledger(), bad_lines, period)


def protect_inputs(inputs: Sequence[Log], common: CommonOptions) -> None:
    """Raise PixelstatError where an output would overwrite an input or the other output.

    The content of streams is kept where their bad lines are to be written as they were.
    """
    for path in filter(None, (common.output, common.rejects)):
        if any(_would_overwrite(log.name, path) for log in inputs):
            raise PixelstatError(f"{path!r} is one of the logs.", "Name another file to write to.")
    if common.rejects and common.output and Path(common.rejects).resolve() == Path(common.output).resolve():
        raise PixelstatError(f"--output and --rejects are both {common.output!r}.", "Name two different files.")
    if common.rejects:
        for log in inputs:
            log.record_stream()


def write_bad_lines(bad_lines: BadLines, inputs: Sequence[Log], common: CommonOptions) -> None:
    """Write the bad lines to the file of --rejects, and say how many they are."""
    assert common.rejects
    bad_lines.write(common.rejects, inputs)
    common.say(f"{format_count(bad_lines.total, 'bad line', 'bad lines')} in {common.rejects}")


def name_skipped_files(inputs: Sequence[Log], common: CommonOptions) -> None:
    """Name the files inside archives that were left out."""
    for log in inputs:
        if log.skipped:
            names = ", ".join(map(escape_controls, log.skipped[:MAX_SKIPPED_NAMES]))
            more = " ..." if len(log.skipped) > MAX_SKIPPED_NAMES else ""
            common.say(f"Skipped files in {log.label} that are not text: {names}{more}")


def warn_of_damage(inputs: Sequence[Log]) -> Exit:
    """Warn of the logs that could not be read to their end, also with --quiet, and return the exit code."""
    damaged = [log for log in inputs if log.damage]
    for log in damaged:
        say(f"Warning: {log.title()}: {log.damage}. The complete lines before that point count. The rest is missing.")
    return Exit.PARTIAL if damaged else Exit.DONE


def _ledger_notes(run: Run) -> Iterator[str]:
    """Yield what the figures are based on, a line each; empty where there is nothing to say."""
    ledger, zone = run.ledger, run.common.tz
    yield ledger.line()
    if currencies := run.settings.currencies:
        yield currencies.describe() if run.output_format != "table" else ""  # a table shows it in its notes
        yield from (f"Warning: {sentence}" for sentence in currencies.list_warnings())
    yield _describe_coverage(run)
    yield ledger.stitched_line()
    yield ledger.without_visitor_line()
    if run.common.cookieless:
        yield "--cookieless: a person who visits on two days (UTC) counts as two visitors"
    yield ledger.further_events_line()
    yield ledger.overlap_line()
    yield from list_doubts(run.logs, ledger, run.settings.visitors)
    yield ledger.parse_issues_line()
    yield ledger.formats_line()
    if ledger.first and ledger.last:
        if run.common.machines != "include":
            yield describe_age(ledger.last)
        if run.output_format != "table":  # a table shows the period below its title
            first = latest(ledger.first, run.period[0]) or ledger.first
            last = earliest(ledger.last, last_second(run.period[1])) or ledger.last
            yield f"from {_format_clock(first, zone)} to {_format_clock(last, zone)} {zone.key}"
    elif ledger.lines and not ledger.pixel_requests:
        yield suggest_pixels(run.logs)


@contextmanager
def _translate_failures() -> Iterator[None]:
    """Turn the failure of a condition on the data into a sentence."""
    try:
        yield
    except PixelstatError as error:  # from within Polars, which appends its place in the plan
        sentence, _, _ = error.sentence.partition("\n\nThis error occurred in")
        raise PixelstatError(sentence, error.hint, error.code) from error
    except (pl.exceptions.InvalidOperationError, pl.exceptions.SchemaError, pl.exceptions.ComputeError) as error:
        raise PixelstatError(
            f"A condition does not match the data: {str(error).partition(chr(10))[0]}.", "Try: --explain access.log:1"
        ) from error


def _would_overwrite(log: str, output: str) -> bool:
    return log != STDIN and Path(output).is_file() and Path(log).samefile(output)


def format_period(first: datetime | None, last: datetime | None, zone: ZoneInfo) -> str:
    """Return the times of the first and the last event, such as `2026-09-07 00:15 to 2026-09-13 20:59 UTC`.

    The date is not repeated, nor is the time.
    """
    if not first or not last:
        return f"times in {zone.key}"
    start, end = (moment.astimezone(zone).strftime("%Y-%m-%d %H:%M") for moment in (first, last))
    end = end if end[:10] != start[:10] else end[11:]
    return f"{start} to {end} {zone.key}" if not start.endswith(end) else f"{start} {zone.key}"


def last_second(until: datetime | None) -> datetime | None:
    """Return the last second of a period that ends before `until`."""
    return until - timedelta(seconds=1) if until else None


def _describe_coverage(run: Run) -> str:
    """Say where the pixel requests of the logs begin or end, if the period begins earlier or lies outside of them."""
    ledger, zone, (since, until) = run.ledger, run.common.tz, run.period
    if not ledger.log_first or not ledger.log_last:
        return ""
    first, last = (f"{_format_clock(moment, zone)} {zone.key}" for moment in (ledger.log_first, ledger.log_last))
    begin = "Warning: the pixel requests in the logs begin at"
    if since and since > ledger.log_last:
        return f"{begin.replace('begin', 'end')} {last}, before the period begins. Try an earlier --since."
    if until and until <= ledger.log_first:
        return f"{begin} {first}, after the period ends. Try a later --until."
    if since and begins_late(since, until or ledger.log_last, ledger.log_first):
        return f"{begin} {first}, so they cover only a part of the time from {_format_clock(since, zone)}."
    return ""


def begins_late(since: datetime, until: datetime, first: datetime) -> bool:
    """Return whether the logs miss a day or a tenth of the period at its beginning, and more than an hour."""
    return first - since > max(timedelta(hours=1), min(timedelta(days=1), (until - since) / 10))


def _format_clock(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
