"""Run `pixelstat init`: write a commented pixelstat.toml from what logs contain."""

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import polars as pl

from pixelstat import config
from pixelstat.atomic_file import atomic_write
from pixelstat.cli.help_pages import LogCommand
from pixelstat.cli.settings import CommonOptions, build_protocol_rules, build_reading_rules
from pixelstat.cli.suggestions import MAX_SUGGESTIONS, MIN_SHARE, count_opt_in_pixels, may_be_pixel
from pixelstat.errors import PixelstatError
from pixelstat.event_streams import build_events, read_requests
from pixelstat.formats.assignment import assign_formats
from pixelstat.identity import consent
from pixelstat.options.project_file import FILE_NAME
from pixelstat.options.shared import READING, logs_argument
from pixelstat.options.types import FileType
from pixelstat.pipeline_settings import PipelineSettings
from pixelstat.protocols.builtin.house import EVENT, PAGE, PARAMETERS, VISITOR
from pixelstat.protocols.custom import COLUMN_ALIASES
from pixelstat.schemas import EXPORTED
from pixelstat.sources import discovery
from pixelstat.sources.blocks import STDIN
from pixelstat.sources.globs import find_globs
from pixelstat.sources.lines import Reading
from pixelstat.terminal import escape_controls
from pixelstat.vocabulary import SHOP_FUNNEL

OPTIONS = [option for option in READING if option.name != "config"]
CACHE_BUSTERS = {"cb", "rnd", "rand", "random", "_", "ts", "z"}  # parameters that only prevent caching
KNOWN_PARAMETERS = {
    *CACHE_BUSTERS,
    *consent.STANDARD_SIGNALS,
    *EVENT,
    *VISITOR,
    *PAGE,
    *(name for names in PARAMETERS.values() for name in names),
}
SOURCES_LINES = (
    "# Your other sites. A visitor who comes from them has no external source.",
    '# own_hosts = ["shop.example"]',
    "",
    "# Hosts through which visitors only pass, to pay or to sign in. The usual ones are built in.",
    "# [sources]",
    '# ignore = ["pay.example"]',
    "",
)
DEFAULTS_LINES = (
    "# Defaults of options: of every command that has the option, and of one command.",
    "# [defaults]",
    '# tz = "Europe/Berlin"',
    "# [defaults.funnel]",
    '# window = "1d"',
    "",
)
COLUMN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass
class LogSummary:
    """The findings of one pass over the logs."""

    requests: int = 0
    events: Counter[str] = field(default_factory=Counter)
    protocols: Counter[str] = field(default_factory=Counter)
    parameters: Counter[str] = field(default_factory=Counter)  # parameters of the house pixel that feed no column
    likely: Counter[str] = field(default_factory=Counter)  # paths that are requested like a pixel, but are not claimed
    unnamed: Counter[str] = field(default_factory=Counter)  # opt-in protocols, by the requests that look like theirs

    def add(self, batch: pl.DataFrame) -> None:
        """Add the next rows of EVENTS, rejected ones included."""
        self.requests += batch.filter((pl.col("event_number") == 1).fill_null(value=True)).height
        events = batch.filter(pl.col("rejected").is_null())
        self.events.update(_counts(events["event"]))
        self.protocols.update(_counts(events["protocol"]))
        for query in events.filter(pl.col("protocol") == "house")["query"].drop_nulls().to_list():
            self.parameters.update({part.partition("=")[0] for part in query.split("&")} - KNOWN_PARAMETERS)
        unclaimed = batch.filter(pl.col("rejected") == "not_pixel")
        self.likely.update(_counts(unclaimed.filter(may_be_pixel())["path"]))
        self.unnamed.update(count_opt_in_pixels(unclaimed))


def _counts(values: pl.Series) -> dict[str, int]:
    return dict(values.drop_nulls().value_counts().iter_rows())


@click.command(
    "init", cls=LogCommand, epilog="More: --help-all, pixelstat help TOPIC", params=[logs_argument, *OPTIONS]
)
@click.option(
    "-o", "--output", default=FILE_NAME, type=FileType(), show_default=True, metavar="FILE", help="Write this file."
)
@click.option("--force", is_flag=True, help="Overwrite the file if it exists.")
@click.option("-q", "--quiet", is_flag=True, help="Show only errors on standard error.")
def command(logs: Sequence[str], output: str, *, force: bool, quiet: bool, **options: Any) -> None:
    """Write a commented pixelstat.toml with the pixels and events that occur in the logs.

    The file also lists requests that may be pixels. Every report in its folder or below reads the file. Put a glob into
    quotes, so that it covers future logs too:

    \b
    pixelstat init 'access.log*'
    """
    if not logs:
        raise PixelstatError("init needs a log.", "Try: pixelstat init 'access.log*'")
    if Path(output).exists() and not force:
        raise PixelstatError(f"{output} already exists.", "Name another file with -o, or overwrite it with --force.")
    common = CommonOptions(**options, quiet=quiet)
    log_set = assign_formats(discovery.find_logs(logs), build_reading_rules(common), common.say)
    summary = LogSummary()
    settings = PipelineSettings(protocols=build_protocol_rules(common))
    events = build_events(read_requests(log_set, Reading()), settings)
    columns = events.select("event", "protocol", "path", "query", "method", "rejected", "event_number")
    for batch in columns.collect_batches(maintain_order=True, engine="streaming"):
        summary.add(batch)
    globs = find_globs(logs)
    text = "\n".join(_toml_lines(summary, logs, globs, Path(output).resolve().parent)) + "\n"
    with atomic_write(output) as file:
        file.write(text.encode())
    common.say(f"Wrote {output}. Its comments list what the logs contain.")
    if globs:
        quoted = " ".join(map(shlex.quote, globs))
        common.say(f"It names each log. A quoted glob also covers future logs: pixelstat init {quoted}")


def _toml_lines(summary: LogSummary, logs: Sequence[str], globs: Sequence[str], folder: Path) -> Iterable[str]:
    """Yield the lines of the file."""
    yield "# Settings of pixelstat for this folder and the folders below. You can change or remove every line."
    yield ""
    yield from _log_lines(logs, globs, folder)
    yield ""
    yield f"# Found: {summary.events.total():,} events in {summary.requests:,} requests."
    for title, counts in (("by pixel", summary.protocols), ("by event", summary.events)):
        if counts:
            listed = ", ".join(f"{_for_comment(name)} {count:,}" for name, count in counts.most_common(12))
            yield f"#   {title}: {listed}"
    yield ""
    yield "# Protocols whose pixels look like ordinary pages. They are read only if you name them here."
    names = [name for name, _ in summary.unnamed.most_common()]
    for name, count in summary.unnamed.most_common():
        yield f"#   {count:,} requests look like those of {name}"
    yield f"# protocols = [{', '.join(map(_quoted, names or ['sendy']))}]"
    yield ""
    yield from SOURCES_LINES
    yield "# Your custom pixels: a path, with names for its variable parts, your parameters and your event names."
    enough = max(2, summary.requests * MIN_SHARE)
    likely = [
        (path, count)
        for path, count in summary.likely.most_common(MAX_SUGGESTIONS)
        if count >= enough and not set("{}*") & set(path)
    ]
    for path, count in likely or [("/o/{campaign}/{recipient}.gif", 0)]:
        yield "# [[pixels]]"
        yield f"# path = {_quoted(path)}" + (f"  # {count:,} requests" if count else "")
    yield '# name = "mine"'
    yield '# event = "page_view"  # if a request names no event'
    yield "# [pixels.parameters]"
    yield '# visitor = "vid"'
    yield '# value = ["amount", "total"]'
    yield "# [pixels.events]"
    yield '# bk = "purchase"'
    yield ""
    yield from DEFAULTS_LINES
    yield "# Your parameter for consent. These values grant consent, and any other value refuses it."
    yield "# [consent]"
    yield '# parameter = "cookie_ok"'
    yield '# granted = ["1", "yes"]'
    yield ""
    yield "# More parameters to read into columns, for --where, --step and --by."
    yield "# [columns]"
    custom = [
        name
        for name, _ in summary.parameters.most_common(MAX_SUGGESTIONS)
        if COLUMN_NAME.fullmatch(name) and not _is_taken(name)
    ]
    for name in custom or ["destination"]:
        yield f"# {name} = {_quoted(name)}"
    yield ""
    yield "# Goals, which can be steps too, and funnels: pixelstat funnel --funnel NAME"
    yield "# [goals]"
    yield "# big_order = \"event = 'purchase' and value > 100\""
    steps = [event for event in SHOP_FUNNEL if summary.events[event]]
    yield "" if len(steps) > 1 else "#"
    mark = "" if len(steps) > 1 else "# "
    yield f"{mark}[funnels]"
    yield f"{mark}shop = [{', '.join(map(_quoted, steps if len(steps) > 1 else ['page_view', 'purchase']))}]"


def _log_lines(logs: Sequence[str], globs: Sequence[str], folder: Path) -> Iterable[str]:
    """Yield the lines that name the logs, and in a comment the globs that match them."""
    yield "# Logs to read if a command names no logs: files, directories or globs, relative to this folder."
    yield f"logs = [{', '.join(_quoted(_relative_to(folder, log)) for log in logs)}]"
    if globs:
        yield "# A glob also covers future logs:"
        yield f"# logs = [{', '.join(_quoted(_relative_to(folder, log)) for log in globs)}]"


def _is_taken(name: str) -> bool:
    """Return whether a custom column must not have this name."""
    return name in (*EXPORTED, *COLUMN_ALIASES) or name.startswith("utm_") or name.lower() in config.SQL_KEYWORDS


def _relative_to(folder: Path, log: str) -> str:
    """Return the path of a log from the folder, or the absolute one of a log outside. Standard input stays `-`."""
    if log == STDIN:
        return log
    path = Path(log).absolute()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _quoted(text: str) -> str:
    """Quote a text for TOML. JSON and TOML share their escapes, except that JSON leaves DEL as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _for_comment(text: str) -> str:
    """Shorten a text and escape it for a comment."""
    return escape_controls(text)[:60]
