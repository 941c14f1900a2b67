"""Detect the format of a log from its first lines."""

from collections import Counter
from collections.abc import Iterable, Sequence

from pixelstat.formats.base import Format
from pixelstat.formats.prefixes import PREFIXES, Prefixed

HEAD = 50  # lines that a format is told from
LONGER_HEAD = 5_000  # and where none of them fits any
FIELDS = "#Fields:"
LineWithHeader = tuple[str, str | None]  # a line, and the `#Fields:` line that rules it


def detect(head: Sequence[str], candidates: Sequence[Format]) -> Format | None:
    """The first candidate that at least half of a log's first lines are shaped like, else the one that most are.

    The half keeps a line that was cut short from turning a log into one of a poorer format. Where no line is
    shaped like any, what collectors put in front of lines is taken off.
    """
    lines = pair_with_headers(head)
    for count in (HEAD, LONGER_HEAD):
        if found := _best_match(lines[:count], candidates):
            return found
        for prefix in PREFIXES:
            behind = [(text, header) for line, header in lines[:count] if (text := prefix.behind(line)) is not None]
            if behind and (found := _best_match(behind, candidates)):
                return Prefixed(prefix, found)
    return None


def pair_with_headers(head: Iterable[str]) -> list[LineWithHeader]:
    """The lines that say something, each with its header."""
    found: list[LineWithHeader] = []
    header = None
    for line in head:
        if line.startswith(FIELDS):
            header = line
        if line.strip() and not line.startswith("#"):
            found.append((line, header))
    if not found and header:  # a log of which there is only the beginning
        found.append((" ".join(["-"] * len(header.split()[1:])), header))
    return found


def _best_match(lines: Sequence[LineWithHeader], candidates: Sequence[Format]) -> Format | None:
    fitting: Counter[Format] = Counter()
    for candidate in candidates:
        forms = Counter(candidate.ruled_by(header, line) for line, header in lines if candidate.is_shaped(line, header))
        if forms:
            form = forms.most_common(1)[0][0]
            fitting[form] = forms.total()
            if forms.total() * 2 >= len(lines):
                return form
    return max(fitting, key=lambda form: fitting[form]) if fitting else None
