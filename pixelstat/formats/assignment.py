"""Assign each log the format of its first lines, among the formats that the options allow."""

import shlex
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain

import polars as pl

from pixelstat import formats
from pixelstat.errors import PixelstatError
from pixelstat.formats.base import LogFormat
from pixelstat.formats.detection import HEAD_LINES, HEADER_START, LONG_HEAD_LINES, detect, pair_with_headers
from pixelstat.formats.hints import describe_line, describe_month, is_json
from pixelstat.formats.json import JsonFormat
from pixelstat.formats.nginx_conf import read_nginx_formats
from pixelstat.formats.text import TextFormat
from pixelstat.formats.wrapped import unwrap_format
from pixelstat.schemas import LINES
from pixelstat.sources.blocks import MAX_LINE, STDIN, Log, iter_member_heads
from pixelstat.sources.dated_lines import has_clock_only
from pixelstat.sources.event_parquet import has_fractions, is_event_parquet, read_first_time
from pixelstat.text.addresses import Network
from pixelstat.text.plurals import join_words

FIRST_LINES = 5  # whose earliest time is the beginning of a log


@dataclass(frozen=True)
class ReadingRules:
    """Rules for reading the lines of logs."""

    candidates: Sequence[LogFormat] = ()  # the possible formats of a line, in the order in which they are tried
    time_zone: str = "UTC"  # of times without an offset
    max_line: int = MAX_LINE  # bytes that are read of a longer line
    trusted_proxies: Sequence[Network] = ()  # networks of proxies whose header names the client
    client_header: str | None = None  # the header that replaces X-Forwarded-For

    @property
    def resolves_clients(self) -> bool:
        """Whether clients are read from a header."""
        return bool(self.trusted_proxies or self.client_header)


@dataclass(frozen=True)
class LogSet:
    """The logs of a run: logs to parse, grouped by their format, and Parquet files of events."""

    by_format: Sequence[tuple[LogFormat, Sequence[Log]]]
    rules: ReadingRules = field(default_factory=ReadingRules)
    event_files: Sequence[Log] = ()

    @property
    def all(self) -> Sequence[Log]:
        """All inputs, Parquet files first."""
        return [*self.event_files, *(log for _, logs in self.by_format for log in logs)]

    def has_fractions(self) -> bool:
        """Return whether the first lines of a log, or any events in Parquet, have fractions of a second."""
        return any(map(has_fractions, self.event_files)) or any(
            _has_fractional_times(log_format, log) for log_format, logs in self.by_format for log in logs
        )

    @property
    def json_formats(self) -> Sequence[str]:
        """The names of the JSON formats of these logs."""
        return [form.name for form, logs in self.by_format if logs and isinstance(unwrap_format(form), JsonFormat)]

    @property
    def has_text(self) -> bool:
        """Whether there is a log to parse."""
        return any(logs for _, logs in self.by_format)


def candidate_formats(log_format: str | None, nginx_conf: str | None) -> tuple[LogFormat, ...]:
    """Return the possible formats of a line: those that one of the two options names, else all.

    Raises PixelstatError if both options are set, or if one does not name a format.
    """
    if log_format and nginx_conf:
        raise PixelstatError("--log-format and --nginx-conf both define the format.", "Leave one of them out.")
    if nginx_conf:
        return (*read_nginx_formats(nginx_conf), *formats.load_formats("combined"))
    return formats.select_formats(log_format) if log_format else formats.load_all_formats()


def assign_formats(logs: Sequence[Log], rules: ReadingRules, warn: Callable[[str], None]) -> LogSet:
    """Group the logs by format.

    Raises PixelstatError if a log that the user named has none of the formats, or if directories contain no logs. Skips
    other files of a directory with a warning.
    """
    by_format: dict[LogFormat, list[Log]] = {}
    not_logs, event_files = [], []
    for log in logs:
        if is_event_parquet(log):
            event_files.append(log)
            continue
        if not log.head:
            if not log.damage:
                warn(f"{log.title()} is empty.")
            continue
        log_format = detect_log_format(log, rules.candidates)
        if log_format:
            by_format.setdefault(log_format, []).append(log)
        elif log.from_folder:
            not_logs.append(log.name)
        else:
            raise _unknown_format(log, is_limited=len(rules.candidates) < len(formats.NAMES))
    if not_logs:
        if not by_format and not event_files:
            raise PixelstatError(
                f"The directory contains no logs, only other files: {', '.join(not_logs)}.",
                "Name the logs, or their format with --log-format.",
            )
        warn(f"Skipped files that are not logs: {', '.join(not_logs)}.")
    return sort_by_time(LogSet(list(by_format.items()) or [(_default_format(rules), [])], rules, event_files))


def sort_by_time(logs: LogSet) -> LogSet:
    """Sort the logs by their first times, then by their names. Logs of one format stay together.

    So the order of two hits in the same second does not depend on the order in which the user names the logs.
    """
    if len(logs.all) < 2:
        return logs
    firsts: list[tuple[tuple[bool, int, str], tuple[LogFormat, Sequence[Log]]]] = []
    for log_format, of_format in logs.by_format:
        times = _read_head_times(log_format, of_format, FIRST_LINES, logs.rules.time_zone)
        first = dict(times.group_by("log").agg(pl.col("time").min().to_physical()).iter_rows())
        keys = [(n not in first, first.get(n, 0), log.name) for n, log in enumerate(of_format)]
        ordered = [of_format[n] for n in sorted(range(len(of_format)), key=lambda n: keys[n])]
        firsts.append((min(keys, default=(True, 0, "")), (log_format, ordered)))
    by_format = [entry for _, entry in sorted(firsts, key=lambda pair: pair[0])]
    event_files = sorted(logs.event_files, key=lambda log: (read_first_time(log), log.name))
    return replace(logs, by_format=by_format, event_files=event_files)


def assign_format(log: Log, rules: ReadingRules) -> tuple[LogFormat | None, LogSet]:
    """Return the format of one log, or None, and a set of only this log.

    The first candidate is the format of the set if the log has none.
    """
    log_format = detect_log_format(log, rules.candidates)
    return log_format, LogSet([(log_format or _default_format(rules), [log])], rules)


def detect_log_format(log: Log, candidates: Sequence[LogFormat]) -> LogFormat | None:
    """Return the format of a log's first lines, or None.

    In an archive, other files can precede the first log, so the first lines of each file are tried.
    """
    with closing(iter_member_heads(log, HEAD_LINES)) as member_heads:
        heads = chain([log.first_lines(LONG_HEAD_LINES)], member_heads)
        return next(filter(None, (detect(lines, candidates) for lines in heads)), None)


def _has_fractional_times(log_format: LogFormat, log: Log) -> bool:
    """Return whether the first lines of a log have times with a fraction of a second."""
    if isinstance(log_format, TextFormat) and "time_clf" in log_format.names:
        return False
    times = _read_head_times(log_format, [log], HEAD_LINES)
    return bool((times["time"].dt.microsecond() != 0).any())


def _read_head_times(log_format: LogFormat, logs: Sequence[Log], count: int, time_zone: str = "UTC") -> pl.DataFrame:
    """Return the readable times of the first lines of each log.

    The columns are `log`, the position of the log in the sequence, and `time`.
    """
    index = pl.col("file").cast(pl.String).cast(pl.Int64)
    times = read_head(log_format, logs, count, time_zone).select("time", log=index)
    return times.filter(pl.col("time").is_not_null())


def read_head(log_format: LogFormat, logs: Sequence[Log], count: int, time_zone: str = "UTC") -> pl.DataFrame:
    """Parse the first lines of each log into READ, with the position of the log in the sequence as `file`."""
    lines = [
        {"line": line, "header": header, "file": str(index), "number": 0}  # names of files may not be UTF-8
        for index, log in enumerate(logs)
        for line, header in pair_with_headers(log.first_lines(count))
    ]
    return log_format.parse(pl.LazyFrame(lines, LINES), time_zone).collect()


def _default_format(rules: ReadingRules) -> LogFormat:
    """Return the first candidate, for logs without a recognized format."""
    return rules.candidates[0].with_header(HEADER_START)


def _unknown_format(log: Log, *, is_limited: bool) -> PixelstatError:
    """Return the error for a log without a format.

    Its message names the kind of a file that is not text. Otherwise it shows and describes the first line.
    """
    if kind := log.kind():
        name = "FILE" if log.name == STDIN else shlex.quote(log.name)
        return PixelstatError(f"{log.title()} is {kind.description}.", kind.advice.replace("FILE", name))
    if has_clock_only([line.encode() for line in log.first_lines(HEAD_LINES)]):
        return PixelstatError(
            f"The lines of {log.name} have a time but no date.",
            "Put the date in front of the first line: #Date: 2026-09-07. Log it from now on: #Fields: date time ...",
        )
    line = next(iter(log.first_lines(1)), "")
    formats_tried = "the given log format" if is_limited else "any log format that pixelstat knows"
    sentence = f"No line of {log.name} matches {formats_tried}. Its first line:\n    {log.first_line()}"
    from pixelstat.formats.skeletons import suggest_format  # only an error needs it

    if parts := describe_line(line):
        verb = "is" if is_json(line) else "contains"
        sentence += f"\nIt {verb} {join_words(parts)}."
    if month := describe_month(line):
        sentence += f"\n{month}"
    if is_limited and (log_format := detect_log_format(log, formats.load_all_formats())):
        return PixelstatError(sentence, f"Leave the option out: pixelstat reads the log as {log_format.name}.")
    if template := suggest_format(line):
        advice = f"If every part is in its place, this format reads the line:\n    --log-format {shlex.quote(template)}"
        return PixelstatError(sentence, advice)
    return PixelstatError(sentence, _JSON_ADVICE if is_json(line) else _TEXT_ADVICE)


_TEXT_ADVICE = (
    "Copy its format from the server's configuration (log_format of nginx, LogFormat of Apache):\n"
    "    --log-format '$remote_addr - $remote_user [$time_local] \"$request\" $status'"
)
_JSON_ADVICE = (
    "Name the keys of the time, the client, the request and the status, as a log_format of nginx does:\n"
    '    --log-format \'{"KEY":"$time_iso8601","KEY":"$remote_addr","KEY":"$request","KEY":"$status"}\''
)
