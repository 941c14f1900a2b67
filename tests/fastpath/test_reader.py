"""The native reader gives the same events as expressions, whatever a line contains."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pixelstat import event_streams, formats
from pixelstat.fastpath import Reader, compile_reader, extension, plan
from pixelstat.fastpath.plan import LINE_ORDER
from pixelstat.fastpath.reader import ReadBlock
from pixelstat.formats.assignment import LogSet, ReadingRules
from pixelstat.formats.base import LogFormat
from pixelstat.formats.text import TextFormat
from pixelstat.pipeline_settings import PipelineSettings
from pixelstat.protocols import builtin_protocols
from pixelstat.protocols.base import PixelProtocol
from pixelstat.protocols.interpret import protocol_rules
from pixelstat.schemas import ID_KEY
from pixelstat.sources import blocks, discovery
from pixelstat.sources.lines import Reading
from tests.run import run_in_process

needs_extension = pytest.mark.skipif(
    extension.native is None, reason="nothing was compiled where pixelstat was installed"
)
COMBINED = formats.select_formats("combined")[0]
FORMATS = [
    COMBINED,
    *(
        formats.select_formats(name)[0]
        for name in ("combined_forwarded", "combined_vhost", "combined_vhost_port", "common")
    ),
    *formats.select_formats(
        '$host [$time_local] "$request" $status "$http_cookie" $remote_addr "$http_dnt" "$http_sec_gpc" x'
    ),
    *formats.select_formats('%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i" "%{X-Forwarded-For}i" %D'),
]
VALUES = {  # what a field of a line may contain, most often the first of these
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
    "e", "ev", "event", "v", "vid", "visitor_id", "cid", "user", "uid", "p", "page", "u", "url", "r", "oid", "order_id", "tax", "shipping", "coupon",
    "rev", "value", "amount", "cur", "product", "sku", "price", "qty", "mid", "rcpt", "variant", "utm_source", "utm_medium",
    "utm_campaign", "utm_id", "gdpr_consent", "us_privacy", "agree", "color", "colour", "E", "v2", "", "cb", "%76", "e=", "idsite",
]  # fmt: skip
PARAMETERS = [
    "page_view", "pv", "purchase", "Order", "add-to-cart", "Quiz+Done", "caf%C3%A9", "a%20b%2Bc+d", "", "x=y", "%", "%4", "%zz",
    "%FF", "%C3", "%E2%82%AC", "%ED%A0%80", "%F4%90%80%80", "%C0%AF", "%00", "é", "%C3é", "${USER}", "%24%7BUSER%7D", "{{id}}",
    "%7b%7bid", "*|EMAIL|*", "a|b", "{", "%7C", "12.50", "-3", "1e3", "1,5", ".5", "5.", "007", "1234567890123456", "nan", "+5",
    "https%3A%2F%2Fshop.example%2Fa%252Bb%3Futm_medium%3Dsocial", "//shop.example/x?utm_source=y", "/products/kettle?x#y", "1YYN",
    "null", "NULL", "undefined", "0", "0-00", "0x", "-1", "(not+set)", "(not%20set)", "not+set", "%5Bobject%20Object%5D", "n%2Fa",
    "%30", "n%75ll", "null+", "Null%20x", "nullify", "nan%2C", "guest", "%25%25id%25%25", "$id", "%D0%90", "ann%40x", "-", "0+",
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


def line(draw: random.Random, form: LogFormat) -> bytes:
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


def parse_logs(folder: Path, log: bytes | Sequence[bytes], form: LogFormat, query: PipelineSettings) -> pl.DataFrame:
    """Parse a log, or several: what the requests say that may be a pixel's, in their order."""
    names = []
    for number, content in enumerate([log] if isinstance(log, bytes) else log):
        names.append(str(folder / f"access.log.{number}"))
        Path(names[-1]).write_bytes(content)
    logs = LogSet([(form, discovery.find_logs(names))], ReadingRules(formats.load_all_formats()))
    rows = event_streams.parse_and_interpret(logs, query, Reading()).collect(engine="streaming")
    return rows.filter(pl.col("rejected").cast(pl.String).ne_missing(pl.lit("not_pixel")))


def queries() -> Iterator[PipelineSettings]:
    columns = {"colour": ("color", "colour"), "first": ("e", "v")}
    yield PipelineSettings()
    yield PipelineSettings(protocols=protocol_rules(custom_columns=columns))
    yield PipelineSettings(protocols=protocol_rules(("/s.gif", "own"), first=("goatcounter", "umami")))


@pytest.mark.slow
@needs_extension
@pytest.mark.parametrize("form", FORMATS, ids=lambda form: str(form.name))
@pytest.mark.parametrize("seed", range(8))
def test_the_native_reader_gives_the_same_events_as_expressions(
    form: LogFormat, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(f"{seed} {form.name}")
    log = b"\n".join(line(draw, form) for _ in range(400)) + draw.choice([b"", b"\n"])
    if seed == 0:
        log = b"\xef\xbb\xbf" + log
    query = list(queries())[seed % 3]
    natively = parse_logs(tmp_path, log, form, query)
    assert len(natively) > 100
    monkeypatch.setattr(plan, "native", None)
    assert_frame_equal(natively, parse_logs(tmp_path, log, form, query))


# -- the door ------------------------------------------------------------------------------------------------------


def compile_for(form: LogFormat, query: PipelineSettings | None = None) -> Reader | None:
    rules = ReadingRules(formats.load_all_formats())
    return compile_reader(form, event_streams.build_line_rules(form, rules, query or PipelineSettings(), Reading()))


def compiled(form: LogFormat = COMBINED) -> Reader:
    reader = compile_for(form)
    assert reader is not None
    return reader


@needs_extension
@pytest.mark.parametrize("form", [form for form in FORMATS if form.name != "common"], ids=lambda form: str(form.name))
def test_a_reader_is_compiled_for_text_formats(form: LogFormat) -> None:
    reader = compile_for(form)
    assert reader is not None
    assert reader.format_name == form.name


@pytest.mark.parametrize("name", ["common", "nginx_json", "w3c", "caddy", "traefik_json", "squid", "haproxy"])
def test_no_reader_is_compiled_for_a_format_that_is_not_simple_text(name: str) -> None:
    assert not any(compile_for(form) for form in formats.select_formats(name))


@pytest.mark.parametrize(
    "template",
    [
        '$remote_addr [$time_iso8601] "$request"',
        "$remote_addr [$time_local] $request_uri",
        '"$request" ${time_local}0$remote_addr',
        '$remote_addr [$time_local] "$request" id="$http_x" x="$http_y"' + " $x" * 64,
        '$remote_addr [$time_local] "$request" "$http_referer $http_user_agent"',
    ],
    ids=["another time", "no request", "a digit behind the time", "too many fields", "two in quotes"],
)
def test_no_reader_is_compiled_for_fields_that_cannot_be_told_apart(template: str) -> None:
    assert compile_for(TextFormat("custom", template)) is None


@pytest.mark.parametrize("names", [["a=b"], ["b&own"], [str(number) for number in range(1100)]])
def test_no_reader_is_compiled_for_parameters_that_it_cannot_find(names: list[str]) -> None:
    assert (
        compile_for(COMBINED, PipelineSettings(protocols=protocol_rules(custom_columns={"custom": tuple(names)})))
        is None
    )


def test_no_reader_is_compiled_where_the_extension_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "native", None)
    assert compile_for(COMBINED) is None


# -- the extension -------------------------------------------------------------------------------------------------


def read_natively(lines: Sequence[str], form: LogFormat = COMBINED) -> list[bool]:
    """Return for each line whether the extension reads it."""
    reader = compiled(form)
    wanted = reader.find_wanted(["time", "event", ID_KEY])
    block = reader.plan.native.read("\n".join(lines).encode(), wanted, 0, reader.classify_paths)
    orders = pl.Series(block.rows).struct.unnest()[LINE_ORDER].to_list()
    return [order in orders for order in range(len(lines))]


@needs_extension
def test_the_extension_reads_simple_lines_and_no_others() -> None:
    logged = '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET {} HTTP/1.1" 200 43 "-" "Mozilla/5.0"'
    simple = ["/pixel.gif", "/t.png?value=89.50&cur=EUR&en=Order", "/o.gif?mid=launch&rcpt=caf%C3%A9+x", "/beacon?e=pv"]
    others = [
        "/pixel.gif?v=${USER}",
        "/pixel.gif?value=lots",
        "/pixel.gif?v=%FF",
        "/matomo.php?idsite=1",
        "/beacon",
        "/cart",
    ]
    assert read_natively([logged.format(uri) for uri in (*simple, *others)]) == [True] * 4 + [False] * 6


@needs_extension
def test_the_extension_ignores_a_vendors_path_without_the_query_that_the_vendor_needs() -> None:
    logged = '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "{} HTTP/1.1" 200 43 "-" "Mozilla/5.0"\r\n'
    uuid = "11111111-2222-3333-4444-555555555555"
    bare = ["GET /", "HEAD /index.php", "POST /matomo.php"]
    other = ["GET /?", "GET /?x=1", "OPTIONS /", f"GET /campaign/{uuid}/{uuid}/px.png", "GET /matomo.php?idsite=1"]
    reader = compiled()
    log = "".join(map(logged.format, (*bare, *other))).encode()
    block = reader.plan.native.read(log, reader.find_wanted([]), 0, reader.classify_paths)
    assert block.returned_lines.decode() == "".join(map(logged.format, other))


@pytest.mark.slow
@needs_extension
def test_the_extension_reads_nearly_all_lines_of_an_ordinary_log(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Path(__file__).parents[2] / "sample_logs"
    counts = {"all": 0, "by expressions": 0}
    read_block, collect_lines = Reader.read_block, Reader.collect_lines

    def count_all(self: Reader, *arguments: Any) -> ReadBlock:
        block = read_block(self, *arguments)
        counts["all"] += block.height
        return block

    def count_returned(self: Reader, blocks: Sequence[ReadBlock]) -> pl.DataFrame:
        frame = collect_lines(self, blocks)
        counts["by expressions"] += self.rules.filter_candidates(frame.lazy()).collect().height
        return frame

    monkeypatch.setattr(Reader, "read_block", count_all)
    monkeypatch.setattr(Reader, "collect_lines", count_returned)
    assert run_in_process(sample.parent, "funnel", "sample_logs").exit == 0
    assert counts["all"] > 20_000
    assert counts["by expressions"] < counts["all"] / 100


@pytest.mark.parametrize("protocol", builtin_protocols(), ids=lambda protocol: protocol.name)
def test_the_path_pattern_of_a_vendor_matches_all_its_samples(protocol: PixelProtocol) -> None:
    """A path that does not match is never shown to the protocol."""
    for sample in protocol.samples:
        path = sample.uri.partition("?")[0]
        assert pl.select(pl.lit(path).str.contains(protocol.paths)).item()


@needs_extension
@pytest.mark.parametrize("time", ["", "07/Sep/2026:10:00", "07/Sep/2026:10:00:00 +0000 more"])
def test_a_quoted_field_is_a_time_only_if_it_has_the_length_of_one(time: str) -> None:
    form = TextFormat("quoted", '$remote_addr "$request" "$time_local"')
    line = '203.0.113.7 "GET /pixel.gif HTTP/1.1" "{}"'
    assert read_natively([line.format("07/Sep/2026:10:00:00 +0000"), line.format(time)], form) == [True, False]


SIMPLE_LINE = b'203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET %s HTTP/1.1" 200 43 "-" "-"\n'


@needs_extension
@pytest.mark.parametrize("actions", [b"", b"\0", bytes(3), bytes(4), b"\0\x04", b"\xff\0"])
def test_the_extension_refuses_anything_but_two_actions_for_each_path(actions: bytes) -> None:
    reader = compiled()
    with pytest.raises(ValueError, match="two actions for each path"):
        reader.plan.native.read(SIMPLE_LINE % b"/a", reader.find_wanted([]), 0, lambda _: actions)


@needs_extension
def test_the_extension_refuses_actions_that_are_not_bytes() -> None:
    reader = compiled()
    answer: Any = "\0\0"
    with pytest.raises(TypeError):
        reader.plan.native.read(SIMPLE_LINE % b"/a", reader.find_wanted([]), 0, lambda _: answer)


@needs_extension
def test_an_error_while_paths_are_classified_is_raised() -> None:
    reader = compiled()

    def fail(_: Sequence[str]) -> bytes:
        raise OSError("no answer")

    with pytest.raises(OSError, match="no answer"):
        reader.plan.native.read(SIMPLE_LINE % b"/a", reader.find_wanted([]), 0, fail)


@needs_extension
def test_each_new_path_is_classified_once() -> None:
    reader = compiled()
    calls: list[Sequence[str]] = []

    def classify(paths: Sequence[str]) -> bytes:
        calls.append(sorted(paths))
        return bytes(2 * len(paths))

    for block in ([b"/a", b"/b", b"/a"], [b"/b", b"/a"], [b"/b", b"/\xc3\xa9", b"/c"]):
        reader.plan.native.read(b"".join(SIMPLE_LINE % path for path in block), reader.find_wanted([]), 0, classify)
    assert calls == [["/a", "/b"], ["/c", "/é"]]


@needs_extension
def test_lines_keep_their_order_whether_their_paths_are_new_or_not() -> None:
    reader = compiled()
    uris = (b"/pixel.gif", b"/a", b"/t.gif", b"/o.gif?mid=%", b"/matomo.php?x=1", b"/p.gif")
    lines = [SIMPLE_LINE % uri for uri in uris]
    log = b"".join([lines[0], b"no line of the format\n", *lines[1:]])
    for _ in range(2):
        block = reader.plan.native.read(log, reader.find_wanted([]), 1 << 40, reader.classify_paths)
        rows = pl.Series(block.rows).struct.unnest()
        assert block.line_count == 7
        assert [number - (1 << 40) for number in rows[LINE_ORDER]] == [0, 3, 4, 6]
        assert [number - (1 << 40) for number in memoryview(block.returned_line_numbers).cast("Q")] == [1, 5]
        assert block.returned_lines == b"no line of the format\r\n" + lines[4].rstrip() + b"\r\n"


@needs_extension
def test_lines_of_new_paths_are_returned_where_the_plan_has_no_room_for_more() -> None:
    reader = compiled()
    wanted = reader.find_wanted([])
    paths = [f"/{number}".encode() for number in range(70_000)]
    first = reader.plan.native.read(
        b"".join(SIMPLE_LINE % path for path in paths), wanted, 0, lambda paths: bytes(2 * len(paths))
    )
    returned = first.returned_lines.count(b"\n")
    assert 0 < returned < 70_000 - 60_000
    second = reader.plan.native.read(SIMPLE_LINE % b"/new", wanted, 0, lambda _: pytest.fail("nothing may be asked"))
    assert second.returned_lines.count(b"\n") == 1


@needs_extension
@pytest.mark.parametrize("length", [0, 1, 200])
def test_the_extension_refuses_a_wrong_number_of_wanted_columns(length: int) -> None:
    reader = compiled()
    with pytest.raises(ValueError, match="wrong length"):
        reader.plan.native.read(SIMPLE_LINE % b"/a", bytes(length), 0, reader.classify_paths)


@needs_extension
@pytest.mark.parametrize("want", [1, 2, 255])
def test_any_byte_but_zero_makes_a_parameter_wanted_and_decoded(want: int) -> None:
    reader = compiled()
    line = SIMPLE_LINE % b"/pixel.gif?v=ann%20smith%20of%20rome"
    wanted = bytes([want]) * len(reader.find_wanted([]))
    block = reader.plan.native.read(line, wanted, 0, reader.classify_paths)
    assert "v:ann smith of rome" in pl.Series(block.rows).struct.unnest().row(0)


# -- lines that are nearly simple ----------------------------------------------------------------------------------

ODD = [  # a log format, and lines of it that are nearly simple
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


@pytest.mark.slow
@needs_extension
@pytest.mark.parametrize(("template", "lines"), ODD, ids=["CR", "hosts", "BOM", "literals", "bare time", "end", "W3C"])
def test_lines_that_are_nearly_simple_give_the_same_events_on_both_ways(
    template: str, lines: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = formats.select_formats(template)[0]
    log = "".join(
        each.format("07/Sep/2026:10:00:00 +0000", f'"GET /{name}.gif?v={name} HTTP/1.1"')
        for name in ("pixel", "t", "o")
        for each in lines
    )
    natively = parse_logs(tmp_path, log.encode(), form, PipelineSettings())
    assert len(natively) > 2 * len(lines)
    monkeypatch.setattr(plan, "native", None)
    assert_frame_equal(natively, parse_logs(tmp_path, log.encode(), form, PipelineSettings()))


@pytest.mark.slow
@needs_extension
def test_a_fields_line_rules_the_rest_of_its_log_and_no_other_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simple = '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /pixel.gif?v={} HTTP/1.1" 200 43 "-" "Mozilla/5.0"\n'
    fields = "#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status\n"
    ruled = "2026-09-07 10:00:0{} 203.0.113.7 GET /pixel.gif v=w{} 200\n"
    first = simple.format("a") + fields + ruled.format(1, 1) + simple.format("b") + ruled.format(2, 2)
    second = ruled.format(3, 3) + simple.format("c") + ruled.format(4, 4)
    monkeypatch.setattr(blocks, "BLOCK", 120)  # a block is a line or two
    logs = [log.encode() for log in (simple.format("d") + second, first, second, simple.format("e"))]
    natively = parse_logs(tmp_path, logs, COMBINED, PipelineSettings())
    visitors = [f"v:{visitor}" for visitor in ("d", "c", "a", "w1", "b", "w2", "c", "e")]
    assert natively[ID_KEY].drop_nulls().to_list() == visitors
    monkeypatch.setattr(plan, "native", None)
    by_expressions = parse_logs(tmp_path, logs, COMBINED, PipelineSettings())
    columns = [ID_KEY, "event", "format", "rejected"]
    assert_frame_equal(natively.drop_nulls(ID_KEY).select(columns), by_expressions.drop_nulls(ID_KEY).select(columns))
    assert len(natively) == len(by_expressions)


CUSTOM = ["place", "address", "order", "price", "signals", "bytes", "path_of", "query_of", "visitor_id", "bare_path"]


@pytest.mark.slow
@needs_extension
@pytest.mark.parametrize("names", [["own"], ["own", "v", "price"], ["a=b"], ["b&own"], [str(n) for n in range(1100)]])
def test_custom_columns_may_have_the_names_of_intermediate_columns(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = "GET /pixel.gif?v=ann&own=b%2Bc&a=b=d&7=e&page=/cart%3Fx&price=3&sku=k&oid=7&e=order{} HTTP/1.1"
    row = '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "{}" 200 43 "http://shop.example/" "x"\n'
    log = "".join(row.format(request.format(more)) for more in ("", "&own=${X}", "&own=z"))
    query = PipelineSettings(protocols=protocol_rules(custom_columns=dict.fromkeys(CUSTOM, tuple(names))))
    natively = parse_logs(tmp_path, log.encode(), COMBINED, query)
    monkeypatch.setattr(plan, "native", None)
    assert_frame_equal(natively, parse_logs(tmp_path, log.encode(), COMBINED, query))


@pytest.mark.parametrize("count", [40, 100])
def test_a_log_format_may_have_any_number_of_fields(count: int, tmp_path: Path) -> None:
    form = TextFormat("long", '$remote_addr [$time_local] "$request"' + " $x" * count)
    line = '203.0.113.7 [07/Sep/2026:10:00:00 +0000] "GET /pixel.gif HTTP/1.1"' + " -" * count
    assert len(parse_logs(tmp_path, line.encode(), form, PipelineSettings())) == 1


@pytest.mark.slow
def test_why_a_line_is_rejected_does_not_depend_on_the_lines_beside_it(tmp_path: Path) -> None:
    bad = '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /collect HTTP/1.1" 1000 43 "-" "x"\n'
    common = '203.0.113.7 - - [07/Sep/2026:10:00:00 +0000] "GET /pixel.gif HTTP/1.1" 200 43\n'
    assert parse_logs(tmp_path, bad.encode(), COMBINED, PipelineSettings())["rejected"].to_list() == ["unreadable"]
    both = parse_logs(tmp_path, (bad + common).encode(), COMBINED, PipelineSettings())
    assert both["rejected"].to_list() == ["unreadable", None]
