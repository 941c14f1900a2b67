"""Matomo, Piwik and Piwik PRO: `matomo.php`, `piwik.php`, `ppms.php` (developer.matomo.org, tracking-api)."""

import polars as pl

from pixelstat.protocols.base import PixelSample
from pixelstat.protocols.products import json_products, make_product, numbered_products
from pixelstat.protocols.table import (
    build_pixel,
    first_matching,
    has_parameter,
    parameter_starts_with,
    prefix_order_names,
)

_CAMPAIGN = tuple(f"{maker}_{word}" for maker in ("mtm", "matomo", "pk", "piwik") for word in ("campaign", "cpn"))
_KEYWORD = tuple(f"{maker}_{word}" for maker in ("mtm", "matomo", "pk", "piwik") for word in ("kwd", "keyword"))


_IS_CART = parameter_starts_with("idgoal", "0(?:&|$)") & ~has_parameter("ec_id")
# Some trackers send an empty list of items for an empty cart, others no list.
_IS_EMPTY_CART = _IS_CART & (
    parameter_starts_with("ec_items", r"(?:\[|%5[Bb])(?:\]|%5[Dd])(?:&|$)")
    | (~has_parameter("ec_items") & parameter_starts_with("revenue", r"0+(?:\.0*)?(?:&|$)"))
)
_IS_PRODUCT_PAGE = has_parameter("_pkp", "_pks", "_pkn")
_ACTIONS = (  # what a request can be beside a page view; the order is that of Matomo
    (parameter_starts_with("ping", "1"), "ping"),
    (has_parameter("ec_id"), "purchase"),
    (_IS_EMPTY_CART, "remove_from_cart"),
    (_IS_CART, "add_to_cart"),
    (has_parameter("idgoal"), "goal"),
    (has_parameter("e_c"), prefix_order_names(pl.coalesce("event", pl.lit("event")), pl.col("category"))),
    (has_parameter("search"), "search"),
    (has_parameter("link"), "click"),
    (has_parameter("download"), "download"),
    (has_parameter("c_i"), "content_click"),
    (has_parameter("c_n"), "content_view"),
    (parameter_starts_with("ca", "1(?:&|$)"), "ping"),  # of a plugin: it makes the visit longer, but is no action
)


PROTOCOL = build_pixel(
    "matomo",
    "Matomo, Piwik, Piwik PRO",
    marker=r"/(?:matomo|piwik|ppms)\.php",
    paths=r"/(?:matomo|piwik|ppms)\.php$",
    claims=pl.col("path").str.contains(r"/(?:matomo|piwik|ppms)\.php$") & has_parameter("idsite"),
    names={
        "event": ("e_a",),
        "visitor_id": ("cid", "_id"),
        "user_id": ("uid",),
        "page_address": ("url",),
        "referrer": ("urlref",),
        "order_id": ("ec_id",),
        "value": ("revenue",),
        "event_value": ("e_v",),
        "tax": ("ec_tx",),
        "shipping": ("ec_sh",),
        "discount": ("ec_dt",),
        "category": ("e_c",),
        "goal": ("idgoal",),
        "link": ("link", "download"),
        "utm_campaign": ("_rcn", *_CAMPAIGN),
        "utm_term": ("_rck", *_KEYWORD),
    },
    dedup_key=("pv_id", "rand"),
    account="idsite",
    items=(
        json_products("ec_items", id="0", name="1", category="2", price="3", quantity="4"),
        numbered_products("_pk{key}", id="s", name="n", category="c", price="p"),
    ),
    whole_cart=_IS_EMPTY_CART | (_IS_CART & has_parameter("ec_items")),
    event=first_matching(*_ACTIONS, (_IS_PRODUCT_PAGE, "product_view"), (pl.lit(value=True), "page_view")),
    is_page_view_too=_IS_PRODUCT_PAGE & ~pl.any_horizontal(condition for condition, _ in _ACTIONS),
    new_visit=parameter_starts_with("new_visit", "1(?:&|$)"),
    bot=parameter_starts_with("recMode", "1(?:&|$)"),  # `bots=1` says only that bots count too
    samples=(
        PixelSample(
            "/piwik.php?action_name=Start&idsite=1&rec=1&r=983420&url=http%3A%2F%2Fshop.example%2F&urlref=http%3A%2F%2Fnews.example%2F&_id=1da79fc743e8bcc4",
            {"event": "page_view", "visitor": "v:1da79fc743e8bcc4", "page": "/", "host": "shop.example", "referrer": "http://news.example/"},
        ),
        PixelSample(
            "/matomo.php?idsite=1&rec=1&idgoal=0&ec_id=A17&revenue=89.5&ec_tx=14.29&ec_sh=4.95&ec_dt=10&_id=1da79fc743e8bcc4&url=https%3A%2F%2Fshop.example%2Fthanks",
            {"event": "purchase", "order_id": "A17", "value": 89.5, "tax": 14.29, "shipping": 4.95, "discount": 10.0, "page": "/thanks"},
        ),
        PixelSample("/stats/matomo.php?idsite=1&rec=1&ping=1&_id=1da7&url=https%3A%2F%2Fshop.example%2F", {"event": "ping"}),
        PixelSample("/matomo.php?idsite=1&rec=1&idgoal=4&uid=ann", {"event": "goal", "goal": "4", "visitor": "u:ann"}),
        PixelSample("/ppms.php?idsite=a-b&rec=1&e_c=Video&e_a=Play&e_v=3&_id=1da7", {"event": "Play", "value": 3.0}),
        PixelSample("/matomo.php?idsite=1&rec=1&recMode=1&url=https%3A%2F%2Fshop.example%2F", {"event": "page_view", "is_declared_bot": True}),
        PixelSample("/matomo.php?idsite=1&rec=1&bots=1&_id=1da7", {"event": "page_view", "is_declared_bot": None}),
        PixelSample("/matomo.php?idsite=1&rec=1&search=kettle&_id=1da7", {"event": "search"}),
        PixelSample("/matomo.php?idsite=1&rec=1&link=https%3A%2F%2Fother.example%2F&_id=1", {"event": "click", "link": "https://other.example/"}),
        PixelSample(
            "/matomo.php?idsite=1&rec=1&idgoal=0&ec_id=A17&ec_items=%5B%5B%22K1%22%2C%22Kettle%22%2C%5B%22Kitchen%22%2C%22Gifts%22%5D%2C89.5%2C2%5D%2C%5B%22C2%22%2C%22Cup%22%5D%5D",
            {"event": "purchase", "product": "K1", "products": [make_product("K1", "Kettle", "Kitchen", 89.5, 2), make_product("C2", "Cup")]},
        ),
        PixelSample("/matomo.php?idsite=1&rec=1&_pks=K1&_pkn=Kettle&_pkc=%5B%22Kitchen%22%2C%22Gifts%22%5D&_pkp=89.5&_id=1da7",
                    {"event": "page_view", "event_number": 0, "products": None},
                    others=[{"event": "product_view", "event_number": 1, "products": [make_product("K1", "Kettle", "Kitchen", 89.5)]}]),
        PixelSample("/matomo.php?idsite=1&rec=1&idgoal=0&revenue=89.5&ec_items=%5B%5B%22K1%22%2C%22Kettle%22%2C%22%22%2C89.5%2C1%5D%5D",
                    {"event": "add_to_cart", "is_whole_cart": True, "products": [make_product("K1", "Kettle", None, 89.5, 1)]}),
        PixelSample("/matomo.php?idsite=1&rec=1&idgoal=0&revenue=0&ec_items=%5B%5D", {"event": "remove_from_cart", "is_whole_cart": True, "products": None}),
        PixelSample("/matomo.php?idsite=1&rec=1&idgoal=0&revenue=0.00", {"event": "remove_from_cart", "is_whole_cart": True}),
        PixelSample("/matomo.php?idsite=1&rec=1&idgoal=0&revenue=0.5", {"event": "add_to_cart", "is_whole_cart": None}),
        PixelSample("/matomo.php?idsite=1&rec=1&new_visit=1&_pks=K1&_id=1da7", {"event": "page_view", "is_new_visit": True},
                    others=[{"event": "product_view", "is_new_visit": None}]),
        PixelSample("/matomo.php?idsite=1&rec=1&ca=1&ma_id=m1&ma_mt=video&ma_st=10&pv_id=aB3xYz&_id=1da7", {"event": "ping"}),
        PixelSample("/matomo.php?idsite=1&rec=1&e_c=Shop&e_a=Purchase&e_n=A17&e_v=89.5&ca=1&_id=1da7", {"event": "Shop Purchase", "value": 89.5}),
        PixelSample("/matomo.php?idsite=1&rec=1&pv_id=aB3xYz&rand=5&_id=1da7&url=https%3A%2F%2Fshop.example%2F%23mtm_campaign%3Dspring%26mtm_source%3Dnl",
                    {"event": "page_view", "page_query": "mtm_campaign=spring&mtm_source=nl", "dedup_key": "1&aB3xYz&5&page_view"}),
    ),
)  # fmt: skip
