"""Which log is read as which format: by its first lines, among the formats that the options leave."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pixelstat import formats
from pixelstat.errors import PixelstatError
from pixelstat.formats.base import Format
from pixelstat.formats.detection import FIELDS, LONGER_HEAD, detect
from pixelstat.formats.nginx_conf import nginx_formats
from pixelstat.pipeline import Logs
from pixelstat.sources.blocks import Log
from pixelstat.sources.event_parquet import is_event_parquet


def candidates(common: dict[str, Any]) -> tuple[Format, ...]:
    """The formats that a line may be of: those that the options name, else all."""
    if common["log_format"] and common["nginx_conf"]:
        raise PixelstatError("--log-format and --nginx-conf both name the format.", "Leave one of them out.")
    if common["nginx_conf"]:
        return (*nginx_formats(common["nginx_conf"]), *formats.formats_named("combined"))
    return formats.formats_given(common["log_format"]) if common["log_format"] else formats.all_formats()


def by_format(found: Sequence[Log], common: dict[str, Any], tell: Callable[[str], None]) -> Logs:
    """The logs grouped by format. A named log that fits none is an error; one in a directory is passed over."""
    possible = candidates(common)
    groups: dict[Format, list[Log]] = {}
    others, parquet = [], []
    for log in found:
        if is_event_parquet(log):
            parquet.append(log)
            continue
        if not log.head:
            if not log.damage:
                tell(f"{log.title()} is empty.")
            continue
        form = detect(log.first_lines(LONGER_HEAD), possible)
        if form:
            groups.setdefault(form, []).append(log)
        elif log.from_folder:
            others.append(log.name)
        else:
            raise _unknown(log, is_given=len(possible) < len(formats.NAMES))
    if others:
        if not groups and not parquet:
            raise PixelstatError(
                f"No file in the directory is a log: {', '.join(others)}.",
                "Name the logs, or their format with --log-format.",
            )
        tell(f"Passed over, no log: {', '.join(others)}.")
    read = read_by(list(groups.items()) or [(possible[0].ruled_by(FIELDS), [])], possible, common)
    return replace(read, stored=parquet)


def read_by(groups: Sequence[tuple[Format, Sequence[Log]]], possible: Sequence[Format], common: dict[str, Any]) -> Logs:
    """The logs as the common options say that they are read."""
    return Logs(groups, possible, common["log_tz"].key, common["max_line"], common["trusted_proxy"])


def _unknown(log: Log, *, is_given: bool) -> PixelstatError:
    if archive := log.archive():
        return PixelstatError(f"{log.name} is a {archive} archive.", f"Unpack it: {archive}, or pipe its logs in.")
    known = "the log format given" if is_given else "any log format that pixelstat knows"
    return PixelstatError(
        f"No line of {log.name} fits {known}. Its first line:\n    {log.first_line()}",
        "Name its format, as the server's configuration spells it (log_format of nginx, LogFormat of Apache):\n"
        "    --log-format '$remote_addr - $remote_user [$time_local] \"$request\" $status'",
    )
