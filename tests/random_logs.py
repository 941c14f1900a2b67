"""Random logs of a shop, and the events in them as a plain loop finds them from the definitions in the manual."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

START = datetime(2026, 9, 7, 22, tzinfo=timezone.utc)
PEOPLE = {"ann": "203.0.113.1", "ben": "203.0.113.2", "cy": "203.0.113.3", "": "203.0.113.4"}
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
)
EMAIL_EVENTS = ("open", "click_email")
PAUSE = timedelta(minutes=30)


def write_random_log(seed: int) -> list[str]:
    """Lines of people and bots in the order of time, with copies, reloads, refunds and several hits in one second."""
    dice = random.Random(seed)
    lines = []
    for second in sorted(dice.choice((0, 1)) + dice.randrange(0, 120_000, 600) for _ in range(220)):
        person, agent = dice.choice([*PEOPLE]), dice.choice((*AGENTS, *AGENTS[:2]))
        event = dice.choice(("page_view",) * 4 + ("product_view", "add_to_cart", "remove_from_cart", "purchase", "purchase",
                            "refund", "ping", "open", "click_email", "lead"))  # fmt: skip
        fields = {"e": event, "v": person, "url": f"https://{dice.choice(('a', 'b'))}.example/{dice.choice('xyz')}"}
        if event in ("purchase", "refund"):
            fields |= {"oid": f"A{dice.randrange(12)}", "value": dice.choice(("", "10", "20.5")), "cur": "EUR"}
            fields["url"] = f"https://a.example/{dice.choice(('thanks', 'account'))}"
        if event in ("product_view", "add_to_cart", "remove_from_cart", "purchase"):
            fields |= {"product": dice.choice(("kettle", "cup"))}
        if event in ("product_view", "add_to_cart"):
            fields |= {"variant": "ab"[len(person) % 2]}
        if event in EMAIL_EVENTS:
            fields |= {"mid": dice.choice(("m1", "m2")), "rcpt": person or "r1"}
        if dice.random() < 0.2:
            fields |= {"utm_source": dice.choice(("news", "face")), "utm_medium": dice.choice(("email", "cpc"))}
        query = "&".join(f"{name}={value}" for name, value in fields.items() if value)
        clock = (START + timedelta(seconds=second)).strftime("%d/%b/%Y:%H:%M:%S +0000")
        line = f'{PEOPLE[person]} - - [{clock}] "GET /p.gif?{query} HTTP/1.1" 200 43 "-" "{agent}"\n'
        lines += [line] * dice.choice((1, 1, 1, 1, 2))
    return lines


@dataclass
class Event:
    """A hit of such a log, at its first copy."""

    time: datetime
    name: str
    visitor: str
    recipient: str
    host: str
    page: str
    source: str
    message: str
    system: str
    order: tuple[str, str] | None
    value: float | None
    is_bot: bool
    visit: "Visit | None" = None


@dataclass
class Visit:
    """The events of one visit."""

    events: list[Event] = field(default_factory=list)

    @property
    def source(self) -> str:
        return next((event.source for event in self.events if event.source), "(direct)")

    @property
    def start(self) -> datetime:
        return self.events[0].time


def read_plainly(lines: Iterable[str]) -> list[Event]:
    """The hits of the lines in the order of time, each once, those of people with their visits."""
    events: dict[tuple[object, ...], Event] = {}
    for line in lines:
        client, clock = line.split(" ")[0], line[line.index("[") + 1 : line.index("]")]
        request, agent = line.split('"')[1], line.split('"')[5]
        fields = {name: values[0] for name, values in parse_qs(urlsplit(request.split(" ")[1]).query).items()}
        address = urlsplit(fields["url"])
        event = Event(
            time=datetime.strptime(clock, "%d/%b/%Y:%H:%M:%S %z"),
            name=fields["e"],
            visitor=fields.get("v") or fields.get("rcpt") or f"{client} {agent}",
            recipient=fields.get("rcpt", ""),
            host=str(address.hostname),
            page=address.path,
            source=fields.get("utm_source", ""),
            message=fields.get("mid", ""),
            system="Linux" if "Linux" in agent else "Windows",
            order=(str(address.hostname), fields["oid"]) if fields["e"] == "purchase" else None,
            value=float(fields["value"]) if "value" in fields else None,
            is_bot=agent == AGENTS[2],
        )
        # The same request of a visitor in one second is one hit.
        events.setdefault((event.visitor, clock, request, event.is_bot), event)
    firsts: dict[object, Event] = {}
    for event in sorted(events.values(), key=lambda event: (event.time, event.value is None, event.value or 0.0)):
        if event.order is None or event.is_bot:
            firsts[id(event)] = event
        elif event.order not in firsts:
            firsts[event.order] = event
        elif firsts[event.order].value is None:
            firsts[event.order].value = event.value
    hits = [event for event in events.values() if any(event is first for first in firsts.values())]
    _find_visits([event for event in hits if not event.is_bot])
    return hits


def _find_visits(hits: Iterable[Event]) -> None:
    """Give each event on the site its visit: no pause in it is longer than 30 minutes, and no heartbeat begins it."""
    last: dict[str, tuple[datetime, Visit | None]] = {}
    for event in sorted(hits, key=lambda event: (event.time, event.name == "ping")):
        if event.name in EMAIL_EVENTS:
            continue
        time, visit = last.get(event.visitor, (event.time, None))
        if event.time - time > PAUSE:
            visit = None
        if visit is None and event.name != "ping":
            visit = Visit()
        if visit:
            visit.events.append(event)
        event.visit = visit
        last[event.visitor] = (event.time, visit)
