"""One shop's launch week as an nginx access log: the sample logs, and logs of any size for benchmarks.

    python sample_logs/shop.py                                   writes the sample logs beside this script
    python sample_logs/shop.py --pixel-lines 2000000 -o big.log  writes one log of that many pixel hits

The story: a kitchen shop launches the Aurora kettle. A newsletter goes out on Monday and again on
Thursday, advertisements run all week, and the product page is shown in two variants, of which `b`
sells better. Every page carries a pixel, written by three hands over the years, so that its
parameters come by several names and in any order. Bots crawl along, mail services load images
through proxies, and a few lines are broken.

Everything is drawn from one seed: the same arguments write the same bytes. `truth.json` holds what
happened, as the story knows it and not as any log tool counted it. `spend.csv` holds what the
campaigns cost, as ad platforms export it.
"""

import argparse
import csv
import gzip
import heapq
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple, TextIO
from urllib.parse import quote

MONDAY = datetime(2026, 9, 7, tzinfo=timezone.utc)
WEEK = 7 * 86_400
SITE = "https://shop.example"
FUNNEL = ("page_view", "product_view", "add_to_cart", "checkout", "purchase")
NEWSLETTERS = {"launch": 8 * 3600, "last-call": 3 * 86_400 + 9 * 3600}  # seconds after Monday 00:00

PRODUCTS = {  # sku: price in EUR
    "aurora-kettle": 89.0, "pour-over-set": 45.5, "hand-grinder": 119.0, "oak-scale": 64.9,
    "linen-filters": 12.0, "stone-mug": 18.5, "travel-press": 39.0, "bean-tin": 22.0,
}  # fmt: skip
ARTICLES = ("/", "/journal/boiling-point", "/journal/first-pour", "/about", "/journal/café-at-home", "/products")
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{}.0) Gecko/20100101 Firefox/{}.0",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Mobile Safari/537.36",
)
BOTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "python-requests/2.32.3",
)
MAIL_READERS = (  # how mail programs load an image; the proxies carry people's opens
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
    "Mozilla/5.0",
)
CHANNELS: tuple[tuple[int, str, dict[str, str]], ...] = (  # weight, referrer, campaign parameters
    (30, "", {}),
    (26, "https://www.google.com/", {}),
    (14, "", {"utm_source": "newsletter", "utm_medium": "email", "utm_campaign": "launch"}),
    (12, "https://www.google.com/", {"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "aurora"}),
    (
        10,
        "https://l.instagram.com/",
        {"utm_source": "instagram", "utm_medium": "paid social", "utm_campaign": "aurora"},
    ),
    (8, "https://coffee-blog.example/best-kettles?page=2", {}),
)
CHANNEL_NAMES = ("direct", "organic search", "newsletter", "google ads", "instagram ads", "coffee blog")
CHANNEL_WEIGHTS = [weight for weight, _, _ in CHANNELS]
HANDS = (  # the names that three hands gave to event, visitor, page, referrer, order, value, currency, product, variant
    ("e", "v", "p", "r", "oid", "rev", "cur", "product", "var"),
    ("event", "visitor_id", "page", "referrer", "order_id", "value", "currency", "sku", "variant"),
    ("ev", "cid", "url", "ref", "order", "total", "currency", "product_id", "ab"),
)
COST_PER_CLICK = {  # EUR from Monday to Sunday; the newsletter costs the same whoever clicks
    "google ads": (2.1, 2.05, 1.95, 2.2, 2.3, 1.8, 1.75),
    "instagram ads": (3.4, 3.2, 3.3, 3.6, 3.9, 4.4, 4.6),
}
IMPRESSIONS_PER_CLICK = {"google ads": 24, "instagram ads": 110}
NEWSLETTER_COST = 240.0
BY_HOUR = [2, 1, 1, 1, 1, 2, 4, 7, 10, 11, 11, 12, 13, 12, 11, 11, 12, 13, 15, 18, 19, 16, 10, 5]
GOES_ON = {"product_view": 0.62, "add_to_cart": 0.34, "checkout": 0.55, "purchase": 0.68}  # by step, variant a
B_SELLS = 1.25  # add_to_cart of variant b against variant a


class Line(NamedTuple):
    """One line of the log, ordered by its time (seconds after Monday 00:00 UTC)."""

    time: int
    number: int
    text: str
    is_pixel: bool


class Group:
    """Visitors who have a channel or a variant in common, and what they buy."""

    def __init__(self) -> None:
        self.visitors = self.buyers = 0
        self.revenue = 0.0

    def figures(self) -> dict[str, float]:
        return {"visitors": self.visitors, "buyers": self.buyers, "revenue": round(self.revenue, 2)}


class Shop:
    """Draws visitors' journeys and remembers what truly happened."""

    def __init__(self, seed: int, pixel_share: float) -> None:
        self.draw = random.Random(seed)
        self.filler = 1 / pixel_share - 1  # requests for pages and files that stand beside each pixel hit
        self.owed = 0.0
        self.number = 0
        self.visitors = 0
        self.orders = 0
        self.truth: Counter[str] = Counter()
        self.revenue = 0.0
        self.arrivals: Counter[tuple[str, int]] = Counter()  # by channel and day
        self.channels = {name: Group() for name in CHANNEL_NAMES}
        self.variants = {name: Group() for name in "ab"}
        self.clock: dict[int, str] = {}

    # -- lines ---------------------------------------------------------------------------------------

    def line(
        self, time: int, client: str, request: str, referrer: str, agent: str, *, status: int = 200, size: int = 43,
        is_pixel: bool = False,
    ) -> Line:  # fmt: skip
        stamp = self.clock.get(time)
        if stamp is None:
            if len(self.clock) > 100_000:
                self.clock.clear()
            stamp = self.clock[time] = (MONDAY + timedelta(seconds=time)).strftime("%d/%b/%Y:%H:%M:%S +0000")
        self.number += 1
        text = f'{client} - - [{stamp}] "{request} HTTP/1.1" {status} {size} "{referrer or "-"}" "{agent or "-"}"\n'
        return Line(time, self.number, text, is_pixel)

    def hit(self, time: int, who: "Visitor", page: str, fields: dict[str, str], event: str = "") -> Iterator[Line]:
        """The pixel's request for one event on one page, and the requests that a page brings along."""
        names = HANDS[who.hand]
        pairs = [f"{names[1]}={who.name}", *(f"{key}={quote(value, safe='')}" for key, value in fields.items())]
        if event:
            pairs.append(f"{names[0]}={event}")
        if page:  # the third hand passes the whole address
            pairs.append(f"{names[2]}={quote(SITE + quote(page) if who.hand == 2 else page, safe='')}")
        self.draw.shuffle(pairs)
        pairs.append(f"cb={self.draw.randrange(10**9)}")
        path, method = ("/beacon.gif", "POST") if event in FUNNEL[2:] and who.hand == 1 else ("/pixel.gif", "GET")
        status = 204 if method == "POST" else 304 if self.draw.random() < 0.01 else 200
        self.owed += self.filler
        while self.owed >= 1:
            self.owed -= 1
            file = (
                page
                if self.draw.random() < 0.3
                else f"/assets/{self.draw.choice(list(PRODUCTS))}-{self.draw.randrange(40)}.webp"
            )
            yield self.line(
                time, who.client, f"GET {quote(file)}", SITE + "/", who.agent, size=self.draw.randrange(900, 60_000)
            )
        request = f"{method} {path}?{'&'.join(pairs)}"
        yield self.line(time, who.client, request, SITE + quote(page), who.agent, status=status, is_pixel=True)

    # -- people --------------------------------------------------------------------------------------

    def journey(self, start: int) -> Iterator[Line]:
        """One visitor's week: visits, pages, and the steps of the funnel as far as they go."""
        draw = self.draw
        self.visitors += 1
        who = Visitor(
            name=f"{self.visitors:06x}{draw.randrange(16**6):06x}",
            client=f"{draw.randrange(11, 220)}.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(1, 255)}",
            agent=draw.choice(BROWSERS).format(*[draw.randrange(100, 150)] * 2),
            hand=draw.choices((0, 1, 2), (6, 3, 2))[0],
        )
        names = HANDS[who.hand]
        variant = draw.choice("ab")
        channel = draw.choices(range(len(CHANNELS)), CHANNEL_WEIGHTS)[0]
        _, referrer, campaign = CHANNELS[channel]
        groups = (self.channels[CHANNEL_NAMES[channel]], self.variants[variant])
        reached, time, sku = 0, start, ""
        for visit in range(draw.choices((1, 2, 3), (70, 22, 8))[0]):
            if visit:
                time += draw.randrange(4 * 3600, 40 * 3600)
                referrer, campaign = "", {}
            if time >= WEEK - 3 * 3600:  # every journey ends inside the week
                break
            fields = dict(campaign)
            if referrer:
                fields[names[3]] = referrer
            for _ in range(draw.choices((1, 2, 3, 5), (40, 30, 20, 10))[0]):
                page = draw.choice(ARTICLES)
                yield from self.hit(
                    time, who, page, fields, "page_view" if who.hand else draw.choice(("pv", "page_view"))
                )
                reached = max(reached, 1)
                fields = {}
                time += draw.randrange(5, 160)
            while reached < 5 and draw.random() < GOES_ON[FUNNEL[reached]] * (
                B_SELLS if variant == "b" and reached == 2 else 1
            ):
                reached += 1
                step = FUNNEL[reached - 1]
                if step == "product_view":
                    sku = draw.choices(list(PRODUCTS), (40, 12, 10, 8, 10, 10, 6, 4))[0]
                page = {
                    "product_view": f"/products/{sku}",
                    "add_to_cart": f"/products/{sku}",
                    "checkout": "/checkout",
                }.get(step, "/thank-you")
                extra = {names[7]: sku, names[8]: variant}
                if step == "purchase":
                    self.orders += 1
                    value = PRODUCTS[sku] * draw.choices((1, 2), (85, 15))[0]
                    self.revenue += value
                    self.count_sale(groups, value)
                    extra |= {names[4]: f"A{self.orders:05d}", names[5]: f"{value:.2f}", names[6]: "EUR"}
                if page != "/products/" + sku or step == "product_view":
                    yield from self.hit(time, who, page, {names[8]: variant}, "page_view")
                yield from self.hit(time, who, page, extra, step)
                time += draw.randrange(8, 240)
        self.arrivals[CHANNEL_NAMES[channel], start // 86_400] += reached > 0
        self.count_visitor(groups, reached)

    def count_sale(self, groups: Sequence["Group"], value: float) -> None:
        """Remember an order for the channel and the variant of its visitor."""
        for group in groups:
            group.buyers += 1
            group.revenue += value

    def count_visitor(self, groups: Sequence["Group"], reached: int) -> None:
        """Remember how far a visitor came. A variant is shown on the page of a product, the second step."""
        for step in FUNNEL[:reached]:
            self.truth[step] += 1
        for group, shown in zip(groups, (1, 2), strict=True):
            group.visitors += reached >= shown

    def mail(self, name: str, sent: int, readers: int) -> Iterator[Line]:
        """One newsletter's opens, most of them in the first hours and through image proxies."""
        for _ in range(readers):
            time = sent + int(self.draw.expovariate(1 / 20_000))
            agent = self.draw.choices(MAIL_READERS, (50, 15, 35))[0]
            client = {"Y": "66.196.80", "M": "66.249.84"}[agent[0]] + f".{self.draw.randrange(1, 255)}"
            if time < WEEK:
                uri = f"/o.gif?mid={name}&rcpt=r{self.draw.randrange(9_000):04d}"
                self.truth["open"] += 1
                yield self.line(time, client, f"GET {uri}", "", agent, is_pixel=True)

    def bot(self, start: int) -> Iterator[Line]:
        """A crawler that loads pages with everything on them, the pixel too."""
        agent = self.draw.choice(BOTS)
        client = f"66.249.{self.draw.randrange(64, 79)}.{self.draw.randrange(1, 255)}"
        for step in range(self.draw.randrange(3, 30)):
            time = min(start + step * 2, WEEK - 1)
            page = self.draw.choice(ARTICLES)
            yield self.line(time, client, f"GET {quote(page)}", "", agent, size=8_000)
            yield self.line(
                time,
                client,
                f"GET /pixel.gif?e=page_view&p={quote(page, safe='')}",
                SITE + quote(page),
                agent,
                is_pixel=True,
            )

    def trouble(self, start: int) -> Iterator[Line]:
        """What real logs hold besides: cut lines, other protocols, refused and aborted requests."""
        agent = BROWSERS[0].format(120)
        yield Line(start, 0, '203.0.113.9 - - [09/Sep/2026:11:02:55 +0000] "GET /pixel.gif?e=page_view&v=00\n', True)
        yield Line(
            start,
            0,
            f'203.0.113.9 - - [{(MONDAY + timedelta(seconds=start)).strftime("%d/%b/%Y:%H:%M:%S +0000")}] "\\x16\\x03\\x01\\x00u" 400 173 "-" "-"\n',
            False,
        )
        yield self.line(
            start, "203.0.113.10", "GET /pixel.gif?e=page_view&v=refused", SITE + "/", agent, status=403, is_pixel=True
        )
        yield self.line(
            start,
            "203.0.113.11",
            "GET /pixel.gif?e=page_view&v=aborted",
            SITE + "/",
            agent,
            status=499,
            size=0,
            is_pixel=True,
        )


class Visitor(NamedTuple):
    """Who asks: the id in the pixel, the address, the browser, and whose pixel the pages carry."""

    name: str
    client: str
    agent: str
    hand: int


def week(shop: Shop, visitors: int) -> Iterator[Line]:
    """The whole week's lines in the order of their times."""
    starts = sorted(
        day * 86_400 + shop.draw.choices(range(24), BY_HOUR)[0] * 3600 + shop.draw.randrange(3600)
        for day in shop.draw.choices(range(7), (20, 15, 13, 16, 13, 12, 11), k=visitors)
    )
    stories = [(start, 0) for start in starts]
    stories += [(shop.draw.randrange(WEEK), 1) for _ in range(max(visitors // 60, 3))]
    stories += [(shop.draw.randrange(WEEK), 2) for _ in range(max(visitors // 400, 3))]
    stories.sort()
    waiting: list[Line] = []
    for name, sent in NEWSLETTERS.items():
        waiting.extend(shop.mail(name, sent, visitors // 5))
    heapq.heapify(waiting)
    for start, kind in stories:
        while waiting and waiting[0].time < start:
            yield heapq.heappop(waiting)
        for line in (shop.journey, shop.bot, shop.trouble)[kind](start):
            heapq.heappush(waiting, line)
    while waiting:
        yield heapq.heappop(waiting)


def list_spend(shop: Shop) -> list[tuple[str, str, str, str, float, str, str, str]]:
    """What the campaigns cost each day. Some clicks leave before the page has loaded its pixel."""
    rows = []
    for day in range(7):
        date = f"{MONDAY + timedelta(days=day):%Y-%m-%d}"
        if day == 0:
            rows.append((date, "newsletter", "email", "launch", NEWSLETTER_COST, "EUR", "", ""))
        for name, prices in COST_PER_CLICK.items():
            source = CHANNELS[CHANNEL_NAMES.index(name)][2]
            clicks = shop.arrivals[name, day] * 11 // 10
            shown = str(clicks * IMPRESSIONS_PER_CLICK[name])
            cost = round(clicks * prices[day], 2)
            rows.append((date, source["utm_source"], source["utm_medium"], "aurora", cost, "EUR", shown, str(clicks)))
    return rows


def write_spend(file: TextIO, shop: Shop) -> None:
    """The file of spend, with the columns that `pixelstat roi` reads."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("date", "source", "medium", "campaign", "spend", "currency", "impressions", "clicks"))
    for *names, cost, currency, shown, clicks in list_spend(shop):
        writer.writerow((*names, f"{cost:.2f}", currency, shown, clicks))


def write_sample(folder: Path, seed: int) -> None:
    """The sample: one file a day as logrotate leaves them, the five oldest compressed, and the truth."""
    shop = Shop(seed, pixel_share=0.3)
    days: list[list[str]] = [[] for _ in range(7)]
    for line in week(shop, visitors=3_000):
        days[line.time // 86_400].append(line.text)
    for day, lines in enumerate(days):
        age = 6 - day
        content = "".join(lines).encode()
        if age < 2:
            (folder / ("access.log" + f".{age}" * bool(age))).write_bytes(content)
        else:
            with (
                (folder / f"access.log.{age}.gz").open("wb") as file,
                gzip.GzipFile("", "wb", 9, file, mtime=0) as packed,
            ):
                packed.write(content)
    truth = {"visitors": {step: shop.truth[step] for step in FUNNEL}, "opens": shop.truth["open"]}
    truth |= {"orders": shop.orders, "revenue": round(shop.revenue, 2), "lines": sum(map(len, days))}
    truth["channels"] = {name: group.figures() for name, group in shop.channels.items()}
    truth["variants"] = {name: group.figures() for name, group in shop.variants.items()}
    spend: Counter[str] = Counter()
    for _, source, *_, cost, _, _, _ in list_spend(shop):
        spend[{"google": "google ads", "instagram": "instagram ads"}.get(source, source)] += round(cost * 100)
    truth["spend"] = {name: cents / 100 for name, cents in spend.items()}
    with (folder / "spend.csv").open("w", newline="") as table:
        write_spend(table, shop)
    (folder / "truth.json").write_text(json.dumps(truth, indent=2) + "\n")


def write_log(file: TextIO, seed: int, pixel_lines: int, pixel_share: float) -> None:
    """One log with exactly that many pixel hits among however many lines their share asks for."""
    left = pixel_lines
    for line in week(Shop(seed, pixel_share), visitors=pixel_lines // 5 + 50):
        file.write(line.text)
        left -= line.is_pixel
        if not left:
            return
    raise SystemExit(f"the story ended {left:,} pixel lines early")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--pixel-lines", type=int, help="write one log of this many pixel hits")
    parser.add_argument("--pixel-share", type=float, default=1.0, help="the share of pixel hits among its lines")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(__file__).parent, help="a folder, or the one log's file"
    )
    options = parser.parse_args()
    if options.pixel_lines:
        with options.output.open("w") as file:
            write_log(file, options.seed, options.pixel_lines, options.pixel_share)
    else:
        write_sample(options.output, options.seed)


if __name__ == "__main__":
    main()
