"""The tables that the stages hand on: one schema a stage, one comment a column."""

import polars as pl

UTC_TIME = pl.Datetime("us", "UTC")

REASONS = {  # why a line is set aside, in the order of precedence, with the ledger's words for one and for many
    "unreadable": ("unreadable", "unreadable"),
    "not_pixel": ("no pixel request", "no pixel requests"),
    "refused": ("refused by the server", "refused by the server"),
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

FAULTS = {  # what is wrong with a line, in the words of `check`
    "too_long": "is longer than --max-line, and what is left of it says too little",
    "no_format": "fits no log format that pixelstat knows, or not the one given",
    "no_request": "has no request that names a path",
    "bad_time": "has a time that is no time, or lies before 2000 or in the future",
    "bad_status": "has a status that is no number from 0 to 999",
}
Fault = pl.Enum(list(FAULTS))

FLAWS = {  # why an event holds less than its request meant to say, with the ledger's words for one and for many
    "number": ("value that is no number", "values that are no numbers"),
    "macro": ("macro that was not filled in", "macros that were not filled in"),
    "payload": ("payload that cannot be decoded", "payloads that cannot be decoded"),
    "consent": ("consent that cannot be read", "consents that cannot be read"),
}

LINES = pl.Schema(
    {
        "line": pl.String(),  # without its line end; undecodable bytes are U+FFFD
        "header": pl.String(),  # the `#Fields:` line that rules it; null when there was none so far
        "file": pl.Categorical(),  # the path as it was given
        "number": pl.Int64(),  # 1 for the file's first line
    }
)

REQUESTS = pl.Schema(
    {
        "file": pl.Categorical(),
        "number": pl.Int64(),
        "time": UTC_TIME,  # null when unreadable
        "client": pl.String(),  # address or host name of who asked
        "vhost": pl.String(),  # the site that was asked, where the format has it
        "method": pl.String(),
        "path": pl.String(),  # as it was asked for: still percent-encoded, without the query
        "query": pl.String(),  # without the question mark; null when there is none
        "status": pl.Int16(),  # null where the format has none
        "bytes": pl.Int64(),  # null for "-"
        "referrer": pl.String(),  # the Referer header; null when absent
        "user_agent": pl.String(),  # empty when the request had none, null when the format does not tell
        "forwarded_for": pl.String(),  # the X-Forwarded-For header
        "cookies": pl.String(),  # the Cookie header
        "dnt": pl.String(),  # the DNT header
        "gpc": pl.String(),  # the Sec-GPC header
        "purpose": pl.String(),  # the Sec-Purpose header
        "request_id": pl.String(),  # what the server calls this one request
        "format": pl.String(),  # the log format that the line was read as
        "rejected": Reason,  # null: not rejected so far
        "fault": Fault,  # what is wrong with an unreadable line; null for all others
    }
)

# REQUESTS with the lines that they were read from.
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
        "event": pl.String(),  # page_view, purchase, ...: the vocabulary's word, or the pixel's own
        "visitor": pl.String(),  # one key a visitor, its kind in front: v: u: r: c: p: k: d:
        "user_id": pl.String(),
        "recipient": pl.String(),  # of an email
        "page": pl.String(),  # decoded path, no query, no fragment
        "page_query": pl.String(),  # of the page's address, without the question mark, as it stands there
        "host": pl.String(),  # of the page, else the site that was asked; lower case, no port
        "referrer": pl.String(),  # where the visitor came from, by the pixel's own parameter
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
        "key": pl.String(),  # the same where the pixel says that a hit is sent again
        "value": pl.Float64(),  # in currency; null when absent or not a number
        "currency": pl.String(),
        "product": pl.String(),  # the first one's id
        "products": PRODUCTS,  # that the event is about, at most 200; null where it names none
        "message": pl.String(),  # of an email
        "variant": pl.String(),  # of an experiment
        "session_id": pl.String(),  # by the pixel's own count
        "goal": pl.String(),  # that was reached, by the pixel's own name
        "campaign": pl.String(),  # the mailing that an email was part of
        "link": pl.String(),  # that was clicked
        "sent": UTC_TIME,  # when the mail was, where its address tells
        "flaw": pl.String(),  # why not all of the request could be read: one of FLAWS; null when it could
        "client": pl.String(),
        "user_agent": pl.String(),
        "method": pl.String(),
        "path": pl.String(),  # of the pixel itself
        "query": pl.String(),  # with it, as it was asked for
        "http_referer": pl.String(),  # the header with it, as it was logged
        "status": pl.Int16(),
        "forwarded_for": pl.String(),
        "cookies": pl.String(),
        "dnt": pl.String(),
        "gpc": pl.String(),
        "purpose": pl.String(),
        "request_id": pl.String(),
        "format": pl.String(),  # the log format of its line
        "browser": pl.String(),  # the agent's family, as ua-parser names it; also that of a mail service's image proxy
        "os": pl.String(),  # the system's family, without its version
        "device": pl.String(),  # its family, mostly a model; null where the agent names none
        "device_type": pl.String(),  # desktop, mobile, tablet, tv, console or watch; null where the agent tells none
        "country": pl.String(),  # ISO 3166-1 code; this and the next four by the client's address, null without --geo
        "region": pl.String(),  # the largest part of the country, its English name
        "city": pl.String(),  # its English name
        "asn": pl.String(),  # the autonomous system's number, as in AS64500
        "network": pl.String(),  # the organization that runs it
        "consent": pl.String(),  # granted, refused, malformed; null where the request says nothing of it
        "source": pl.String(),  # that the visitor came from, by this event alone; null where it shows none from outside
        "medium": pl.String(),  # by which: cpc, organic, social, email, referral, ...
        "keyword": pl.String(),  # that was searched or booked
        "channel": pl.String(),  # the group that source, medium and campaign make
        "hit": pl.UInt64(),  # the same number for what is the same hit; it holds within one run
        "first": pl.Int64(),  # of rows of one hit that may differ the lowest counts; null where all are the same
        "rejected": Reason,
        "verdict": pl.String(),  # human, proxy (which hides one) or machine
        "reason": pl.String(),  # the rule that told the proxy or the machine; null for a human
    }
)

# Columns of EVENTS that are made of the others, anew in every run: Parquet of events need not have them.
DERIVED = (
    "browser", "os", "device", "device_type", "country", "region", "city", "asn", "network", "consent",
    "source", "medium", "keyword", "channel", "verdict", "reason",
)  # fmt: skip

# What the events of a visit know of it, where a report asks.
VISITS = pl.Schema(
    {
        "visit": pl.UInt32(),  # the same number for what is the same visit; it holds within one run
        "visit_start": UTC_TIME,
        "visit_seconds": pl.Float64(),  # from its first event to its last; null where there is but one
        "visit_views": pl.Int64(),  # page views
        "single_hit": pl.Boolean(),  # there is but one event, heartbeats aside
        "entry_page": pl.String(),  # of its first page view
        "exit_page": pl.String(),  # of its last
        "first_seen": UTC_TIME,  # the visitor's first event in the logs
    }
)

# What `pixelstat events` writes; and what --where, --step and --by may name.
EXPORTED = pl.Schema({name: dtype for name, dtype in EVENTS.items() if name not in ("rejected", "hit", "first")})
CONDITION_COLUMNS = [*EXPORTED, *(name for name in VISITS if name != "visit")]
ID_PREFIX = "v:"  # in front of the pixel's visitor id, in the key of a visitor
GRANTED, REFUSED, MALFORMED = "granted", "refused", "malformed"  # what `consent` of EVENTS can be, or null

ID_KEY = "id key"  # a temporary column: ID_PREFIX and the pixel's visitor id; a custom column may be called visitor_id
PSEUDONYM_PREFIX = "h:"
CONSENT_READING = "1"  # change it whenever the same signals come to mean something else: Parquet of events names it
SEPARATOR = "\x1f"  # joins two texts into one key; no log line holds it unescaped
