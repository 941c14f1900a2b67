"""Run the stages from logs to the EVENTS that count.

    event_streams.py   LINES -> REQUESTS -> EVENTS: formats, protocols, rules on requests, enrichment
    here               EVENTS -> EVENTS that count: consent, visitors, copies, machines, page groups, sessions, filters

A stage takes a LazyFrame and its settings, and returns a LazyFrame. A row that does not count gets a reason in
`rejected`, and the first reason wins. Lines that cannot hold a pixel are only counted while they are read; after that
`Ledger.settle` alone removes rows. The frame is lazy, so a report pays only for the columns that it uses. Only --stitch
and the export of events run a query of their own first, and so read the logs twice; sessions gather all rows within the
one query.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import polars as pl

from pixelstat.enrich.currencies import convert_currencies
from pixelstat.enrich.page_groups import ORIGINAL_PAGE, group_pages
from pixelstat.event_streams import enrich, pseudonymize_events, read_event_streams
from pixelstat.formats.assignment import LogSet
from pixelstat.identity.stitching import apply_identities, find_co_occurring_keys, link_keys
from pixelstat.identity.visitors import choose_visitor
from pixelstat.ledger import Ledger
from pixelstat.pipeline_settings import PipelineSettings
from pixelstat.schemas import EVENTS
from pixelstat.sessions.sessionize import limit_to_period, restore_sources, sessionize
from pixelstat.sessions.touches import IS_TOUCH
from pixelstat.sources.bad_lines import BadLines
from pixelstat.sources.blocks import keep_for_second_read
from pixelstat.sources.event_parquet import are_deduplicated
from pixelstat.sources.lines import Reading
from pixelstat.traffic.behaviour import classify_by_behaviour
from pixelstat.traffic.deduplication import HitRules, find_repeated_hits, number_hits, resolve_known_copies
from pixelstat.traffic.rejection import (
    EventFilters,
    reject_machines,
    reject_other_hosts,
    reject_refused_consent,
    reject_unmatched,
)
from pixelstat.vocabulary import is_order_event


class Stage(NamedTuple):
    """One step of the pipeline. A stage whose settings are None is left out."""

    function: Callable[[pl.LazyFrame, Any], pl.LazyFrame]
    settings: Any
    is_for_one_row: bool = True  # `--explain`, which sees one line only, runs it too


def read_events(
    logs: LogSet, settings: PipelineSettings, ledger: Ledger, bad_lines: BadLines | None = None
) -> pl.LazyFrame:
    """Return the events that count, copies of a hit included: those of logs first, then those of Parquet.

    `ledger` counts every line as it passes.
    """
    identities = link_identities(logs, settings, ledger) if settings.stitch else None
    keeps_copies = settings.keeps_copies or (not logs.has_text and are_deduplicated(logs.event_files))
    has_only_auto_keys = settings.visitors.key == "auto" and not logs.event_files
    hit_rules = HitRules(
        keeps_copies,
        may_lack_visitors=not has_only_auto_keys,
        has_fractions=not keeps_copies and logs.has_fractions(),
        own_hosts=settings.enrichment.own_hosts,
    )
    copies = None
    if settings.reads_logs_twice and not keeps_copies:
        copies = find_copies(logs, settings, ledger, identities, hit_rules)
    ledger.counts_rows_as_hits = keeps_copies
    ledger.json_formats = logs.json_formats
    ledger.without_visitor = None if settings.visitors.key == "auto" else []
    events = (
        read_identified_events(logs, settings, ledger.reading, bad_lines)
        .pipe(apply_stages, list_counting_stages(settings, identities, hit_rules, copies))
        .pipe(ledger.settle, resolves_copies=resolves_copies(settings), exception=build_exception(settings))
    )
    if settings.sessions is None or not settings.limits_visits:
        return events
    return limit_to_period(events, settings.filters.since, settings.filters.until)


def resolves_copies(settings: PipelineSettings) -> bool:
    """Return whether later copies of a hit are rejected before the report sees them.

    A filter could leave a later copy without the first one, and sessions gather all rows anyway. Other reports find
    the copies themselves, without gathering the rows.
    """
    if settings.keeps_copies or settings.reads_logs_twice:
        return False
    return settings.sessions is not None or not settings.filters.is_empty


def build_exception(settings: PipelineSettings) -> pl.Expr | None:
    """Return a condition for rejected events that the report still needs; None if it needs no such events."""
    conditions = [is_order_event()] if settings.keeps_orders else []
    conditions += [pl.col(IS_TOUCH)] if settings.keeps_touches else []
    since = settings.filters.since
    if settings.keeps_visits and since:
        end = pl.col("visit_start") + pl.duration(microseconds=pl.col("visit_seconds") * 1_000_000)
        conditions.append((pl.col("time") < since) & (end >= since))
    return pl.any_horizontal(conditions) if conditions else None


def read_identified_events(
    logs: LogSet, settings: PipelineSettings, reading: Reading, bad_lines: BadLines | None = None
) -> pl.LazyFrame:
    """Return the EVENTS of all inputs, each with the visitor that its own request shows."""
    streams = [*read_event_streams(logs, settings, reading, bad_lines)]
    events = pl.concat(streams, how="diagonal") if len(streams) > 1 else streams[0]
    return apply_stages(events, list_identity_stages(settings))


def list_identity_stages(settings: PipelineSettings) -> tuple[Stage, ...]:
    """Return the stages that decide who an event belongs to."""
    return (
        Stage(reject_refused_consent, settings.traffic),
        Stage(pseudonymize_events, settings.pseudonym_key),
        Stage(choose_visitor, settings.visitors),
    )


def list_counting_stages(
    settings: PipelineSettings,
    identities: pl.DataFrame | None = None,
    hit_rules: HitRules | None = None,
    copies: pl.DataFrame | None = None,
) -> tuple[Stage, ...]:
    """Return the stages that decide which events count. An earlier stage gives its reason first."""
    columns = [*EVENTS, *settings.protocols.custom_columns, *([ORIGINAL_PAGE] if settings.page_groups else [])]
    return (
        Stage(apply_identities, identities, is_for_one_row=False),
        Stage(number_hits, hit_rules, is_for_one_row=False),
        Stage(classify_by_behaviour, settings.traffic.behaviour, is_for_one_row=False),
        Stage(reject_machines, settings.traffic),
        Stage(group_pages, settings.page_groups),  # before sessions and conditions, which name a page
        Stage(pl.LazyFrame.select, columns, is_for_one_row=False),  # reports see no temporary column
        Stage(resolve_known_copies, copies, is_for_one_row=False),
        Stage(reject_other_hosts, settings.filters),  # before sessions, which measure the pages of the host alone
        Stage(sessionize, settings.sessions, is_for_one_row=False),
        Stage(reject_unmatched, settings.filters),
        Stage(restore_sources, settings.sessions, is_for_one_row=False),
        Stage(convert_currencies, settings.currencies),  # last: filters see the amounts as the pixels sent them
    )


def list_row_stages(settings: PipelineSettings) -> tuple[Stage, ...]:
    """Return the stages that look at one row alone, which `--explain` runs for one line."""
    stages = (Stage(enrich, settings), *list_identity_stages(settings), *list_counting_stages(settings))
    return tuple(stage for stage in stages if stage.is_for_one_row)


def find_copies(
    logs: LogSet, settings: PipelineSettings, ledger: Ledger, identities: pl.DataFrame | None, hit_rules: HitRules
) -> pl.DataFrame:
    """Read the logs once and return the hits that have differing copies, see `find_repeated_hits`.

    The filters of the report do not apply. The lines are counted when the logs are read again.
    """
    unfiltered = replace(settings, filters=EventFilters(), sessions=None, currencies=None)
    with keep_for_second_read(logs.all):
        reading = Reading(positions=ledger.reading.positions)
        events = read_identified_events(logs, settings, reading)
        events = apply_stages(events, list_counting_stages(unfiltered, identities, hit_rules))
        return find_repeated_hits(events.filter(pl.col("rejected").is_null())).collect(engine="streaming")


def apply_stages(events: pl.LazyFrame, stages: Sequence[Stage]) -> pl.LazyFrame:
    """Pipe the events through the stages."""
    for stage in stages:
        events = events if stage.settings is None else events.pipe(stage.function, stage.settings)
    return events


def link_identities(logs: LogSet, settings: PipelineSettings, ledger: Ledger) -> pl.DataFrame:
    """Read the logs once and return which keys belong to one person. The filters of the report do not apply.

    The lines are counted when the logs are read again.
    """
    with keep_for_second_read(logs.all):
        reading = Reading(positions=ledger.reading.positions)
        keys = find_co_occurring_keys(read_identified_events(logs, settings, reading)).collect(engine="streaming")
    identities = link_keys(keys)
    ledger.stitched = (identities.height, identities["person"].n_unique())
    return identities
