"""Reject the requests and events that do not count. A row keeps its first reason; no row is removed here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from pixelstat.frames.lookup import flag_distinct
from pixelstat.schemas import GRANTED, MALFORMED, REFUSED
from pixelstat.text.addresses import Network, parse_address
from pixelstat.traffic.behaviour import BehaviourLimits
from pixelstat.traffic.bots import flag_bots
from pixelstat.traffic.networks import NamedNetwork
from pixelstat.vocabulary import is_email_event, reject


@dataclass(frozen=True)
class TrafficRules:
    """Settings that decide which requests count."""

    bots: str = "exclude"  # exclude, include or only
    keeps_email_bots: bool = False  # opens and clicks of emails by bots count, which reports on emails show apart
    excluded_networks: Sequence[Network] = ()  # --exclude-ip: requests from these addresses do not count
    consent: str = "respect"  # respect, require or ignore
    machines: str = "include"  # include, label or exclude
    behaviour: BehaviourLimits | None = None  # what no person does; None: hits are not compared with each other
    scanner_networks: Sequence[NamedNetwork] = ()  # in addition to those that ship with pixelstat


@dataclass(frozen=True)
class EventFilters:
    """Filters that decide which events a report is about."""

    host: str | None = None
    since: datetime | None = None  # UTC
    until: datetime | None = None  # UTC, exclusive
    where: pl.Expr | None = field(default=None, compare=False)  # a condition on columns of EVENTS

    @property
    def is_empty(self) -> bool:
        """Whether no event is left out."""
        return self.host is None and self.since is None and self.until is None and self.where is None


def reject_by_request(requests: pl.LazyFrame, rules: TrafficRules) -> pl.LazyFrame:
    """Reject requests that the server refused, that bots sent, or that came from excluded networks.

    The frame needs `status`, `user_agent`, `is_declared_bot`, `client` and `event`.
    """
    reasons = {"refused": is_failed()}
    if rules.bots != "include":
        requests = flag_bots(requests)
        is_kept = is_email_event() if rules.keeps_email_bots else pl.lit(value=False)
        is_bot = pl.col("is_bot")
        reasons |= {"bot": is_bot & ~is_kept} if rules.bots == "exclude" else {"person": ~is_bot}
    if rules.excluded_networks:
        requests = flag_excluded_networks(requests, rules.excluded_networks)
        reasons["own_address"] = pl.col("is_own")
    return reject(requests, reasons)


def reject_refused_consent(events: pl.LazyFrame, rules: TrafficRules) -> pl.LazyFrame:
    """Reject events of visitors who refuse to be counted; `require` also rejects those who do not consent.

    An event whose consent cannot be read gets the parse_issue `consent`. Identities are resolved later, so
    that a refused event links no keys.
    """
    if rules.consent == "ignore":
        return events
    consent = pl.col("consent")
    refuses = consent.ne_missing(pl.lit(GRANTED)) if rules.consent == "require" else consent.eq_missing(pl.lit(REFUSED))
    is_unreadable = pl.when(consent == MALFORMED).then(pl.lit("consent"))
    return reject(events, {"no_consent": refuses}).with_columns(parse_issue=pl.coalesce("parse_issue", is_unreadable))


def reject_machines(events: pl.LazyFrame, rules: TrafficRules) -> pl.LazyFrame:
    """Reject events whose traffic_class is `machine`, with --machines exclude. They begin no session."""
    is_machine = pl.col("traffic_class") == "machine"
    return reject(events, {"machine": is_machine} if rules.machines == "exclude" else {})


def reject_other_hosts(events: pl.LazyFrame, filters: EventFilters) -> pl.LazyFrame:
    """Reject events of other hosts."""
    is_other = pl.col("host").ne_missing(pl.lit(filters.host.lower())) if filters.host else None
    return events if is_other is None else reject(events, {"other_host": is_other})


def reject_unmatched(events: pl.LazyFrame, filters: EventFilters) -> pl.LazyFrame:
    """Reject events for which the condition does not hold, then those outside the period."""
    reasons = {}
    if filters.where is not None:
        reasons["other"] = filters.where.fill_null(value=False).not_()
    if filters.since or filters.until:
        reasons["other_period"] = is_outside(filters.since, filters.until)
    return reject(events, reasons)


def is_failed() -> pl.Expr:
    """Return whether the server answered with anything but success, a redirect or 304.

    A format without a status refuses nothing.
    """
    return pl.col("status").is_between(200, 399).not_().fill_null(value=False)


def is_outside(since: datetime | None, until: datetime | None, time: str = "time") -> pl.Expr:
    """Return whether the column `time` lies before `since`, or at `until` or later."""
    is_before = pl.col(time) < since if since else pl.lit(value=False)
    is_after = pl.col(time) >= until if until else pl.lit(value=False)
    return is_before | is_after


def flag_excluded_networks(requests: pl.LazyFrame, networks: Sequence[Network]) -> pl.LazyFrame:
    """Add `is_own`: whether the client's address lies in one of the networks. IPv4 inside IPv6 counts as IPv4."""

    def is_inside(client: str) -> bool:
        address = parse_address(client)
        return address is not None and any(address in network for network in networks)

    def are_inside(clients: pl.Series) -> pl.Series:
        return pl.Series([is_inside(client) for client in clients.to_list()], dtype=pl.Boolean)

    return flag_distinct(requests, "client", are_inside, "is_own")
