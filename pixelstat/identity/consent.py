"""Read whether the visitor consents to be counted, from the signals that a request carries.

    gdpr, gdpr_consent     TCF v2: storage (purpose 1) and the measuring of content (purpose 8)
    us_privacy             third character: Y opted out of sale, N did not
    gpp, gpp_sid           the sections of these two and of the US states
    gcs, gcd               Google's consent mode, on Google's pixels: analytics storage
    asc, consent           Microsoft's signal on UET, Matomo's on its pixel
    DNT: 1, Sec-GPC: 1     headers, where a log holds them
    a custom parameter     as pixelstat.toml names it

IAB Tech Lab defines the first three for any pixel. The names of the others are too short to mean the same everywhere,
so they count only on the pixels that send them. Of several signals a refusal counts first, then a malformed one (cut
off, of an unknown version, a macro that was not filled in), then a consent.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote_plus

import polars as pl

from pixelstat.frames.columns import internal
from pixelstat.frames.lookup import replace_where
from pixelstat.frames.query_string import MACRO_START
from pixelstat.schemas import GRANTED, MALFORMED, REFUSED, SEPARATOR


@dataclass(frozen=True)
class CustomConsent:
    """A custom parameter that says whether the visitor consents. Any value that is not in `granted` refuses."""

    parameter: str
    granted: tuple[str, ...]


MAX_SIGNAL_LENGTH = 8_192  # characters of one signal that are read: hostile ones are megabytes long
DECISION_CACHE_SIZE = 5_000  # small, because a TC string belongs to one visitor, whose rows are close together

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"  # of base64url
_BITS = {letter: f"{index:06b}" for index, letter in enumerate(_LETTERS)}
_CORE = 39  # letters of a TC string before its list of vendors
_HEADER = "000011" + "000001"  # of a GPP string: its type and its version
_FIBONACCI = "([01]{0,18}?11)"  # a number ends at its first 11; this is long enough for every section id
_ITEM = re.compile(
    f"0{_FIBONACCI}|1{_FIBONACCI}{_FIBONACCI}"
)  # of the header's range: one section, or a group of sections
_STATES = (9, 10, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23)
_OPT_OUTS = {  # section -> positions of its opt-outs of sale, sharing and targeted advertising, two bits each
    7: range(18, 24, 2), 8: range(12, 16, 2), 11: range(14, 18, 2), 18: range(14, 18, 2),
    **dict.fromkeys(_STATES, range(12, 16, 2)),
}  # fmt: skip
_VERSIONS = {7: (1, 2)}  # versions that can be read, of the sections with more than version 1

Decision = str | None  # GRANTED, REFUSED or MALFORMED; None if the signal does not decide
Reader = Callable[[str], Decision]


# -- each signal ---------------------------------------------------------------------------------------------------

# A reader returns what a signal says. It raises ValueError or KeyError for a malformed one.


def read_tcf(text: str) -> Decision:
    """Read a TC string of TCF v2. It grants with purpose 1 and purpose 8.

    Purpose 8 may also rest on a legitimate interest without an objection; TCF has no such interest for purpose 1. Where
    the law does not require purpose 1, the string says so.
    """
    core = _bits(text.partition(".")[0][:_CORE])
    if len(core) < 6 * _CORE or int(core[:6], 2) != 2:
        raise ValueError(text)
    may_store = "1" in (core[152], core[200])
    may_measure = "1" in (core[159], core[183])
    return GRANTED if may_store and may_measure else REFUSED


def read_us_privacy(text: str) -> Decision:
    """Read a string of US Privacy. It does not decide for visitors who were not asked or are not covered by the law."""
    match = re.fullmatch("1[YN-]([YN-])[YN-]", text.upper())
    if not match:
        raise ValueError(text)
    return {"Y": REFUSED, "N": GRANTED}.get(match[1])


def read_gpp(text: str, applied: frozenset[int] = frozenset()) -> Decision:
    """Read a string of the Global Privacy Platform, by its `applied` sections, or by all if `applied` is empty."""
    header, *sections = text.split("~")
    numbers = _section_numbers(_bits(header), len(sections))
    return _strongest(
        [
            _apply_reader(partial(_read_section, number), section)
            for number, section in zip(numbers, sections, strict=True)
            if not applied or number in applied
        ]
    )


def read_google_state(text: str) -> Decision:
    """Read Google's consent state `gcs`: `G1`, then one character for the storage of ads and one for analytics."""
    match = re.fullmatch("G1[01-]([01-])", text)
    if not match:
        raise ValueError(text)
    return {"0": REFUSED, "1": GRANTED}.get(match[1])


def read_google_history(text: str) -> Decision:
    """Read Google's consent history `gcd`, one letter for each purpose. The second letter is analytics.

    Google does not document the letters, so unknown ones do not decide.
    """
    match = re.fullmatch(r"1\d[a-zA-Z]\d([a-zA-Z])(?:\d[a-zA-Z])*\d?", text)
    if not match:
        raise ValueError(text)
    return REFUSED if match[1] in "pqmu" else GRANTED if match[1] in "tnrv" else None


def read_word(meanings: Mapping[str, str], text: str) -> Decision:
    """Read a signal whose value is one of these words."""
    if text not in meanings:
        raise ValueError(text)
    return meanings[text]


def _read_section(number: int, text: str) -> Decision:
    """Read one section of a GPP string. An unknown section or a future version of one does not decide."""
    if number == 2:
        return read_tcf(text)
    if number == 6:
        return read_us_privacy(text)
    core, *subsections = map(_bits, text.split("."))
    if number not in _OPT_OUTS or int(core[:6], 2) not in _VERSIONS.get(number, (1,)):
        return None
    opt_outs = {int(core[offset : offset + 2], 2) for offset in _OPT_OUTS[number]}
    if 1 in opt_outs or any(bits.startswith("011") for bits in subsections):  # a subsection of type 1 with GPC set
        return REFUSED
    if 3 in opt_outs:
        raise ValueError(text)
    return GRANTED if 2 in opt_outs else None


def _section_numbers(header: str, count: int) -> list[int]:
    """Return the `count` sections that a GPP header names. Each is encoded as its distance from the previous one."""
    if not header.startswith(_HEADER):
        raise ValueError(header)
    numbers = [0]
    offset = 24
    for _ in range(int(header[12:24], 2)):
        item = _ITEM.match(header, offset)
        if not item or len(numbers) > count:
            raise ValueError(header)
        offset = item.end()
        start = numbers[-1] + _decode_fibonacci(item[1] or item[2])
        numbers += range(start, start + (_decode_fibonacci(item[3]) if item[3] else 0) + 1)
    if len(numbers) != count + 1:
        raise ValueError(header)
    return numbers[1:]


def _decode_fibonacci(code: str) -> int:
    """Decode a Fibonacci code."""
    total, current, following = 0, 1, 2
    for bit in code[:-1]:
        total += current if bit == "1" else 0
        current, following = following, current + following
    return total


def _bits(text: str) -> str:
    """Decode base64url to a text of 0 and 1. Raises KeyError for another letter."""
    return "".join(map(_BITS.__getitem__, text.rstrip("=")))


# -- all of a request ----------------------------------------------------------------------------------------------


def _read_qualifier(_: str) -> Decision:
    """Read a parameter that does not decide itself, but says which other signals count."""
    return None


STANDARD_SIGNALS: dict[str, Reader] = {
    "gdpr": _read_qualifier,
    "gdpr_consent": read_tcf,
    "us_privacy": read_us_privacy,
    "gpp": read_gpp,
    "gpp_sid": _read_qualifier,
}
PROTOCOL_SIGNALS: dict[str, dict[str, Reader]] = {
    **{
        name: {"gcs": read_google_state, "gcd": read_google_history} for name in ("ga4", "ga_measurement", "ga_classic")
    },
    "microsoft_uet": {"asc": partial(read_word, {"G": GRANTED, "D": REFUSED})},
    "matomo": {"consent": partial(read_word, {"1": GRANTED, "0": REFUSED})},
}
SIGNAL_NAMES = tuple(
    dict.fromkeys(name for readers in (STANDARD_SIGNALS, *PROTOCOL_SIGNALS.values()) for name in readers)
)
CONSENT_QUERY = internal("consent query")  # a column: the query if it holds a signal


def signal_parameters(custom: CustomConsent | None) -> list[str]:
    """Return the names of all parameters that are consent signals."""
    return [*SIGNAL_NAMES, *([custom.parameter] if custom else [])]


def consent_query(custom: CustomConsent | None) -> pl.Expr:
    """Return CONSENT_QUERY: the query if it holds a signal, which few do, else null."""
    return pl.when(pl.col("query").str.contains(_signal_pattern(custom))).then("query").alias(CONSENT_QUERY)


def _signal_pattern(custom: CustomConsent | None) -> str:
    return f"(?:^|&)(?:{'|'.join(map(re.escape, signal_parameters(custom)))})=[^&]+"


def add_consent(events: pl.LazyFrame, custom: CustomConsent | None) -> pl.LazyFrame:
    """Add `consent` to EVENTS with CONSENT_QUERY: granted, refused or malformed; null without a deciding signal."""

    def decide(signals: str) -> Decision:
        protocol, _, query = signals.partition(SEPARATOR)
        return decide_consent(protocol, query, custom)

    signals = pl.map_batches(
        [CONSENT_QUERY, "protocol"],
        partial(_join_signals, _signal_pattern(custom)),
        return_dtype=pl.String,
        is_elementwise=True,
    )
    rows = replace_where(
        events.with_columns(consent=signals),
        ["consent"],
        lambda text: text.is_not_null(),
        decide,
        remembered=DECISION_CACHE_SIZE,
    )
    is_refused_by_header = pl.any_horizontal(pl.col(header) == "1" for header in ("dnt", "gpc"))
    return rows.with_columns(consent=pl.when(is_refused_by_header).then(pl.lit(REFUSED)).otherwise("consent"))


def _join_signals(pattern: str, columns: Sequence[pl.Series]) -> pl.Series:
    """Return protocol, SEPARATOR and the signals in the query as one text; null without a query.

    `columns` are CONSENT_QUERY and `protocol`. Batches without any signal, which most are, return at once.
    """
    queries = columns[0]
    if queries.null_count() == len(queries):
        return pl.Series("consent", [None], pl.String).new_from_index(0, len(queries))
    signals = pl.col(CONSENT_QUERY).str.extract_all(pattern)
    signals = signals.list.eval(pl.element().str.head(MAX_SIGNAL_LENGTH)).list.join("")
    return pl.DataFrame(columns).select(consent=pl.col("protocol") + SEPARATOR + signals)["consent"]


def decide_consent(protocol: str, query: str, custom: CustomConsent | None = None) -> Decision:
    """Return the decision of all consent signals in a request of this protocol.

    If a name is repeated, its last value counts. None means that no signal decides.
    """
    pairs = [pair.partition("=") for pair in query.split("&")]
    parameters = {name: unquote_plus(value) for name, _, value in pairs if value}
    applied = frozenset(map(int, re.findall("[1-9][0-9]{0,3}|-1", parameters.get("gpp_sid", ""))))
    readers: dict[str, Reader] = {
        **STANDARD_SIGNALS,
        "gpp": partial(read_gpp, applied=applied),
        **PROTOCOL_SIGNALS.get(protocol, {}),
    }
    if parameters.get("gdpr") == "0":  # TCF does not apply
        readers["gdpr_consent"] = _read_qualifier
    if custom:
        readers[custom.parameter] = lambda text: GRANTED if text in custom.granted else REFUSED
    return _strongest([_apply_reader(readers[name], text) for name, text in parameters.items() if name in readers])


def _apply_reader(reader: Reader, text: str) -> Decision:
    """Return what a reader decides by the text. An unfilled macro or unreadable text is malformed."""
    try:
        return MALFORMED if re.match(MACRO_START, text) else reader(text)
    except (ValueError, KeyError):
        return MALFORMED


def _strongest(decisions: Sequence[Decision]) -> Decision:
    """Return the decision that outranks the others, None if there is none."""
    return next((decision for decision in (REFUSED, MALFORMED, GRANTED) if decision in decisions), None)
