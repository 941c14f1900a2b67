"""Detect the format of a log from its first lines."""

from collections import Counter
from collections.abc import Iterable, Sequence

from pixelstat.formats.base import LogFormat
from pixelstat.formats.prefixes import PREFIXES, Prefixed

HEAD_LINES = 50  # the format is detected from so many lines
LONG_HEAD_LINES = 5_000  # and from so many where none of those matches any format
HEADER_START = "#Fields:"
LineWithHeader = tuple[str, str | None]  # a line, and the `#Fields:` line that applies to it


def detect(head: Sequence[str], candidates: Sequence[LogFormat]) -> LogFormat | None:
    """Return the first candidate that at least half of a log's first lines match, else the one that most lines match.

    Asking for half keeps one line that was cut short from deciding for a poorer format. Where no line matches any
    candidate, lines are tried again without the prefixes that log collectors add. None if no candidate matches.
    """
    lines = pair_with_headers(head)
    for count in (HEAD_LINES, LONG_HEAD_LINES):
        if best := _best_match(lines[:count], candidates):
            return best
        for prefix in PREFIXES:
            bare = [(text, header) for line, header in lines[:count] if (text := prefix.strip(line)) is not None]
            if bare and (best := _best_match(bare, candidates)):
                return Prefixed(prefix, best)
    return None


def pair_with_headers(head: Iterable[str]) -> list[LineWithHeader]:
    """Return the lines that are neither blank nor comments, each with the `#Fields:` line that applies to it."""
    pairs: list[LineWithHeader] = []
    header = None
    for line in head:
        if line.startswith(HEADER_START):
            header = line
        if line.strip() and not line.startswith("#"):
            pairs.append((line, header))
    if not pairs and header:  # the log has only its header so far: make up a line of empty fields
        pairs.append((" ".join(["-"] * len(header.split()[1:])), header))
    return pairs


def _best_match(lines: Sequence[LineWithHeader], candidates: Sequence[LogFormat]) -> LogFormat | None:
    """Return the first candidate that half of the lines match, else the one that most lines match."""
    match_counts: Counter[LogFormat] = Counter()
    for candidate in candidates:
        variants = Counter(
            candidate.with_header(header, line) for line, header in lines if candidate.matches(line, header)
        )
        if variants:
            variant = variants.most_common(1)[0][0]
            match_counts[variant] = variants.total()
            if variants.total() * 2 >= len(lines):
                return variant
    return max(match_counts, key=lambda variant: match_counts[variant]) if match_counts else None
