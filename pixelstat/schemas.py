"""Define the frames that the stages hand on: one schema for each stage, with the meaning of each column."""

import polars as pl

UTC_TIME = pl.Datetime("us", "UTC")

# Why a line is rejected, with the words of the ledger for one and for many. A row keeps the reason of the first stage
# that rejects it; the order here is that of the ledger where counts are equal.
REASONS = {
    "unreadable": ("unreadable", "unreadable"),
    "not_pixel": ("not a pixel request", "not pixel requests"),
    "refused": ("failed request", "failed requests"),
    "bot": ("bot", "bots"),
    "person": ("person", "people"),
    "own_address": ("from an excluded address", "from excluded addresses"),
    "no_consent": ("without consent", "without consent"),
    "other_host": ("of another host", "of other hosts"),
    "other_period": ("outside the period", "outside the period"),
    "machine": ("machine", "machines"),
    "other": ("not matching --where", "not matching --where"),
    "duplicate": ("duplicate", "duplicates"),
}
Reason = pl.Enum(list(REASONS))
FILTER_REASONS = ("other_host", "other_period", "other")  # of --host, --since, --until and --where

# What is wrong with a line, in the words of `check`.
FAULTS = {
    "too_long": "is longer than --max-line, and its first part does not contain a complete request",
    "no_format": "does not match any known log format, or the one of --log-format",
    "no_request": "has no request with a path",
    "bad_time": "has a time that cannot be read, or that is before 2000 or in the future",
    "bad_status": "has a status that is not a number from 0 to 999",
}
Fault = pl.Enum(list(FAULTS))

# Why an event holds less than its request was meant to say, with the ledger's words for one and for many.
PARSE_ISSUES = {
    "number": ("value that is not a number", "values that are not numbers"),
    "macro": ("macro that was not filled in", "macros that were not filled in"),
    "payload": ("payload that cannot be decoded", "payloads that cannot be decoded"),
    "consent": ("consent signal that cannot be read", "consent signals that cannot be read"),
}

LINES = pl.Schema(
    {
        "line": pl.String(),  # without its line end; undecodable bytes are U+FFFD
        "header": pl.String(),  # the `#Fields:` line that applies to it; null if there was none so far
        "file": pl.Categorical(),  # the path as the user wrote it
        "number": pl.Int64(),  # 1 for the file's first line
    }
)

REQUESTS = pl.Schema(
    {
        "file": pl.Categorical(),
        "number": pl.Int64(),
        "time": UTC_TIME,  # null if unreadable
        "client": pl.String(),  # address or host name of the client
        "vhost": pl.String(),  # the site that was requested, if the format has it
        "method": pl.String(),
        "path": pl.String(),  # as requested: percent-encoded, without the query
        "query": pl.String(),  # without the question mark; null if there is none
        "status": pl.Int16(),  # null if the format has none
        "bytes": pl.Int64(),  # null for "-"
        "referrer": pl.String(),  # the Referer header; null if absent
        "user_agent": pl.String(),  # empty if the request had none; null if the format does not hold it
        "forwarded_for": pl.String(),  # the X-Forwarded-For header
        "cookies": pl.String(),  # the Cookie header
        "dnt": pl.String(),  # the DNT header
        "gpc": pl.String(),  # the Sec-GPC header
        "purpose": pl.String(),  # the Sec-Purpose header
        "request_id": pl.String(),  # the server's id of the request
        "format": pl.String(),  # the log format that parsed the line
        "rejected": Reason,  # null if not rejected so far
        "fault": Fault,  # what is wrong with an unreadable line; null for other lines
    }
)

# REQUESTS with the lines that they were parsed from.
READ = pl.Schema({**REQUESTS, "line": LINES["line"], "header": LINES["header"]})

PRODUCT_FIELDS = {
    "id": pl.String(),
    "name": pl.String(),
    "category": pl.String(),
    "price": pl.Float64(),
    "quantity": pl.Float64(),
}
PRODUCTS = pl.List(pl.Struct(PRODUCT_FIELDS))

# The columns of EVENTS, each with its type and its meaning. `pixelstat schema events` and the manual show the meanings.
EVENT_COLUMNS: dict[str, tuple[pl.DataType, str]] = {
    "time": (UTC_TIME, "time of the request, to the resolution of the log"),
    "protocol": (pl.String(), "pixel protocol that read the request; `pixelstat protocols` lists them"),
    "event": (pl.String(), "event name: page_view, purchase, ..., or the name that the pixel sent"),
    "visitor": (pl.String(), "key of the visitor; its first letter names the kind: v: u: r: c: p: k: d:"),
    "user_id": (pl.String(), "id of the signed-in user"),
    "recipient": (pl.String(), "recipient of the email"),
    "page": (pl.String(), "decoded path of the page, without query and fragment"),
    "page_query": (pl.String(), "query of the page's address, still encoded, without the question mark"),
    "host": (pl.String(), "host of the page, else the requested host; lower case, without port"),
    "referrer": (pl.String(), "address that the visitor came from, as the pixel sent it"),
    "utm_id": (pl.String(), "parameter utm_id of the page or the pixel"),
    "utm_source": (pl.String(), "parameter utm_source of the page or the pixel"),
    "utm_medium": (pl.String(), "parameter utm_medium of the page or the pixel"),
    "utm_campaign": (pl.String(), "parameter utm_campaign of the page or the pixel"),
    "utm_term": (pl.String(), "parameter utm_term of the page or the pixel"),
    "utm_content": (pl.String(), "parameter utm_content of the page or the pixel"),
    "utm_source_platform": (pl.String(), "parameter utm_source_platform of the page or the pixel"),
    "utm_creative_format": (pl.String(), "parameter utm_creative_format of the page or the pixel"),
    "utm_marketing_tactic": (pl.String(), "parameter utm_marketing_tactic of the page or the pixel"),
    "order_id": (pl.String(), "id of the order, as the pixel sent it"),
    "dedup_key": (pl.String(), "key that a hit and its retries share: the pixel's own key, its account and the event"),
    "event_number": (
        pl.Int16(),
        "number of the event in its request; 0 for a page view beside it; null for the only one",
    ),
    "value": (pl.Float64(), "value of the event in `currency`; null if absent or not a number"),
    "currency": (pl.String(), "currency of `value`"),
    "tax": (pl.Float64(), "tax of the order, in `currency`; null if absent or not a number"),
    "shipping": (pl.Float64(), "shipping costs of the order, in `currency`; null if absent or not a number"),
    "discount": (pl.Float64(), "discount on the order, in `currency`; null if absent or not a number"),
    "coupon": (pl.String(), "code of the coupon that was used"),
    "excludes_tax": (pl.Boolean(), "true if the vendor defines `value` without tax and shipping; null for others"),
    "product": (pl.String(), "id of the first product"),
    "products": (PRODUCTS, "products of the event, at most 200: id, name, category, price, quantity"),
    "is_whole_cart": (pl.Boolean(), "true if `products` is the whole cart after the event; null for others"),
    "message": (pl.String(), "id of the email"),
    "variant": (pl.String(), "variant of an experiment"),
    "session_id": (pl.String(), "id of the session, as the pixel counts sessions"),
    "is_new_visit": (pl.Boolean(), "true if the pixel says that a visit begins with this event"),
    "goal": (pl.String(), "goal that the event reached, by its name in the pixel"),
    "campaign": (pl.String(), "campaign that the email belongs to"),
    "link": (pl.String(), "link that was clicked"),
    "sent": (UTC_TIME, "time at which the email was sent, if the request holds it"),
    "is_declared_bot": (
        pl.Boolean(),
        "true for a HEAD request, or if the pixel says that a bot sent it; null for others",
    ),
    "parse_issue": (pl.String(), "reason why a part of the request could not be read; null for others"),
    "client": (pl.String(), "address or host name of the client"),
    "user_agent": (pl.String(), "user agent of the client"),
    "method": (pl.String(), "HTTP method of the request"),
    "path": (pl.String(), "path of the pixel's request, as requested"),
    "query": (pl.String(), "query of the pixel's request, still encoded"),
    "http_referer": (pl.String(), "Referer header of the pixel's request"),
    "status": (pl.Int16(), "HTTP status of the response; null if the log has none"),
    "forwarded_for": (pl.String(), "X-Forwarded-For header of the request"),
    "cookies": (pl.String(), "Cookie header of the request"),
    "dnt": (pl.String(), "DNT header of the request"),
    "gpc": (pl.String(), "Sec-GPC header of the request"),
    "purpose": (pl.String(), "Sec-Purpose header of the request"),
    "request_id": (pl.String(), "id that the server gave to the request"),
    "format": (pl.String(), "log format of the line; `pixelstat formats` lists them"),
    "browser": (pl.String(), "browser, or image proxy of an email service, by the user agent"),
    "os": (pl.String(), "operating system without version, by the user agent"),
    "device": (pl.String(), "device, often its model, by the user agent; null if it names none"),
    "device_type": (pl.String(), "desktop, mobile, tablet, tv, console or watch; null if unknown"),
    "country": (pl.String(), "country of the client's address (ISO 3166-1 code); null without --geo"),
    "region": (pl.String(), "region of the client's address, in English; null without --geo"),
    "city": (pl.String(), "city of the client's address, in English; null without --geo"),
    "asn": (pl.String(), "autonomous system of the client's address, as in AS64500; null without --geo"),
    "network": (pl.String(), "organization that runs the autonomous system; null without --geo"),
    "consent": (pl.String(), "granted, refused or malformed; null if no signal decides"),
    "source": (pl.String(), "source that the visitor came from, by this event alone; null if it names none"),
    "medium": (pl.String(), "cpc, organic, social, email, referral or another medium"),
    "keyword": (pl.String(), "search term, or keyword of the ad"),
    "channel": (pl.String(), "channel: the group that source, medium and campaign belong to"),
    "source_basis": (pl.String(), "what names the source: campaign, own_campaign, own_link, click_id, ref or referrer"),
    "hit": (pl.UInt64(), "number that copies of one hit share; valid within one run"),
    "first": (pl.Int128(), "rank of differing copies of a hit: the lowest counts; null if all are equal"),
    "rejected": (Reason, "reason why the event does not count; null if it counts"),
    "traffic_class": (pl.String(), "human, proxy (which hides a human) or machine"),
    "traffic_reason": (pl.String(), "rule that found the proxy or the machine; null for a human"),
}
EVENTS = pl.Schema({name: dtype for name, (dtype, _) in EVENT_COLUMNS.items()})

# Columns of EVENTS that every run derives again from the others, so Parquet of events may lack them.
DERIVED = (
    "browser", "os", "device", "device_type", "country", "region", "city", "asn", "network", "consent",
    "source", "medium", "keyword", "channel", "source_basis", "traffic_class", "traffic_reason",
)  # fmt: skip

# What an event says of its value beside the amount. It belongs to the hit that states the amount.
VALUE_COLUMNS = ("currency", "tax", "shipping", "discount", "coupon", "excludes_tax")

# What events know of their visit. These columns exist only if a report needs them.
VISIT_COLUMNS: dict[str, tuple[pl.DataType, str]] = {
    "visit": (pl.UInt32(), "number that the events of one visit share; valid within one run"),
    "visit_number": (pl.Int64(), "number of the visit among the visitor's visits in the logs, from 1"),
    "visit_start": (UTC_TIME, "time of the visit's first event"),
    "visit_seconds": (pl.Float64(), "time from the visit's first event to its last; null for a single event"),
    "visit_views": (pl.Int64(), "number of page views in the visit"),
    "is_bounce": (pl.Boolean(), "true for a visit of one event, not counting heartbeats"),
    "entry_page": (pl.String(), "page of the visit's first page view"),
    "exit_page": (pl.String(), "page of the visit's last page view"),
    "first_seen": (UTC_TIME, "time of the visitor's first event in the logs"),
}
VISITS = pl.Schema({name: dtype for name, (dtype, _) in VISIT_COLUMNS.items()})

# The columns that `pixelstat events` writes, and those that --where, --step and --by may name.
EXPORTED = pl.Schema({name: dtype for name, dtype in EVENTS.items() if name not in ("rejected", "hit", "first")})
CONDITION_COLUMNS = [*EXPORTED, *(name for name in VISITS if name != "visit")]
ID_PREFIX = "v:"  # in front of the pixel's visitor id, in the key of a visitor
ID_KEY = "id key"  # an internal column: the key of that visitor; a custom column may be called visitor_id
GRANTED, REFUSED, MALFORMED = "granted", "refused", "malformed"  # what `consent` of EVENTS can be, or null
PSEUDONYM_PREFIX = "h:"
CONSENT_READING = "1"  # Parquet of events names it; it changes whenever the same signals are read differently
SEPARATOR = "\x1f"  # between texts that are joined into one: a control character that none of them holds
