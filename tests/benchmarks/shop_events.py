"""EVENTS of a shop in Parquet, of any size, as `pixelstat events -o events.parquet --reveal-ids` writes them.

    python tests/benchmarks/shop_events.py --events 2000000 -o events.parquet

Prints how many visitors go how far from page_view to purchase within 7 days: by how they are made, for nobody counts
them. There is no chance in it, the same number of events makes the same ones, and no log is parsed. Visitors come in
the order of their first events, CHUNK of them at a time; what they do after the next ones have come waits for those.
"""

import argparse
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from pixelstat.schemas import EXPORTED, UTC_TIME
from pixelstat.sources.event_parquet import event_tags

STEPS = ("page_view", "product_view", "add_to_cart", "checkout", "purchase")
KINDS = (*STEPS, "scroll", "ping", "click")
SIZES = {1: 30, 2: 20, 4: 15, 8: 12, 14: 10, 22: 7, 40: 4, 120: 1, 200: 1}  # events: so many visitors of a hundred
EACH = [size for size, visitors in SIZES.items() for _ in range(visitors)]
SHARES = (92, 55, 28, 16, 9)  # so many of a hundred want to reach the step; who has fewer events than steps cannot
BEGIN = int(datetime(2026, 9, 1, tzinfo=timezone.utc).timestamp())
SECONDS = 30 * 86_400  # in which visitors come
LATE = 12 * 86_400  # seconds that some let pass before the last step: more than all before takes, and the window
CHUNK = 100_000  # visitors

PRODUCTS = ["aurora-kettle", "pour-over-set", "hand-grinder", "oak-scale", "linen-filters", "stone-mug"]
PAGES = ["/", "/products", "/about", "/journal/boiling-point", "/journal/first-pour", "/journal/first-light"]
AGENTS = (
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
     "Chrome", "Windows", None, "desktop"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:{}.0) Gecko/20100101 Firefox/{}.0", "Firefox", "Linux", None, "desktop"),
    ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Mobile Safari/537.36",
     "Chrome Mobile", "Android", None, "mobile"),
)  # fmt: skip
TOUCHES = (  # referrer, utm_source, utm_medium, utm_campaign, source, medium, channel
    (None, None, None, None, None, None, None),
    ("https://www.google.com/", None, None, None, "google", "organic", "Organic Search"),
    (None, "newsletter", "email", "launch", "newsletter", "email", "Email"),
    ("https://coffee-blog.example/best", None, None, None, "coffee-blog.example", "referral", "Referral"),
)

column = pl.col


def mixed(number: pl.Expr, salt: int) -> pl.Expr:
    """A number below 2 ** 32 that looks like chance and is none."""
    for factor in (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93):
        number = (number.cast(pl.UInt64) + salt) * pl.lit(factor, pl.UInt64)
        number = number ^ (number // (1 << 32))
    return number % (1 << 32)


def people(first: int, beyond: int, total: int) -> pl.LazyFrame:
    """Visitors by number: when they come, their events' number, the steps that they do, and those that they reach."""
    number = column("number")
    rows = pl.LazyFrame({"number": pl.int_range(first, beyond, dtype=pl.UInt32, eager=True)})
    rows = rows.with_columns(
        # Within each hundred every size occurs as often as it should.
        size=pl.lit(pl.Series(EACH)).gather((number * 37 + number // 100 * 61) % 100),
        wanted=pl.sum_horizontal(mixed(number, 1) % 100 < share for share in SHARES).cast(pl.Int64),
        begin=BEGIN + number.cast(pl.Int64) * SECONDS // total,
        gap=5 + mixed(number, 2).cast(pl.Int64) % 1_500,
    )
    rows = rows.with_columns(steps=pl.min_horizontal("wanted", "size"))
    rows = rows.with_columns(is_late=(column("steps") > 2) & (mixed(number, 3) % 8 == 0))
    return rows.with_columns(reached=column("steps") - column("is_late").cast(pl.Int64))


def moves(visitors: pl.LazyFrame) -> pl.DataFrame:
    """What they do: visitor's number and begin, nth event, time in seconds, kind by its place in KINDS."""
    nth, steps, size, gap = column("nth"), column("steps"), column("size"), column("gap")
    rows = visitors.with_columns(nth=pl.int_ranges(0, "size")).explode("nth")
    chance = mixed(column("number").cast(pl.UInt64) * 256 + nth.cast(pl.UInt64), 4).cast(pl.Int64)
    # The steps lie evenly among the events; between them pages and products are looked at again, or no step is done.
    step = nth * steps // size
    is_step = (steps > 0) & ((nth == 0) | (step != (nth - 1) * steps // size))
    no_step = len(STEPS) + chance // 16 % 3
    again = pl.when(chance % 10 < 3).then(no_step).when((chance % 10 < 6) & (steps > 1)).then(1).otherwise(0)
    is_too_late = is_step & (step == steps - 1) & column("is_late")
    return rows.select(
        "number", "begin", nth.cast(pl.UInt8),
        time=column("begin") + nth * gap + chance // 1024 % (gap + 1) + pl.when(is_too_late).then(LATE).otherwise(0),
        kind=pl.when(is_step).then(step).when(steps == 0).then(no_step).otherwise(again).cast(pl.UInt8),
    ).collect()  # fmt: skip


def among(values: list[str | None], number: pl.Expr) -> pl.Expr:
    """One of the values, by the number."""
    return pl.lit(pl.Series(values, dtype=pl.String)).gather(number % len(values))


def events(rows: pl.DataFrame) -> pl.DataFrame:
    """Moves in the columns of EXPORTED."""
    number, kind, nth = column("number"), column("kind"), column("nth")
    chance = mixed(number.cast(pl.UInt64) * 256 + nth.cast(pl.UInt64), 5)
    # An odd factor: two visitors never share a key.
    key = pl.format("{}.{}", number.cast(pl.UInt64) * 2_654_435_761 % (1 << 32), "begin")
    product = pl.when(kind.is_in([1, 2, 4])).then(among([*PRODUCTS], chance))
    agents = [(agent.replace("{}", str(version)), *rest) for version in range(100, 140) for agent, *rest in AGENTS]
    agent = {name: among([one[place] for one in agents], mixed(number, 6)) for place, name in enumerate(
        ("user_agent", "browser", "os", "device", "device_type"))}  # fmt: skip
    touch = {name: pl.when(nth == 0).then(among([one[place] for one in TOUCHES], mixed(number, 7))) for place, name in
             enumerate(("referrer", "utm_source", "utm_medium", "utm_campaign", "source", "medium", "channel"))}  # fmt: skip
    is_purchase = kind == STEPS.index("purchase")
    address = mixed(number, 8)
    rows = rows.with_columns(
        product=product,
        page=pl.when(product.is_not_null() & ~is_purchase).then("/products/" + product)
        .when(kind == 3).then(pl.lit("/checkout")).when(is_purchase).then(pl.lit("/checkout/thanks"))
        .otherwise(among([*PAGES], chance)),
        event=among([*KINDS], kind),
        key=key,
    ).with_columns(
        time=(column("time") * 1_000_000).cast(UTC_TIME),
        protocol=pl.lit("house"),
        visitor="v:" + column("key"),
        host=pl.lit("shop.example"),
        order_id=pl.when(is_purchase).then(pl.format("A{}", "number")),
        value=pl.when(is_purchase).then(12.5 + (chance % 200).cast(pl.Float64)),
        currency=pl.when(is_purchase).then(pl.lit("EUR")),
        products=pl.when(column("product").is_not_null()).then(
            pl.concat_list(pl.struct(id="product", name=pl.lit(None, pl.String), category=pl.lit(None, pl.String),
                                     price=pl.lit(None, pl.Float64), quantity=pl.lit(None, pl.Float64)))
        ),
        client=pl.format("{}.{}.{}.{}", 11 + address % 180, address // 256 % 256, address // 65_536 % 256,
                         1 + address // 16_777_216 % 254),
        method=pl.lit("GET"),
        path=pl.lit("/pixel.gif"),
        query=pl.format("e={}&p={}&v={}&cb={}", "event", column("page").str.replace_all("/", "%2F", literal=True),
                        "key", chance),
        http_referer="https://shop.example" + column("page"),
        status=pl.lit(200, pl.Int16),
        format=pl.lit("combined"),
        traffic_class=pl.lit("human"),
        **agent, **touch,
    ).drop("key")  # fmt: skip
    there = set(rows.columns)
    return rows.select(name if name in there else pl.lit(None, kind).alias(name) for name, kind in EXPORTED.items())


def batches(total: int) -> Iterator[pl.DataFrame]:
    """All events, by time."""
    waiting = moves(people(0, 0, total))
    for first in range(0, total, CHUNK):
        beyond = min(first + CHUNK, total)
        after = BEGIN + beyond * SECONDS // total
        rows = pl.concat([waiting, moves(people(first, beyond, total))]).sort("time", "number", "nth")
        is_over = column("time") < after if beyond < total else pl.lit(value=True)
        waiting = rows.filter(~is_over)
        for part in rows.filter(is_over).iter_slices(CHUNK):
            yield events(part)


def written(total: int, file: Path) -> None:
    def frames(columns: list[str] | None, *_: object) -> Iterator[pl.DataFrame]:
        for frame in batches(total):
            yield frame if columns is None else frame.select(columns)

    register_io_source(frames, schema=EXPORTED).sink_parquet(
        file, metadata=event_tags(is_deduplicated=True, has_custom_consent=False)
    )


def truth(total: int) -> list[int]:
    """Visitors that reach each step."""
    reached = column("reached")
    found = people(0, total, total).select((reached >= step).sum().alias(name) for step, name in enumerate(STEPS, 1))
    return list(found.collect(engine="streaming").row(0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=2_000_000, help="rounded to thousands")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    visitors = max(options.events // sum(EACH), 1) * len(EACH)
    written(visitors, options.output)
    print(json.dumps(truth(visitors)))


if __name__ == "__main__":
    main()
