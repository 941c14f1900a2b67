"""--explain: show what became of one line, and why."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.event_streams import build_events, find_clients
from pixelstat.formats.assignment import ReadingRules, detect_log_format
from pixelstat.formats.detection import HEAD_LINES, HEADER_START
from pixelstat.formats.reparse import reparse_line
from pixelstat.outputs._text import format_lists
from pixelstat.pipeline import apply_stages, list_row_stages
from pixelstat.pipeline_settings import PipelineSettings
from pixelstat.schemas import EXPORTED, FAULTS, REASONS
from pixelstat.sources import discovery
from pixelstat.sources.blocks import Log
from pixelstat.sources.lines import read_line
from pixelstat.terminal import escape_controls

_REQUEST_COLUMNS = (  # of EVENTS, which the listing of the request shows already
    "query", "http_referer", "client", "user_agent", "method", "path", "status", "forwarded_for", "cookies", "dnt",
    "gpc", "purpose", "request_id",
)  # fmt: skip

_BOT_RULES = {  # traffic_reason of a bot -> why it is one; for others the user agent is the reason
    "head": "it is a HEAD request, which loads no image",
    "declared_bot": "a parameter of the request says that a bot sent it",
}


def explain(text: str, logs: Sequence[str], rules: ReadingRules, settings: PipelineSettings) -> str:
    """Return a listing of a line's format, its fields, the events it became, and whether and why they count.

    `text` is the line itself or FILE:N. Raises PixelstatError where it is neither, or where one line is not enough.
    """
    if settings.sessions:
        raise PixelstatError(
            "--explain reads one line, but the report or --where needs whole visits.",
            "Remove --where, or try: pixelstat views --explain access.log:1",
        )
    log, line, header = _find_line(text.encode("utf-8", "replace").decode(), logs)
    request = _parse_line(log, line, header, rules)
    fault = request["fault"].item()
    if request["format"].item() is None:
        return _format_listing({"line": line, "result": "excluded: unreadable", "why": f"it {FAULTS['no_format']}"})
    request = find_clients(request.lazy(), rules).collect()
    events = apply_stages(build_events(request.lazy(), settings), list_row_stages(settings)).collect()
    fields = request.drop("file", "number", "rejected", "line", "header", "fault").row(0, named=True)
    listing: dict[str, object] = {"line": line, "format": fields.pop("format"), **fields}
    columns = [*EXPORTED, *settings.protocols.custom_columns]
    shown = [name for name in columns if name not in ("time", "format", *_REQUEST_COLUMNS)]
    for number, event in enumerate(events.iter_slices(1), 1):
        which = f" {number}" if len(events) > 1 else ""
        reason = event["rejected"].item()
        if reason not in ("unreadable", "not_pixel"):
            values = format_lists(event.select(shown)).row(0, named=True)
            listing |= {f"event{which}: {name}": value for name, value in values.items()}
        listing[f"result{which}"] = f"excluded: {REASONS[reason][0]}" if reason else "counted"
        listing[f"why{which}"] = _explain_reason(reason, fault, fields, event["traffic_reason"].item())
    return _format_listing(listing)


def _find_line(text: str, logs: Sequence[str]) -> tuple[Log, str, str | None]:
    """Return a log to detect the format from, the line, and the `#Fields:` line that it stands below."""
    place = re.fullmatch(r"(.+):(\d+)", text, re.DOTALL)
    if place and discovery.path_exists(place[1]) and Path(place[1]).is_file():
        log = discovery.find_logs([place[1]])[0]
        return log, *read_line(log, int(place[2]))
    if not text.strip():
        raise PixelstatError("--explain needs a line of a log, or FILE:N.", "Try: --explain access.log:1")
    if logs:
        log = discovery.find_logs(logs[:1])[0]
        headers = [line for line in log.first_lines(HEAD_LINES) if line.startswith(HEADER_START)]
        return log, text, headers[0] if headers else None
    return Log("--explain", 0, head=f"\n{text}\n".encode()), text, None


def _parse_line(log: Log, line: str, header: str | None, rules: ReadingRules) -> pl.DataFrame:
    """Return the line as a row of READ: by the format of its log, else by the first that it fits."""
    log_format = detect_log_format(log, rules.candidates) if log.head else None
    return reparse_line(line, header, log_format, rules)


def _explain_reason(reason: str | None, fault: str | None, fields: Mapping[str, object], rule: str | None) -> str:
    status = fields["status"]
    return {
        None: "it is a pixel request that the server answered, and no rule excludes it",
        "unreadable": f"it {FAULTS[fault]}" if fault else "",
        "not_pixel": f"{fields['path']} is not a known tracking pixel; name your own with --pixel PATH",
        "refused": f"the server answered with status {status}, which is not a success, a redirect or 304",
        "bot": _BOT_RULES.get(
            rule or "", "its user agent belongs to a bot, by ua-parser or the crawler-user-agents list"
        ),
        "person": "no bot sent it, and --bots only counts bots",
        "own_address": f"{fields['client']} is in a network of --exclude-ip",
        "no_consent": "it refuses consent, or --consent require is set and it does not grant consent",
        "other_host": "its host is not the one of --host",
        "other_period": "its time is not between --since and --until",
        "machine": f"a machine sent it, by the rule {rule}",
        "other": "it does not match --where",
    }[reason]


def _format_listing(listing: Mapping[str, object]) -> str:
    """Return a line for each value that is not null: its name, aligned, and the value, safe for a terminal."""
    values = {name: escape_controls(str(value)) for name, value in listing.items() if value is not None}
    width = max(map(len, values))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in values.items())
