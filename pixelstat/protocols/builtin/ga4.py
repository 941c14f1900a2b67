"""Google Analytics 4: `/g/collect`.

Events of a batch are lines in the body of the request, which logs do not hold, or in its query.
"""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.payloads import line_batch
from pixelstat.protocols.products import joined_products, make_product
from pixelstat.protocols.table import build_pixel, has_parameter, parameter_starts_with

PROTOCOL = build_pixel(
    "ga4",
    "Google Analytics 4",
    marker="/g/collect",
    paths="/g/collect$",
    claims=pl.col("path").str.ends_with("/g/collect") & parameter_starts_with("v", "2(?:&|$)") & has_parameter("tid"),
    names={
        "event": ("en",),
        "visitor_id": ("cid",),
        "user_id": ("uid",),
        "session_id": ("sid",),
        "page_address": ("dl",),
        "referrer": ("dr",),
        "order_id": (r"ep\.transaction_id",),
        "value": (r"epn\.value",),
        "currency": ("cu", r"ep\.currency"),
        "tax": (r"epn?\.tax",),
        "shipping": (r"epn?\.shipping",),
        "discount": (r"epn?\.discount",),
        "coupon": (r"ep\.coupon",),
        "link": (r"ep\.link_url",),
        "utm_medium": ("cm",),
        "utm_source": ("cs",),
        "utm_campaign": ("cn",),
        "utm_content": ("cc",),
        "utm_term": ("ct",),
    },
    batch=line_batch("en"),
    dedup_key=("cid", "_p", "_s"),
    account="tid",
    items=(joined_products("pr{n}", id="id", name="nm", category="ca", price="pr", quantity="qt"),),
    event=pl.coalesce("event", pl.lit("page_view")),
    # Of developers.google.com, GA4 events, purchase: "Don't include shipping or tax."
    excludes_tax=pl.col("event").is_in(["purchase", "refund"]) & pl.col("value").is_not_null(),
    samples=(
        PixelSample(
            "/g/collect?v=2&tid=G-JQ77F5GDMC&gtm=45je4730&_p=1720146261922&gcd=13l3l3l3l2&cid=1954840087.1720146262&ul=en-us"
            "&dl=https%3A%2F%2Fshop.example%2Fa%3Futm_source%3Dx&dt=A&sid=1720146262&sct=1&seg=0&en=page_view&_fv=1&_ss=1",
            {"event": "page_view", "visitor": "v:1954840087.1720146262", "page": "/a", "host": "shop.example", "utm_source": "x",
             "session_id": "1720146262"},
        ),
        PixelSample(
            "/g/collect?v=2&tid=G-A&cid=1.2&en=purchase&ep.transaction_id=A17&epn.value=89.5&cu=EUR&epn.tax=17&epn.shipping=4.95&ep.coupon=SPRING&pr1=id123~nmShirt~pr9.99~qt1&dl=https%3A%2F%2Fshop.example%2F",
            {"event": "purchase", "order_id": "A17", "value": 89.5, "currency": "EUR", "tax": 17.0, "shipping": 4.95, "coupon": "SPRING", "excludes_tax": True, "product": "123",
             "products": [make_product("123", "Shirt", None, 9.99, 1)]},
        ),
        PixelSample("/g/collect?v=2&tid=G-A&cid=1.2&en=view_item", {"event": "product_view"}),
        PixelSample("/g/collect?v=2&tid=G-A&cid=1.2&en=begin_checkout", {"event": "checkout"}),
        PixelSample("/g/collect?v=2&tid=G-A&cid=1.2&en=add_to_cart&pr2=idC2&pr1=nmHot~~Pot~caKitchen~idK1~qt2",
                    {"event": "add_to_cart", "products": [make_product("K1", "Hot~Pot", "Kitchen", None, 2), make_product("C2")]}),
        PixelSample("/g/collect?v=2&tid=G-A&cid=1.2&_p=9&_s=2&en=user_engagement&_et=4000", {"event": "ping", "dedup_key": "G-A&1.2&9&2&&ping"}),
        PixelSample("/g/collect?v=2&tid=G-A&cid=1.2&_p=9&_s=3&en=scroll&epn.percent_scrolled=90%0D%0Aen=purchase&epn.value=5%0Aen=page_view",
                    {"event": "scroll", "event_number": 1, "value": None, "dedup_key": "G-A&1.2&9&3&1&scroll"},
                    others=[{"event": "purchase", "event_number": 2, "value": 5.0, "visitor": "v:1.2", "dedup_key": "G-A&1.2&9&3&2&purchase"},
                            {"event": "page_view", "event_number": 3, "visitor": "v:1.2"}]),
    ),
)  # fmt: skip
