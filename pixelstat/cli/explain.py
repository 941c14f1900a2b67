"""--explain: what became of one line, and why."""

import re
from collections.abc import Sequence
from functools import reduce
from pathlib import Path

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.formats.base import Format
from pixelstat.formats.detection import FIELDS, HEAD, LONGER_HEAD, detect
from pixelstat.formats.reparse import reparse_misfits
from pixelstat.outputs._text import format_lists
from pixelstat.pipeline import Selection, claimed, described, grouped, judged, recognized, respected, without_machines
from pixelstat.schemas import EXPORTED, FAULTS, READ, REASONS, Reason
from pixelstat.sources import discovery
from pixelstat.sources.blocks import MAX_LINE, Log
from pixelstat.sources.lines import read_line
from pixelstat.terminal import harmless


def explain(given: str, logs: Sequence[str], candidates: Sequence[Format], selection: Selection, zone: str) -> str:
    """The line's format, its fields, the event it became, and the verdict with its reason."""
    if selection.visits:
        raise PixelstatError("One line does not tell its visit, which --where asks for.", "Leave --where out.")
    log, line, header = _line(given.encode("utf-8", "replace").decode(), logs)
    form = detect(log.first_lines(LONGER_HEAD), candidates) if log.head else None
    given_line = {"line": [line], "header": [header], "file": ["--explain"], "number": [1]}
    rows = pl.DataFrame(given_line, schema={name: READ[name] for name in given_line})
    if form and form.is_shaped(line, header):
        candidates = [form, *candidates]
    blank = {name: pl.lit(None, dtype) for name, dtype in READ.items() if name not in rows.columns}
    unread = rows.with_columns(**blank).with_columns(rejected=pl.lit("unreadable", Reason)).select(READ.names())
    request = reparse_misfits(unread, candidates, zone, MAX_LINE)
    fault = request["fault"].item()
    if request["format"].item() is None:
        return _listed({"line": line, "verdict": "set aside: unreadable", "why": f"it {FAULTS['no_format']}"})
    stages = (described, respected, recognized, without_machines, grouped, judged)
    event = reduce(lambda rows, stage: stage(rows, selection), stages, claimed(request.lazy(), selection)).collect()
    verdict = event["reason"].item()
    row = request.drop("file", "number", "rejected", "line", "header", "fault").row(0, named=True)
    said: dict[str, object] = {"line": line, "format": row.pop("format"), **row}
    reason = event["rejected"].item()
    if reason not in ("unreadable", "not_pixel"):
        columns = [name for name in (*EXPORTED, *selection.config.further) if name not in ("time", "format", *_BOTH)]
        own = format_lists(event.select(columns)).row(0, named=True)
        said |= {f"event: {key}": value for key, value in own.items()}
    said["verdict"] = f"set aside: {REASONS[reason][0]}" if reason else "kept"
    said["why"] = _why(reason, fault, row, verdict)
    return _listed(said)


_BOTH = (  # said of the request already
    "query", "http_referer", "client", "user_agent", "method", "path", "status", "forwarded_for", "cookies", "dnt",
    "gpc", "purpose", "request_id",
)  # fmt: skip


def _line(given: str, logs: Sequence[str]) -> tuple[Log, str, str | None]:
    """The line itself, the `#Fields:` line that rules it, and a log to tell its format from."""
    place = re.fullmatch(r"(.+):(\d+)", given, re.DOTALL)
    if place and discovery.exists(place[1]) and Path(place[1]).is_file():
        log = discovery.find_logs([place[1]])[0]
        return log, *read_line(log, int(place[2]))
    if not given.strip():
        raise PixelstatError("--explain needs a line of a log, or FILE:N.", "Try: --explain access.log:1")
    if logs:
        log = discovery.find_logs(logs[:1])[0]
        headers = [line for line in log.first_lines(HEAD) if line.startswith(FIELDS)]
        return log, given, headers[0] if headers else None
    return Log("--explain", 0, head=f"\n{given}\n".encode()), given, None


def _why(reason: str | None, fault: str | None, row: dict[str, object], verdict: str | None) -> str:
    status = row["status"]
    return {
        None: "a pixel request, answered, from nobody who is set aside",
        "unreadable": f"it {FAULTS[fault]}" if fault else "",
        "not_pixel": f"{row['path']} is no tracking image or beacon; --pixel PATH names your own",
        "refused": f"the server answered {status}, which is neither success, 304 nor a redirect",
        "bot": "its user agent is a bot's, by ua-parser or the crawler-user-agents list",
        "person": "its user agent is no bot's, and --bots only was asked for",
        "own_address": f"{row['client']} lies in an --exclude-ip network",
        "no_consent": "it carries a refusal, or --consent require asks for a consent that it does not carry",
        "other_host": "it is of another host than --host",
        "other_period": "it lies outside --since and --until",
        "machine": f"it is a machine's by the rule {verdict}",
        "other": "--where does not hold for it",
    }[reason]


def _listed(said: dict[str, object]) -> str:
    known = {key: harmless(str(value)) for key, value in said.items() if value is not None}
    width = max(map(len, known))
    return "\n".join(f"{key:<{width}}  {value}" for key, value in known.items())
