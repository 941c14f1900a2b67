"""Read each input as a stream of EVENTS: logs are parsed and interpreted, Parquet already holds events.

Each row is looked at alone here. What needs several rows, or a filter of the report, follows in `pipeline.py`.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from pixelstat.enrich.channels import add_channels
from pixelstat.enrich.devices import add_devices
from pixelstat.enrich.geo import add_places
from pixelstat.enrich.mailings import add_sent_times
from pixelstat.fastpath import LineRules, compile_reader, hash_requests
from pixelstat.formats.assignment import LogSet, ReadingRules
from pixelstat.formats.base import LogFormat
from pixelstat.formats.hidden_text import flag_passing, may_pass
from pixelstat.formats.reparse import reparse_misfits
from pixelstat.frames.batches import tap_batches
from pixelstat.frames.columns import drop_internal, internal
from pixelstat.identity.consent import CONSENT_QUERY, add_consent, consent_query, signal_parameters
from pixelstat.identity.proxies import resolve_clients
from pixelstat.identity.pseudonyms import pseudonymize
from pixelstat.identity.visitors import IDENTITY_COLUMNS, key_visitors
from pixelstat.pipeline_settings import PipelineSettings
from pixelstat.protocols import per_recipient_protocols
from pixelstat.protocols.interpret import ProtocolRules, interpret
from pixelstat.schemas import DERIVED, EVENTS, EXPORTED, Reason
from pixelstat.sources.bad_lines import BadLines
from pixelstat.sources.blocks import Log
from pixelstat.sources.event_parquet import STORED_COLUMNS, has_current_consent, holds_pseudonyms, scan_events
from pixelstat.sources.lines import Reading, scan_lines
from pixelstat.traffic.classify import classify_by_request
from pixelstat.traffic.deduplication import HIT_COLUMNS, REQUEST_HASH
from pixelstat.traffic.rejection import reject_by_request

CANDIDATE = internal("may be a pixel")


def read_event_streams(
    logs: LogSet, settings: PipelineSettings, reading: Reading, bad_lines: BadLines | None = None
) -> Iterator[pl.LazyFrame]:
    """Yield the EVENTS of logs and of Parquet, enriched, and those of pseudonymised Parquet as they were stored.

    `reading` counts the lines as they pass. `bad_lines` collects those that cannot be read.
    """
    if logs.has_text or not logs.event_files:
        requests = parse_and_interpret(logs, settings, reading, bad_lines)
        yield requests.pipe(reject_by_request, settings.traffic).pipe(key_visitors).pipe(enrich, settings)
    plain_files = [file for file in logs.event_files if not holds_pseudonyms(file)]
    if plain_files:
        has_consent = settings.enrichment.custom_consent is None and has_current_consent(plain_files)
        columns = pl.Schema({**STORED_COLUMNS, **({"consent": EXPORTED["consent"]} if has_consent else {})})
        yield (
            scan_event_files(plain_files, settings, reading, columns)
            .with_columns(consent_query(settings.enrichment.custom_consent))
            .pipe(hash_requests)
            .pipe(enrich, settings, has_consent=has_consent)
        )
    pseudonymised_files = [file for file in logs.event_files if file not in plain_files]
    if pseudonymised_files:  # nothing can be derived from pseudonyms
        yield scan_event_files(pseudonymised_files, settings, reading, EXPORTED).pipe(hash_requests)


def scan_event_files(
    files: Sequence[Log], settings: PipelineSettings, reading: Reading, columns: pl.Schema
) -> pl.LazyFrame:
    """Read these columns of EVENTS from Parquet, and reject events by their request."""
    events = scan_events(files, reading, [*settings.protocols.custom_columns], columns)
    return reject_by_request(events, settings.traffic)


def parse_and_interpret(
    logs: LogSet, settings: PipelineSettings, reading: Reading, bad_lines: BadLines | None = None
) -> pl.LazyFrame:
    """Parse the logs and interpret their requests. Return the columns of `list_request_columns`, one row a request.

    Simple lines are read natively, unless bad lines are collected or clients are read from a header.
    """
    if bad_lines or logs.rules.resolves_clients:
        return parse_candidates(logs, settings, reading, bad_lines).pipe(interpret_requests, settings, reading)
    streams = []
    for log_format, files in logs.by_format:
        if reader := compile_reader(
            log_format, build_line_rules(log_format, logs.rules, settings, reading), logs.rules.max_line
        ):
            streams.append(reader.scan(files, reading))
        else:
            requests = parse_candidates(LogSet([(log_format, files)], logs.rules), settings, reading)
            streams.append(interpret_requests(requests, settings, reading))
    return pl.concat(streams)


def parse_candidates(
    logs: LogSet, settings: PipelineSettings, reading: Reading, bad_lines: BadLines | None = None
) -> pl.LazyFrame:
    """Parse only the lines that may contain a pixel. With `bad_lines` parse every line, because bad ones are counted.

    A bad line that contains no pixel marker counts as `not_pixel`, not as an unreadable pixel request.
    """
    if bad_lines is None:
        return read_requests(logs, reading, settings.protocols).pipe(count_unreadable, reading)
    requests = read_requests(logs, reading, bad_lines=bad_lines)
    requests = flag_passing(requests, settings.protocols.may_contain_pixel, CANDIDATE)
    is_other = (pl.col("rejected") == "unreadable") & ~pl.col(CANDIDATE)
    rejected = pl.when(is_other).then(pl.lit("not_pixel", Reason)).otherwise("rejected")
    return requests.with_columns(rejected=rejected).drop(CANDIDATE).pipe(count_unreadable, reading)


def count_unreadable(requests: pl.LazyFrame, reading: Reading) -> pl.LazyFrame:
    """Count the unreadable pixel lines of each log as they pass. They are told apart here, where the line is known."""
    return tap_batches(requests, reading.pixel_lines.take_unreadable, ["line", "header", "file"])


def filter_candidates(rows: pl.LazyFrame, protocols: ProtocolRules) -> pl.LazyFrame:
    """Keep the rows whose `line` may hold a pixel, even if its text is hidden."""
    passes = protocols.may_contain_pixel
    # The first filter reaches the scan of the lines, and leaves few rows for the others.
    return rows.filter(may_pass(passes)).pipe(flag_passing, passes, CANDIDATE).filter(CANDIDATE).drop(CANDIDATE)


def read_requests(
    logs: LogSet, reading: Reading, protocols: ProtocolRules | None = None, bad_lines: BadLines | None = None
) -> pl.LazyFrame:
    """Read REQUESTS with their lines: one row for each line, or for each that may hold a pixel of `protocols`."""
    streams = []
    for log_format, files in logs.by_format:
        rows = scan_lines(files, reading, logs.rules.max_line)
        if protocols:
            rows = filter_candidates(rows, protocols)
        streams.append(log_format.parse(rows, logs.rules.time_zone))
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
    return find_clients(requests, rules)


def find_clients(requests: pl.LazyFrame, rules: ReadingRules) -> pl.LazyFrame:
    """Replace the clients of REQUESTS by those that a header of proxies names, if the rules say so."""
    return resolve_clients(requests, rules.trusted_proxies) if rules.resolves_clients else requests


def build_line_rules(
    log_format: LogFormat, rules: ReadingRules, settings: PipelineSettings, reading: Reading
) -> LineRules:
    """Return the rules that make the native reader read lines of this format exactly as expressions do."""

    def parse(lines: pl.LazyFrame) -> pl.LazyFrame:
        requests = log_format.parse(lines, rules.time_zone).pipe(reparse, rules)
        return requests.pipe(count_unreadable, reading).pipe(interpret_requests, settings, reading)

    return LineRules(
        may_be_vendor=settings.protocols.may_be_vendor,
        may_be_vendor_without_query=settings.protocols.may_be_vendor_without_query,
        is_house_pixel=settings.protocols.house.claims,
        filter_candidates=lambda lines: filter_candidates(lines, settings.protocols),
        custom_columns=settings.protocols.custom_columns,
        consent_parameters=signal_parameters(settings.enrichment.custom_consent),
        parse=parse,
        schema=list_request_columns(settings),
    )


def list_request_columns(settings: PipelineSettings) -> pl.Schema:
    """Return the columns of EVENTS that come from the request, and the temporary columns that later stages need."""
    later_columns = {*HIT_COLUMNS, *DERIVED, "visitor"}
    request_columns = {name: dtype for name, dtype in EVENTS.items() if name not in later_columns}
    texts = dict.fromkeys([*IDENTITY_COLUMNS, "order", "order_host", *settings.protocols.custom_columns], pl.String())
    return pl.Schema({**request_columns, **texts, CONSENT_QUERY: pl.String(), REQUEST_HASH: pl.UInt64()})


def interpret_requests(requests: pl.LazyFrame, settings: PipelineSettings, reading: Reading) -> pl.LazyFrame:
    """Turn REQUESTS into a frame with the columns of `list_request_columns`. `reading` counts those of pixels."""
    events = interpret(requests, settings.protocols)
    events = tap_batches(events, reading.pixel_lines.take_readable, ["file", "event_number"])
    events = events.with_columns(consent_query(settings.enrichment.custom_consent))
    return events.pipe(hash_requests).select(list_request_columns(settings).names())


def build_events(requests: pl.LazyFrame, settings: PipelineSettings) -> pl.LazyFrame:
    """Turn REQUESTS into EVENTS with their visitors, rejected by their requests. They are not yet enriched."""
    events = interpret_requests(requests, settings, Reading())
    events = events.pipe(reject_by_request, settings.traffic).pipe(key_visitors)
    columns = [name for name in EVENTS if name not in (*HIT_COLUMNS, *DERIVED)]
    temporary = [name for name in list_request_columns(settings) if name not in (*EVENTS, *IDENTITY_COLUMNS)]
    return events.select(*columns, *temporary)


def enrich(events: pl.LazyFrame, settings: PipelineSettings, *, has_consent: bool = False) -> pl.LazyFrame:
    """Add the DERIVED columns: consent, source and channel, device, place, time of sending, traffic_class.

    A column that no later step uses costs nothing. With `has_consent` the events keep the consent that they have.
    """
    enrichment = settings.enrichment
    events = events if has_consent else add_consent(events, enrichment.custom_consent)
    events = add_channels(events, enrichment.own_hosts, enrichment.ignored_hosts)
    events = add_places(add_devices(events), enrichment.databases)
    if enrichment.mailings is not None:
        events = add_sent_times(events, enrichment.mailings)
    events = classify_by_request(events, settings.traffic.scanner_networks)
    return drop_internal(events, keep=[REQUEST_HASH])


def pseudonymize_events(events: pl.LazyFrame, key: bytes) -> pl.LazyFrame:
    """Pseudonymise EVENTS before they are counted, so that they agree with pseudonymised Parquet in the same run."""
    return events.pipe(pseudonymize, key, per_recipient_protocols()).pipe(hash_requests)
