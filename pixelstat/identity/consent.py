"""Whether the visitor consents to be counted, by the signals that a request carries.

    gdpr, gdpr_consent     TCF v2: storage (purpose 1) and the measuring of content (purpose 8)
    us_privacy             third character: Y opted out of sale, N did not
    gpp, gpp_sid           the sections of these two and of the US states
    gcs, gcd               Google's consent mode, on Google's pixels: analytics storage
    asc                    Microsoft's, on UET; consent on Matomo's
    DNT: 1, Sec-GPC: 1     headers, where a log holds them
    one's own parameter    as pixelstat.toml names it

IAB Tech Lab defines the first three for any pixel. The others are too short to mean the same everywhere, and count
only on the pixels that are known to send them. Of several signals a refusal counts first, then one that is malformed
(cut off, of another version, a macro that was not filled in), then a consent.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote_plus

import polars as pl

from pixelstat.frames.lookup import replace_where
from pixelstat.frames.query_string import MACRO
from pixelstat.schemas import GRANTED, MALFORMED, REFUSED


@dataclass(frozen=True)
class CustomConsent:
    """A parameter of one's own that tells whether the visitor consents: any other value than these refuses."""

    parameter: str
    granted: tuple[str, ...]


LONGEST = 8_192  # characters of one signal that are looked at: hostile ones run to megabytes
APART = "\x1f"  # stands between the protocol and its signals
REMEMBERED = 5_000  # a TC string is one visitor's own, and stands in the rows near each other

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"  # of base64url
_BITS = {letter: f"{place:06b}" for place, letter in enumerate(_LETTERS)}
_CORE = 39  # letters of a TC string before its vendors
_HEADER = "000011" + "000001"  # of a GPP string: its type and its version
_FIBONACCI = "([01]{0,18}?11)"  # a number ends with its first 11; section ids are far below what fits here
_ITEM = re.compile(f"0{_FIBONACCI}|1{_FIBONACCI}{_FIBONACCI}")  # of the header's range: one section, or a group
_STATES = (9, 10, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23)
_OPT_OUTS = {  # section: where its opt-outs of sale, sharing and targeted advertising stand, two bits each
    7: range(18, 24, 2), 8: range(12, 16, 2), 11: range(14, 18, 2), 18: range(14, 18, 2),
    **dict.fromkeys(_STATES, range(12, 16, 2)),
}  # fmt: skip
_VERSIONS = {7: (1, 2)}  # of the sections that have more than version 1

Verdict = str | None
Reader = Callable[[str], Verdict]


# -- each signal ---------------------------------------------------------------------------------------------------

# What it says, None where it says nothing. ValueError or KeyError means that it is malformed.


def tcf(text: str) -> Verdict:
    """A TC string of TCF v2: consent to purpose 1; to purpose 8, or a legitimate interest that was not objected to.

    TCF knows no legitimate interest for purpose 1. Where the law does not ask for that purpose, the string says so.
    """
    core = _bits(text.partition(".")[0][:_CORE])
    if len(core) < 6 * _CORE or int(core[:6], 2) != 2:
        raise ValueError(text)
    may_store = "1" in (core[152], core[200])
    may_measure = "1" in (core[159], core[183])
    return GRANTED if may_store and may_measure else REFUSED


def us_privacy(text: str) -> Verdict:
    """A string of US Privacy: who was not asked, or whom it does not concern, says nothing."""
    found = re.fullmatch("1[YN-]([YN-])[YN-]", text.upper())
    if not found:
        raise ValueError(text)
    return {"Y": REFUSED, "N": GRANTED}.get(found[1])


def gpp(text: str, applied: frozenset[int] = frozenset()) -> Verdict:
    """A string of the Global Privacy Platform, by the sections that are `applied`; by all where none is."""
    header, *sections = text.split("~")
    numbers = _numbers(_bits(header), len(sections))
    return _first(
        [
            _read(partial(_section, number), section)
            for number, section in zip(numbers, sections, strict=True)
            if not applied or number in applied
        ]
    )


def gcs(text: str) -> Verdict:
    """Google's consent state: `G1`, then the storage of ads and that of analytics."""
    found = re.fullmatch("G1[01-]([01-])", text)
    if not found:
        raise ValueError(text)
    return {"0": REFUSED, "1": GRANTED}.get(found[1])


def gcd(text: str) -> Verdict:
    """The same with its history, a letter each: the second is analytics. Google documents none: others say nothing."""
    found = re.fullmatch(r"1\d[a-zA-Z]\d([a-zA-Z])(?:\d[a-zA-Z])*\d?", text)
    if not found:
        raise ValueError(text)
    return REFUSED if found[1] in "pqmu" else GRANTED if found[1] in "tnrv" else None


def word(meanings: Mapping[str, str], text: str) -> Verdict:
    """A signal that is one of these words."""
    if text not in meanings:
        raise ValueError(text)
    return meanings[text]


def _section(number: int, text: str) -> Verdict:
    """One section of a GPP string. Of an unknown one, or of a version of it to come, nobody knows what it says."""
    if number == 2:
        return tcf(text)
    if number == 6:
        return us_privacy(text)
    core, *others = map(_bits, text.split("."))
    if number not in _OPT_OUTS or int(core[:6], 2) not in _VERSIONS.get(number, (1,)):
        return None
    said = {int(core[at : at + 2], 2) for at in _OPT_OUTS[number]}
    if 1 in said or any(other.startswith("011") for other in others):  # a part of type 1 that says GPC
        return REFUSED
    if 3 in said:
        raise ValueError(text)
    return GRANTED if 2 in said else None


def _numbers(header: str, count: int) -> list[int]:
    """The sections that a GPP header names, so many as there are: each by what it lies above the one before."""
    if not header.startswith(_HEADER):
        raise ValueError(header)
    found = [0]
    at = 24
    for _ in range(int(header[12:24], 2)):
        item = _ITEM.match(header, at)
        if not item or len(found) > count:
            raise ValueError(header)
        at = item.end()
        start = found[-1] + _number(item[1] or item[2])
        found += range(start, start + (_number(item[3]) if item[3] else 0) + 1)
    if len(found) != count + 1:
        raise ValueError(header)
    return found[1:]


def _number(code: str) -> int:
    """The number that a Fibonacci code stands for."""
    total, one, other = 0, 1, 2
    for bit in code[:-1]:
        total += one if bit == "1" else 0
        one, other = other, one + other
    return total


def _bits(text: str) -> str:
    return "".join(map(_BITS.__getitem__, text.rstrip("=")))


# -- all of a request ----------------------------------------------------------------------------------------------


def _qualifies(_: str) -> Verdict:
    """Says nothing itself, but which of the others count."""
    return None


OF_ANY: dict[str, Reader] = {
    "gdpr": _qualifies, "gdpr_consent": tcf, "us_privacy": us_privacy, "gpp": gpp, "gpp_sid": _qualifies,
}  # fmt: skip
OF_PROTOCOL: dict[str, dict[str, Reader]] = {
    **{name: {"gcs": gcs, "gcd": gcd} for name in ("ga4", "ga_measurement", "ga_classic")},
    "microsoft_uet": {"asc": partial(word, {"G": GRANTED, "D": REFUSED})},
    "matomo": {"consent": partial(word, {"1": GRANTED, "0": REFUSED})},
}
NAMES = tuple(dict.fromkeys(name for readers in (OF_ANY, *OF_PROTOCOL.values()) for name in readers))
SIGNALLING = "signalling query"  # a column: the query where it holds one


def names(own: CustomConsent | None) -> list[str]:
    """The parameters that tell of consent."""
    return [*NAMES, *([own.parameter] if own else [])]


def signalling(own: CustomConsent | None) -> pl.Expr:
    """The query where it holds a signal. Few do."""
    return pl.when(pl.col("query").str.contains(_signal(own))).then("query").alias(SIGNALLING)


def _signal(own: CustomConsent | None) -> str:
    return f"(?:^|&)(?:{'|'.join(map(re.escape, names(own)))})=[^&]+"


def with_consent(events: pl.LazyFrame, own: CustomConsent | None) -> pl.LazyFrame:
    """EVENTS with SIGNALLING -> with `consent`: granted, refused, malformed, or null where nothing is said."""

    def verdict(signals: str) -> Verdict:
        protocol, _, query = signals.partition(APART)
        return consent_of(protocol, query, own)

    column = pl.col
    signals = column(SIGNALLING).str.extract_all(_signal(own))
    signals = signals.list.eval(pl.element().str.head(LONGEST)).list.join("")

    def those_of(given: Sequence[pl.Series]) -> pl.Series:
        if given[0].null_count() == len(given[0]):
            return pl.Series("consent", [None], pl.String).new_from_index(0, len(given[0]))
        return pl.DataFrame(given).select(consent=column("protocol") + APART + signals)["consent"]

    found = pl.map_batches([SIGNALLING, "protocol"], those_of, return_dtype=pl.String, is_elementwise=True)
    rows = replace_where(
        events.with_columns(consent=found),
        ["consent"],
        lambda text: text.is_not_null(),
        verdict,
        remembered=REMEMBERED,
    )
    by_header = pl.any_horizontal(column(header) == "1" for header in ("dnt", "gpc"))
    return rows.with_columns(consent=pl.when(by_header).then(pl.lit(REFUSED)).otherwise("consent"))


def consent_of(protocol: str, query: str, own: CustomConsent | None = None) -> Verdict:
    """What the parameters of a protocol's request say. Of a name that is repeated the last counts."""
    pairs = [pair.partition("=") for pair in query.split("&")]
    given = {name: unquote_plus(value) for name, _, value in pairs if value}
    applied = frozenset(map(int, re.findall("[1-9][0-9]{0,3}|-1", given.get("gpp_sid", ""))))
    readers: dict[str, Reader] = {**OF_ANY, "gpp": partial(gpp, applied=applied), **OF_PROTOCOL.get(protocol, {})}
    if given.get("gdpr") == "0":  # TCF does not apply
        readers["gdpr_consent"] = _qualifies
    if own:
        readers[own.parameter] = lambda text: GRANTED if text in own.granted else REFUSED
    return _first([_read(readers[name], text) for name, text in given.items() if name in readers])


def _read(reader: Reader, text: str) -> Verdict:
    try:
        return MALFORMED if re.match(MACRO, text) else reader(text)
    except (ValueError, KeyError):
        return MALFORMED


def _first(verdicts: Sequence[Verdict]) -> Verdict:
    return next((verdict for verdict in (REFUSED, MALFORMED, GRANTED) if verdict in verdicts), None)
