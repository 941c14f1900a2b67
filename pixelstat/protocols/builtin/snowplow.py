"""Snowplow's collector by GET: `/i`, `/ice.png`, `tp2` and its redirects.

The trackers' default is POST, whose body logs do not hold.
"""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.products import make_product, numbered_products
from pixelstat.protocols.table import build_pixel, first_matching, has_parameter, parameter_starts_with, rename_events

_PATHS = r"/(?:i|ice\.png|tp2)$"
_KINDS = {"pv": "page_view", "pp": "ping", "tr": "purchase", "ti": "item", "ue": "self_describing"}

PROTOCOL = build_pixel(
    "snowplow",
    "Snowplow",
    # A request has two of these parameters, so one follows an ampersand. That is rarer in a log than `/i`.
    marker=r"&(?:tv|tna|aid|duid)=|&e=(?:pv|pp|se|ev|ue|tr|ti)|/tp2",
    paths=_PATHS,
    claims=pl.col("path").str.contains(_PATHS)
    & (
        (parameter_starts_with("e", "(?:pv|pp|se|ev|ue|tr|ti)(?:&|$)") & has_parameter("tv", "tna", "aid", "duid"))
        | (pl.col("path").str.ends_with("/r/tp2") & has_parameter("u"))
    ),
    names={
        "event": ("se_ac",),
        "visitor_id": ("duid", "nuid", "tnuid"),
        "user_id": ("uid",),
        "session_id": ("sid",),
        "page_address": ("url",),
        "referrer": ("refr",),
        "order_id": ("tr_id", "ti_id"),
        "value": ("tr_tt", "se_va", "ti_pr"),
        "currency": ("tr_cu", "ti_cu"),
        "link": ("u",),
        "kind": ("e",),
        "described": ("data.schema",),
    },
    dedup_key=("eid",),
    items=(numbered_products("ti_{key}", id="sk", name=("nm", "na"), category="ca", price="pr", quantity="qu"),),
    event=first_matching(
        (pl.col("kind").is_null(), "click"),
        (pl.col("described").is_not_null(), pl.col("described").str.extract("^iglu:[^/]+/([^/]+)/")),
        (pl.col("kind").is_in(["se", "ev"]), pl.coalesce("event", pl.lit("event"))),
        (pl.lit(value=True), rename_events(pl.col("kind"), _KINDS)),
    ),
    payload="ue_pr|ue_px",
    samples=(
        PixelSample(
            "/i?&e=pv&page=Root%20README&url=http%3A%2F%2Fgithub.com%2Fsnowplow%2Fsnowplow&aid=snowplow&p=web&tv=no-js-0.1.0",
            {"event": "page_view", "page": "/snowplow/snowplow", "host": "github.com"},
        ),
        PixelSample(
            "/ice.png?e=tr&p=web&tv=js-2&tr_id=A17&tr_tt=89.5&tr_cu=EUR&duid=7f3a&sid=s1",
            {"event": "purchase", "order_id": "A17", "value": 89.5, "currency": "EUR", "visitor": "v:7f3a", "session_id": "s1"},
        ),
        PixelSample("/i?e=pp&p=web&tv=js-2&duid=7f3a", {"event": "ping"}),
        PixelSample("/i?e=se&p=web&se_ca=shop&se_ac=add-to-cart&se_va=2&duid=7f3a", {"event": "add_to_cart", "value": 2.0}),
        PixelSample(
            "/i?e=ue&p=web&tv=js-2&duid=7f3a&ue_px=eyJzY2hlbWEiOiJpZ2x1OmNvbS5zbm93cGxvd2FuYWx5dGljcy5zbm93cGxvdy91bnN0cnVjdF9ldmVudC9qc29uc2NoZW1hLzEtMC0wIiwiZGF0YSI6eyJzY2hlbWEiOiJpZ2x1OmNvbS5zaG9wL2xpbmtfY2xpY2svanNvbnNjaGVtYS8xLTAtMCIsImRhdGEiOnsidGFyZ2V0VXJsIjoiL2EifX19",
            {"event": "click", "visitor": "v:7f3a"},
        ),
        PixelSample("/r/tp2?u=https%3A%2F%2Fshop.example%2F&p=web&nuid=n1", {"event": "click", "link": "https://shop.example/", "visitor": "v:n1"}),
        PixelSample("/i?e=ti&p=web&tv=js-2&ti_id=A17&ti_sk=K1&ti_na=Kettle&ti_ca=Kitchen&ti_pr=89.5&ti_qu=2&ti_cu=EUR",
                    {"event": "item", "order_id": "A17", "product": "K1", "products": [make_product("K1", "Kettle", "Kitchen", 89.5, 2)]}),
    ),
)  # fmt: skip
