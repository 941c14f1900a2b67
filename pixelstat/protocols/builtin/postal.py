"""Postal: `/img/{server}/{message}`, `/{server}/{link}`, on a separate host (lib/tracking_middleware.rb)."""

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer

_TOKEN = "[A-Za-z0-9-]+"  # noqa: S105 - a pattern, not a secret

PROTOCOL = build_mailer(
    "postal",
    "Postal on a separate host; only with --protocol postal",
    Endpoint("open", f"^/img/{_TOKEN}/(?P<recipient>{_TOKEN})"),
    Endpoint("click_email", f"^/{_TOKEN}/(?P<link>{_TOKEN})"),
    marker=f"/{_TOKEN}/[A-Za-z0-9]",
    is_opt_in=True,
    samples=(
        PixelSample("/img/k3x9q2/Zp7Lw2Qd8sVn4Rt6", {"event": "open", "recipient": "Zp7Lw2Qd8sVn4Rt6", "visitor": "r:Zp7Lw2Qd8sVn4Rt6"}),
        PixelSample("/k3x9q2/Hy5Tg8Ko", {"event": "click_email", "link": "Hy5Tg8Ko", "recipient": None}),
    ),
)  # fmt: skip
