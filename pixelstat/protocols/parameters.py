"""Query parameters as expressions: by any of their names, in any order, decoded exactly once.

A protocol says which names its parameters go by; what becomes of them is the same for all: `named`, then `placed`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote, unquote_plus

import polars as pl

from pixelstat.schemas import EVENTS
from pixelstat.vocabulary import changed_where, folded

UTM = (
    "id",
    "source",
    "medium",
    "campaign",
    "term",
    "content",
    "source_platform",
    "creative_format",
    "marketing_tactic",
)
TEXTS = (  # the columns that parameters feed, beside event, visitor_id, page_address and utm_*
    "user_id", "referrer", "order_id", "value", "currency", "product", "message", "recipient", "variant",
    "session_id", "goal", "campaign", "link",
)  # fmt: skip

MACRO = r"(?:(?:\$|%24)(?:\{|%7[Bb])|(?:\{|%7[Bb]){2}|(?:\*|%2[Aa])(?:\||%7[Cc]))"  # how one begins
_ADDRESS = r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//([^/?#]*)"  # the scheme and host of a whole address


def parameter(query: pl.Expr, names: Iterable[str]) -> pl.Expr:
    """The last parameter of these names that has a value, still encoded; null when there is none, or only a macro.

    Of a name that is repeated the last counts, as in PHP and in most frameworks.
    """
    if not names:
        return pl.lit(None, pl.String)
    found = query.str.extract_all(f"(?:^|&)(?:{'|'.join(names)})=[^&]+").list.last()
    text = found.str.splitn("=", 2).struct.field("field_1")
    return pl.when(~is_macro(text)).then(text)


def is_macro(text: pl.Expr) -> pl.Expr:
    """Whether a parameter, encoded or not, is a place that somebody's template left unfilled: `${USER}`, `{{id}}`, `*|EMAIL|*`."""
    return text.str.contains(f"^{MACRO}")


def decoded(rows: pl.LazyFrame, columns: Iterable[str]) -> pl.LazyFrame:
    """Rows with parameters decoded: `%XX` and `+`, once. Bytes that are no UTF-8 become U+FFFD."""
    return changed_where(rows, columns, lambda text: text.str.contains("[%+]"), unquote_plus)


def decoded_path(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Rows with a path out of an address decoded: `%XX`, once; a plus is a plus there."""
    return changed_where(rows, [column], lambda text: text.str.contains("%", literal=True), unquote)


def further(events: pl.LazyFrame, parameters: Mapping[str, Sequence[str]], columns: Sequence[str]) -> pl.LazyFrame:
    """Events with further columns of one's own: each by its parameters, null where it has none."""
    if not columns:
        return events
    escaped = {name: [re.escape(parameter) for parameter in parameters.get(name, ())] for name in columns}
    return decoded(
        events.with_columns(parameter(pl.col("query"), escaped[name]).alias(name) for name in columns), columns
    )


def with_utm(names: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The names of parameters with those of campaigns, which everybody calls the same unless told otherwise."""
    return {**names, **{f"utm_{name}": names.get(f"utm_{name}", (f"utm_{name}",)) for name in UTM}}


def named(requests: pl.LazyFrame, names: Mapping[str, Sequence[str]], event: pl.Expr) -> pl.LazyFrame:
    """REQUESTS with the pixel's parameters as columns, decoded, and the event by the vocabulary's word.

    `names` are those that the parameters go by; `event` is made of the decoded columns.
    """
    column = pl.col
    names = with_utm(names)
    missing = {name for name in ("event", "visitor_id", "page_address", "sent", "key", *TEXTS) if name not in names}
    # Who has a visitor id needs no other: the masked query keeps two searches off most lines.
    anonymous = {
        f"anonymous_{key}": names.get(name, ()) for key, name in (("user", "user_id"), ("recipient", "recipient"))
    }
    query = column("query")
    raw = (
        requests.with_columns(http_referer=column("referrer"))
        .with_columns(parameter(query, those).alias(name) for name, those in names.items())
        .with_columns(pl.lit(None, EVENTS.get(name, pl.String())).alias(name) for name in missing)
        .with_columns(query_of_anonymous=pl.when(column("visitor_id").is_null()).then(query))
        .with_columns(parameter(column("query_of_anonymous"), those).alias(name) for name, those in anonymous.items())
    )
    rows = folded(decoded(raw, [*names, *anonymous]).with_columns(event=event))
    # An order is looked for where there may be one, for the same reason.
    masked = pl.when(column("event") == "purchase").then(query)
    rows = decoded(rows.with_columns(order=parameter(masked, names.get("order_id", ()))), ["order"])
    # The ledger asks every event for its flaw: one search keeps the others off nearly all of them.
    values = names.get("value", ())
    of_flawed = pl.when(query.str.contains("|".join([f"={MACRO}", *(f"{name}=" for name in values)]))).then(query)
    rows = decoded(rows.with_columns(given_value=parameter(of_flawed, values), of_flawed=of_flawed), ["given_value"])
    return rows.with_columns(
        products=pl.lit(None, EVENTS["products"]),
        value=number(column("value")),
        currency=currency(column("currency")),
        flaw=pl.when(column("given_value").is_not_null() & number(column("given_value")).is_null())
        .then(pl.lit("number"))
        .when(column("of_flawed").str.contains(f"={MACRO}"))
        .then(pl.lit("macro")),
    )


def currency(text: pl.Expr) -> pl.Expr:
    """The currency that a text names, null where it is blank: `eur` and `EUR ` are EUR. What is no code stays itself."""
    bare = text.str.strip_chars()
    is_code = bare.str.contains("^[A-Za-z]{3}$")
    return pl.when(is_code).then(bare.str.to_uppercase()).when(bare != "").then(bare)


def number(text: pl.Expr) -> pl.Expr:
    """The number that a text is; null for any other."""
    read = text.cast(pl.Float64, strict=False)
    return pl.when(read.is_finite()).then(read)


def placed(events: pl.LazyFrame) -> pl.LazyFrame:
    """The page's path, query and host out of whatever the pixel's parameter held, else out of the Referer header.

    A bare path was decoded with its parameter; the path inside an address has an encoding of its own.
    The campaign of the page's address fills in where the hit has none.
    """
    column = pl.col
    address, is_bare = pl.coalesce("page_address", "http_referer"), column("address").str.contains(_ADDRESS).not_()
    before_fragment = column("address").str.splitn("#", 2).struct.field("field_0")
    path = column("parts").struct.field("field_0")
    query = column("parts").struct.field("field_1")
    hosts = [column(name).str.extract(_ADDRESS) for name in ("address", "http_referer")]
    utm = [f"utm_{name}" for name in UTM]
    parted = (
        events.with_columns(address=address)
        .with_columns(parts=before_fragment.str.splitn("?", 2), is_bare=is_bare, host=pl.coalesce(*hosts, "vhost"))
        .with_columns(
            bare_path=pl.when("is_bare").then(path),
            page=pl.when(~column("is_bare")).then(path.str.replace(_ADDRESS, "")),
            host=column("host").str.to_lowercase().str.replace(r"^.*@", "").str.replace(r":\d*$", ""),
            **{f"address_{name}": parameter(query, (name,)) for name in utm},
        )
    )
    return decoded(decoded_path(parted, "page"), [f"address_{name}" for name in utm]).with_columns(
        page=_rooted(pl.coalesce("bare_path", "page")),
        page_query=query,
        **{name: pl.coalesce(name, f"address_{name}") for name in utm},
    )


def _rooted(path: pl.Expr) -> pl.Expr:
    """An address without a path means `/`."""
    return pl.when(path == "").then(pl.lit("/")).otherwise(path)
