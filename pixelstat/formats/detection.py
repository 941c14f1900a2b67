"""Detect the format of a log from its first lines."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from pixelstat.formats.base import LogFormat
from pixelstat.formats.inferred import InferredFormat
from pixelstat.formats.normalize import is_time_field
from pixelstat.formats.text import TextFormat
from pixelstat.formats.wrapped import Wrapped
from pixelstat.formats.wrapping_kinds import Colours, Prefix, Wrapping
from pixelstat.formats.wrappings import MAX_DEPTH, NO_PREFIXES, WRAPPINGS, has_prefix
from pixelstat.text.addresses import parse_address

HEAD_LINES = 50  # first lines from which the format is detected
LONG_HEAD_LINES = 5_000  # first lines that are tried next, if none of the former matches a format
MAX_ADDRESS = 60  # characters of an IP address with a zone and a port
HEADER_START = "#Fields:"
LAST_RESORT = "text"  # matches nearly any line, so it is tried after all other formats, in all wrappings
RANKING_FIELDS = {"client", "forwarded_for", "status", "bytes", "referrer", "user_agent"}
LinePair = tuple[str, str | None]  # a line, and the `#Fields:` line that applies to it
Unwrapped = tuple[tuple[Wrapping, ...], Sequence[LinePair]]  # the wrappings that were removed, and the lines inside


def detect(head: Sequence[str], candidates: Sequence[LogFormat]) -> LogFormat | None:
    """Return the format of a log by its first lines, or None if they match no candidate.

    The first candidate that at least half of the lines match is the format. Otherwise it is the candidate that most
    lines match. Lines can match as they are or unwrapped. A single truncated line must not select a poorer format.
    """
    lines = pair_with_headers(head)
    for count in (HEAD_LINES, LONG_HEAD_LINES):
        if best := find_format(lines[:count], candidates):
            return best
    return None


def find_format(
    lines: Sequence[LinePair], candidates: Sequence[LogFormat], *, are_misfits: bool = False
) -> LogFormat | None:
    """Return the format of these lines, as they are or unwrapped, by the rule of `detect`.

    `are_misfits` is true for lines that do not match the format of their log.
    """
    last_resorts = [candidate for candidate in candidates if candidate.name == LAST_RESORT]
    others = [candidate for candidate in candidates if candidate.name != LAST_RESORT]
    # A line that another candidate would misread can still match the last resort.
    find = partial(_find_in_all_ways, candidates=others, are_misfits=are_misfits, is_strict=bool(last_resorts))
    best, count, ways = find(lines)
    if not last_resorts or count * 2 >= len(lines):
        return best
    if count:  # the last resort would match the lines of most formats, so only the other lines count for it
        ways = [*unwrap_in_all_ways([pair for pair in lines if not find([pair])[1]])]
    last_resort, last_count = _find_last_resort(ways, last_resorts, are_misfits=are_misfits)
    return last_resort if last_count > count else best


def _find_in_all_ways(
    lines: Sequence[LinePair], candidates: Sequence[LogFormat], *, are_misfits: bool, is_strict: bool
) -> tuple[LogFormat | None, int, list[Unwrapped]]:
    """Return the best format of the lines, the number of lines that match, and the ways to unwrap them up to this one.

    The first format that half of the lines match is the best, else the one that most lines match.
    """
    best: tuple[LogFormat | None, int] = (None, 0)
    ways: list[Unwrapped] = []
    for wrappings, bare in unwrap_in_all_ways(lines):
        ways.append((wrappings, bare))
        log_format, count = _find_best(bare, candidates, are_misfits=are_misfits, is_strict=is_strict)
        if log_format and count > best[1]:
            best = _wrap(log_format, wrappings), count
            if count * 2 >= len(lines):
                break
    return *best, ways


def reads_misfit(log_format: LogFormat, line: str, header: str | None, candidates: Sequence[LogFormat]) -> bool:
    """Return whether this format, which `find_format` returned for another misfit, is also one of this line."""
    while isinstance(log_format, Wrapped):
        bare = log_format.wrapping.unwrap(line)
        if bare is None:
            return False
        line, log_format = bare, log_format.inner
    inferring = next(
        (form for form in candidates if isinstance(form, InferredFormat) and form.name == log_format.name), None
    )
    is_strict = any(candidate.name == LAST_RESORT for candidate in candidates)
    return _accepts(log_format, line, header, is_strict=is_strict) and (
        inferring is None or inferring.accepts_misfit(line, log_format)
    )


def _find_last_resort(
    ways: Sequence[Unwrapped], last_resorts: Sequence[LogFormat], *, are_misfits: bool
) -> tuple[LogFormat | None, int]:
    """Return the last resort in those of these wrappings in which most lines match and most fields are recognized.

    The first match is not enough: the last resort reads nearly any wrapping as a part of the line. So if two ways to
    unwrap the lines are equal, the one with more wrappings is better. The second value is the number of lines that
    match.
    """
    ranked: list[tuple[tuple[int, int, int, int, int], LogFormat]] = []
    for place, (wrappings, bare) in enumerate(ways if last_resorts else ()):
        log_format, count = _find_best(bare, last_resorts, are_misfits=are_misfits, is_strict=True)
        if isinstance(log_format, TextFormat) and count * 2 >= len(bare):
            names = log_format.names
            is_time_last = is_time_field(names[-1])  # a time in front was taken for a part of the wrapping
            rank = count, len(RANKING_FIELDS & {*names}), -is_time_last, len(wrappings), -place
            ranked.append((rank, _wrap(log_format, wrappings)))
    if not ranked:
        return None, 0
    rank, best = max(ranked, key=lambda entry: entry[0])
    return best, rank[0]


def _wrap(log_format: LogFormat, wrappings: Sequence[Wrapping]) -> LogFormat:
    """Return the format of lines in these wrappings, which are listed from outside to inside."""
    for wrapping in reversed(wrappings):
        log_format = Wrapped(wrapping, log_format)
    return log_format


def unwrap_in_all_ways(lines: Sequence[LinePair]) -> Iterator[Unwrapped]:
    """Yield the lines without any wrapping removed, then with each one removed, then with each two, and so on.

    Lines that lack the wrapping are left out.
    """
    level = [_strip_colours((), lines)]
    yield from level
    for _ in range(MAX_DEPTH):
        outer, level = level, []
        for wrappings, wrapped in outer:
            for wrapping in _list_likely_wrappings(wrapped):
                if bare := _unwrap_each(wrapped, wrapping):
                    level.append(_strip_colours((*wrappings, wrapping), bare))
                    yield level[-1]


def _strip_colours(
    wrappings: tuple[Wrapping, ...], lines: Sequence[LinePair]
) -> tuple[tuple[Wrapping, ...], Sequence[LinePair]]:
    """Return the coloured lines without colours if at least half of the lines are coloured, else all lines.

    A format would match a line with colours, and read them as a part of the URL.
    """
    colours = Colours()
    bare = _unwrap_each(lines, colours)
    return ((*wrappings, colours), bare) if bare and len(bare) * 2 >= len(lines) else (wrappings, lines)


def _list_likely_wrappings(lines: Sequence[LinePair]) -> Sequence[Wrapping]:
    """Return the wrappings that the lines may have. One search for all prefixes is quicker than one for each."""
    return WRAPPINGS if any(has_prefix(line) for line, _ in lines) else NO_PREFIXES


def _unwrap_each(lines: Sequence[LinePair], wrapping: Wrapping) -> list[LinePair]:
    """Return the lines that have the wrapping, without it.

    An IP address at the start of a line is not a prefix, although it can match the pattern of one.
    """
    return [
        (bare, header)
        for line, header in lines
        if (bare := wrapping.unwrap(line))
        and not (isinstance(wrapping, Prefix) and parse_address(line[:MAX_ADDRESS].partition(" ")[0].partition(",")[0]))
    ]


def pair_with_headers(head: Iterable[str]) -> list[LinePair]:
    """Return the lines that are neither blank nor comments, each with the `#Fields:` line that applies to it."""
    pairs: list[LinePair] = []
    header = None
    for line in head:
        if line.startswith(HEADER_START):
            header = line
        if line.strip() and not line.startswith("#"):
            pairs.append((line, header))
    if not pairs and header:  # a log with only a header is detected by a line of empty fields
        pairs.append((" ".join(["-"] * len(header.split()[1:])), header))
    return pairs


def _find_best(
    lines: Sequence[LinePair], candidates: Sequence[LogFormat], *, are_misfits: bool, is_strict: bool
) -> tuple[LogFormat | None, int]:
    """Return the first candidate that half of the lines match, else the one that most lines match, with their number.

    With `is_strict`, a line does not match a candidate that would mistake its site for the client.
    """
    fitting = _infer_candidates(candidates, lines, are_misfits=are_misfits)
    if len(lines) == 1:  # as of each misfit: counting would take most of the time
        line, header = lines[0]
        first = next((form for form in fitting if _accepts(form, line, header, is_strict=is_strict)), None)
        return (first.with_header(header, line), 1) if first else (None, 0)
    match_counts: Counter[LogFormat] = Counter()
    for candidate in fitting:
        variants = Counter(
            candidate.with_header(header, line)
            for line, header in lines
            if _accepts(candidate, line, header, is_strict=is_strict)
        )
        if variants:
            usual = variants.most_common(1)[0][0]
            match_counts[usual] = variants.total()
            if variants.total() * 2 >= len(lines):
                break
    best = max(match_counts, key=lambda variant: match_counts[variant], default=None)
    return best, match_counts[best] if best else 0


def _accepts(candidate: LogFormat, line: str, header: str | None, *, is_strict: bool) -> bool:
    """Return whether the line matches. With `is_strict`, a format of fixed fields must not take a site for the client."""
    if not candidate.matches(line, header):
        return False
    if not is_strict or not isinstance(candidate, TextFormat) or candidate.name == LAST_RESORT:
        return True
    return not candidate.mistakes_client(line)


def _infer_candidates(
    candidates: Sequence[LogFormat], lines: Sequence[LinePair], *, are_misfits: bool
) -> Iterator[LogFormat]:
    """Yield the candidates. Replace each that is inferred by the format that all these lines have together."""
    for candidate in candidates:
        if not isinstance(candidate, InferredFormat):
            yield candidate
        elif (inferred := candidate.infer([line for line, _ in lines])) and (
            not are_misfits or all(candidate.accepts_misfit(line, inferred) for line, _ in lines)
        ):
            yield inferred
