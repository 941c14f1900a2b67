"""Logs -> the EVENTS that count. This file is the architecture diagram.

    LINES --formats--> REQUESTS --protocols--> EVENTS --identity, enrich, traffic, sessions--> EVENTS that count

A stage takes a LazyFrame and its settings, and returns a LazyFrame. A row that does not count gets a reason in
`rejected`. The first reason wins, and only `Ledger.settle` removes rows. Nothing is collected here, so a report pays
only for the columns that it uses. With --stitch the logs are read twice.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import polars as pl

from pixelstat.enrich.page_groups import ORIGINAL_PAGE, group_pages
from pixelstat.formats.assignment import LogSet
from pixelstat.identity.stitching import apply_identities, co_occurring_keys, link_keys
from pixelstat.identity.visitors import choose_visitor
from pixelstat.ledger import Ledger
from pixelstat.query import EventQuery
from pixelstat.schemas import EVENTS
from pixelstat.sessions import limit_to_period, sessionize
from pixelstat.sources.bad_lines import BadLines
from pixelstat.sources.blocks import keep_for_second_read
from pixelstat.sources.event_parquet import are_deduplicated
from pixelstat.sources.lines import Reading
from pixelstat.streams import enrich, event_streams, pseudonymize_events
from pixelstat.traffic.behaviour import classify_by_behaviour
from pixelstat.traffic.deduplication import HitRules, number_hits
from pixelstat.traffic.rejection import reject_machines, reject_refused_consent, reject_unmatched


class Stage(NamedTuple):
    """One step of the pipeline. A stage whose settings are None is left out."""

    function: Callable[[pl.LazyFrame, Any], pl.LazyFrame]
    settings: Any
    compares_rows: bool = False  # it needs other rows of the logs: `--explain`, which sees one line, leaves it out


def read_events(logs: LogSet, query: EventQuery, ledger: Ledger, bad_lines: BadLines | None = None) -> pl.LazyFrame:
    """Return the events that count, in the order of the logs. `ledger` counts every line as it passes."""
    identities = link_identities(logs, query, ledger) if query.stitch else None
    keeps_copies = query.keeps_copies or (not logs.has_text and are_deduplicated(logs.event_files))
    has_only_auto_keys = query.visitors.key == "auto" and not logs.event_files
    hit_rules = HitRules(keeps_copies, may_lack_visitors=not has_only_auto_keys)
    ledger.is_deduplicated = keeps_copies
    ledger.without_visitor = None if query.visitors.key == "auto" else []
    events = (
        identified_events(logs, query, ledger.reading, bad_lines)
        .pipe(apply_stages, counting_stages(query, identities, hit_rules))
        .pipe(ledger.settle)
    )
    return limit_to_period(events, query.filters.since, query.filters.until) if query.sessions else events


def identified_events(
    logs: LogSet, query: EventQuery, reading: Reading, bad_lines: BadLines | None = None
) -> pl.LazyFrame:
    """Return the EVENTS of all inputs with the visitor that each shows."""
    streams = [*event_streams(logs, query, reading, bad_lines)]
    events = pl.concat(streams, how="diagonal") if len(streams) > 1 else streams[0]
    return apply_stages(events, identity_stages(query))


def identity_stages(query: EventQuery) -> tuple[Stage, ...]:
    """Return the stages that decide who an event belongs to."""
    return (
        Stage(reject_refused_consent, query.traffic),
        Stage(pseudonymize_events, query.pseudonym_key),
        Stage(choose_visitor, query.visitors),
    )


def counting_stages(
    query: EventQuery, identities: pl.DataFrame | None = None, hit_rules: HitRules | None = None
) -> tuple[Stage, ...]:
    """Return the stages that decide which events count, in the order in which reasons take precedence."""
    columns = [*EVENTS, *query.protocols.custom_columns, *([ORIGINAL_PAGE] if query.page_groups else [])]
    return (
        Stage(apply_identities, identities, compares_rows=True),
        Stage(number_hits, hit_rules, compares_rows=True),
        Stage(classify_by_behaviour, query.traffic.behaviour, compares_rows=True),
        Stage(reject_machines, query.traffic),
        Stage(group_pages, query.page_groups),  # before sessions and conditions, which name a page
        Stage(pl.LazyFrame.select, columns, compares_rows=True),  # reports see no temporary column
        Stage(sessionize, query.sessions, compares_rows=True),
        Stage(reject_unmatched, query.filters),
    )


def row_stages(query: EventQuery) -> tuple[Stage, ...]:
    """Return the stages that look at one row alone: `--explain` runs them for one line."""
    stages = (Stage(enrich, query), *identity_stages(query), *counting_stages(query))
    return tuple(stage for stage in stages if not stage.compares_rows)


def apply_stages(events: pl.LazyFrame, stages: Sequence[Stage]) -> pl.LazyFrame:
    """Pipe the events through the stages."""
    for stage in stages:
        events = events if stage.settings is None else events.pipe(stage.function, stage.settings)
    return events


def link_identities(logs: LogSet, query: EventQuery, ledger: Ledger) -> pl.DataFrame:
    """Read the logs once and return which keys belong to one person, whatever period, host or condition is asked for.

    Their lines are counted when they are read again.
    """
    with keep_for_second_read(logs.all):
        reading = Reading(positions=ledger.reading.positions)
        keys = co_occurring_keys(identified_events(logs, query, reading)).collect(engine="streaming")
    identities = link_keys(keys)
    ledger.stitched = (identities.height, identities["person"].n_unique())
    return identities
