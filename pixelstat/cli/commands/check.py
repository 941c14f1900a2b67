"""Run `pixelstat check`: report what is in each log. It always parses every line, unlike the other commands."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click
import polars as pl

from pixelstat import outputs
from pixelstat.cli.delivery import arrange_result, find_failures, report_failures, validate_options
from pixelstat.cli.help_pages import LogCommand
from pixelstat.cli.output_files import prepare_folders
from pixelstat.cli.run import name_skipped_files, protect_inputs, warn_of_damage, write_bad_lines
from pixelstat.cli.settings import build_protocol_rules, build_reading_rules, read_common_options
from pixelstat.cli.suggestions import MIN_SHARE, count_opt_in_pixels
from pixelstat.cli.unreadable import describe_unreadable
from pixelstat.errors import Exit
from pixelstat.event_streams import read_requests
from pixelstat.formats.assignment import LogSet, assign_format
from pixelstat.formats.base import LogFormat
from pixelstat.formats.detection import HEAD_LINES, LONG_HEAD_LINES, pair_with_headers
from pixelstat.formats.hints import describe_month
from pixelstat.formats.json import JsonFormat
from pixelstat.formats.json_shape import NAME as INFERRED
from pixelstat.formats.skeletons import suggest_format
from pixelstat.formats.text import TextFormat
from pixelstat.formats.text_shape import NAME as INFERRED_TEXT
from pixelstat.formats.wrapped import list_wrappings, unwrap_format
from pixelstat.options.shared import BAD_LINES, OUTPUT, READING, logs_argument, tz_option
from pixelstat.protocols.interpret import ProtocolRules
from pixelstat.result import Column, Result
from pixelstat.schemas import FAULTS
from pixelstat.sources import discovery
from pixelstat.sources.bad_lines import BadLines, is_bad
from pixelstat.sources.blocks import STDIN, Log
from pixelstat.sources.globs import find_globs
from pixelstat.sources.lines import Reading
from pixelstat.terminal import say, shorten_line, show_progress
from pixelstat.text.plurals import format_count

MIN_GAP = timedelta(hours=1)  # a longer time without a line is reported
MAX_UNREADABLE = 3  # unreadable lines of a log that are shown
MAX_KEPT = 1_000  # gaps of a log that are kept: the longest
MAX_LOGS = 20  # of which a table shows the verdicts
MAX_NAMES = 3  # of logs that a sentence names
MANY = 0.05  # a log with a larger share of unreadable lines is doubtful
PROBLEMS = ("damage", "advice", "backwards", "verdict")  # the checks that a table of many logs shows

COLUMNS = (
    Column("file", about="path of the log", grouped=True),
    Column(
        "check",
        about="compression, encoding, damage, format, keys, layout, lines, time, pixel, advice, gap, backwards, "
        "unreadable or verdict",
        grouped=True,
    ),
    Column("finding", about="the finding in words"),
    Column("count", "count", "number of lines; for gap and backwards a number of seconds"),
    Column("share", "share", "share of the log's lines"),
)


@dataclass
class Findings:
    """The findings of one pass over a log."""

    lines: Counter[str] = field(default_factory=Counter)  # by their outcome; they sum to the lines read
    formats: Counter[str] = field(default_factory=Counter)
    pixels: Counter[str] = field(default_factory=Counter)
    unnamed: Counter[str] = field(default_factory=Counter)  # opt-in protocols, by the requests that look like theirs
    first: datetime | None = None
    last: datetime | None = None
    before: datetime | None = None  # the time of the line before
    gaps: list[tuple[timedelta, datetime, datetime]] = field(default_factory=list)
    steps_back: int = 0
    furthest_back: timedelta = timedelta(0)
    unreadable: list[tuple[int, str, str]] = field(default_factory=list)  # number, fault, line
    unreadable_pixels: int = 0  # unreadable lines that may hold a pixel request

    def add(self, batch: pl.DataFrame, protocols: ProtocolRules) -> None:
        """Add the next lines, in their order."""
        outcome = (
            pl.when(pl.col("rejected").is_null()).then(pl.lit("read"))
            .when(is_bad()).then(pl.col("fault").cast(pl.String))
            .when(pl.col("line").str.starts_with("#")).then(pl.lit("comment"))
            .otherwise(pl.lit("blank"))
        )  # fmt: skip
        batch = batch.with_columns(outcome=outcome)
        self.lines.update(dict(batch["outcome"].value_counts().iter_rows()))
        good = batch.filter(pl.col("outcome") == "read")
        self.formats.update(dict(good["format"].value_counts().iter_rows()))
        self.unnamed.update(count_opt_in_pixels(good))
        self.pixels.update(dict(good.filter(protocols.claims)["path"].value_counts().iter_rows()))
        self._add_times(good["time"])
        bad = batch.filter(is_bad())
        if not bad.is_empty():
            self.unreadable_pixels += bad.select(protocols.may_contain_pixel(pl.col("line")).sum()).item()
            shown = bad.head(MAX_UNREADABLE - len(self.unreadable))
            self.unreadable += shown.select("number", "outcome", "line").iter_rows()

    def _add_times(self, times: pl.Series) -> None:
        if times.is_empty():
            return
        times = pl.concat([pl.Series(times.name, [self.before], dtype=times.dtype), times])
        steps = pl.DataFrame({"since": times.shift(), "time": times}).drop_nulls()
        steps = steps.with_columns(step=pl.col("time") - pl.col("since"))
        back = steps.filter(pl.col("step") < timedelta(0))["step"]
        gaps = steps.filter(pl.col("step") > MIN_GAP).top_k(MAX_KEPT, by="step")
        self.steps_back += len(back)
        self.furthest_back = max([self.furthest_back, *(-back).top_k(1)])
        longest = [(step, since, time) for since, time, step in gaps.iter_rows()]
        self.gaps = sorted([*self.gaps, *longest], reverse=True)[:MAX_KEPT]
        least, most = times.min(), times.max()
        if isinstance(least, datetime) and isinstance(most, datetime):
            self.first, self.last = min(self.first or least, least), max(self.last or most, most)
        self.before = times[-1]


top_option = click.Option(
    ["--top"], type=click.IntRange(min=0), default=5, show_default=True, metavar="N",
    help="Show the N most frequent pixels and the N longest gaps of a log; 0 shows all. At most the "
    "1,000 longest gaps are kept.",
)  # fmt: skip


@click.command(
    "check",
    cls=LogCommand,
    epilog="More: --help-all, pixelstat help TOPIC",
    params=[logs_argument, top_option, *READING, tz_option, *BAD_LINES, *OUTPUT],
)
def command(logs: Sequence[str], *, top: int, **options: Any) -> Exit:
    """Check the compression, format, times, pixels and gaps of each log, and whether its figures can be trusted.

    pixelstat parses every line and counts it once: as read, blank, a comment, or by the reason why it is unreadable. A
    gap is more than an hour without a line. The last row of a log is its verdict. A table of several logs shows only
    the verdict and the problems of each log, and of at most 20 logs.

    \b
    pixelstat check access.log*
    pixelstat check access.log --rejects bad_lines.tsv
    """
    common = read_common_options(options)
    output = outputs.choose_output(common.format, common.output)
    inputs = discovery.find_logs(logs or common.project.logs or [STDIN])
    protect_inputs(inputs, common)
    prepare_folders((common.output, common.rejects), may_create=common.mkdir)
    schema = {"file": pl.String, "check": pl.String, "finding": pl.String, "count": pl.Int64, "share": pl.Float64}
    no_rows = pl.DataFrame(schema=schema)
    empty = Result("Check of the logs", COLUMNS, no_rows, [f"times in {common.tz.key}"], csv_safe=common.csv_safe)
    validate_options(empty, common)
    rules = build_reading_rules(common)
    protocols = build_protocol_rules(common)
    bad_lines = BadLines(keeps_numbers=bool(common.rejects))
    reading = Reading()
    rows: list[dict[str, object]] = []
    with show_progress(
        sum(log.size for log in inputs), lambda: sum(reading.positions.values()), shown=not common.quiet
    ):
        for log in inputs:
            log_format, log_set = assign_format(log, rules)
            findings = _collect(log_set, reading, bad_lines, protocols)
            log_rows = _rows(log, log_format, findings, common.tz, top or None)
            rows += [{"file": log.title(), **row} for row in log_rows]
    result = replace(empty, frame=pl.DataFrame(rows, schema=schema), notes=[_next_step(logs, rows)])
    failures = find_failures(result, common)
    if output == "table" and len(inputs) > 1:
        result = summarize_logs(result)
    outputs.deliver([arrange_result(result, common)], output, common.output)
    if common.rejects:
        write_bad_lines(bad_lines, inputs, common)
    name_skipped_files(inputs, common)
    damage = warn_of_damage(inputs)
    failure = report_failures(failures)
    limit = common.bad_line_limit
    if limit and limit.is_exceeded(bad_lines.total, reading.lines):
        say(f"{bad_lines.total:,} of {reading.lines:,} lines could not be read, which is more than allowed.")
        return Exit.TOO_MANY_BAD_LINES
    return failure or damage


def summarize_logs(result: Result) -> Result:
    """Keep the verdict and the problems of each log, of at most MAX_LOGS: first those that are not good."""
    verdicts = result.frame.filter(pl.col("check") == "verdict")
    is_good = pl.col("finding").str.starts_with("good").alias("is_good")
    verdicts = verdicts.select("file", is_good).unique("file", keep="first", maintain_order=True)
    shown = verdicts.sort("is_good", maintain_order=True).head(MAX_LOGS).with_row_index("place")
    rows = result.frame.filter(pl.col("check").is_in(PROBLEMS)).join(shown, on="file", maintain_order="left")
    frame = rows.sort("place", maintain_order=True).select(result.frame.columns)
    notes = ["Details: pixelstat check with one of these logs, or --format csv", *result.notes]
    if more := len(verdicts) - len(shown):
        notes = [f"{format_count(more, 'more log', 'more logs')}: --format csv", *notes]
    return replace(result, frame=frame, notes=notes)


def _collect(logs: LogSet, reading: Reading, bad_lines: BadLines, protocols: ProtocolRules) -> Findings:
    findings = Findings()
    requests = read_requests(logs, reading, bad_lines=bad_lines).select(
        "line", "file", "number", "time", "method", "path", "query", "status", "format", "rejected", "fault"
    )
    for batch in requests.collect_batches(maintain_order=True, engine="streaming"):
        findings.add(batch, protocols)
    return findings


Row = dict[str, object]


def _rows(log: Log, form: LogFormat | None, findings: Findings, zone: ZoneInfo, top: int | None) -> Iterator[Row]:
    """Yield the findings of a log, one in each row, with at most `top` pixels and gaps, or all of them."""
    yield _row("compression", log.compression or "none")
    if log.encoding:
        yield _row("encoding", log.encoding.upper())
    if log.damage:
        yield _row("damage", log.damage)
    if form is None:
        kind = log.kind()
        unknown = f"unknown: it is {kind.description}" if kind else "unknown"
        yield _row("format", unknown if log.head else "none: the log is empty")
        if not kind and (template := suggest_format(next(iter(log.first_lines(1)), ""))):
            yield _row(
                "advice", f"if every part is in its place, this reads the log: --log-format {shlex.quote(template)}"
            )
    else:
        around = "".join(f", wrapped by {wrapping.name}" for wrapping in list_wrappings(form))
        yield _row("format", f"{form.name}: {_explain_format(log, form)}{around}")
        bare = unwrap_format(form)
        if isinstance(bare, JsonFormat) and bare.name == INFERRED:
            yield _row("keys", bare.about)
        if isinstance(bare, TextFormat) and bare.name == INFERRED_TEXT:
            yield _row("layout", bare.template)
    yield from _line_rows(findings, top)
    yield from _time_rows(findings, zone, top)
    for number, fault, line in findings.unreadable:
        hint = f". {month} The line" if (month := describe_month(line)) else ""
        yield _row("unreadable", f"{log.title()}:{number} {FAULTS[fault]}{hint}: {shorten_line(line)}")
    yield _row("verdict", _verdict(log, form, findings))


def _row(check: str, finding: str, count: int | None = None, total: int | None = None) -> Row:
    share = count / total if count is not None and total else None
    return {"check": check, "finding": finding, "count": count, "share": share}


def _line_rows(findings: Findings, top: int | None) -> Iterator[Row]:
    total = findings.lines.total()
    if len(findings.formats) > 1:
        for name, count in _most_first(findings.formats):
            yield _row("read as", name, count, total)
    yield _row("lines", "all", total)
    for outcome in ("read", "blank", "comment", *FAULTS):
        if findings.lines[outcome] or outcome == "read":
            yield _row("lines", outcome, findings.lines[outcome], total)
    for path, count in _most_first(findings.pixels)[:top]:
        yield _row("pixel", path, count, total)
    for name, count in _most_first(findings.unnamed):
        if count >= MIN_SHARE * findings.lines["read"]:
            yield _row(
                "advice", f"some requests look like those of {name}. If they are, add --protocol {name}", count, total
            )


def _most_first(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _time_rows(findings: Findings, zone: ZoneInfo, top: int | None) -> Iterator[Row]:
    def clock(time: datetime) -> str:
        return time.astimezone(zone).isoformat(sep=" ", timespec="seconds")

    if findings.first and findings.last:
        yield _row("time", f"first {clock(findings.first)}")
        yield _row("time", f"last {clock(findings.last)}")
    for length, since, time in findings.gaps[:top]:
        yield _row("gap", f"from {clock(since)} to {clock(time)}", int(length.total_seconds()))
    if findings.steps_back:
        back = int(findings.furthest_back.total_seconds())
        subject = "line is" if findings.steps_back == 1 else "lines are"
        yield _row(
            "backwards", f"{findings.steps_back:,} {subject} earlier than the line before, by up to {back:,} s", back
        )


def _verdict(log: Log, form: LogFormat | None, findings: Findings) -> str:
    """Say in one sentence whether reports of this log can be trusted, and if not, why."""
    bad = sum(findings.lines[fault] for fault in FAULTS)
    content = findings.lines["read"] + bad
    pixels = findings.pixels.total()
    if log.damage:
        return f"doubtful: the log is damaged, {log.damage}"
    if not content:
        return "empty: the log contains no requests"
    if form is None and not findings.lines["read"]:
        return "unreadable: its lines match no known format"
    if unreadable := _find_many_unreadable(findings, bad / content):
        return f"doubtful: {unreadable}"
    if not pixels:
        return f"no pixel requests in {format_count(findings.lines['read'], 'request', 'requests')}"
    unreadable = f", {format_count(bad, 'unreadable line', 'unreadable lines')}" if bad else ""
    return f"good: {format_count(pixels, 'pixel request', 'pixel requests')}{unreadable}"


def _find_many_unreadable(findings: Findings, share: float) -> str:
    """Say how many lines are unreadable, or how many that may hold a pixel request; nothing where they are few.

    `share` is that of the unreadable lines.
    """
    bad, pixels = findings.unreadable_pixels, findings.pixels.total()
    if bad > pixels:
        return describe_unreadable(bad, bad + pixels)
    return f"{share:.0%} of its lines cannot be read" if share > MANY else ""


def _next_step(logs: Sequence[str], rows: Sequence[Row]) -> str:
    """Say what to do next, by the worst verdict of the logs."""
    verdicts = [str(row["finding"]).partition(":")[0] for row in rows if row["check"] == "verdict"]
    names = " ".join(find_globs(logs) or map(shlex.quote, logs[:MAX_NAMES]))
    names += " ..." if not find_globs(logs) and len(logs) > MAX_NAMES else ""
    if "unreadable" in verdicts:
        return "Next: name the format with --log-format, or give the server's configuration with --nginx-conf FILE."
    if damaged := [str(row["file"]) for row in rows if row["check"] == "damage"]:
        more = " ..." if len(damaged) > MAX_NAMES else ""
        return f"Next: get a complete copy of {' '.join(map(shlex.quote, damaged[:MAX_NAMES]))}{more}"
    if "doubtful" in verdicts:
        return f"Next: keep the lines that cannot be read: pixelstat check {names} --rejects bad_lines.tsv"
    if "good" in verdicts:
        return f"Next: pixelstat summary {names}".rstrip()
    return f"Next: name your pixel with --pixel PATH. pixelstat summary {names} lists paths that may be pixels."


def _explain_format(log: Log, form: LogFormat) -> str:
    """Say how many of the first lines match the format."""
    pairs = pair_with_headers(log.first_lines(LONG_HEAD_LINES))[:HEAD_LINES]
    matching = sum(form.matches(line, header) for line, header in pairs)
    return f"{matching} of its first {len(pairs)} lines match"
