"""Query parameters as expressions: by any of their names, in any order, decoded exactly once.

A protocol says which names its parameters go by; what becomes of them is the same for all: `named`, then `placed`.
"""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from pixelstat.frames.query_string import MACRO, parameter, percent_decode, percent_decode_path
from pixelstat.schemas import EVENTS, ID_KEY, ID_PREFIX
from pixelstat.vocabulary import normalize_events

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

_ADDRESS = r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//([^/?#]*)"  # the scheme and host of a whole address


def add_custom_columns(
    events: pl.LazyFrame, parameters: Mapping[str, Sequence[str]], columns: Sequence[str]
) -> pl.LazyFrame:
    """Events with further columns of one's own: each by its parameters, null where it has none."""
    if not columns:
        return events
    escaped = {name: [re.escape(parameter) for parameter in parameters.get(name, ())] for name in columns}
    return percent_decode(
        events.with_columns(parameter(pl.col("query"), escaped[name]).alias(name) for name in columns), columns
    )


def add_utm_names(names: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The names of parameters with those of campaigns, which everybody calls the same unless told otherwise."""
    return {**names, **{f"utm_{name}": names.get(f"utm_{name}", (f"utm_{name}",)) for name in UTM}}


def extract_parameters(requests: pl.LazyFrame, names: Mapping[str, Sequence[str]], event: pl.Expr) -> pl.LazyFrame:
    """REQUESTS with the pixel's parameters as columns, decoded, and the event by the vocabulary's word.

    `names` are those that the parameters go by; `event` is made of the decoded columns.
    """
    column = pl.col
    names = add_utm_names(names)
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
    rows = normalize_events(percent_decode(raw, [*names, *anonymous]).with_columns(event=event))
    # An order is looked for where there may be one, for the same reason.
    masked = pl.when(column("event") == "purchase").then(query)
    rows = percent_decode(rows.with_columns(order=parameter(masked, names.get("order_id", ()))), ["order"])
    # The ledger asks every event for its flaw: one search keeps the others off nearly all of them.
    values = names.get("value", ())
    of_flawed = pl.when(query.str.contains("|".join([f"={MACRO}", *(f"{name}=" for name in values)]))).then(query)
    rows = percent_decode(
        rows.with_columns(given_value=parameter(of_flawed, values), of_flawed=of_flawed), ["given_value"]
    )
    return rows.with_columns(
        products=pl.lit(None, EVENTS["products"]),
        value=parse_number(column("value")),
        currency=normalize_currency(column("currency")),
        flaw=pl.when(column("given_value").is_not_null() & parse_number(column("given_value")).is_null())
        .then(pl.lit("number"))
        .when(column("of_flawed").str.contains(f"={MACRO}"))
        .then(pl.lit("macro")),
    )


def normalize_currency(text: pl.Expr) -> pl.Expr:
    """The currency that a text names, null where it is blank: `eur` and `EUR ` are EUR. What is no code stays itself."""
    bare = text.str.strip_chars()
    is_code = bare.str.contains("^[A-Za-z]{3}$")
    return pl.when(is_code).then(bare.str.to_uppercase()).when(bare != "").then(bare)


def parse_number(text: pl.Expr) -> pl.Expr:
    """The number that a text is; null for any other."""
    read = text.cast(pl.Float64, strict=False)
    return pl.when(read.is_finite()).then(read)


def split_page_url(events: pl.LazyFrame) -> pl.LazyFrame:
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
    return percent_decode(percent_decode_path(parted, "page"), [f"address_{name}" for name in utm]).with_columns(
        page=_rooted(pl.coalesce("bare_path", "page")),
        page_query=query,
        **{name: pl.coalesce(name, f"address_{name}") for name in utm},
    )


def _rooted(path: pl.Expr) -> pl.Expr:
    """An address without a path means `/`."""
    return pl.when(path == "").then(pl.lit("/")).otherwise(path)


def add_id_key(events: pl.LazyFrame) -> pl.LazyFrame:
    """Events of a protocol with the ID_KEY of their `visitor_id`, before a column of one's own may be called so."""
    return events.with_columns((pl.lit(ID_PREFIX) + pl.col("visitor_id")).alias(ID_KEY))
