"""Detect the format of a log from its first lines."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pixelstat.formats.base import LogFormat
from pixelstat.formats.inferred import InferredFormat
from pixelstat.formats.text import TextFormat
from pixelstat.formats.wrappings import MAX_DEPTH, WRAPPINGS, Colours, Prefix, Wrapped, Wrapping
from pixelstat.text.addresses import parse_address

HEAD_LINES = 50  # the format is detected from so many lines
LONG_HEAD_LINES = 5_000  # and from so many where none of those matches any format
MAX_ADDRESS = 60  # characters of an address with a zone and a port
HEADER_START = "#Fields:"
LAST_RESORT = "text"  # takes nearly any line, so unwrapped lines are tried before it
TELLING_FIELDS = {"client", "forwarded_for", "status", "bytes", "referrer", "user_agent"}
LineWithHeader = tuple[str, str | None]  # a line, and the `#Fields:` line that applies to it
Unwrapped = tuple[tuple[Wrapping, ...], Sequence[LineWithHeader]]  # what was taken off, and the lines inside


def detect(head: Sequence[str], candidates: Sequence[LogFormat]) -> LogFormat | None:
    """Return the format of a log by its first lines, or None if they match no candidate.

    It is the first candidate that at least half of the lines match, as they are or unwrapped, else the one that most
    lines match. Asking for half keeps one line that was cut short from deciding for a poorer format.
    """
    lines = pair_with_headers(head)
    for count in (HEAD_LINES, LONG_HEAD_LINES):
        if best := find_format(lines[:count], candidates):
            return best
    return None


def find_format(
    lines: Sequence[LineWithHeader], candidates: Sequence[LogFormat], *, are_misfits: bool = False
) -> LogFormat | None:
    """Return the format that these lines have, as they are or in wrappings, by the rule of `detect`.

    `are_misfits` is true for lines that do not have the format of their log.
    """
    best: tuple[int, LogFormat | None] = (0, None)
    last_resorts = [candidate for candidate in candidates if candidate.name == LAST_RESORT]
    named = [candidate for candidate in candidates if candidate.name != LAST_RESORT]
    is_open = bool(last_resorts)  # the user has named no format
    for wrappings, bare in unwrap_in_all_ways(lines):
        log_format, count = _best_match(bare, named, are_misfits=are_misfits, is_open=is_open)
        if log_format and count * 2 >= len(lines):
            return _wrap(log_format, wrappings)
        if log_format and count > best[0]:
            best = count, _wrap(log_format, wrappings)
    return best[1] or _find_last_resort(lines, last_resorts, are_misfits=are_misfits)


def _find_last_resort(
    lines: Sequence[LineWithHeader], last_resorts: Sequence[LogFormat], *, are_misfits: bool
) -> LogFormat | None:
    """Return the format that shows the most in the lines. Of equal ones it is that of the lines without wrappings.

    The last resort takes nearly any text around a line for a part of it.
    """
    ranked: list[tuple[tuple[int, int, int, int], LogFormat]] = []
    for place, (wrappings, bare) in enumerate(unwrap_in_all_ways(lines) if last_resorts else ()):
        log_format, count = _best_match(bare, last_resorts, are_misfits=are_misfits, is_open=True)
        if isinstance(log_format, TextFormat) and count * 2 >= len(bare):
            rank = count, len(TELLING_FIELDS & {*log_format.names}), len(wrappings), -place
            ranked.append((rank, _wrap(log_format, wrappings)))
    return max(ranked, key=lambda entry: entry[0])[1] if ranked else None


def _wrap(log_format: LogFormat, wrappings: Sequence[Wrapping]) -> LogFormat:
    """Return the format of lines in these wrappings, the outermost first."""
    for wrapping in reversed(wrappings):
        log_format = Wrapped(wrapping, log_format)
    return log_format


def unwrap_in_all_ways(lines: Sequence[LineWithHeader]) -> Iterator[Unwrapped]:
    """Yield the lines as they are, then those that have one wrapping, unwrapped, then two, and so on."""
    level = [_strip_colours((), lines)]
    for _ in range(MAX_DEPTH):
        yield from level
        level = [
            _strip_colours((*wrappings, wrapping), bare)
            for wrappings, wrapped in level
            for wrapping in WRAPPINGS
            if (bare := _unwrap_each(wrapped, wrapping))
        ]
    yield from level


def _strip_colours(
    wrappings: tuple[Wrapping, ...], lines: Sequence[LineWithHeader]
) -> tuple[tuple[Wrapping, ...], Sequence[LineWithHeader]]:
    """Return the lines without colours if half of them have any: a format would take colours for part of an address."""
    colours = Colours()
    bare = _unwrap_each(lines, colours)
    return ((*wrappings, colours), bare) if bare and len(bare) * 2 >= len(lines) else (wrappings, lines)


def _unwrap_each(lines: Sequence[LineWithHeader], wrapping: Wrapping) -> list[LineWithHeader]:
    """Return those of the lines that have the wrapping, without it. An address in front is no prefix."""
    return [
        (bare, header)
        for line, header in lines
        if (bare := wrapping.unwrap(line))
        and not (isinstance(wrapping, Prefix) and parse_address(line[:MAX_ADDRESS].partition(" ")[0]))
    ]


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


def _best_match(
    lines: Sequence[LineWithHeader], candidates: Sequence[LogFormat], *, are_misfits: bool, is_open: bool
) -> tuple[LogFormat | None, int]:
    """Return the first candidate that half of the lines match, else the one that most lines match, and how many do."""
    match_counts: Counter[LogFormat] = Counter()
    for candidate in _infer_candidates(candidates, lines, are_misfits=are_misfits):
        variants = Counter(
            candidate.with_header(header, line)
            for line, header in lines
            if candidate.matches(line, header) and not (is_open and _mistakes_client(candidate, line))
        )
        if variants:
            variant = variants.most_common(1)[0][0]
            match_counts[variant] = variants.total()
            if variants.total() * 2 >= len(lines):
                break
    best = max(match_counts, key=lambda variant: match_counts[variant], default=None)
    return best, match_counts[best] if best else 0


def _mistakes_client(candidate: LogFormat, line: str) -> bool:
    return isinstance(candidate, TextFormat) and candidate.mistakes_client(line)


def _infer_candidates(
    candidates: Sequence[LogFormat], lines: Sequence[LineWithHeader], *, are_misfits: bool
) -> Iterator[LogFormat]:
    """Yield the candidates; those that are inferred as the format that these lines show together."""
    for candidate in candidates:
        if not isinstance(candidate, InferredFormat):
            yield candidate
        elif (inferred := candidate.infer([line for line, _ in lines])) and (
            not are_misfits or all(candidate.accepts_misfit(line, inferred) for line, _ in lines)
        ):
            yield inferred
