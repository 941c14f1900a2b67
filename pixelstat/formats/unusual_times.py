"""Read times as few logs write them: `7/Sept/2026:10:00:00,123`, `Sep 07, 2026 @ 10:00:00`, `07.09.2026 10:00:00`.

Months can have the names of several languages, which Java and others take from the settings of the machine. A date of
numbers is read only if the year comes first, or points part it: then the day comes first.
"""

import re

# The beginnings of the names of months in several languages. One that means two months is left out.
_MONTHS = (
    "jan ene gen sty янв", "feb fev fév févr fevr lut фев", "mar mär mrt märz maerz mars marz мар", "apr abr avr kwi апр",
    "may mai mei maj mag мая май", "jun juin giu cze июн", "jul juil lug lip июл", "aug ago aoû août aout sie авг",
    "sep set sept wrz сен", "oct okt ott out paź окт", "nov ноя", "dec dez dic déc gru des дек",
)  # fmt: skip
_NUMBERS = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
MONTH = r"[^\W\d_]{3,9}\.?"
_CLOCK = r"(?P<clock>\d\d:\d\d:\d\d)(?:[.,:](?P<fraction>\d{1,9}))?"
_ZONE = r" ?(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?(?: ?\(?(?:UTC|GMT)\)?)?"
_BETWEEN = r"(?::|T|,? (?:@ )?)"
_YEAR = r"(?P<year>\d{4})"
UNUSUAL_TIMES = (
    rf"(?:[^\W\d_]{{2,9}},? )?(?P<day>\d\d?)(?P<mark>[-/ ])(?P<name>{MONTH})(?P=mark){_YEAR}{_BETWEEN}{_CLOCK}{_ZONE}",
    rf"(?P<name>{MONTH})[/ ](?P<day>\d\d?)(?:/|,? ){_YEAR}{_BETWEEN}{_CLOCK}{_ZONE}",
    rf"[A-Z][a-z]{{2}} (?P<name>{MONTH}) +(?P<day>\d\d?) {_CLOCK}{_ZONE} {_YEAR}",
    rf"{_YEAR}(?P<mark>[-/.])(?P<month>\d\d)(?P=mark)(?P<day>\d\d){_BETWEEN}{_CLOCK}{_ZONE}",
    rf"{_YEAR}(?P<month>\d\d)(?P<day>\d\d)[T ](?P<hms>\d{{6}}){_ZONE}",
    rf"{_YEAR}(?P<month>\d\d)(?P<day>\d\d)[T ]{_CLOCK}{_ZONE}",
    rf"(?P<day>\d\d?)\.(?P<month>\d\d?)\.{_YEAR}{_BETWEEN}{_CLOCK}{_ZONE}",
)
_PATTERNS = tuple(map(re.compile, UNUSUAL_TIMES))


def list_plain_patterns() -> list[str]:
    """Return the patterns of unusual times without groups, as a part of other patterns."""
    return [re.sub(r"\(\?P<\w+>", "(?:", pattern.replace("(?P=mark)", "[-/. ]")) for pattern in UNUSUAL_TIMES]


def spell_iso(text: str) -> str | None:
    """Return an unusual time as ISO 8601 has it, or None for any other text."""
    bare = text.strip('[]" ')
    match = next(filter(None, (pattern.fullmatch(bare) for pattern in _PATTERNS)), None)
    if not match:
        return None
    parts = match.groupdict()
    month = parts.get("month") or read_month(parts["name"] or "")
    if not month:
        return None
    clock = parts.get("clock") or re.sub(r"(\d\d)(\d\d)(\d\d)", r"\1:\2:\3", parts["hms"])
    fraction = f".{parts['fraction']}" if parts.get("fraction") else ""
    zone = parts["zone"] or ("Z" if re.search(r"(?:UTC|GMT)\)?(?: \d{4})?$", bare) else "")
    if zone in ("UTC", "GMT"):
        zone = "Z"
    if re.fullmatch(r"[+-]\d\d", zone):
        zone += "00"
    return f"{parts['year']}-{int(month):02}-{int(parts['day']):02}T{clock}{fraction}{zone}"


def read_month(name: str) -> int | None:
    """Return the number of a month by its name or the beginning of it, or None."""
    bare = name.lower().rstrip(".")
    if bare in _NUMBERS:
        return _NUMBERS[bare]
    return _NUMBERS.get(bare[:3]) if bare in _FULL_NAMES else None


_FULL_NAMES = frozenset(
    [
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "januar",
        "februar",
        "märz",
        "mai",
        "juni",
        "juli",
        "oktober",
        "dezember",
    ]
)
