"""The log formats, specific before general: one a file, named here once, told from a log's first lines."""

from importlib import import_module

from pixelstat.errors import PixelstatError
from pixelstat.formats.text import TextFormat
from pixelstat.source import Log, head_lines

NAMES = ("combined_vhost_port", "combined_vhost", "combined", "common_vhost_port", "common_vhost", "common")
HEAD = 50  # lines that a format is told from; where none of them fits, all that was read ahead is tried


def format_named(name: str) -> TextFormat:
    found: TextFormat = import_module(f"pixelstat.formats.{name}").FORMAT
    return found


def format_given(text: str) -> TextFormat:
    """The format that `--log-format` names or spells out. Raises PixelstatError if it is neither."""
    if "$" in text or "%" in text:
        return TextFormat("--log-format", text)
    if text not in NAMES:
        raise PixelstatError(
            f"There is no log format {text!r}.",
            f"Give one of {', '.join(NAMES)}, or the log_format string of nginx or the LogFormat string of Apache.",
        )
    return format_named(text)


def detect(log: Log, candidates: list[TextFormat]) -> TextFormat | None:
    """The first candidate that reads at least half of the log's first lines, else the one that reads the most.

    The half keeps a line that was cut short from turning a log into one of a poorer format.
    """
    for count in (HEAD, 1_000_000):
        head = head_lines(log, count)
        readable: dict[TextFormat, int] = {}
        for candidate in candidates:
            readable[candidate] = candidate.fits(head)
            if readable[candidate] * 2 >= head.height:
                return candidate
        if any(readable.values()):
            return max(readable, key=lambda candidate: readable[candidate])
    return None
