"""Random lines of every built-in format: its samples and writings with odd values, further fields and wrappings."""

import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

from pixelstat import formats
from tests.formats.lines import LINE_WRAPPINGS, wrap
from tests.formats.test_all_formats import WRITINGS, Hit, Writing

ALL = formats.load_all_formats()
TEN = datetime(2026, 9, 7, 10, tzinfo=timezone.utc)
CLIENT, URI = "203.0.113.7", "/pixel.gif?e=pv&v=a1"
AGENT, REFERRER = "Mozilla/5.0 (X11; Linux)", "https://shop.example/a"
REWRITING = ("Caddy's console", "named fields")  # they hold no line of another format
ANYTHING = object()  # in the truth of a line: its text does not tell

TAILS = (
    '"-"', '"2.31"', "0.001", '"0.001"', "HIT", '"HIT"', "-", "rt=0.001", 'uct="0.001"', '"198.51.100.9, 10.0.0.1"',
    '"_ga=GA1.2.3; sid=77"', "10.0.0.9:80", '"10.0.0.9:80"', "[shop-80]", "TLSv1.3", '"www.shop.example"', "443", ".",
    "www.shop.example", '"198.51.100.9"', '""', "198.51.100.9, 10.0.0.1", "[::1]:80", '"unknown"', "{a|b}", "2ms", "(0 s)",
    '"2001:db8::9"', "unix:/run/php.sock", '"unix:/run/php.sock"', "pid:77", '"a \\"b\\" c"', 'x="a b"', "0", "200 43",
    "www.shop.example:443", '"www.shop.example:8080"', "edge_1", '"gzip, br"', "[07/Sep/2026:10:00:01 +0000]", "1788775201.5",
)  # fmt: skip
CLIENTS: dict[str, str | None] = {  # what stands in the place of the client -> the client
    "203.0.113.7": "203.0.113.7", "203.0.113.7:51234": "203.0.113.7", "2001:db8::7": "2001:db8::7",
    "[2001:db8::7]": "2001:db8::7", "[2001:db8::7]:443": "2001:db8::7", '"203.0.113.7"': "203.0.113.7",
    "203.0.113.7, 198.51.100.9": "203.0.113.7", "203.0.113.7,198.51.100.9": "203.0.113.7",
    "unknown, 203.0.113.7": "203.0.113.7", "host.example": "host.example", "fe80::1%eth0": "fe80::1",
    "::ffff:203.0.113.7": "203.0.113.7", "unix:": "unix:", "-": None, "unknown": None, "localhost": "localhost",
    "10.0.0.5 [203.0.113.7]": "203.0.113.7", "host-7.pool.example:4711": "host-7.pool.example", "[203.0.113.7]": "203.0.113.7",
    "2001:DB8::7": "2001:db8::7",
}  # fmt: skip
STATUSES = ("200", "-", "000", "0", "499", "304", "-1")
SIZES = ("43", "-", "0", "99999999999")
AGENTS = (
    "", "-", 'say "hi" there', "curl/8.5.0", "x", "a\\b/1.0", "Bot [1] {2} (3)/1", "café/1.0 - HTTP/1.1", "200 43 x/1",
    "GET / HTTP/1.1",
)  # fmt: skip
REFERRERS = (
    "-",
    "https://shop.example/a?b=c d",
    'https://shop.example/"q"',
    "android-app://com.example",
    "/a",
    "shop.example",
)
URIS = (
    "/pixel.gif?e=pv&p=/a b&v=a1", '/pixel.gif?e=pv&v="a1"', "/pixel.gif", "/pixel.gif?e=pv&u=https://shop.example/?x=1",
    "/a b/pixel.gif?e=pv", "/pixel.gif?e=[pv]&v={a|b}", "/pixel.gif?t=07/Sep/2026:10:00:01", "/pixel.gif?",
    "/p%20q.gif?v=a%22b", "/pixel.gif?e=pv&v='a1'", "/pixel.gif?a=1;b=2,c", "/café.gif?v=1", "/pixel.gif?q=a HTTP/1.1",
    "/pixel.gif?e=pv#top",
)  # fmt: skip
METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PROPFIND", "M-SEARCH")
VERSIONS = ("", " HTTP/1.0", " HTTP/2", " HTTP/3.0", " h2")
TIMES = {  # in the Common Log Format -> hours that it is ahead of UTC
    "{} +0200": 2, "{} -0330": -3.5, "{}.123 +0000": 0, "{} +00:00": 0, "{}": 0, "{} Z": 0, "{} GMT": 0, "{} +1400": 14,
}  # fmt: skip
GARBAGE = ("\\x16\\x03\\x01\\x02\\x00\\x01", "-", "", "\\x04\\x01\\x00P", "SSH-2.0-Go", "t3 12.1.2", "\\n")


@dataclass
class RandomLine:
    """A line, its `#Fields:` line, and the fields that it was written from; none for a changed sample."""

    text: str
    header: str | None = None
    truth: dict[str, object] = field(default_factory=dict)


class Draft:
    """A request as one writing has it, some of whose values are changed."""

    def __init__(self, writing: Writing, dice: random.Random) -> None:
        self.writing, self.dice = writing, dice
        self.text = writing.line(Hit("10:00:00", CLIENT, 41542, URI))
        self.is_json = not isinstance(writing.template, str)
        self.is_text = not self.is_json and not writing.is_w3c
        self.truth: dict[str, object] = {
            "client": CLIENT, "status": 200, "time": TEN, "path": "/pixel.gif", "query": "e=pv&v=a1",
            "method": "GET" if "GET" in self.text else None,
            "user_agent": AGENT if "Mozilla" in self.text else None,
            "referrer": REFERRER if REFERRER in self.text else None,
        }  # fmt: skip

    def spell(self, text: str) -> str:
        """Escape a text as the server does."""
        if self.is_json:
            return json.dumps(text)[1:-1].replace("&", r"\u0026")
        if self.writing.is_w3c:
            return text
        how = self.dice.choice(["apache", "nginx", "nginx", "nginx" if "\\" in text else "bare"])
        if how == "nginx":
            return text.replace("\\", "\\x5C").replace('"', "\\x22")
        return text.replace("\\", "\\\\").replace('"', '\\"') if how == "apache" else text

    def change_client(self) -> None:
        """Write another client."""
        client = self.dice.choice([*CLIENTS])
        # Other servers than those of combined and the like write nothing but addresses.
        is_strict = not self.is_text or re.search(r" 41542|, -, | shop-bucket |\{client\},", str(self.writing.template))
        if ":41542" in self.text or " 41542" in self.text:
            is_allowed = re.fullmatch(r"[0-9.]+", client) is not None
        else:
            is_allowed = not is_strict or re.fullmatch(r"[0-9.]+|[0-9A-Fa-f:]+:7", client) is not None
        if is_allowed:
            self.text = self.text.replace(CLIENT, client)
            self.truth["client"] = CLIENTS[client]

    def change_status(self) -> None:
        """Write another status."""
        status = self.dice.choice(STATUSES)
        for before, after in (
            (" ", " "),
            ("/", " "),
            ("|", "|"),
            ("\t", "\t"),
            ('"', '"'),
            (":", ","),
            (":", "}"),
            (" ", ","),
        ):
            if f"{before}200{after}" in self.text:
                value = f'"{status}"' if before == ":" else status
                self.text = self.text.replace(f"{before}200{after}", f"{before}{value}{after}", 1)
                self.truth["status"] = 0 if status == "-" else max(int(status), 0)
                return

    def change_size(self) -> None:
        """Write another size of the answer."""
        if self.truth["user_agent"] in (AGENT, None):
            self.text = re.sub(r"(?<=[ |\t])43(?=[ |\t,]|$)", self.dice.choice(SIZES), self.text, count=1)

    def change_agent(self) -> None:
        """Write another user agent."""
        agent = self.dice.choice(AGENTS)
        encodings: tuple[Callable[[str], str], ...] = (
            self.spell, lambda text: text.replace(" ", "+"), lambda text: quote(text, safe="/();.,"),
            lambda text: quote(text, safe=""),
        )  # fmt: skip
        if self.writing.format == "haproxy" and re.search(r'["\\]', agent):
            return  # it escapes them in a way of its own
        if encode := next((encode for encode in encodings if encode(AGENT) in self.text), None):
            self.text = self.text.replace(encode(AGENT), encode(agent) or ("-" if self.writing.is_w3c else ""), 1)
            self.truth["user_agent"] = "" if agent == "-" else agent

    def change_referrer(self) -> None:
        """Write another referrer."""
        referrer = self.dice.choice(REFERRERS)
        is_bare = self.writing.is_w3c and " " in referrer
        if REFERRER in self.text and not is_bare and not (self.writing.format == "haproxy" and '"' in referrer):
            self.text = self.text.replace(REFERRER, self.spell(referrer), 1)
            self.truth["referrer"] = None if referrer == "-" else referrer

    def change_uri(self) -> None:
        """Write another path and query."""
        uri = self.dice.choice(URIS)
        lets_through = {"envoy": not re.search(" ", uri), "haproxy": not re.search('["|]', uri)}
        spelled = json.dumps(URI)[1:-1].replace("&", r"\u0026") if self.is_json else URI
        is_clear = " HTTP/" not in uri or self.text.count(" HTTP/") == 1
        if spelled in self.text and is_clear and lets_through.get(self.writing.format, True):
            self.text = self.text.replace(spelled, self.spell(uri))
            self.truth["path"], _, query = uri.partition("?")
            self.truth["query"] = query or None

    def change_method(self) -> None:
        """Write another method."""
        if self.truth["method"] == "GET" and self.truth["user_agent"] in (AGENT, None):
            self.truth["method"] = method = self.dice.choice(METHODS)
            self.text = re.sub(r"(?<![.\w])GET(?![.\w])", method, self.text, count=1)

    def change_version(self) -> None:
        """Write another version of HTTP, or none."""
        if self.truth["user_agent"] in (AGENT, None) and self.truth["query"] == "e=pv&v=a1":
            self.text = re.sub(r" HTTP/(?:1\.1|2\.0)", self.dice.choice(VERSIONS), self.text, count=1)

    def change_time(self) -> None:
        """Write the time in another way."""
        layout, hours = self.dice.choice([*TIMES.items()])
        text = self.text.replace("07/Sep/2026:10:00:00 +0000", layout.format("07/Sep/2026:10:00:00"))
        if text != self.text:
            self.text, self.truth["time"] = text, TEN - timedelta(hours=hours)

    def make_absolute(self) -> None:
        """Write the site in front of the path, as clients of a proxy send it."""
        if "shop.example/pixel" not in self.text:
            self.text = self.text.replace(" /pixel.gif?", " https://shop.example:443/pixel.gif?", 1)

    def break_request(self) -> None:
        """Write bytes that are no HTTP in the place of the request."""
        request = re.search(r'"GET [^"]* HTTP/[0-9.]+"', self.text)
        if request and self.is_text:
            self.text = self.text.replace(request.group(), f'"{self.dice.choice(GARBAGE)}"', 1)
            self.truth |= dict.fromkeys(("method", "path", "query"), ANYTHING)

    def add_tail(self) -> None:
        """Write further fields."""
        if self.is_text:
            self.text += write_tail(self.writing.format, self.dice)
            if "agent" in self.writing.lacks:  # two texts in quotes may be these
                self.truth |= dict.fromkeys(("referrer", "user_agent"), ANYTHING)


CHANGES = (
    Draft.change_client, Draft.change_status, Draft.change_size, Draft.change_agent, Draft.change_referrer, Draft.change_uri,
    Draft.change_method, Draft.change_time, Draft.change_version, Draft.make_absolute, Draft.break_request, Draft.add_tail,
    Draft.add_tail,
)  # fmt: skip


def write_request(writing: Writing, dice: random.Random) -> RandomLine:
    """Write a request with a few odd values."""
    draft = Draft(writing, dice)
    for change in dice.sample(CHANGES, dice.choice([1, 1, 2, 3])):
        change(draft)
    header = next((head for head in writing.head if head.startswith("#Fields:")), None)
    return RandomLine(draft.text, header, draft.truth)


def write_tail(format_name: str, dice: random.Random) -> str:
    """Write further fields of a line."""
    separator = "|" if format_name == "bunny" else " "
    return "".join(separator + dice.choice(TAILS) for _ in range(dice.choice([1, 1, 2, 3])))


def change_sample(text: str, format_name: str, dice: random.Random) -> str:
    """Drop, replace and double some words of a sample, and put further fields behind it."""
    if text.startswith(("{", "[{")) or "\t" in text:
        return text
    words = text.split(" ")
    for _ in range(dice.choice([0, 1, 1, 2])):
        at = dice.randrange(len(words) or 1)
        others: Mapping[str, list[str]] = {
            "drop": [], "replace": [dice.choice([*TAILS, *CLIENTS, *STATUSES])], "double": words[at : at + 1] * 2,
        }  # fmt: skip
        words[at : at + 1] = others[dice.choice([*others])]
    return " ".join(words) + (write_tail(format_name, dice) if dice.random() < 0.6 else "")


def write_lines(seed: int) -> list[RandomLine]:
    """Write a line of each writing and of each sample."""
    dice = random.Random(seed)
    lines = [write_request(writing, dice) for writing in WRITINGS]
    for form in ALL:
        lines += [RandomLine(change_sample(sample.line, form.name, dice), sample.header) for sample in form.samples]
    for line in lines:
        if not line.header and dice.random() < 0.25:
            # The number that grep writes looks like a part of such an address.
            excluded = (*REWRITING, "grep") if "::" in line.text.partition(" ")[0] else REWRITING
            line.text = wrap(dice.choice([w for w in LINE_WRAPPINGS if w.name not in excluded]), line.text)
    return lines
