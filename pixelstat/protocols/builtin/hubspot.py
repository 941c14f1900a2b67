"""HubSpot: `/e2t/to/...`, `/e3t/Cto/...` for opens, `/e2t/c/...`, `/e3t/Ctc/...` for clicks; all encrypted."""

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer

_DATA = r"[A-Za-z0-9+*_.-]{2,}(?:/[A-Za-z0-9+*_.=-]+)*"

PROTOCOL = build_mailer(
    "hubspot",
    "HubSpot",
    Endpoint("open", f"/e[123]t/(?:o|to|[BCbc]to)/{_DATA}"),
    Endpoint("click_email", f"/e[123]t/(?:c|tc|[BCbc]tc)/{_DATA}"),
    marker="/e[123]t/(?:o|t?o|c|t?c|[BCbc]t[oc])/",
    samples=(
        PixelSample("/e2t/o/q1W2e3R4t5Y6u7I8o9P0", {"event": "open", "recipient": None}),
        PixelSample("/e3t/Cto/LX+113/cJhC404/VWbMJv2vnLfjW3Rh6L96gqS5", {"event": "open"}),
        PixelSample("/e3t/Ctc/LX+113/cJhC404/VWbMJv2vnLfjW3Rh6L96gqS5", {"event": "click_email", "link": None}),
    ),
)  # fmt: skip
