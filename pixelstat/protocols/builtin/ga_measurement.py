"""Google Analytics, Measurement Protocol v1 (Universal Analytics): `/collect`, `/r/collect`, `/j/collect`."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.products import make_product, numbered_products
from pixelstat.protocols.table import (
    build_pixel,
    first_matching,
    has_parameter,
    parameter_starts_with,
    prefix_order_names,
    rename_events,
)

_VIEWS = ("pageview", "screenview")
_ACTIONS = {"purchase": "purchase", "add": "add_to_cart", "remove": "remove_from_cart", "detail": "product_view",
            "checkout": "checkout", "click": "click", "refund": "refund"}  # fmt: skip

PROTOCOL = build_pixel(
    "ga_measurement",
    "Google Analytics, Measurement Protocol v1",
    marker=r"/(?:[rj]/)?collect[? \t\",|\\]",
    paths="/collect$",
    claims=pl.col("path").str.contains("/(?:[rj]/)?collect$") & parameter_starts_with("v", "1(?:&|$)") & has_parameter("tid") & has_parameter("t"),
    names={
        "event": ("ea",),
        "visitor_id": ("cid",),
        "user_id": ("uid",),
        "page_address": ("dl", "dp"),
        "referrer": ("dr",),
        "order_id": ("ti",),
        "value": ("tr",),
        "event_value": ("ev", "ip"),
        "currency": ("cu",),
        "tax": ("tt",),
        "shipping": ("ts",),
        "coupon": ("tcc",),
        "utm_campaign": ("cn",),
        "utm_source": ("cs",),
        "utm_medium": ("cm",),
        "utm_term": ("ck",),
        "utm_content": ("cc",),
        "utm_id": ("ci",),
        "campaign": ("cn",),
        "kind": ("t",),
        "category": ("ec",),
        "action": ("pa",),
    },
    items=(
        numbered_products("pr{n}{key}", id="id", name="nm", category="ca", price="pr", quantity="qt"),
        numbered_products("i{key}", id="c", name="n", category="v", price="p", quantity="q"),
    ),
    event=first_matching(
        ((pl.col("category") == "email") & (pl.col("event") == "open"), "open"),
        (pl.col("action").is_in(list(_ACTIONS)), rename_events(pl.col("action"), _ACTIONS)),
        (pl.col("kind").is_in(_VIEWS), "page_view"),
        (pl.col("kind") == "transaction", "purchase"),
        (pl.col("kind") == "event", prefix_order_names(pl.coalesce("event", pl.lit("event")), pl.col("category"))),
        (pl.col("kind") == "timing", "ping"),
        (pl.lit(value=True), pl.col("kind")),
    ),
    is_page_view_too=pl.col("kind").is_in(_VIEWS) & pl.col("action").is_in(list(_ACTIONS)),
    new_visit=parameter_starts_with("sc", "start(?:&|$)"),
    samples=(
        PixelSample("/collect?v=1&tid=UA-1-2&cid=555&t=pageview&dp=%2Fhome", {"event": "page_view", "visitor": "v:555", "page": "/home", "is_new_visit": None}),
        PixelSample("/collect?v=1&tid=UA-1-2&cid=555&t=pageview&sc=start", {"event": "page_view", "is_new_visit": True}),
        PixelSample("/r/collect?v=1&tid=UA-1-2&cid=555&t=transaction&ti=A17&tr=89.5&cu=EUR&tt=14.29&ts=4.95&tcc=SPRING",
                    {"event": "purchase", "order_id": "A17", "value": 89.5, "currency": "EUR", "tax": 14.29, "shipping": 4.95, "coupon": "SPRING", "excludes_tax": None}),
        PixelSample("/collect?v=1&tid=UA-1-2&cid=r17&t=event&ec=email&ea=open&dp=%2Femail%2Flaunch&cm=email&cn=launch",
                    {"event": "open", "utm_medium": "email", "campaign": "launch"}),
        PixelSample("/j/collect?v=1&tid=UA-1-2&cid=5&t=event&ec=Video&ea=Play&pa=detail&pr1id=kettle", {"event": "product_view", "product": "kettle", "products": [make_product("kettle")]}),
        PixelSample("/collect?v=1&tid=UA-1-2&cid=555&t=item&ti=A17&ic=K1&in=Kettle&iv=Kitchen&ip=89.5&iq=2",
                    {"event": "item", "order_id": "A17", "product": "K1", "products": [make_product("K1", "Kettle", "Kitchen", 89.5, 2)]}),
        PixelSample("/collect?v=1&tid=UA-1-2&cid=555&t=event&pa=purchase&ti=A17&pr1id=K1&pr1nm=Kettle&pr1ca=Kitchen&pr1pr=89.5&pr1qt=2&pr2id=C2",
                    {"event": "purchase", "products": [make_product("K1", "Kettle", "Kitchen", 89.5, 2), make_product("C2")]}),
        PixelSample("/collect?v=1&tid=UA-1-2&cid=555&t=pageview&dp=%2Fkettle&pa=detail&pr1id=K1",
                    {"event": "page_view", "event_number": 0, "page": "/kettle", "product": None}, others=[{"event": "product_view", "event_number": 1, "page": "/kettle", "product": "K1"}]),
        PixelSample("/collect?v=1&tid=UA-1-2&cid=555&t=pageview&dp=%2Fthanks&pa=purchase&ti=A17&tr=89.5&cu=EUR&ev=3&tt=5",
                    {"event": "page_view", "order_id": None, "value": None, "tax": None}, others=[{"event": "purchase", "order_id": "A17", "value": 89.5}]),
        PixelSample("/collect?v=1&tid=UA-1-2&cid=555&t=event&ec=Shop&ea=Purchase&el=A17&ev=89", {"event": "Shop Purchase", "value": 89.0}),
        PixelSample("/collect?v=1&tid=UA-1-2&cid=555&t=timing&utc=load&utv=dom&utt=812", {"event": "ping"}),
        PixelSample("/collect?v=1&tid=UA-1-2&cid=555&t=pageview&dl=https%3A%2F%2Fshop.example%2Fa%3Fb%3D1%23utm_source%3Dnl",
                    {"event": "page_view", "page": "/a", "page_query": "b=1&utm_source=nl", "utm_source": "nl"}),
    ),
)  # fmt: skip
