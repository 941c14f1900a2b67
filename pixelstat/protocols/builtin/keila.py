"""Keila: `/r/{image}/{recipient}/{signature}`, `/c/{target}/{recipient}/{link}/{signature}` (lib/keila/tracking)."""

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer

_TARGET = "https?(?:%3[Aa]|:)%2[Ff]%2[Ff][^/]+"

PROTOCOL = build_mailer(
    "keila",
    "Keila; only with --protocol keila",
    Endpoint("open", f"^/r/{_TARGET}/(?P<recipient>[^/]+)/[^/]+"),
    Endpoint("click_email", f"^/c/(?P<link>{_TARGET})/(?P<recipient>[^/]+)/[^/]+/[^/]+"),
    marker="/[rc]/https?(?:%3[Aa]|:)%2[Ff]",
    is_opt_in=True,
    samples=(
        PixelSample(
            "/r/https%3A%2F%2Fshop.example%2Fpixel.png/nrc_7x2Kd/q1W2e3R4t5Y6u7I8",
            {"event": "open", "recipient": "nrc_7x2Kd", "link": None, "visitor": "r:nrc_7x2Kd"},
        ),
        PixelSample(
            "/c/https%3A%2F%2Fshop.example%2Flaunch%3Fa%3D1/nrc_7x2Kd/nl_4Bq9/q1W2e3R4t5Y6u7I8",
            {"event": "click_email", "recipient": "nrc_7x2Kd", "link": "https://shop.example/launch?a=1", "visitor": "r:nrc_7x2Kd"},
        ),
    ),
)  # fmt: skip
