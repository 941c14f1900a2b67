"""Umami's pixels and links: `/p/{pixel}`, `/q/{link}` (src/app/(collect)). Its page views are POST bodies."""

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer

PROTOCOL = build_mailer(
    "umami",
    "Umami's pixels and links; only with --protocol umami",
    Endpoint("page_view", r"/p/(?P<campaign>[A-Za-z0-9_-]{4,})"),
    Endpoint("click", r"/q/(?P<link>[A-Za-z0-9_-]{4,})"),
    marker=r"/[pq]/[A-Za-z0-9_-]{4}",
    is_opt_in=True,
    samples=(
        PixelSample("/p/a1B2c3D4", {"event": "page_view", "campaign": "a1B2c3D4"}),
        PixelSample("/q/spring-sale", {"event": "click", "link": "spring-sale"}),
    ),
)
