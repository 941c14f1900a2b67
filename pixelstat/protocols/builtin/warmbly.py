"""Warmbly: `/t/o/{recipient}.png`, `/c/{link}` (tracking/src/main.rs).

Categories of shops have addresses like its links, so the links are opt-in.
"""

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import UUID, Endpoint, build_mailer

PROTOCOLS = (
    build_mailer(
        "warmbly",
        "Warmbly's opens",
        Endpoint("open", rf"/t/o/(?P<recipient>{UUID})\.png"),
        marker=rf"/t/o/{UUID}\.png",
        samples=(
            PixelSample(
                "/t/o/9c2f7a10-2b3c-4d5e-8f90-a1b2c3d4e5f6.png",
                {"event": "open", "recipient": "9c2f7a10-2b3c-4d5e-8f90-a1b2c3d4e5f6", "visitor": "r:9c2f7a10-2b3c-4d5e-8f90-a1b2c3d4e5f6"},
            ),
        ),
    ),
    build_mailer(
        "warmbly_click",
        "Warmbly's links; only with --protocol warmbly_click",
        Endpoint("click_email", f"^/c/(?P<link>{UUID})"),
        marker=f"/c/{UUID}",
        is_opt_in=True,
        samples=(
            PixelSample(
                "/c/11111111-2222-3333-4444-555555555555",
                {"event": "click_email", "link": "11111111-2222-3333-4444-555555555555", "recipient": None},
            ),
        ),
    ),
)  # fmt: skip
