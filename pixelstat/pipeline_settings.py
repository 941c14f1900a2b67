"""Hold the settings of every stage of the pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pixelstat.enrich.currencies import CurrencyRules
from pixelstat.enrich.geo import Database
from pixelstat.enrich.mailings import Mailings
from pixelstat.enrich.page_groups import PageGroups
from pixelstat.identity.consent import CustomConsent
from pixelstat.identity.visitors import VisitorRules
from pixelstat.protocols.interpret import ProtocolRules
from pixelstat.sessions.sessionize import SessionRules
from pixelstat.traffic.rejection import EventFilters, TrafficRules


@dataclass(frozen=True)
class Enrichment:
    """Settings that decide what is added to an event."""

    own_hosts: Sequence[str] = ()  # visits from these hosts have no external source
    ignored_hosts: Sequence[str] = ()  # visitors only pass through these hosts, as through a payment page
    databases: Sequence[Database] = ()  # of places and networks, for --geo
    mailings: Mailings | None = None  # what was sent and when
    custom_consent: CustomConsent | None = None  # a parameter of the site that grants consent


@dataclass(frozen=True)
class PipelineSettings:
    """The settings of all stages. `cli.settings` builds them; the defaults are those of the command line."""

    protocols: ProtocolRules = field(default_factory=ProtocolRules)
    enrichment: Enrichment = field(default_factory=Enrichment)
    traffic: TrafficRules = field(default_factory=TrafficRules)
    visitors: VisitorRules = field(default_factory=VisitorRules)
    pseudonym_key: bytes | None = field(default=None, repr=False)  # pseudonymise everything under it, before counting
    stitch: bool = False  # link the keys of one person
    keeps_copies: bool = False  # count copies of a hit
    reads_logs_twice: bool = False  # find copies by reading the logs twice, in place of gathering the events
    # Hand on events that a filter of the report rejected, with their reason: those of orders, those before the period
    # of visits that reach into it, and touches.
    keeps_orders: bool = False
    keeps_visits: bool = False
    keeps_touches: bool = False
    page_groups: PageGroups | None = None  # replace pages by their group
    sessions: SessionRules | None = None  # None: no column of a session is used
    limits_visits: bool = True  # the report ignores visits that begin outside the period
    filters: EventFilters = field(default_factory=EventFilters)
    currencies: CurrencyRules | None = None  # convert amounts to one currency; None: leave them
