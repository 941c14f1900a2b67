"""--explain: what became of one line, and why."""

import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from pixelstat import formats, source
from pixelstat.errors import PixelstatError
from pixelstat.formats.text import TextFormat
from pixelstat.pipeline import Selection, claimed, judged
from pixelstat.schemas import LINES, REASONS
from pixelstat.terminal import harmless


def explain(given: str, logs: Sequence[str], log_format: str | None, selection: Selection) -> str:
    """The line's format, its fields, the event it became, and the verdict with its reason."""
    log, line = _line(given, logs)
    candidates = (
        [formats.format_given(log_format)] if log_format else [formats.format_named(name) for name in formats.NAMES]
    )
    form = formats.detect(log, candidates) if log.head else None
    if form is None:
        return _listed(
            {"line": line, "verdict": "set aside: unreadable", "why": "it fits no log format that pixelstat knows"}
        )
    request = form.requests(_as_lines(line)).collect()
    event = judged(claimed(request.lazy(), selection), selection).collect()
    row = request.drop("file", "number", "rejected").row(0, named=True)
    said: dict[str, object] = {"line": line, "format": form.name, **row}
    reason = event["rejected"].item()
    if reason not in ("unreadable", "not_pixel"):
        own = event.drop("rejected", "time", "client", "user_agent", "method", "path", "status").row(0, named=True)
        said |= {f"event: {key}": value for key, value in own.items()}
    said["verdict"] = f"set aside: {REASONS[reason][0]}" if reason else "kept"
    said["why"] = _why(reason, form, row)
    return _listed(said)


def _line(given: str, logs: Sequence[str]) -> tuple[source.Log, str]:
    """The line itself, and a log to tell its format from."""
    place = re.fullmatch(r"(.+):(\d+)", given, re.DOTALL)
    if place and source.exists(place[1]) and Path(place[1]).is_file():
        log = source.find_logs([place[1]])[0]
        return log, source.line_of(log, int(place[2]))
    if not given.strip():
        raise PixelstatError("--explain needs a line of a log, or FILE:N.", "Try: --explain access.log:1")
    if logs:
        return source.find_logs(logs[:1])[0], given
    return source.Log("--explain", 0, head=b"\n" + given.encode("utf-8", "replace") + b"\n"), given


def _as_lines(line: str) -> pl.LazyFrame:
    return pl.LazyFrame({"line": [line], "file": ["--explain"], "number": [1]}, schema=LINES)


def _why(reason: str | None, form: TextFormat, row: dict[str, object]) -> str:
    status = row["status"]
    return {
        None: "a pixel request, answered, from nobody who is set aside",
        "unreadable": f"it does not fit the format {form.name}: a field is missing or its time is no time",
        "not_pixel": f"{row['path']} is no tracking image or beacon; --pixel PATH names your own",
        "refused": f"the server answered {status}, which is neither success, 304 nor a redirect",
        "bot": "its user agent is a bot's, by ua-parser or the crawler-user-agents list",
        "person": "its user agent is no bot's, and --bots only was asked for",
        "own_address": f"{row['client']} lies in an --exclude-ip network",
        "other_host": "it is of another host than --host",
        "other_period": "it lies outside --since and --until",
        "other": "--where does not hold for it",
    }[reason]


def _listed(said: dict[str, object]) -> str:
    known = {key: harmless(str(value)) for key, value in said.items() if value is not None}
    width = max(map(len, known))
    return "\n".join(f"{key:<{width}}  {value}" for key, value in known.items())
