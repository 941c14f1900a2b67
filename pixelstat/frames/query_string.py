"""Read the parameters of URLs as Polars expressions."""

import re
from collections.abc import Iterable
from urllib.parse import unquote, unquote_plus

import polars as pl

from pixelstat.frames.lookup import replace_where

CAMPAIGN_NAMES = "(?:utm|mtm|pk|piwik|matomo)_"  # how the names of campaign parameters begin
_ENCODED_EQUALS = "%(?:25){0,2}3d"  # encoded up to three times
# What `normalize_campaign` repairs. It is cheap to see that a query needs no repair.
FLAWED_CAMPAIGN = (
    "(?i:&amp(?:;|%3b))|"
    f"(?:^|&)(?i:{CAMPAIGN_NAMES}[a-z_]+{_ENCODED_EQUALS})|"
    f"[;?](?i:{CAMPAIGN_NAMES}[a-z_]+(?:=|{_ENCODED_EQUALS}))|"
    "(?:^|[&;?])[a-z]*[A-Z][A-Za-z]*_[A-Za-z_]+=|"
    "(?:^|[&;?])[a-z]+_[a-z_]*[A-Z][A-Za-z_]*="
)
_SEPARATOR = re.compile(f"&(?:amp(?:;|%3b))*|[;?](?={CAMPAIGN_NAMES})", re.IGNORECASE)
_NAME = re.compile(f"^{CAMPAIGN_NAMES}[a-z_]+(?==)", re.IGNORECASE)
_ENCODED_NAME = re.compile(f"{CAMPAIGN_NAMES}[a-z_]+{_ENCODED_EQUALS}", re.IGNORECASE)

# The beginning of a template macro, as it stands or percent-encoded: `${`, `{{` or `*|`.
MACRO_START = r"(?:(?:\$|%24)(?:\{|%7[Bb])|(?:\{|%7[Bb]){2}|(?:\*|%2[Aa])(?:\||%7[Cc]))"


def parameter(query: pl.Expr, names: Iterable[str]) -> pl.Expr:
    """Return the value, still encoded, of the last parameter with one of these names that has a value.

    Null if there is none, or if the value is a macro that nobody filled in. If a name is repeated, the last one
    counts, as in PHP and in most frameworks.
    """
    if not names:
        return pl.lit(None, pl.String)
    pair = query.str.extract_all(f"(?:^|&)(?:{'|'.join(names)})=[^&]+").list.last()
    value = pair.str.splitn("=", 2).struct.field("field_1")
    return pl.when(~is_macro(value)).then(value)


def is_macro(text: pl.Expr) -> pl.Expr:
    """Return whether a parameter, encoded or not, is a macro nobody filled in: `${USER}`, `{{id}}`, `*|EMAIL|*`."""
    return text.str.contains(f"^{MACRO_START}")


def percent_decode(rows: pl.LazyFrame, columns: Iterable[str]) -> pl.LazyFrame:
    """Decode `%XX` and `+` in the columns, once. Bytes that are not valid UTF-8 become U+FFFD."""
    return replace_where(rows, columns, lambda text: text.str.contains("[%+]"), unquote_plus)


def percent_decode_all(rows: pl.LazyFrame, columns: Iterable[str]) -> pl.LazyFrame:
    """Decode `%XX` and `+` in the columns, and once more in texts that were encoded twice, such as `may%2520sale`."""
    return replace_where(rows, columns, lambda text: text.str.contains("[%+]"), unquote_all)


def unquote_all(text: str) -> str:
    """Decode `%XX` and `+` in a text, and once more if it was encoded twice."""
    return unquote_again(unquote_plus(text))


def unquote_again(decoded: str) -> str:
    """Decode a decoded text once more if it was encoded twice: if all its percent signs begin an encoded character."""
    if "%" not in decoded or re.search(r"%(?![0-9A-Fa-f]{2})", decoded):
        return decoded
    again = unquote_plus(decoded)
    return decoded if "\ufffd" in again else again


def normalize_campaign(query: str) -> str:
    """Write the campaign parameters of a query as they are meant: `&` between them, names in lower case, a bare `=`.

    Links out of HTML have `&amp;`. Links that were put together by hand have `;` or a second `?` in front of utm_*, and
    links that were encoded twice have `%3D`. Values stay encoded.
    """
    parts: list[str] = []
    for part in _SEPARATOR.split(query):
        decoded = part
        while _ENCODED_NAME.match(decoded):  # with the name, what follows was encoded once more
            decoded = unquote(decoded)
        parts += decoded.split("&")
    return "&".join(_NAME.sub(lambda name: name[0].lower(), part, count=1) for part in parts)


def percent_decode_path(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Decode `%XX` in a column of URL paths, once. A plus stays, because in a path it is not a blank."""
    return replace_where(rows, [column], lambda text: text.str.contains("%", literal=True), unquote)
