"""CiviCRM: `/civicrm/mailing/open?qid=`, `/civicrm/mailing/url?u=&qid=`; formerly `extern/open.php`, `extern/url.php`."""

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer
from pixelstat.protocols.table import has_parameter, parameter_starts_with

PROTOCOL = build_mailer(
    "civicrm",
    "CiviCRM",
    Endpoint("open", "/civicrm/mailing/open", parameter_starts_with("qid", "[0-9]")),
    Endpoint("open", r"/extern/open\.php", parameter_starts_with("q", "[0-9]")),
    Endpoint("click_email", "/civicrm/mailing/url", has_parameter("u")),
    Endpoint("click_email", r"/extern/url\.php", has_parameter("u")),
    Endpoint("web_view", "/civicrm/mailing/view", has_parameter("id")),
    Endpoint("unsubscribe", "/civicrm/mailing/(?:unsubscribe|optout)", parameter_starts_with("qid", "[0-9]")),
    marker=r"/civicrm/mailing/|/extern/open\.php|/extern/url\.php",
    names={"recipient": ("qid", "q"), "link": ("u",), "campaign": ("jid",)},
    samples=(
        PixelSample("/civicrm/mailing/open?qid=5512", {"event": "open", "recipient": "5512", "visitor": "r:5512"}),
        PixelSample("/sites/all/modules/civicrm/extern/open.php?q=5512", {"event": "open", "recipient": "5512", "visitor": "r:5512"}),
        PixelSample("/civicrm/mailing/url?u=88&qid=5512", {"event": "click_email", "link": "88", "recipient": "5512", "visitor": "r:5512"}),
        PixelSample("/civicrm/extern/url.php?u=88&qid=5512", {"event": "click_email", "link": "88", "recipient": "5512"}),
        PixelSample("/civicrm/mailing/view?reset=1&id=17", {"event": "web_view", "recipient": None}),
        PixelSample("/civicrm/mailing/unsubscribe?reset=1&jid=17&qid=5512&h=9f86d081", {"event": "unsubscribe", "campaign": "17", "recipient": "5512"}),
    ),
)  # fmt: skip
