"""Every format reads its own samples to the stated values and is told from them first; broken lines are marked, never raised."""

import json
from datetime import datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat import formats
from pixelstat.errors import PixelstatError
from pixelstat.formats.base import Format, Sample
from pixelstat.formats.detection import detect
from pixelstat.formats.prefixes import PREFIXES, Prefix
from pixelstat.formats.reparse import reparse_misfits
from pixelstat.formats.text import unescape
from pixelstat.schemas import LINES, READ

ALL = formats.all_formats()
(COMBINED,) = formats.formats_named("combined")
SAMPLE = COMBINED.samples[0].line
NAMED = [
    pytest.param(form, sample, id=f"{form.name}-{n}")
    for n, (form, sample) in enumerate((form, sample) for form in ALL for sample in form.samples)
]


def lines(*texts: str, header: str | None = None) -> pl.LazyFrame:
    rows = {
        "line": texts,
        "header": [header] * len(texts),
        "file": ["log"] * len(texts),
        "number": range(1, len(texts) + 1),
    }
    return pl.LazyFrame(rows, schema=LINES)


def read(form: Format, *texts: str, header: str | None = None) -> pl.DataFrame:
    return form.ruled_by(header).requests(lines(*texts, header=header)).collect()


def expected(sample: Sample) -> dict[str, object]:
    return {**sample.fields, "time": datetime.fromisoformat(f"{sample.fields['time']}+00:00")}


@pytest.mark.parametrize(("form", "sample"), NAMED)
def test_samples_are_read_to_the_stated_values(form: Format, sample: Sample) -> None:
    layouts = [layout for layout in ALL if layout.name == form.name and layout.is_shaped(sample.line, sample.header)]
    requests = read(layouts[0], sample.line, header=sample.header)
    assert requests.schema == READ
    row = requests.row(0, named=True)
    assert row["rejected"] is None
    assert {name: row[name] for name in expected(sample)} == expected(sample)


@pytest.mark.parametrize(("form", "sample"), NAMED)
def test_samples_are_told_to_be_of_their_format(form: Format, sample: Sample) -> None:
    told = detect([*([sample.header] if sample.header else []), sample.line], ALL)
    assert told
    assert told.name == form.name


@pytest.mark.parametrize(("form", "sample"), NAMED)
def test_samples_in_a_log_of_another_format_are_read_all_the_same(form: Format, sample: Sample) -> None:
    for other in ALL:
        unsure = read(other, sample.line, header=sample.header)
        row = reparse_misfits(unsure, ALL, "UTC", 1 << 20).row(0, named=True)
        values = {name: row[name] for name in expected(sample)}
        assert (other.name, values) == (other.name, expected(sample))


@pytest.mark.parametrize("prefix", PREFIXES, ids=lambda prefix: prefix.sample)
@pytest.mark.parametrize(
    ("form", "sample"), [(form, sample) for form in ALL for sample in form.samples if not sample.header]
)
def test_samples_behind_a_prefix_are_read_to_the_same_values(prefix: Prefix, form: Format, sample: Sample) -> None:
    line = prefix.sample.format(json.dumps(sample.line + "\n") if prefix.key else sample.line)
    told = detect([line], ALL)
    assert told
    assert told.name == form.name
    row = read(told, line).row(0, named=True)
    assert {name: row[name] for name in expected(sample)} == expected(sample)


def test_folder_and_registry_agree() -> None:
    from pathlib import Path

    files = {path.stem for path in (Path(str(formats.__file__)).parent / "builtin").glob("*.py")} - {"__init__"}
    assert files == set(formats.NAMES)


def test_a_log_of_something_else_has_no_format() -> None:
    assert detect(["hello world", "a,b,c", '{"x": 1}'], ALL) is None


def test_a_format_is_told_though_the_log_begins_with_other_lines() -> None:
    noise = [f"nginx: warning {n}" for n in range(200)]
    assert detect([*noise, SAMPLE], ALL) == COMBINED


@pytest.mark.parametrize(
    "broken",
    [
        "",
        '"',
        "GET /pixel.gif",
        '1.2.3.4 - - [31/Feb/2026:10:00:00 +0000] "GET /p.gif HTTP/1.1" 200 43 "-" "-"',
        '1.2.3.4 - - [07/Sep/2026:25:00:00 +0000] "GET /p.gif HTTP/1.1" 200 43 "-" "-"',
        '1.2.3.4 - - [07/Sep/2026:10:00:00] "GET /p.gif HTTP/1.1" 200 43 "-" "-"',
        '1.2.3.4 - - [07/Sep/2026:10:00:00 +00x0] "GET /p.gif HTTP/1.1" 200 43 "-" "-"',
        '1.2.3.4 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif HTTP/1.1" abc 43 "-" "-"',
        '1.2.3.4 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif HTTP/1.1" 200 43 "-" "Mozi',
    ],
)
def test_a_broken_line_is_unreadable(broken: str) -> None:
    assert read(COMBINED, broken)["rejected"].to_list() == ["unreadable"]


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n")), min_size=1, max_size=4),
    st.sampled_from(ALL),
)
def test_no_line_raises(texts: list[str], form: Format) -> None:
    assert read(form, *texts).height == len(texts)


@given(st.integers(0, len(SAMPLE)), st.text(max_size=3), st.sampled_from(ALL))
def test_no_line_that_was_tampered_with_raises(at: int, text: str, form: Format) -> None:
    assert read(form, SAMPLE[:at] + text + SAMPLE[at:], SAMPLE[:at]).height == 2


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        ("plain", "plain"),
        (r"a\x22b\x5Cc", 'a"b\\c'),
        (r"say \"hi\" \\", 'say "hi" \\'),
        (r"caf\xc3\xa9", "café"),
        (r"\x5Cx22", r"\x22"),
        (r"bad \xff end", "bad \ufffd end"),
        (r"\q \x4", r"\q \x4"),
    ],
)
def test_escapes_are_undone_once(escaped: str, plain: str) -> None:
    assert unescape(escaped) == plain


def one(template: str, line: str) -> dict[str, object]:
    return read(formats.formats_given(template)[0], line).row(0, named=True)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_an_nginx_string_of_ones_own_is_read() -> None:
    row = one(
        '$remote_addr [$time_iso8601] "$request_method $request_uri" $status ($http_user_agent) $request_time',
        '203.0.113.7 [2026-09-07T10:00:00+02:00] "GET /p.gif?e=buy&x=a+b" 200 (Mozilla/5.0 (X11)) 0.001',
    )
    assert (row["time"], row["path"], row["query"], row["status"]) == (
        at("2026-09-07T08:00:00+00:00"),
        "/p.gif",
        "e=buy&x=a+b",
        200,
    )


def test_seconds_since_the_epoch_are_read() -> None:
    assert one("$msec $remote_addr $request_uri", "1788775200.125 203.0.113.7 /p.gif")["time"] == at(
        "2026-09-07T10:00:00.125+00:00"
    )


def test_an_apache_string_of_ones_own_is_read() -> None:
    row = one(
        '%a %{%Y-%m-%d %H:%M:%S %z}t "%m %U%q" %>s \\"%{User-agent}i\\" %{Host}i',
        '203.0.113.7 2026-09-07 10:00:00 +0000 "GET /p.gif?e=buy" 204 "Mozilla/5.0" shop.example',
    )
    assert (row["time"], row["method"], row["status"], row["vhost"]) == (
        at("2026-09-07T10:00:00+00:00"),
        "GET",
        204,
        "shop.example",
    )


@pytest.mark.parametrize("template", ["$remote_addr $request", "$time_local", "nonsense", "%h%u %t %r", "%h %u"])
def test_a_string_that_says_too_little_is_an_error(template: str) -> None:
    with pytest.raises(PixelstatError):
        formats.formats_given(template)


def test_a_target_with_blanks_is_read_whole() -> None:
    row = one("combined", '1.2.3.4 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif?p=/a b c HTTP/1.1" 200 43 "-" "-"')
    assert row["query"] == "p=/a b c"


def test_a_request_without_a_version_is_read() -> None:
    assert one("combined", '1.2.3.4 - - [07/Sep/2026:10:00:00 +0000] "GET /p.gif" 200 43 "-" "-"')["path"] == "/p.gif"


@pytest.mark.parametrize("request_line", [r"\x16\x03\x01\x00u", "", "-", "GET"])
def test_a_request_that_is_none_makes_no_line_unreadable(request_line: str) -> None:
    row = one("combined", f'1.2.3.4 - - [07/Sep/2026:10:00:00 +0000] "{request_line}" 400 173 "-" "-"')
    assert (row["rejected"], row["path"]) == (None, None)


def test_a_format_that_repeats_parts_of_the_request_undoes_escapes_once() -> None:
    row = one(
        '$remote_addr [$time_local] "$request" $status "$uri" "$args"',
        r'1.2.3.4 [07/Sep/2026:10:00:00 +0000] "GET /p.gif?e=\x5Cx41 HTTP/1.1" 200 "/p.gif" "e=\x5Cx41"',
    )
    assert (row["path"], row["query"]) == ("/p.gif", r"e=\x41")


def test_of_two_times_the_first_that_the_format_has_is_read() -> None:
    template = "$msec $remote_addr [$time_local] $request_uri"
    row = one(template, "1788775200.125 1.2.3.4 [07/Sep/2026:11:11:11 +0000] /p.gif")
    assert row["time"] == at("2026-09-07T10:00:00.125+00:00")


def test_w3c_lines_may_differ_in_what_they_quote() -> None:
    header = "#Fields: date time cs-uri-stem cs(User-Agent) sc-status cs(Referer) cs-method"
    telling = (
        '2026-09-07 10:00:00 /p.gif "Mozilla/5.0 (X11)" 200 "https://shop.example/" GET',
        '"2026-09-07" "10:00:00" "/p.gif" "Mozilla/5.0 (X11)" "200" "https://shop.example/" "GET"',
        '2026-09-07 10:00:00 /p.gif "Mozilla/5.0 (X11)" "200" https://shop.example/ "GET"\r',
        '"2026-09-07" 10:00:00  /p.gif "Mozilla/5.0 (X11)" 200 https://shop.example/ GET',
    )
    broken = (
        '2026-09-07 10:00:00 /p.gif "Mozilla/5.0 (X11)" 200 "https://shop.example/"',
        '2026-09-07 10:00:00 /p.gif "Mozilla/5.0 (X11)" 200 "https://shop.example/" GET more',
    )
    candidates = formats.formats_named("w3c")
    for first in telling:
        (form,) = [form for form in candidates if form.is_shaped(first, header)][:1]
        by = form.ruled_by(header, first)
        requests = reparse_misfits(
            by.requests(lines(*telling, *broken, header=header)).collect(), candidates, "UTC", 1 << 20
        )
        assert requests["rejected"].is_null().to_list() == [True] * len(telling) + [False] * len(broken), first
        whole = requests.head(len(telling)).select("time", "path", "user_agent", "status", "referrer", "method")
        assert whole.n_unique() == 1, first


def test_a_quote_inside_a_field_does_no_harm_where_all_fields_are_quoted() -> None:
    header = "#Fields: date time cs-uri-stem cs(User-Agent) sc-status"
    line = '"2026-09-07" "10:00:00" "/p.gif" "a "fine" agent" "200"'
    told = detect([header, line], ALL)
    assert told
    requests = told.requests(lines(line, header=header)).collect()
    assert requests.select("path", "user_agent", "status").row(0) == ("/p.gif", 'a "fine" agent', 200)
