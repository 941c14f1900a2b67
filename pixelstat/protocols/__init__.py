"""REQUESTS -> EVENTS: one pixel protocol a file, named here once; the house pixel comes last and yields to any other.

A file that holds several has PROTOCOLS in place of PROTOCOL, and they have names of their own.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from importlib import import_module

import polars as pl

from pixelstat.errors import PixelstatError
from pixelstat.protocols.base import PixelProtocol

NAMES = (
    "matomo", "snowplow", "ga4", "ga_measurement", "ga_classic", "goatcounter", "owa", "countly", "fathom",
    "simple_analytics", "segment", "rudderstack", "mixpanel", "posthog", "mautic", "meta", "linkedin", "pinterest",
    "microsoft_uet", "x_ads", "snap",
    "umami", "listmonk", "phplist", "ses", "mautic_email", "mailpoet", "odoo", "espocrm", "civicrm", "notifuse",
    "ahoy_email", "pytracking", "warmbly", "mailchimp", "mandrill", "mailgun", "sendgrid", "hubspot", "senders",
    "mailtrain", "keila", "sendy", "postal",
    "house",
)  # fmt: skip


@cache
def builtin_protocols() -> tuple[PixelProtocol, ...]:
    """Every protocol but the house pixel, in the order of their files here."""
    return tuple(protocol for name in NAMES if name != "house" for protocol in _load_file(name))


def _load_file(name: str) -> tuple[PixelProtocol, ...]:
    module = import_module(f"pixelstat.protocols.builtin.{name}")
    return getattr(module, "PROTOCOLS", None) or (module.PROTOCOL,)


def may_contain_pixel(line: pl.Expr, protocols: Sequence[PixelProtocol]) -> pl.Expr:
    """Whether a marker of one of them occurs in the line: a cheap look before the dear one.

    Two searches, for pages and for mails: one for so many texts would take three times as long as both.
    """
    groups = [[each.marker for each in protocols if each.is_mailers is kind] for kind in (False, True)]
    return pl.any_horizontal(line.str.contains("|".join(markers)) for markers in groups if markers)


def select_protocols(named: Sequence[str] = ()) -> tuple[PixelProtocol, ...]:
    """Those of `of_vendors` that are offered a request, in the order in which they are: the named ones first.

    Raises PixelstatError for a name that none has.
    """
    vendors = {protocol.name: protocol for protocol in builtin_protocols()}
    for name in named:
        if name not in (known := [*vendors, "house"]):
            near = get_close_matches(name, known, 1)
            meant = f"Did you mean {near[0]}?" if near else "pixelstat protocols lists them."
            raise PixelstatError(f"There is no pixel protocol {name!r}. {meant}", "Try: pixelstat protocols")
    first = [vendors[name] for name in dict.fromkeys(named) if name in vendors]
    return (*first, *(each for each in vendors.values() if each not in first and not each.must_be_named))
