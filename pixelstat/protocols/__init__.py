"""The pixel protocols: one a file in `builtin/`, in the order in which they are offered a request.

The house pixel comes last and yields to any other. A file of several protocols has PROTOCOLS in place of PROTOCOL, and
each of them has a name of its own.
"""

from collections.abc import Sequence
from functools import cache
from importlib import import_module

import polars as pl

from pixelstat.errors import PixelstatError, suggest
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
    """Return every protocol but the house pixel, in the order of NAMES."""
    return tuple(protocol for name in NAMES if name != "house" for protocol in _load_file(name))


def _load_file(name: str) -> tuple[PixelProtocol, ...]:
    module = import_module(f"pixelstat.protocols.builtin.{name}")
    return getattr(module, "PROTOCOLS", None) or (module.PROTOCOL,)


def per_recipient_protocols() -> list[str]:
    """Return the names of the mailers that send each message to one person."""
    return [protocol.name for protocol in builtin_protocols() if protocol.is_per_recipient]


def may_contain_pixel(line: pl.Expr, protocols: Sequence[PixelProtocol]) -> pl.Expr:
    """Return whether a marker of one of the protocols occurs in the line: a cheap test before parsing.

    It searches twice, for pages and for emails: one search for all markers would take three times as long.
    """
    groups = [[protocol.marker for protocol in protocols if protocol.is_mailer is kind] for kind in (False, True)]
    return pl.any_horizontal(line.str.contains("|".join(markers)) for markers in groups if markers)


def select_protocols(first: Sequence[str] = ()) -> tuple[PixelProtocol, ...]:
    """Return the protocols that are offered a request before the house pixel: `first`, then the others in their order.

    One that must be named is left out unless it is. Raises PixelstatError for a name that no protocol has.
    """
    vendors = {protocol.name: protocol for protocol in builtin_protocols()}
    for name in first:
        if name not in (names := [*vendors, "house"]):
            advice = suggest(name, names) or " pixelstat protocols lists them."
            raise PixelstatError(f"There is no pixel protocol {name!r}.{advice}", "Try: pixelstat protocols")
    named = [vendors[name] for name in dict.fromkeys(first) if name in vendors]
    return (*named, *(other for other in vendors.values() if other not in named and not other.is_opt_in))
