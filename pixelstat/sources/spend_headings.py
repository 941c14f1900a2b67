"""Find the columns of a file of spend by their headings: our own names, and those that ad platforms export.

The headings are English and German, of Google Ads, Meta, Microsoft, LinkedIn, TikTok, Pinterest and others. A heading
may hold the currency: `Amount spent (EUR)`. Other headings are named by the user: `Budget=spend`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pixelstat.errors import PixelstatError, suggest
from pixelstat.frames.numbers import ISO_CODES

# What a column can be -> its headings, in lower case. Of two headings in one file the first one here counts.
HEADINGS: Mapping[str, Sequence[str]] = {
    "date": (
        "date", "day", "datum", "tag", "gregorian date", "gregoriandate", "gregorianisches datum", "time period",
        "timeperiod", "by day", "nach tag", "stat time day", "reporting date",
    ),
    "week": ("week", "woche"),
    "start": (
        "reporting starts", "reporting start", "start date", "start date (in utc)", "start", "from", "von",
        "berichtsbeginn", "berichtsstart", "auswertungsbeginn", "auswertungsstart", "startdatum", "startdatum (in utc)",
    ),
    "end": (
        "reporting ends", "reporting end", "end date", "end date (in utc)", "end", "to", "bis", "berichtsende",
        "auswertungsende", "enddatum", "enddatum (in utc)",
    ),
    "channel": ("channel", "kanal"),
    "source": ("source", "utm source", "quelle", "platform", "plattform"),
    "medium": ("medium", "utm medium"),
    "campaign": ("campaign", "campaign name", "campaignname", "utm campaign", "kampagne", "kampagnenname"),
    "spend": (
        "spend", "cost", "amount spent", "total spent", "total spend", "total cost", "spend in account currency",
        "ad spend", "spent", "ausgaben", "kosten", "ausgegebener betrag", "gesamtausgaben", "ausgaben insgesamt",
        "gesamtkosten", "kosten insgesamt", "werbeausgaben",
    ),
    "currency": (
        "currency", "currency code", "currencycode", "account currency", "währung", "waehrung", "währungscode",
        "waehrungscode", "kontowährung",
    ),
    "impressions": ("impressions", "impr.", "impr", "impressionen"),
    "clicks": (
        "clicks", "link clicks", "clicks (destination)", "clicks (all)", "klicks", "link-klicks", "linkklicks",
        "klicks (ziel)", "klicks (alle)",
    ),
}  # fmt: skip
STYLES = {  # what the user may state of a column, where its cells leave it open
    "date": ("dmy", "mdy"), "start": ("dmy", "mdy"), "end": ("dmy", "mdy"), "week": ("dmy", "mdy"),
    "spend": ("point", "comma"),
}  # fmt: skip
_NAMED = re.compile(r"\s*(.+?)\s*=\s*([a-z]+)(?::([a-z]+))?\s*(?:,|$)")
_CURRENCY = re.compile(r"\s*[(\[]\s*(?:in\s+)?([A-Za-z]{3})\s*[)\]]\s*$")
_HINT = 'Write: --spend-columns "Tag=date,Kosten=spend". A column can be ' + ", ".join(HEADINGS) + "."


@dataclass(frozen=True)
class Layout:
    """Where the columns of a file are: field -> position in a row. `currency` is that of the heading of spend."""

    positions: Mapping[str, int]
    width: int  # how many cells a row has: those up to the last heading
    currency: str | None = None
    styles: Mapping[str, str] = field(default_factory=dict)  # field -> its style, if the user states one
    notes: Sequence[str] = ()


def parse_spend_columns(text: str) -> dict[str, str]:
    """Parse the value of --spend-columns: heading -> field, with its style behind a colon. Raises PixelstatError."""
    columns, end = {}, 0
    for match in _NAMED.finditer(text):
        if match.start() != end:
            break
        columns[match[1]], end = match[2] + (f":{match[3]}" if match[3] else ""), match.end()
    if not columns or end != len(text):
        raise PixelstatError(f"--spend-columns: {text[end:]!r} does not name a column.", _HINT)
    return columns


def list_fields(headings: Sequence[str], columns: Mapping[str, str] | None = None) -> set[str]:
    """List the fields that a row of headings names. `columns` are those that the user names."""
    stated = _read_stated(columns)
    return {name for heading in headings if (name := _identify(heading, stated)[0])}


def is_complete(fields: Iterable[str]) -> bool:
    """Return whether these fields state what was spent when."""
    return "spend" in fields and not {"date", "week", "start"}.isdisjoint(fields)


def find_layout(headings: Sequence[str], columns: Mapping[str, str] | None = None) -> Layout:
    """Find the columns in a row of headings. `columns` are those that the user names, see `parse_spend_columns`.

    Raises PixelstatError for two headings of spend, and for a field or a style that does not exist.
    """
    stated = _read_stated(columns)
    positions: dict[str, int] = {}
    ranks: dict[str, int] = {}
    styles: dict[str, str] = {}
    notes: list[str] = []
    for position, heading in enumerate(headings):
        name, rank = _identify(heading, stated)
        if name is None:
            continue
        if name in positions:
            first, second = (headings[each].strip() for each in (positions[name], position))
            if name == "spend" or rank == ranks[name]:
                raise PixelstatError(
                    f"{first!r} and {second!r} are both columns of {name}.", f'Try: --spend-columns "{first}={name}"'
                )
            chosen = second if rank < ranks[name] else first
            if name in ("impressions", "clicks"):
                notes.append(f"{name} are those of {chosen!r}, not of {first if chosen == second else second!r}")
            if rank > ranks[name]:
                continue
        positions[name], ranks[name] = position, rank
        if style := stated.get(_normalize(heading), ("", ""))[1]:
            styles[name] = style
    code = _CURRENCY.search(headings[positions["spend"]]) if "spend" in positions else None
    currency = code[1].upper() if code and code[1].upper() in ISO_CODES else None
    width = max((position + 1 for position, heading in enumerate(headings) if heading.strip()), default=0)
    return Layout(positions, width, currency, styles, notes)


def require_stated_columns(headings: Sequence[str], columns: Mapping[str, str] | None) -> None:
    """Raise PixelstatError where a heading that the user names is not among these."""
    present = {_normalize(heading) for heading in headings}
    for heading in columns or {}:
        if _normalize(heading) not in present:
            names = [name.strip() for name in headings if name.strip()]
            advice = suggest(heading, names)
            raise PixelstatError(
                f"The file of --spend has no column {heading!r}.{advice}", f"Its columns: {', '.join(names)}"
            )


def _read_stated(columns: Mapping[str, str] | None) -> dict[str, tuple[str, str]]:
    """Return the field and the style of each heading that the user names."""
    return {_normalize(heading): _check_field(name) for heading, name in (columns or {}).items()}


def _identify(heading: str, stated: Mapping[str, tuple[str, str]]) -> tuple[str | None, int]:
    """Return the field of a heading and its rank among the headings of that field: 0 for one that the user names."""
    text = _normalize(heading)
    if text in stated:
        return stated[text][0], 0
    fields = {name for name, _ in stated.values()}
    bare = _normalize(_CURRENCY.sub("", heading))
    for name, known_headings in HEADINGS.items():
        for candidate in (text, bare):
            if candidate in known_headings and name not in fields:
                return name, known_headings.index(candidate) + 1
    return None, 0


def _normalize(heading: str) -> str:
    """Return a heading in lower case, with single blanks in place of underscores and other blanks."""
    return " ".join(heading.replace("_", " ").replace("\ufeff", "").split()).lower()


def _check_field(text: str) -> tuple[str, str]:
    """Return the field and the style that the user names. Raises PixelstatError for others."""
    name, _, style = text.partition(":")
    if name not in HEADINGS:
        raise PixelstatError(f"--spend-columns: {name!r} is not a column of spend.{suggest(name, HEADINGS)}", _HINT)
    if style and style not in STYLES.get(name, ()):
        styles = " or ".join(STYLES.get(name, ())) or "no style"
        raise PixelstatError(f"--spend-columns: {name} can have {styles}, but not {style!r}.", _HINT)
    return name, style
