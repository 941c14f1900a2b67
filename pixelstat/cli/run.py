"""One run over logs, the same for every command: find them, read them, and say what was read."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import polars as pl

from pixelstat import outputs
from pixelstat.cli.explain import explain
from pixelstat.cli.settings import load_project_key, match_pseudonymised_input
from pixelstat.cli.suggestions import requested_instead
from pixelstat.errors import Exit, PixelstatError
from pixelstat.formats.assignment import by_format, candidates
from pixelstat.ledger import Ledger
from pixelstat.pipeline import Logs, Selection, kept
from pixelstat.sources import discovery
from pixelstat.sources.bad_lines import BadLineLimit, BadLines, check_limit
from pixelstat.sources.blocks import STDIN, Log
from pixelstat.terminal import progress, say
from pixelstat.text.plurals import format_count
from pixelstat.traffic.networks import warn_of_age


@dataclass
class Run:
    """One run over logs: the events that count, and what is to be said when all of them are read."""

    logs: Logs
    selection: Selection
    common: dict[str, Any]
    output: str  # the name of the output
    found: Sequence[Log]
    ledger: Ledger
    rejects: BadLines | None
    limit: BadLineLimit | None

    def events(self) -> pl.LazyFrame:
        return kept(self.logs, self.selection, self.ledger, self.rejects)

    def key(self) -> bytes:
        """The project's key, made if there is none."""
        return load_project_key(self.common)

    def finish(self) -> None:
        """Keep the bad lines. Raises PixelstatError where there are too many of them."""
        if self.rejects and self.common["rejects"]:
            self.rejects.write(self.common["rejects"], self.found)
            if not self.common["quiet"]:
                say(f"{format_count(self.rejects.total, 'bad line', 'bad lines')} in {self.common['rejects']}")
        check_limit(self.limit, self.rejects.total if self.rejects else 0, self.ledger.lines)


def execute(logs: Sequence[str], common: dict[str, Any], selection: Selection, write: Callable[[Run], None]) -> Exit:
    """Find the logs, let `write` read them and write what it finds, and say what it stands on."""
    if not gc.isenabled():  # since the program's start: what is loaded by now is never looked through for garbage
        gc.freeze()
        gc.enable()
    tell = (lambda _: None) if common["quiet"] else say
    zone: ZoneInfo = common["tz"]
    logs = logs or common["config"].logs
    if common["explain"] is not None:
        click.echo(explain(common["explain"], logs, candidates(common), selection, common["log_tz"].key))
        return Exit.DONE
    output = outputs.choose_output(common["format"], common["output"])
    found = discovery.find_logs(logs or [STDIN])
    protect_inputs(found, common)
    grouped = by_format(found, common, tell)
    selection = match_pseudonymised_input(selection, grouped, common)
    for one, other in discovery.find_repeated(found):
        twice = "counted twice" if common["keep_duplicates"] else "a duplicate"
        tell(f"Warning: {one} and {other} begin alike. If they are one log, all in it is {twice}.")
    limit = BadLineLimit() if common["strict"] else common["max_errors"]
    rejects = BadLines(kept=bool(common["rejects"])) if limit or common["rejects"] else None
    with _progress(sum(log.size for log in found), quiet=common["quiet"]) as ledger, _explain_failures():
        write(Run(grouped, selection, common, output, found, ledger, rejects, limit))
    tell(ledger.line())
    for more in filter(None, _ledger_notes(ledger, selection)):
        tell(more)
    if ledger.first and ledger.last:
        if selection.machines != "include" and (old := warn_of_age(ledger.last)):
            tell(old)
        tell(f"from {_format_clock(ledger.first, zone)} to {_format_clock(ledger.last, zone)}, times in {zone.key}")
    elif ledger.lines and not ledger.pixel_requests:
        tell(requested_instead(grouped))
    return report_damage(found, tell)


def protect_inputs(found: Sequence[Log], common: dict[str, Any]) -> None:
    """Keep what is written from overwriting what is read, or each other; and streams, for their bad lines, whole."""
    output, rejects = common["output"], common["rejects"]
    for written in filter(None, (output, rejects)):
        if any(_would_overwrite(log.name, written) for log in found):
            raise PixelstatError(f"{written!r} is one of the logs.", "Name another file to write to.")
    if rejects and output and Path(rejects).resolve() == Path(output).resolve():
        raise PixelstatError(f"--output and --rejects are both {output!r}.", "Name two files.")
    if rejects:
        for log in found:
            log.keep_stream_content()


def report_damage(found: Sequence[Log], tell: Callable[[str], None]) -> Exit:
    """Warn of the logs that could not be read to their end; the exit code for it."""
    damaged = [log for log in found if log.damage]
    for log in damaged:
        tell(f"Warning: {log.title()}: {log.damage}. The whole lines before that are counted, the rest is missing.")
    return Exit.PARTIAL if damaged else Exit.DONE


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Ledger]:
    ledger = Ledger()
    with progress(total, lambda: sum(ledger.reading.positions.values()), shown=not quiet):
        yield ledger


@contextmanager
def _explain_failures() -> Iterator[None]:
    """What a condition can still do wrong when it meets the data, as a sentence."""
    try:
        yield
    except PixelstatError as error:  # from within Polars, which adds where in its plan that was
        sentence, _, _ = error.sentence.partition("\n\nThis error occurred in")
        raise PixelstatError(sentence, error.hint, error.code) from error
    except (pl.exceptions.InvalidOperationError, pl.exceptions.SchemaError, pl.exceptions.ComputeError) as error:
        raise PixelstatError(
            f"A condition does not fit the data: {str(error).partition(chr(10))[0]}.", "See its columns with --explain."
        ) from error


def _ledger_notes(ledger: Ledger, selection: Selection) -> Iterator[str]:
    """What else is to be said of the figures, where there is something."""
    yield ledger.stitched_line()
    yield ledger.nameless_line()
    if selection.cookieless:
        yield "--cookieless: a visitor of two days (in UTC) counts as two"
    yield ledger.flaws_line()
    yield ledger.formats_line()


def _would_overwrite(log: str, output: str) -> bool:
    """Whether writing the output would overwrite the log."""
    return log != STDIN and Path(output).is_file() and Path(log).samefile(output)


def _format_clock(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
