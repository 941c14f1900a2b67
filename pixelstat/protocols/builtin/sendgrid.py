"""SendGrid: `/wf/open?upn=`, `/ls/click?upn=`, `/ss/c/...`, `/ss/o/.../ho.gif` and similar; all encrypted."""

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.mailer import Endpoint, build_mailer
from pixelstat.protocols.table import parameter_starts_with

_UPN = parameter_starts_with("upn", "[A-Za-z0-9._%-]{16}")
_PART = "[A-Za-z0-9_.-]+"

PROTOCOL = build_mailer(
    "sendgrid",
    "SendGrid, and services that send through it",
    Endpoint("open", "/wf/open", _UPN),
    Endpoint("open", rf"/ss/o/[A-Za-z0-9_.-]{{8,}}/[A-Za-z0-9]{{3}}/{_PART}/ho\.gif"),
    Endpoint("open", rf"/mpss/o/(?:{_PART}/)+o\.gif"),
    Endpoint("click_email", "/(?:ls|wf)/click", _UPN),
    Endpoint("click_email", rf"/ss/c/[A-Za-z0-9_.-]{{20,}}/[A-Za-z0-9]{{3}}/{_PART}/h[0-9]+/{_PART}"),
    Endpoint("click_email", rf"/mpss/c/(?:{_PART}/){{2,}}{_PART}"),
    Endpoint("unsubscribe", "/wf/unsubscribe", _UPN),
    marker="/wf/open|/wf/click|/wf/unsubscribe|/ls/click|/ss/[oc]/[A-Za-z0-9_.-]{8}|/mpss/[oc]/",
    samples=(
        PixelSample("/wf/open?upn=u001.q1W2e3R4t5Y6u7I8o9P0-2Bx", {"event": "open", "recipient": None}),
        PixelSample("/ss/o/u001.q1W2e3R4t5Y6/4ab/XyZ-12_3/ho.gif", {"event": "open"}),
        PixelSample("/mpss/o/1AA/3YgVAA/t.46z/h0/o.gif", {"event": "open"}),
        PixelSample("/uni/ls/click?upn=u001.q1W2e3R4t5Y6u7I8o9P0-2Bx", {"event": "click_email", "link": None}),
        PixelSample("/ss/c/u001.q1W2e3R4t5Y6u7I8o9P0/4ab/XyZ-12_3/h5/h001.q1W2e3R4", {"event": "click_email"}),
        PixelSample("/mpss/c/1AA/3YgVAA/t.46z/XyZ/h5/q1W2e3R4", {"event": "click_email"}),
        PixelSample("/wf/unsubscribe?upn=q1W2e3R4t5Y6u7I8o9P0", {"event": "unsubscribe"}),
    ),
)  # fmt: skip
