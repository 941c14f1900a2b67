"""Plain lines are read natively, and say what the same lines say on the long way, whatever stands in them."""

import random
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pixelstat import formats, pipeline, plain
from pixelstat.config import Config
from pixelstat.formats.base import Format
from pixelstat.formats.text import TextFormat
from pixelstat.pipeline import Logs, Selection
from pixelstat.protocols import builtin_protocols
from pixelstat.protocols.base import PixelProtocol
from pixelstat.schemas import ID_KEY
from pixelstat.sources import blocks, discovery
from pixelstat.sources.lines import Reading
from tests.inside import inside

COMBINED = formats.formats_given("combined")[0]
FORMATS = [
    COMBINED,
    *(
        formats.formats_given(name)[0]
        for name in ("combined_forwarded", "combined_vhost", "combined_vhost_port", "common")
    ),
    *formats.formats_given(
        '$host [$time_local] "$request" $status "$http_cookie" $remote_addr "$http_dnt" "$http_sec_gpc" x'
    ),
    *formats.formats_given('%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i" "%{X-Forwarded-For}i" %D'),
]
VALUES = {  # what stands for a field of a line, most often its first
    "client": ["203.0.113.7", "2001:db8::1", "-", "host.example", "", "203.0.113.8, 10.0.0.1"],
    "vhost": ["shop.example", "Shop.Example:443", "-", "shop_1.example.", "[2001:db8::1]:80", "bücher.example"],
    "port": ["443", "x", ""],
    "": ["-", "ann", "ann smith", "", '"', "0.004"],
    "time_clf": [
        "07/Sep/2026:10:00:00 +0200", "07/Sep/2026:10:00:01 +0200", "29/Feb/2024:23:59:59 -0330", "29/Feb/2026:10:00:00 +0000",
        "07/Sep/2026:10:00:60 +0000", "07/Sep/2026:24:00:00 +0000", "31/Apr/2026:10:00:00 +0000", "07/sep/2026:10:00:00 +0000",
        "07/Sep/1999:10:00:00 +0000", "07/Sep/2999:10:00:00 +0000", "01/Jan/2000:00:00:00 +0000", "01/Jan/2000:00:00:00 +0001",
        "07/Sep/2026:10:00:00 +1400", "07/Sep/2026:10:00:00 +1401", "07/Sep/2026:10:00:00 -1359", "07/Sep/2026:10:00:00 +0090",
        "7/Sep/2026:10:00:00 +0000", "07/Sep/2026:10:00:00", "-", "07/Sep/2026 10:00:00 +0000", "07/Sep/2026:1a:00:00 +0000",
    ],
    "status": ["200", "304", "404", "0", "-", "999", "1000", "2xx", ""],
    "bytes": ["43", "0", "-", "999999999999999999", "9999999999999999999", "-5", "4x", ""],
    "referrer": ["https://Shop.example:443/caf%C3%A9?utm_source=mail#top", "-", "", "http://a.example", "/cart", "é", "x\\x22y", '\\"'],
    "user_agent": ["Mozilla/5.0 (X11; Linux x86_64)", "curl/8.0", "-", "", "Googlebot/2.1", 'a \\"b\\" \\\\', "ü", "\\x00"],
    "forwarded_for": ["-", "", "203.0.113.9", "203.0.113.9, 10.0.0.1", "2001:db8::9", "unknown", "fe80:1", "shop.example", "a, b"],
    "cookies": ["-", "id=7; v=1", ""],
    "dnt": ["-", "1", "0"],
    "gpc": ["-", "1"],
}  # fmt: skip
METHODS = ["GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "get", "PROPFIND", "", "-"]
VERSIONS = [" HTTP/1.1", " HTTP/1.1", " HTTP/2.0", " HTTP/2", " HTTP/1.x", "", " HTTP/11", " FTP/1.1"]
PATHS = [
    "/pixel.gif", "/img/p.png", "/o.gif", "/email/open.gif", "/beacon", "/track", "/", "/index.php", "/cart", "/matomo.php",
    "/collect", "/PIXEL.gif", "/pixel.gif/", "/pixel%2Egif", "/p.gif;x", "pixel.gif", "http://shop.example/p.gif", "/a b.gif",
    "/é/t.gif", "*", "/x\\x2Fp.gif", "/s.gif", "/track/open.php", "//p.gif", "/own", "/count",
]  # fmt: skip
NAMES = [
    "e", "ev", "event", "v", "vid", "visitor_id", "cid", "user", "uid", "p", "page", "u", "url", "r", "oid", "order_id",
    "rev", "value", "amount", "cur", "product", "sku", "price", "qty", "mid", "rcpt", "variant", "utm_source", "utm_medium",
    "utm_campaign", "utm_id", "gdpr_consent", "us_privacy", "agree", "color", "colour", "E", "v2", "", "cb", "%76", "e=", "idsite",
]  # fmt: skip
PARAMETERS = [
    "page_view", "pv", "purchase", "Order", "add-to-cart", "Quiz+Done", "caf%C3%A9", "a%20b%2Bc+d", "", "x=y", "%", "%4", "%zz",
    "%FF", "%C3", "%E2%82%AC", "%ED%A0%80", "%F4%90%80%80", "%C0%AF", "%00", "é", "%C3é", "${USER}", "%24%7BUSER%7D", "{{id}}",
    "%7b%7bid", "*|EMAIL|*", "a|b", "{", "%7C", "12.50", "-3", "1e3", "1,5", ".5", "5.", "007", "1234567890123456", "nan", "+5",
    "https%3A%2F%2Fshop.example%2Fa%252Bb%3Futm_medium%3Dsocial", "//shop.example/x?utm_source=y", "/products/kettle?x#y", "1YYN",
    "granted", "no", "a" * 13, "a" * 12, "ann", "EUR", " ", "eur%20", "\x7f", "'", "a;b", "%2526", "\u2028", "😀",
]  # fmt: skip


def value(draw: random.Random, kind: str) -> str:
    choices = VALUES[kind]
    return choices[0] if draw.random() < 0.8 else draw.choice(choices)


def request(draw: random.Random) -> str:
    path = PATHS[draw.randrange(4)] if draw.random() < 0.7 else draw.choice(PATHS)
    pairs = [
        draw.choice(NAMES) + draw.choice(["=", "=", "=", "=", ""]) + draw.choice(PARAMETERS)
        for _ in range(draw.randrange(6))
    ]
    query = draw.choice(["?", "?", "?", "", "??"]) + "&".join(pairs) if pairs else draw.choice(["", "", "?"])
    return f"{METHODS[0] if draw.random() < 0.8 else draw.choice(METHODS)} {path}{query}{draw.choice(VERSIONS[:3]) if draw.random() < 0.9 else draw.choice(VERSIONS)}"


def line(draw: random.Random, form: Format) -> bytes:
    assert isinstance(form, TextFormat)
    tokens = form.tokens
    text = tokens[0]
    for name, literal in zip(tokens[1::2], tokens[2::2], strict=True):
        text += (request(draw) if name == "request" else value(draw, name)) + literal
    written = text.encode()
    if draw.random() < 0.1:
        at = draw.randrange(len(written))
        changed: list[bytes] = [
            written[:at],
            written[:at] + bytes([draw.randrange(256)]) + written[at + 1 :],
            written[:at] + b'"' + written[at:],
            written + b" more",
            written + b"\r",
            b"\0" * 3 + written,
            written.replace(b" ", b"  ", 1),
            b"#Fields: date time cs-uri-stem",
            b"",
        ]
        written = draw.choice(changed)
    return written.replace(b"\n", b"")


def said(folder: Path, log: bytes | Sequence[bytes], form: Format, selection: Selection) -> pl.DataFrame:
    """What the requests of a log, or of several, say that may be a pixel's, in their order."""
    names = []
    for number, content in enumerate([log] if isinstance(log, bytes) else log):
        names.append(str(folder / f"access.log.{number}"))
        Path(names[-1]).write_bytes(content)
    found = discovery.find_logs(names)
    logs = Logs([(form, found)], formats.all_formats())
    rows = pipeline.heard(logs, selection, Reading()).collect(engine="streaming")
    return rows.filter(pl.col("rejected").cast(pl.String).ne_missing(pl.lit("not_pixel")))


@pytest.fixture
def natively() -> None:
    if find_spec("pixelstat._plain") is None:
        pytest.skip("nothing was compiled where pixelstat was installed")


def selections() -> Iterator[Selection]:
    columns = {"colour": ("color", "colour"), "first": ("e", "v")}
    yield Selection()
    yield Selection(config=Config(columns=columns))
    yield Selection(pixels=("/s.gif", "own"), named=("goatcounter", "umami"))


@pytest.mark.usefixtures("natively")
@pytest.mark.parametrize("form", FORMATS, ids=lambda form: str(form.name))
@pytest.mark.parametrize("seed", range(12))
def test_a_line_says_the_same_on_both_ways(
    form: Format, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(f"{seed} {form.name}")
    log = b"\n".join(line(draw, form) for _ in range(400)) + draw.choice([b"", b"\n"])
    if seed == 0:
        log = b"\xef\xbb\xbf" + log
    selection = list(selections())[seed % 3]
    short = said(tmp_path, log, form, selection)
    assert len(short) > 100
    monkeypatch.setattr(plain, "_plain", None)
    assert_frame_equal(short, said(tmp_path, log, form, selection))


def taken(folder: Path, lines: Sequence[str], form: Format = COMBINED) -> list[bool]:
    """Of each line whether it goes the short way, once its path is known."""
    logs = Logs([(form, [])], formats.all_formats())
    reader = plain.reader(form, pipeline.meaning(form, logs, Selection()))
    assert reader is not None
    wanted = reader.wanted(["time", "event", ID_KEY])
    for _ in range(2):
        _, rows, *_, paths = reader.plan.read("\n".join(lines).encode(), wanted)
        reader.learn(pl.Series(paths).struct.unnest()["path"])
    places = pl.Series(rows).struct.unnest()[plain.PLACE].to_list()
    return [place in places for place in range(len(lines))]


@pytest.mark.usefixtures("natively")
def test_plain_lines_go_the_short_way_and_others_do_not(tmp_path: Path) -> None:
    logged = '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET {} HTTP/1.1" 200 43 "-" "Mozilla/5.0"'
    short = ["/pixel.gif", "/t.png?value=89.50&cur=EUR&en=Order", "/o.gif?mid=launch&rcpt=caf%C3%A9+x", "/beacon?e=pv"]
    other = [
        "/pixel.gif?v=${USER}",
        "/pixel.gif?value=lots",
        "/pixel.gif?v=%FF",
        "/matomo.php?idsite=1",
        "/beacon",
        "/cart",
    ]
    assert taken(tmp_path, [logged.format(uri) for uri in (*short, *other)]) == [True] * 4 + [False] * 6


@pytest.mark.usefixtures("natively")
def test_a_vendors_path_without_the_query_that_it_would_claim_is_no_pixel() -> None:
    logged = '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "{} HTTP/1.1" 200 43 "-" "Mozilla/5.0"\r\n'
    uuid = "11111111-2222-3333-4444-555555555555"
    bare = ["GET /", "HEAD /index.php", "POST /matomo.php"]
    other = ["GET /?", "GET /?x=1", "OPTIONS /", f"GET /campaign/{uuid}/{uuid}/px.png", "GET /matomo.php?idsite=1"]
    reader = plain.reader(COMBINED, pipeline.meaning(COMBINED, Logs([(COMBINED, [])]), Selection()))
    assert reader is not None
    reader.learn(pl.Series([request.split()[1].partition("?")[0] for request in (*bare, *other)]).unique())
    _, _, _, left, *_ = reader.plan.read("".join(map(logged.format, (*bare, *other))).encode(), reader.wanted([]))
    assert left.decode() == "".join(map(logged.format, other))


@pytest.mark.usefixtures("natively")
def test_hardly_any_line_of_an_ordinary_log_goes_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Path(__file__).parents[1] / "sample_logs"
    counted = {"all": 0, "long": 0}
    found, lines = plain.Reader.found, plain.Reader.lines

    def counting(self: plain.Reader, *given: Any) -> plain.Found:
        block = found(self, *given)
        counted["all"] += block.height
        return block

    def left(self: plain.Reader, parts: Sequence[plain.Found]) -> pl.DataFrame:
        frame = lines(self, parts)
        counted["long"] += frame.filter(self.meaning.may_be).height
        return frame

    monkeypatch.setattr(plain.Reader, "found", counting)
    monkeypatch.setattr(plain.Reader, "lines", left)
    assert inside(sample.parent, "funnel", "sample_logs").exit == 0
    assert counted["all"] > 20_000
    assert counted["long"] < counted["all"] / 100


@pytest.mark.parametrize("protocol", builtin_protocols(), ids=lambda protocol: protocol.name)
def test_no_path_of_a_vendors_request_is_taken_for_anything_else(protocol: PixelProtocol) -> None:
    """That is, the pattern of its paths holds for all its samples: who does not match it is never asked."""
    for sample in protocol.samples:
        path = sample.uri.partition("?")[0]
        assert pl.select(pl.lit(path).str.contains(protocol.paths)).item()


@pytest.mark.usefixtures("natively")
@pytest.mark.parametrize("time", ["", "07/Sep/2026:10:00", "07/Sep/2026:10:00:00 +0000 more"])
def test_a_time_between_quotes_is_as_long_as_a_time(time: str, tmp_path: Path) -> None:
    form = TextFormat("quoted", '$remote_addr "$request" "$time_local"')
    line = '203.0.113.7 "GET /pixel.gif HTTP/1.1" "{}"'
    assert taken(tmp_path, [line.format("07/Sep/2026:10:00:00 +0000"), line.format(time)], form) == [True, False]


def plan_of(form: Format = COMBINED) -> tuple[Any, bytes]:
    """How its lines are read, with /pixel.gif known for a pixel, and nothing that is wanted of them."""
    reader = plain.reader(form, pipeline.meaning(form, Logs([(form, [])], formats.all_formats()), Selection()))
    assert reader is not None
    reader.plan.learn("/pixel.gif", plain.PAGE_VIEW)
    return reader.plan, reader.wanted([])


@pytest.mark.usefixtures("natively")
@pytest.mark.parametrize("places", [b"", bytes(8), bytes(15), bytes(24)])
def test_there_is_a_place_for_each_line(places: bytes) -> None:
    plan, wanted = plan_of()
    with pytest.raises(ValueError, match="a place for each line"):
        plan.read(b"no line\nof a log\n", wanted, 0, places)
    assert plan.read(b"no line\nof a log\n", wanted, 0, bytes(16))[4] == bytes(16)


@pytest.mark.usefixtures("natively")
@pytest.mark.parametrize("want", [1, 2, 255])
def test_a_parameter_is_decoded_whatever_it_is_wanted_with(want: int) -> None:
    plan, wanted = plan_of()
    line = b'203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /pixel.gif?v=%61nn%20smith%20of%20rome HTTP/1.1" 200 43 "-" "-"'
    _, rows, *_ = plan.read(line, bytes([want]) * len(wanted))
    assert "v:ann smith of rome" in pl.Series(rows).struct.unnest().row(0)


ODD = [  # a log format, and lines of it that are nearly plain
    (
        '$host [$time_local] "$request" $remote_addr',
        ["shop.example [{}] {} ann\r\r\n", "shop.example [{}] {} ann\r\n", "shop.example [{}] {} ann\r\r\r\n"],
    ),
    (
        '$remote_addr [$time_local] "$request" "$host"',
        [
            f'203.0.113.7 [{{}}] {{}} "{host}"\n'
            for host in ("Shop.example", "shop:80:90", "2001:db8::1", "[2001:db8::1]:80", ":")
        ],
    ),
    (
        "combined",
        [
            '203.0.113.7 - - [{}] {} 200 43 "http://a.example/" "x"\n',
            '\ufeff203.0.113.7 - - [{}] {} 200 43 "-" "x"\n',
            '203.0.113.8 - - [{}] {} 200 43 "-" "x"\n',
        ],
    ),
    (
        '$upstream $http_dnt - - $remote_addr [$time_local] "$request"',
        ["x 1 - - 203.0.113.7 [{}] {}\n", "x - - - 203.0.113.7 [{}] {}\n", "- 1 - - - [{}] {}\n"],
    ),
    ('$time_local $http_dnt $remote_addr "$request"', ["{} 1 203.0.113.7 {}\n", "{} - 203.0.113.7 {}\n"]),
    (
        '"$request" [$time_local] $http_dnt $host',
        ["{1} [{0}] 1 shop.example\n", "{1} [{0}] - shop.example more\n", "{1} [{0}] 1 shop.example\tx\n"],
    ),
    (
        "combined",
        [
            '203.0.113.7 - - [{}] {} 200 43 "-" "x"\n',
            "#Fields: date time cs-uri-stem\n",
            '#Fields: - - [{}] {} 200 43 "-" "x"\n',
            "2026-09-07 10:00:00 /pixel.gif\n",
        ],
    ),
]


@pytest.mark.usefixtures("natively")
@pytest.mark.parametrize(("template", "lines"), ODD, ids=["CR", "hosts", "BOM", "literals", "bare time", "end", "W3C"])
def test_what_is_nearly_plain_says_the_same_on_both_ways(
    template: str, lines: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = formats.formats_given(template)[0]
    log = "".join(
        each.format("07/Sep/2026:10:00:00 +0000", f'"GET /{name}.gif?v={name} HTTP/1.1"')
        for name in ("pixel", "t", "o")
        for each in lines
    )
    short = said(tmp_path, log.encode(), form, Selection())
    assert len(short) > 2 * len(lines)
    monkeypatch.setattr(plain, "_plain", None)
    assert_frame_equal(short, said(tmp_path, log.encode(), form, Selection()))


@pytest.mark.usefixtures("natively")
def test_a_fields_line_rules_the_rest_of_its_own_log_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plainly = '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /pixel.gif?v={} HTTP/1.1" 200 43 "-" "Mozilla/5.0"\n'
    fields = "#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status\n"
    ruled = "2026-09-07 10:00:0{} 203.0.113.7 GET /pixel.gif v=w{} 200\n"
    first = plainly.format("a") + fields + ruled.format(1, 1) + plainly.format("b") + ruled.format(2, 2)
    second = ruled.format(3, 3) + plainly.format("c") + ruled.format(4, 4)
    monkeypatch.setattr(blocks, "BLOCK", 120)  # a block is a line or two
    logs = [log.encode() for log in (plainly.format("d") + second, first, second, plainly.format("e"))]
    short = said(tmp_path, logs, COMBINED, Selection())
    assert short[ID_KEY].drop_nulls().to_list() == [f"v:{who}" for who in ("d", "c", "a", "w1", "b", "w2", "c", "e")]
    monkeypatch.setattr(plain, "_plain", None)
    long, told = said(tmp_path, logs, COMBINED, Selection()), [ID_KEY, "event", "format", "rejected"]
    assert_frame_equal(short.drop_nulls(ID_KEY).select(told), long.drop_nulls(ID_KEY).select(told))
    assert len(short) == len(long)


OWN = ["place", "address", "order", "price", "signals", "bytes", "path_of", "query_of", "visitor_id", "bare_path"]


@pytest.mark.usefixtures("natively")
@pytest.mark.parametrize("names", [["own"], ["own", "v", "price"], ["a=b"], ["b&own"], [str(n) for n in range(1100)]])
def test_columns_of_ones_own_may_be_called_like_what_is_made_on_the_way(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = "GET /pixel.gif?v=ann&own=b%2Bc&a=b=d&7=e&page=/cart%3Fx&price=3&sku=k&oid=7&e=order{} HTTP/1.1"
    row = '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "{}" 200 43 "http://shop.example/" "x"\n'
    log = "".join(row.format(request.format(more)) for more in ("", "&own=${X}", "&own=z"))
    selection = Selection(config=Config(columns=dict.fromkeys(OWN, tuple(names))))
    short = said(tmp_path, log.encode(), COMBINED, selection)
    monkeypatch.setattr(plain, "_plain", None)
    assert_frame_equal(short, said(tmp_path, log.encode(), COMBINED, selection))


@pytest.mark.parametrize("count", [40, 100])
def test_a_log_format_may_have_any_number_of_fields(count: int, tmp_path: Path) -> None:
    form = TextFormat("long", '$remote_addr [$time_local] "$request"' + " $x" * count)
    line = '203.0.113.7 [07/Sep/2026:10:00:00 +0000] "GET /pixel.gif HTTP/1.1"' + " -" * count
    assert len(said(tmp_path, line.encode(), form, Selection())) == 1


def test_why_a_line_is_set_aside_does_not_depend_on_the_lines_beside_it(tmp_path: Path) -> None:
    bad = '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /collect HTTP/1.1" 1000 43 "-" "x"\n'
    common = '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /pixel.gif HTTP/1.1" 200 43\n'
    assert said(tmp_path, bad.encode(), COMBINED, Selection())["rejected"].to_list() == ["unreadable"]
    assert said(tmp_path, (bad + common).encode(), COMBINED, Selection())["rejected"].to_list() == ["unreadable", None]
