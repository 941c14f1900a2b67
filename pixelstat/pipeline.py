"""The whole program on one screen: LINES -> REQUESTS -> EVENTS -> a report's frame.

Every stage is lazy, and a report's frame is collected once: it pays only for the columns it uses. Who is to be known
by all that the logs hold (`stitch`) is looked for in a pass before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl
from polars import selectors

from pixelstat import plain, protocols, sessions
from pixelstat.config import Config
from pixelstat.enrich import channels, devices, mailings, page_groups
from pixelstat.enrich.geo import Database, with_places
from pixelstat.enrich.page_groups import UNGROUPED, PageGroups
from pixelstat.formats.base import Format
from pixelstat.formats.reparse import reparse_misfits
from pixelstat.frames.batches import tap_batches
from pixelstat.identity import consent, proxies, pseudonyms, stitching, visitors
from pixelstat.ledger import Ledger
from pixelstat.protocols import custom
from pixelstat.protocols.base import PixelProtocol
from pixelstat.protocols.builtin import house
from pixelstat.protocols.extract import add_custom_columns, add_id_key
from pixelstat.protocols.interpret import claim_requests
from pixelstat.schemas import DERIVED, EVENTS, EXPORTED, VISITS, Reason
from pixelstat.sessions import Cut
from pixelstat.sources.bad_lines import BadLines
from pixelstat.sources.blocks import MAX_LINE, Log, keep_for_second_read
from pixelstat.sources.event_parquet import (
    STORED_COLUMNS,
    are_deduplicated,
    holds_pseudonyms,
    knows_consent,
    scan_events,
)
from pixelstat.sources.lines import Reading, scan_lines
from pixelstat.text.addresses import Network
from pixelstat.traffic import behaviour, classify, deduplication, rejection, user_agents
from pixelstat.traffic.networks import NamedNetwork


@dataclass(frozen=True)
class Selection:
    """Which events a report is made of: everything the common options say."""

    pixels: Sequence[str] = ()
    named: Sequence[str] = ()  # protocols to ask first, and some only then
    bots: str = "exclude"
    networks: Sequence[Network] = ()
    since: datetime | None = None
    until: datetime | None = None  # exclusive
    consent: str = "respect"
    host: str | None = None
    where: pl.Expr | None = None
    keep_duplicates: bool = False
    config: Config = field(default_factory=Config)
    stitch: bool = False
    geo: Sequence[Database] = ()
    visitor: str = "auto"  # what visitors are known by: see identity.known_by
    cookieless: bool = False  # by address, agent and day alone
    is_hidden: bool = False  # all is read as pseudonyms, like Parquet that holds them
    key: bytes = field(default=b"", repr=False)  # the project's, for the last two
    machines: str = "include"
    limits: behaviour.Limits = field(default_factory=behaviour.Limits)
    scanners: Sequence[NamedNetwork] = ()  # beside those that are known
    sent: mailings.Sent | None = None
    page_groups: PageGroups | None = None  # that every page is taken for
    visits: Cut | None = None  # how they are cut, where somebody asks what only a visit knows

    protocols: Sequence[PixelProtocol] = field(init=False)

    def __post_init__(self) -> None:
        vendors = protocols.select_protocols([*self.named, *self.config.protocols])
        object.__setattr__(
            self, "protocols", (*map(custom.protocol, self.config.pixels), *vendors, house.protocol(self.pixels))
        )


@dataclass(frozen=True)
class Logs:
    """The logs of a run, grouped by the format of their first lines, and how they are read."""

    groups: Sequence[tuple[Format, Sequence[Log]]]
    candidates: Sequence[Format] = ()  # what a line that does not fit its log's format may be
    zone: str = "UTC"  # of times that name none
    max_line: int = MAX_LINE
    trusted: Sequence[Network] = ()  # proxies whose X-Forwarded-For tells the client
    stored: Sequence[Log] = ()  # Parquet of events


def kept(logs: Logs, selection: Selection, ledger: Ledger, rejects: BadLines | None = None) -> pl.LazyFrame:
    """The EVENTS that count. As they are read, the ledger counts them and the others."""
    people = known(logs, selection, ledger) if selection.stitch else None
    events = found(logs, selection, ledger.reading, rejects)
    if people is not None:
        events = stitching.stitched(events, people)
    is_once = not any(group for _, group in logs.groups) and are_deduplicated(logs.stored)
    if selection.keep_duplicates or is_once:
        events = deduplication.every_hit(events)
        ledger.each_once = True
    else:
        events = deduplication.with_hit(events, may_lack_visitors=selection.visitor != "auto" or bool(logs.stored))
    if selection.machines != "include":
        events = without_machines(behaviour.labelled(events, selection.limits), selection)
    events = grouped(events, selection)
    columns = [*EVENTS, *selection.config.further, *([UNGROUPED] if selection.page_groups else [])]
    if selection.visits:
        events = sessions.with_visits(events.select(*columns), selection.visits)
        columns += VISITS
    if selection.visitor != "auto":
        ledger.nameless = []
    settled = ledger.settle(judged(events, selection).select(columns))
    return sessions.within(settled, selection.since, selection.until) if selection.visits else settled


def known(logs: Logs, selection: Selection, ledger: Ledger) -> pl.DataFrame:
    """Whose keys are one person's, by all events of the logs, whatever period, host or condition is asked for."""
    every = [*logs.stored, *(log for _, group in logs.groups for log in group)]
    with keep_for_second_read(every):
        reading = Reading(positions=ledger.reading.positions)  # its lines are counted when they are read again
        shown = stitching.shown_together(found(logs, selection, reading)).collect(engine="streaming")
    people = stitching.people(shown)
    ledger.stitched = (people.height, people["person"].n_unique())
    return people


def found(logs: Logs, selection: Selection, reading: Reading, rejects: BadLines | None = None) -> pl.LazyFrame:
    """EVENTS of logs and of Parquet, with the marks that depend on who asked and what was answered."""
    parts = []
    if any(group for _, group in logs.groups) or not logs.stored:
        parts.append(described(attributed(heard(logs, selection, reading, rejects), selection), selection))
    shown = [log for log in logs.stored if not holds_pseudonyms(log)]
    if shown:
        knows = knows_consent(shown, selection.config)
        columns = pl.Schema({**STORED_COLUMNS, **({"consent": EXPORTED["consent"]} if knows else {})})
        again = marked(scan_events(shown, reading, selection.config.further, columns), selection)
        again = deduplication.with_content(again.with_columns(consent.signalling(selection.config.consent)))
        parts.append(described(again, selection, knows_consent=knows))
    if hidden := [log for log in logs.stored if log not in shown]:  # of what they hide nothing more can be told
        again = marked(scan_events(hidden, reading, selection.config.further, EXPORTED), selection)
        parts.append(deduplication.with_content(again))
    events = pl.concat(parts, how="diagonal") if len(parts) > 1 else parts[0]
    return recognized(respected(events, selection), selection)


def asked(logs: Logs, selection: Selection, reading: Reading, rejects: BadLines | None = None) -> pl.LazyFrame:
    """REQUESTS that may be a pixel's: only lines that a marker of one occurs in are parsed.

    All are, where somebody wants to know which others are bad.
    """
    is_candidate = protocols.may_contain_pixel(pl.col("line"), selection.protocols)
    if rejects is None:
        return read(logs, reading, is_candidate)
    # What is no pixel's line is no unreadable pixel request either.
    is_other = (pl.col("rejected") == "unreadable") & ~is_candidate
    return read(logs, reading, None, rejects).with_columns(
        rejected=pl.when(is_other).then(pl.lit("not_pixel", Reason)).otherwise("rejected")
    )


def respected(events: pl.LazyFrame, selection: Selection) -> pl.LazyFrame:
    """EVENTS with those set aside whose visitors refuse, before anybody looks at whose keys are one person's."""
    if selection.consent == "ignore":
        return events
    events = rejection.reject(events, consent.reasons(selection.consent))
    unread = pl.when(pl.col("consent") == consent.MALFORMED).then(pl.lit("consent"))
    return events.with_columns(flaw=pl.coalesce("flaw", unread))


def recognized(events: pl.LazyFrame, selection: Selection) -> pl.LazyFrame:
    """EVENTS with the visitors that are asked for."""
    if selection.is_hidden:
        events = deduplication.with_content(pseudonyms.hidden(events, selection.key))
    if selection.cookieless:
        return visitors.known_for_a_day(events, selection.key)
    return visitors.known_by(events, selection.visitor)


def read(logs: Logs, reading: Reading, wanted: pl.Expr | None, rejects: BadLines | None = None) -> pl.LazyFrame:
    """REQUESTS of the logs with their lines, one row a line; only of those `wanted`, if some are."""
    requests = []
    for form, group in logs.groups:
        lines = scan_lines(group, reading, logs.max_line)
        lines = lines if wanted is None else lines.filter(wanted)
        requests.append(form.requests(lines, logs.zone))

    return reread(pl.concat(requests), logs, rejects)


def reread(requests: pl.LazyFrame, logs: Logs, rejects: BadLines | None = None) -> pl.LazyFrame:
    """REQUESTS with what did not fit its log's format read as what it is, and the clients behind trusted proxies."""

    def again(batch: pl.DataFrame) -> pl.DataFrame:
        batch = reparse_misfits(batch, logs.candidates, logs.zone, logs.max_line)
        if rejects:
            rejects.take(batch)
        return batch

    columns = ["line", "header", *(["file", "number", "fault"] if rejects else [])]
    requests = tap_batches(requests, again, columns)
    return proxies.with_clients(requests, logs.trusted) if logs.trusted else requests


def heard(logs: Logs, selection: Selection, reading: Reading, rejects: BadLines | None = None) -> pl.LazyFrame:
    """What the logs' requests say: plain lines the short way, where nobody asks for more of a line than that."""
    if rejects or logs.trusted:
        return interpreted(asked(logs, selection, reading, rejects), selection)
    parts = []
    for form, group in logs.groups:
        if reader := plain.reader(form, meaning(form, logs, selection), logs.max_line):
            parts.append(plain.events(group, reading, reader))
        else:
            parts.append(interpreted(asked(replace(logs, groups=[(form, group)]), selection, reading), selection))
    return pl.concat(parts)


def meaning(form: Format, logs: Logs, selection: Selection) -> plain.Meaning:
    """What lines of this format mean."""

    def long_way(lines: pl.LazyFrame) -> pl.LazyFrame:
        return interpreted(reread(form.requests(lines, logs.zone), logs), selection)

    is_vendors, house = whose(selection)
    return plain.Meaning(
        is_vendors,
        pl.any_horizontal(map(may_claim_bare, selection.protocols[:-1])),
        house.claims,
        protocols.may_contain_pixel(pl.col("line"), selection.protocols),
        {name: selection.config.columns.get(name, ()) for name in selection.config.further},
        consent.names(selection.config.consent),
        long_way,
        said(selection),
    )


def whose(selection: Selection) -> tuple[pl.Expr, PixelProtocol]:
    """Of REQUESTS: whether the path may be a vendor's; and the house pixel."""
    *others, house = selection.protocols
    paths = "|".join(f"(?:{protocol.paths})" for protocol in others)
    return pl.col("path").str.contains(paths).fill_null(value=False) & ~house.pinned, house


def may_claim_bare(protocol: PixelProtocol) -> pl.Expr:
    """Of REQUESTS without a query: whether the protocol may claim them, by their `path` alone."""
    is_told_by_path = {*protocol.claims.meta.root_names()} <= {"path", "query"}
    return protocol.claims if is_told_by_path else pl.col("path").str.contains(protocol.paths)


def claimed(requests: pl.LazyFrame, selection: Selection) -> pl.LazyFrame:
    """REQUESTS -> EVENTS of the protocol that claims each, without the marks that depend on the event."""
    return attributed(interpreted(requests, selection), selection)


def said(selection: Selection) -> pl.Schema:
    """The columns of EVENTS that a request itself tells, before anybody asks whose it is."""
    made_later = {*deduplication.MADE, *DERIVED, "visitor"}
    kept = {name: dtype for name, dtype in EVENTS.items() if name not in made_later}
    further = dict.fromkeys([*visitors.TOLD, "order", *selection.config.further], pl.String())
    return pl.Schema({**kept, **further, consent.SIGNALLING: pl.String(), deduplication.CONTENT: pl.UInt64()})


def interpreted(requests: pl.LazyFrame, selection: Selection) -> pl.LazyFrame:
    """REQUESTS -> what each says, by the protocol that claims it; those that none claims are marked."""
    is_vendors, house = whose(selection)
    requests = requests.with_columns(is_house=house.claims, is_vendors=is_vendors)
    requests = rejection.reject(requests, {"not_pixel": ~(pl.col("is_house") | pl.col("is_vendors"))})
    named = add_custom_columns(add_id_key(house.events(requests)), selection.config.columns, selection.config.further)
    claimed = claim_requests(named, selection.protocols[:-1])
    claimed = deduplication.with_content(claimed.with_columns(consent.signalling(selection.config.consent)))
    return claimed.select(said(selection).names())


def attributed(events: pl.LazyFrame, selection: Selection) -> pl.LazyFrame:
    """What requests say -> EVENTS with their marks, each of its visitor."""
    made_later, told = {*deduplication.MADE, *DERIVED}, [name for name in said(selection) if name not in EVENTS]
    kept = [name for name in EVENTS if name not in made_later]
    return visitors.identified(marked(events, selection)).select(*kept, *told).drop(visitors.TOLD)


def marked(requests: pl.LazyFrame, selection: Selection) -> pl.LazyFrame:
    """What requests say, or EVENTS out of Parquet, with the marks that depend on who asked and what was answered."""
    reasons = {"refused": rejection.is_refused()}
    if selection.bots != "include":
        requests = user_agents.with_bots(requests)
        reasons |= {"bot": pl.col("is_bot")} if selection.bots == "exclude" else {"person": ~pl.col("is_bot")}
    if selection.networks:
        requests = rejection.with_own(requests, selection.networks)
        reasons["own_address"] = pl.col("is_own")
    return rejection.reject(requests, reasons)


def described(events: pl.LazyFrame, selection: Selection, *, knows_consent: bool = False) -> pl.LazyFrame:
    """EVENTS with their DERIVED columns: what else is known of each. Those that nobody asks for cost nothing."""
    events = events if knows_consent else consent.with_consent(events, selection.config.consent)
    events = channels.with_channels(events, selection.config.own_hosts)
    events = with_places(devices.with_devices(events), selection.geo)
    if selection.sent is not None:
        events = mailings.with_sent(events, selection.sent)
    events = classify.with_verdict(events, selection.scanners)
    on_the_way = selectors.contains(" ") - selectors.by_name(deduplication.CONTENT, require_all=False)
    return events.drop(on_the_way)


def without_machines(events: pl.LazyFrame, selection: Selection) -> pl.LazyFrame:
    """EVENTS with machines set aside, where that is asked for: their visits are none."""
    is_machine = pl.col("verdict") == "machine"
    return rejection.reject(events, {"machine": is_machine} if selection.machines == "exclude" else {})


def grouped(events: pl.LazyFrame, selection: Selection) -> pl.LazyFrame:
    """EVENTS with groups for their pages, where that is asked for: before visits and conditions, which name a page."""
    return page_groups.grouped(events, selection.page_groups) if selection.page_groups else events


def judged(events: pl.LazyFrame, selection: Selection) -> pl.LazyFrame:
    """EVENTS with the rest of the marks."""
    reasons = {}
    if selection.host:
        reasons["other_host"] = pl.col("host").ne_missing(pl.lit(selection.host.lower()))
    if selection.since or selection.until:
        reasons["other_period"] = rejection.is_outside(selection.since, selection.until)
    if selection.where is not None:
        reasons["other"] = selection.where.fill_null(value=False).not_()
    return rejection.reject(events, reasons)
