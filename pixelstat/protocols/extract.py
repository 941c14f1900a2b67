"""Extract columns from query parameters: by any of their names, in any order, decoded exactly once.

A protocol lists the names of its parameters. The rest is the same for all protocols: `extract_parameters`, then
`split_page_url`.
"""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from pixelstat.frames.lookup import replace_where
from pixelstat.frames.numbers import find_currency, parse_number
from pixelstat.frames.placeholders import drop_macro, drop_placeholder
from pixelstat.frames.query_string import (
    CAMPAIGN_NAMES,
    FLAWED_CAMPAIGN,
    MACRO_START,
    normalize_campaign,
    parameter,
    percent_decode,
    percent_decode_all,
    percent_decode_path,
)
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
UTM_COLUMNS = tuple(f"utm_{name}" for name in UTM)
TEXT_COLUMNS = (  # the columns that parameters feed, in addition to event, visitor_id, page_address and utm_*
    "user_id", "referrer", "order_id", "value", "currency", "product", "message", "recipient", "variant",
    "session_id", "goal", "campaign", "link", "tax", "shipping", "discount", "coupon",
)  # fmt: skip
AMOUNT_COLUMNS = ("value", "tax", "shipping", "discount")  # those of TEXT_COLUMNS that become numbers

ID_COLUMNS = ("visitor_id", "user_id", "recipient", "order_id", "order", "anonymous_user", "anonymous_recipient")
VENDOR_COLUMNS = (  # only some protocols fill them
    "sent", "dedup_key", "event_number", "excludes_tax", "is_whole_cart", "is_new_visit", "is_declared_bot",
)  # fmt: skip

_FRAGMENT_NAME = rf"(?i:{CAMPAIGN_NAMES}[a-z_]+|[a-z]+clid|[gw]braid)(?:=|%3[Dd])"
# A fragment that holds campaign parameters or click ids, also one whose `#` was encoded.
_CAMPAIGN_FRAGMENT = rf"(?:#((?:[^#]*[?&/])?{_FRAGMENT_NAME}.*)|%23({_FRAGMENT_NAME}.*))$"
_ADDRESS = r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//([^/?#]*)"  # the scheme and host of a complete address


def add_custom_columns(
    events: pl.LazyFrame, parameters: Mapping[str, Sequence[str]], columns: Sequence[str]
) -> pl.LazyFrame:
    """Add the custom columns to events: each from its `parameters`, null for a column without any."""
    if not columns:
        return events
    escaped = {name: [re.escape(parameter) for parameter in parameters.get(name, ())] for name in columns}
    return percent_decode(
        events.with_columns(parameter(pl.col("query"), escaped[name]).alias(name) for name in columns), columns
    )


def add_utm_names(names: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Add the names of the campaign parameters, utm_source and so on, unless the protocol has other names for them."""
    return {**names, **{f"utm_{name}": names.get(f"utm_{name}", (f"utm_{name}",)) for name in UTM}}


def extract_parameters(requests: pl.LazyFrame, names: Mapping[str, Sequence[str]], event: pl.Expr) -> pl.LazyFrame:
    """Add the pixel's parameters to REQUESTS as decoded columns, and the event in the word of the vocabulary.

    `names` maps columns to the names of their parameters. `event` is an expression over the decoded columns.
    """
    names = add_utm_names(names)
    missing = {
        name for name in ("event", "visitor_id", "page_address", *VENDOR_COLUMNS, *TEXT_COLUMNS) if name not in names
    }
    # A visitor id makes the other ids unnecessary. The masked query saves two searches on most lines.
    anonymous = {
        f"anonymous_{key}": names.get(name, ()) for key, name in (("user", "user_id"), ("recipient", "recipient"))
    }
    types = {**EVENTS, "value": pl.String()}  # it becomes a number later
    parts = [name for name in AMOUNT_COLUMNS if name in names and name != "value"]
    query = pl.col("query")
    raw = (
        requests.with_columns(http_referer=pl.col("referrer"))
        .with_columns(parameter(query, aliases).alias(name) for name, aliases in names.items())
        .with_columns(pl.lit(None, types.get(name, pl.String())).alias(name) for name in missing)
        .pipe(percent_decode, ["visitor_id"])
        .with_columns(drop_placeholder(pl.col("visitor_id")))
        .with_columns(query_of_anonymous=pl.when(pl.col("visitor_id").is_null()).then(query))
        .with_columns(
            parameter(pl.col("query_of_anonymous"), aliases).alias(name) for name, aliases in anonymous.items()
        )
    )
    encoded = [name for name in (*names, *anonymous) if name not in ("visitor_id", *UTM_COLUMNS)]
    decoded = percent_decode_all(percent_decode(raw, encoded), UTM_COLUMNS)
    rows = normalize_events(decoded.with_columns(event=event))
    # Only a purchase has an order id. The masked query saves a search here, too.
    masked = pl.when(pl.col("event") == "purchase").then(query)
    rows = percent_decode(rows.with_columns(order=parameter(masked, names.get("order_id", ()))), ["order"])
    # The ledger needs the parse_issue of every event. One search saves the others on nearly all of them.
    values = [*names.get("value", ()), *names.get("event_value", ())]
    of_flawed = pl.when(query.str.contains("|".join([f"={MACRO_START}", *(f"{name}=" for name in values)]))).then(query)
    rows = percent_decode(
        rows.with_columns(given_value=parameter(of_flawed, values), of_flawed=of_flawed), ["given_value"]
    )
    stated_currency = pl.when(parse_number(pl.col("value")).is_not_null()).then(find_currency(pl.col("value")))
    return rows.with_columns(
        *(parse_number(pl.col(name)).alias(name) for name in parts),
        products=pl.lit(None, EVENTS["products"]),
        value=parse_number(pl.col("value")),
        currency=pl.coalesce(normalize_currency(pl.col("currency")), stated_currency),
        parse_issue=pl.when(pl.col("given_value").is_not_null() & parse_number(pl.col("given_value")).is_null())
        .then(pl.lit("number"))
        .when(pl.col("of_flawed").str.contains(f"={MACRO_START}"))
        .then(pl.lit("macro")),
    )


def normalize_currency(text: pl.Expr) -> pl.Expr:
    """Return the currency code in a text: `eur` and `EUR ` become EUR. Other texts stay, a blank one becomes null."""
    bare = text.str.strip_chars()
    is_code = bare.str.contains("^[A-Za-z]{3}$")
    return pl.when(is_code).then(bare.str.to_uppercase()).when(bare != "").then(bare)


def split_page_url(events: pl.LazyFrame) -> pl.LazyFrame:
    """Split the address of the page into path, query and host. Without `page_address` the Referer header is used.

    A bare path was decoded with its parameter, but the path inside a complete address has its own encoding. If the hit
    has no campaign, that of the page's address is used. It may be in the fragment, which then belongs to the query.
    """
    address, is_bare = pl.coalesce("page_address", "http_referer"), pl.col("address").str.contains(_ADDRESS).not_()
    before_fragment = pl.col("address").str.splitn("#", 2).struct.field("field_0")
    path = pl.col("parts").struct.field("field_0")
    query = pl.col("page_query")
    host_columns = [pl.col(name) for name in ("address", "http_referer", "vhost")]
    is_order = pl.col("order").is_not_null()
    split = (
        events.with_columns(address=_move_campaign(address))
        .with_columns(parts=before_fragment.str.splitn("?", 2), is_bare=is_bare)
        .with_columns(page_query=pl.col("parts").struct.field("field_1"))
        .pipe(replace_where, ["page_query"], lambda text: text.str.contains(FLAWED_CAMPAIGN), normalize_campaign)
        .with_columns(
            bare_path=pl.when("is_bare").then(path),
            page=pl.when(~pl.col("is_bare")).then(path.str.replace(_ADDRESS, "")),
            host=_find_host(*host_columns),
            # Masked, because reports that do not show the host need it of orders only.
            order_host=_find_host(*(pl.when(is_order).then(column) for column in host_columns)),
            **{f"address_{name}": parameter(query, (name,)) for name in UTM_COLUMNS},
        )
    )
    return percent_decode_all(
        percent_decode_path(split, "page"), [f"address_{name}" for name in UTM_COLUMNS]
    ).with_columns(
        page=_with_root(pl.coalesce("bare_path", "page")),
        **{name: drop_macro(pl.coalesce(name, f"address_{name}")) for name in UTM_COLUMNS},
    )


def _find_host(address: pl.Expr, http_referer: pl.Expr, vhost: pl.Expr) -> pl.Expr:
    """Return the host of a complete address, else of the Referer header, else the one that was requested."""
    host = pl.coalesce(address.str.extract(_ADDRESS), http_referer.str.extract(_ADDRESS), vhost)
    return host.str.to_lowercase().str.replace(r"^.*@", "").str.replace(r":\d*$", "")


def _move_campaign(address: pl.Expr) -> pl.Expr:
    """Return the address with the campaign parameters of its fragment, if there are any, in its query."""
    has_campaign = address.str.contains(_CAMPAIGN_FRAGMENT)
    parts = pl.when(has_campaign).then(address).str.extract_groups(f"^([^#]*?){_CAMPAIGN_FRAGMENT}").struct
    page, fragment = parts.field("1"), pl.coalesce(parts.field("2"), parts.field("3"))
    fragment = fragment.str.replace(r"^[^?=]*\?", "")  # of `#/route?a=b`: a=b
    separator = pl.when(page.str.contains("?", literal=True)).then(pl.lit("&")).otherwise(pl.lit("?"))
    return pl.coalesce(page + separator + fragment, address)


def _with_root(path: pl.Expr) -> pl.Expr:
    """Return `/` for an empty path: an address without a path means the root."""
    return pl.when(path == "").then(pl.lit("/")).otherwise(path)


def finish_ids(events: pl.LazyFrame) -> pl.LazyFrame:
    """Make the placeholders among the ids null, and add ID_KEY, the key of `visitor_id`.

    It comes before the custom columns, which may take the name `visitor_id`.
    """
    ids = events.with_columns(drop_placeholder(pl.col(name)) for name in ID_COLUMNS)
    return ids.with_columns((pl.lit(ID_PREFIX) + pl.col("visitor_id")).alias(ID_KEY))
