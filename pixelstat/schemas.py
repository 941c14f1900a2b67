"""Define the frames that the stages hand on: one schema for each stage, one comment for each column."""

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

PRODUCTS = pl.List(
    pl.Struct(
        {
            "id": pl.String(),
            "name": pl.String(),
            "category": pl.String(),
            "price": pl.Float64(),
            "quantity": pl.Float64(),
        }
    )
)

EVENTS = pl.Schema(
    {
        "time": UTC_TIME,
        "protocol": pl.String(),  # the pixel protocol that claimed the request
        "event": pl.String(),  # page_view, purchase, ...: canonical, or the name that the pixel sent
        "visitor": pl.String(),  # the visitor's key, which begins with its kind: v: u: r: c: p: k: d:
        "user_id": pl.String(),
        "recipient": pl.String(),  # of a mail
        "page": pl.String(),  # decoded path without query and fragment
        "page_query": pl.String(),  # of the page's address, without the question mark, still encoded
        "host": pl.String(),  # of the page, else the requested site; lower case, without port
        "referrer": pl.String(),  # where the visitor came from, by a parameter of the pixel
        "utm_id": pl.String(),
        "utm_source": pl.String(),
        "utm_medium": pl.String(),
        "utm_campaign": pl.String(),
        "utm_term": pl.String(),
        "utm_content": pl.String(),
        "utm_source_platform": pl.String(),
        "utm_creative_format": pl.String(),
        "utm_marketing_tactic": pl.String(),
        "order_id": pl.String(),
        "dedup_key": pl.String(),  # equal for a hit and its retries, by parameters of the pixel
        "value": pl.Float64(),  # in `currency`; null if absent or not a number
        "currency": pl.String(),
        "product": pl.String(),  # the id of the first product
        "products": PRODUCTS,  # at most 200; null if the event names none
        "message": pl.String(),  # of a mail
        "variant": pl.String(),  # of an experiment
        "session_id": pl.String(),  # as the pixel counts sessions
        "goal": pl.String(),  # that was reached, by the name in the pixel
        "campaign": pl.String(),  # the mailing of a mail
        "link": pl.String(),  # the link that was clicked
        "sent": UTC_TIME,  # when the mail was sent, if its address holds the time
        "parse_issue": pl.String(),  # why a part of the request could not be read: one of PARSE_ISSUES; null otherwise
        "client": pl.String(),
        "user_agent": pl.String(),
        "method": pl.String(),
        "path": pl.String(),  # of the pixel's request
        "query": pl.String(),  # of the pixel's request, still encoded
        "http_referer": pl.String(),  # the Referer header of the pixel's request
        "status": pl.Int16(),
        "forwarded_for": pl.String(),
        "cookies": pl.String(),
        "dnt": pl.String(),
        "gpc": pl.String(),
        "purpose": pl.String(),
        "request_id": pl.String(),
        "format": pl.String(),  # the log format of the line
        "browser": pl.String(),  # ua-parser's family of the agent; also the image proxy of a mail service
        "os": pl.String(),  # ua-parser's family of the system, without version
        "device": pl.String(),  # ua-parser's family, mostly a model; null if the agent names none
        "device_type": pl.String(),  # desktop, mobile, tablet, tv, console or watch; null if the agent does not say
        "country": pl.String(),  # ISO 3166-1 code; this and the next four by the client's address, null without --geo
        "region": pl.String(),  # English name of the first-level subdivision of the country
        "city": pl.String(),  # English name
        "asn": pl.String(),  # number of the autonomous system, as in AS64500
        "network": pl.String(),  # the organization that runs the autonomous system
        "consent": pl.String(),  # granted, refused or malformed; null without a deciding signal
        "source": pl.String(),  # that the visitor came from, by this event alone; null if it names none outside
        "medium": pl.String(),  # how the visitor came: cpc, organic, social, email, referral, ...
        "keyword": pl.String(),  # the search term, or the keyword of the ad
        "channel": pl.String(),  # the group of source, medium and campaign
        "hit": pl.UInt64(),  # equal for copies of one hit; valid within one run
        "first": pl.Int64(),  # order of differing copies of a hit: the lowest counts; null if all are equal
        "rejected": Reason,
        "traffic_class": pl.String(),  # human, proxy (which hides a human) or machine
        "traffic_reason": pl.String(),  # the rule that found the proxy or the machine; null for a human
    }
)

# Columns of EVENTS that every run derives again from the others, so Parquet of events may lack them.
DERIVED = (
    "browser", "os", "device", "device_type", "country", "region", "city", "asn", "network", "consent",
    "source", "medium", "keyword", "channel", "traffic_class", "traffic_reason",
)  # fmt: skip

# What events know of their visit. These columns exist only if a report needs them.
VISITS = pl.Schema(
    {
        "visit": pl.UInt32(),  # equal for the events of one visit; valid within one run
        "visit_start": UTC_TIME,
        "visit_seconds": pl.Float64(),  # from its first event to its last; null for a single event
        "visit_views": pl.Int64(),  # number of page views
        "is_bounce": pl.Boolean(),  # true for a visit of one event, not counting heartbeats
        "entry_page": pl.String(),  # page of its first page view
        "exit_page": pl.String(),  # page of its last page view
        "first_seen": UTC_TIME,  # the visitor's first event in the logs
    }
)

# The columns that `pixelstat events` writes, and those that --where, --step and --by may name.
EXPORTED = pl.Schema({name: dtype for name, dtype in EVENTS.items() if name not in ("rejected", "hit", "first")})
CONDITION_COLUMNS = [*EXPORTED, *(name for name in VISITS if name != "visit")]
ID_PREFIX = "v:"  # in front of the pixel's visitor id, in the key of a visitor
ID_KEY = "id key"  # an internal column: the key of that visitor; a custom column may be called visitor_id
GRANTED, REFUSED, MALFORMED = "granted", "refused", "malformed"  # what `consent` of EVENTS can be, or null
PSEUDONYM_PREFIX = "h:"
CONSENT_READING = "1"  # Parquet of events names it; it changes whenever the same signals are read differently
SEPARATOR = "\x1f"  # between texts that are joined into one: a control character that none of them holds
