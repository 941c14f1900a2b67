"""Read each input as a stream of EVENTS: logs through formats and protocols, Parquet of events as it is."""

from collections.abc import Iterator, Sequence

import polars as pl
from polars import selectors

from pixelstat.enrich.channels import add_channels
from pixelstat.enrich.devices import add_devices
from pixelstat.enrich.geo import add_places
from pixelstat.enrich.mailings import add_sent_times
from pixelstat.fastpath import LineRules, compile_reader, hash_requests
from pixelstat.formats.assignment import LogSet, ReadingRules
from pixelstat.formats.base import LogFormat
from pixelstat.formats.reparse import reparse_misfits
from pixelstat.frames.batches import tap_batches
from pixelstat.identity.consent import CONSENT_QUERY, add_consent, consent_query, signal_parameters
from pixelstat.identity.proxies import resolve_clients
from pixelstat.identity.pseudonyms import pseudonymize
from pixelstat.identity.visitors import IDENTITY_COLUMNS, key_visitors
from pixelstat.protocols import per_recipient_protocols
from pixelstat.protocols.interpret import interpret
from pixelstat.query import EventQuery
from pixelstat.schemas import DERIVED, EVENTS, EXPORTED, Reason
from pixelstat.sources.bad_lines import BadLines
from pixelstat.sources.blocks import Log
from pixelstat.sources.event_parquet import STORED_COLUMNS, has_current_consent, holds_pseudonyms, scan_events
from pixelstat.sources.lines import Reading, scan_lines
from pixelstat.traffic.classify import classify_by_request
from pixelstat.traffic.deduplication import HIT_COLUMNS, REQUEST_HASH
from pixelstat.traffic.rejection import reject_by_request


def event_streams(
    logs: LogSet, query: EventQuery, reading: Reading, bad_lines: BadLines | None = None
) -> Iterator[pl.LazyFrame]:
    """Yield the EVENTS of logs, of Parquet, and of pseudonymised Parquet, enriched as far as one row tells.

    `reading` counts the lines as they pass, `bad_lines` collects those that cannot be read.
    """
    if logs.has_text or not logs.event_files:
        requests = parse_and_interpret(logs, query, reading, bad_lines)
        yield requests.pipe(reject_by_request, query.traffic).pipe(key_visitors).pipe(enrich, query)
    plain = [file for file in logs.event_files if not holds_pseudonyms(file)]
    if plain:
        has_consent = query.enrichment.custom_consent is None and has_current_consent(plain)
        columns = pl.Schema({**STORED_COLUMNS, **({"consent": EXPORTED["consent"]} if has_consent else {})})
        yield (
            scan_event_files(plain, query, reading, columns)
            .with_columns(consent_query(query.enrichment.custom_consent))
            .pipe(hash_requests)
            .pipe(enrich, query, has_consent=has_consent)
        )
    if pseudonymised := [file for file in logs.event_files if file not in plain]:  # nothing more can be read from them
        yield scan_event_files(pseudonymised, query, reading, EXPORTED).pipe(hash_requests)


def scan_event_files(files: Sequence[Log], query: EventQuery, reading: Reading, columns: pl.Schema) -> pl.LazyFrame:
    """Read these columns of EVENTS from Parquet, and reject events by their request."""
    events = scan_events(files, reading, [*query.protocols.custom_columns], columns)
    return reject_by_request(events, query.traffic)


def parse_and_interpret(
    logs: LogSet, query: EventQuery, reading: Reading, bad_lines: BadLines | None = None
) -> pl.LazyFrame:
    """Read what the requests of the logs state: the frame of `request_columns`, one row a request or bad line.

    Simple lines are read natively, unless every line must be looked at.
    """
    if bad_lines or logs.rules.trusted_proxies:
        return parse_candidates(logs, query, reading, bad_lines).pipe(interpret_requests, query)
    streams = []
    for log_format, files in logs.by_format:
        if reader := compile_reader(log_format, line_rules(log_format, logs.rules, query), logs.rules.max_line):
            streams.append(reader.scan(files, reading))
        else:
            requests = parse_candidates(LogSet([(log_format, files)], logs.rules), query, reading)
            streams.append(interpret_requests(requests, query))
    return pl.concat(streams)


def parse_candidates(
    logs: LogSet, query: EventQuery, reading: Reading, bad_lines: BadLines | None = None
) -> pl.LazyFrame:
    """Parse only the lines that may contain a pixel. With `bad_lines` parse every line, because bad ones are counted.

    A bad line that contains no pixel marker counts as `not_pixel`, not as an unreadable pixel request.
    """
    may_be_pixel = query.protocols.may_contain_pixel
    if bad_lines is None:
        return read_requests(logs, reading, may_be_pixel)
    is_other = (pl.col("rejected") == "unreadable") & ~may_be_pixel
    requests = read_requests(logs, reading, bad_lines=bad_lines)
    return requests.with_columns(rejected=pl.when(is_other).then(pl.lit("not_pixel", Reason)).otherwise("rejected"))


def read_requests(
    logs: LogSet, reading: Reading, lines: pl.Expr | None = None, bad_lines: BadLines | None = None
) -> pl.LazyFrame:
    """Read REQUESTS with their lines: one row a line, or only the lines for which the condition `lines` holds."""
    streams = []
    for log_format, files in logs.by_format:
        rows = scan_lines(files, reading, logs.rules.max_line)
        streams.append(log_format.parse(rows if lines is None else rows.filter(lines), logs.rules.time_zone))
    return pl.concat(streams).pipe(reparse, logs.rules, bad_lines)


def reparse(requests: pl.LazyFrame, rules: ReadingRules, bad_lines: BadLines | None = None) -> pl.LazyFrame:
    """Parse lines that do not fit the format of their log by the format that they do fit, and resolve clients."""

    def reparse_batch(batch: pl.DataFrame) -> pl.DataFrame:
        batch = reparse_misfits(batch, rules.candidates, rules.time_zone, rules.max_line)
        if bad_lines:
            bad_lines.take(batch)
        return batch

    columns = ["line", "header", *(["file", "number", "fault"] if bad_lines else [])]
    requests = tap_batches(requests, reparse_batch, columns)
    return resolve_clients(requests, rules.trusted_proxies) if rules.trusted_proxies else requests


def line_rules(log_format: LogFormat, rules: ReadingRules, query: EventQuery) -> LineRules:
    """Return what lines of this format mean, for the native reader: it must read them as expressions do."""

    def parse(lines: pl.LazyFrame) -> pl.LazyFrame:
        return log_format.parse(lines, rules.time_zone).pipe(reparse, rules).pipe(interpret_requests, query)

    return LineRules(
        may_be_vendor=query.protocols.may_be_vendor,
        may_be_vendor_without_query=query.protocols.may_be_vendor_without_query,
        is_house_pixel=query.protocols.house.claims,
        may_be_pixel=query.protocols.may_contain_pixel,
        custom_columns=query.protocols.custom_columns,
        consent_parameters=signal_parameters(query.enrichment.custom_consent),
        parse=parse,
        schema=request_columns(query),
    )


def request_columns(query: EventQuery) -> pl.Schema:
    """Return the columns of EVENTS that a request itself states, and the temporary ones that later stages need."""
    later = {*HIT_COLUMNS, *DERIVED, "visitor"}
    stated = {name: dtype for name, dtype in EVENTS.items() if name not in later}
    texts = dict.fromkeys([*IDENTITY_COLUMNS, "order", *query.protocols.custom_columns], pl.String())
    return pl.Schema({**stated, **texts, CONSENT_QUERY: pl.String(), REQUEST_HASH: pl.UInt64()})


def interpret_requests(requests: pl.LazyFrame, query: EventQuery) -> pl.LazyFrame:
    """Turn REQUESTS into the frame of `request_columns`."""
    events = interpret(requests, query.protocols).with_columns(consent_query(query.enrichment.custom_consent))
    return events.pipe(hash_requests).select(request_columns(query).names())


def events_of_requests(requests: pl.LazyFrame, query: EventQuery) -> pl.LazyFrame:
    """Turn REQUESTS into EVENTS as far as a request tells alone: rejected by it, with its visitor, not yet enriched."""
    events = interpret_requests(requests, query).pipe(reject_by_request, query.traffic).pipe(key_visitors)
    later = {*HIT_COLUMNS, *DERIVED}
    stated = [name for name in EVENTS if name not in later]
    more = [name for name in request_columns(query) if name not in (*EVENTS, *IDENTITY_COLUMNS)]
    return events.select(*stated, *more)


def enrich(events: pl.LazyFrame, query: EventQuery, *, has_consent: bool = False) -> pl.LazyFrame:
    """Add the DERIVED columns: consent, source and channel, device, place, time of sending, verdict.

    A column that no later step uses costs nothing. `has_consent`: the events were exported with theirs.
    """
    settings = query.enrichment
    events = events if has_consent else add_consent(events, settings.custom_consent)
    events = add_places(add_devices(add_channels(events, settings.own_hosts)), settings.databases)
    if settings.mailings is not None:
        events = add_sent_times(events, settings.mailings)
    events = classify_by_request(events, query.traffic.scanner_networks)
    return events.drop(selectors.contains(" ") - selectors.by_name(REQUEST_HASH, require_all=False))


def pseudonymize_events(events: pl.LazyFrame, key: bytes) -> pl.LazyFrame:
    """Pseudonymise EVENTS before they are counted, so that they agree with pseudonymised Parquet beside them."""
    return events.pipe(pseudonymize, key, per_recipient_protocols()).pipe(hash_requests)
