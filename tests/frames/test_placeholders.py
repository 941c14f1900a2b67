"""Placeholders are nobody's id and no order's, wherever they come from; ids that look a little like one stay."""

import json
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest

from pixelstat.frames.placeholders import AMBIGUOUS_WORDS, PLACEHOLDER, UNLINKABLE_ID, WORDS, drop_placeholder
from tests.builders import log, request
from tests.marks import slow_after
from tests.run import csv_rows, export_frame, export_rows, run_in_process

PLACEHOLDERS = (
    "undefined", "null", "NaN", "0", "none", "(not set)", "[object Object]", "{{id}}", "${user.id}", "*|UNIQID|*",
    "00000000-0000-0000-0000-000000000000", "-", "--", "000", "-1", "None", "NIL", "N/A", "not set", "(null)", "true", "false",
    "anonymous", "Guest", "unknown", "%%id%%", "%EMAIL%", "[email]", "[subscriber id]", "<%= id %>", "$user_id", "{id}",
    "{% id %}", "user-{{id}}", " null ", "id", "distinct_id",
)  # fmt: skip
IDS = (
    "1", "7", "00123", "0a", "test", "default", "nobody", "ann", "nullify", "guest7", "undefined7", "ann@shop.example", "A1",
    "-7", "10", "true.north", "nan@x.example", "{3F2504E0-4F89-11D3-9A0C-0305E82C3301}", "$device:18f3", "[2001:db8::9]",
    "<ann@shop.example>", "1da79fc743e8bcc4", "annull", "GA1.2.0.0", "нет", "null%7", "#17", "no", "na",
)  # fmt: skip


@pytest.mark.parametrize(("texts", "is_id"), [(PLACEHOLDERS, False), (IDS, True)])
def test_a_text_is_an_id_or_a_placeholder(texts: tuple[str, ...], is_id: bool) -> None:
    ids = pl.DataFrame({"id": texts}).select(drop_placeholder(pl.col("id")))["id"].to_list()
    assert ids == [text if is_id else None for text in texts]


def test_every_placeholder_and_every_ambiguous_word_is_unlinkable() -> None:
    texts = pl.Series([*PLACEHOLDERS, *WORDS, *AMBIGUOUS_WORDS])
    assert texts.filter(~texts.str.contains(f"^{UNLINKABLE_ID}$")).to_list() == []
    assert texts.filter(~texts.str.contains(f"^{PLACEHOLDER}$")).to_list() == list(AMBIGUOUS_WORDS)


def address_keys(folder: Path, *uris: str, options: tuple[str, ...] = ()) -> list[bool]:
    """Whether each event has a key by its address, or another one."""
    (folder / "access.log").write_text(log(*(request(uri, "10:00") for uri in uris)))
    return [str(row.get("visitor", "c:")).startswith("c:") for row in export_rows(folder, "access.log", *options)]


@pytest.mark.parametrize("parameter", slow_after(1, ("v", "cid", "user", "rcpt")))
def test_a_placeholder_keys_no_visitor_of_the_house_pixel(parameter: str, tmp_path: Path) -> None:
    texts = (*PLACEHOLDERS, *IDS)
    uris = [f"/pixel.gif?{parameter}={quote(text, safe='')}&n={n}" for n, text in enumerate(texts)]
    expected = [True] * len(PLACEHOLDERS) + [False] * len(IDS)
    assert address_keys(tmp_path, *uris) == expected
    # A backslash makes the line one that expressions read.
    assert address_keys(tmp_path, *(f"{uri}&m=\\\\" for uri in uris)) == expected


def test_the_next_id_counts_in_place_of_a_placeholder(tmp_path: Path) -> None:
    uris = ("/pixel.gif?v=null&uid=ann&rcpt=r1", "/pixel.gif?v=null&uid=0&rcpt=r1", "/pixel.gif?v=7&uid=undefined")
    lines = [request(uri + mark, "10:00") for uri in uris for mark in ("", "&m=\\\\")]
    (tmp_path / "access.log").write_text(log(*lines))
    rows = export_rows(tmp_path, "access.log")
    assert [row["visitor"] for row in rows] == ["u:ann", "u:ann", "r:r1", "r:r1", "v:7", "v:7"]
    assert ["user_id" in row and row["user_id"] for row in rows[2:]] == [None] * 4


VENDORS = (
    "/matomo.php?idsite=1&rec=1&_id={}", "/matomo.php?idsite=1&rec=1&uid={}", "/g/collect?v=2&tid=G-1&en=page_view&cid={}",
    "/i?e=pv&p=web&tv=js-2&duid={}", "/lists/ut.php?u={}&m=7", "/book?who={}", "/book/{}/done",
)  # fmt: skip
BOOKING = """
[[pixels]]
name = "booking"
paths = ["/book", "/book/{visitor}/done"]
[pixels.parameters]
visitor = "who"
"""


@pytest.mark.slow
@pytest.mark.parametrize("uri", VENDORS)
def test_a_placeholder_keys_no_visitor_of_another_pixel(uri: str, tmp_path: Path) -> None:
    (tmp_path / "pixelstat.toml").write_text(BOOKING)
    texts = ("undefined", "0", "%5Bobject%20Object%5D", "1da79fc743e8bcc4")
    assert address_keys(tmp_path, *map(uri.format, texts)) == [True, True, True, False]


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--visitor", "key"), ("--visitor", "cookie:key")])
def test_a_placeholder_keys_no_visitor_by_a_parameter_or_a_cookie(options: tuple[str, ...], tmp_path: Path) -> None:
    line = {"time": "2026-09-07T10:00:00+00:00", "status": 200, "remote_addr": "203.0.113.7"}
    lines = [
        json.dumps({**line, "request": f"GET /pixel.gif?key={key} HTTP/1.1", "http_cookie": f"a=1; key={key}"})
        for key in ("undefined", "0", "null", "k7")
    ]
    (tmp_path / "access.log").write_text(log(*lines))
    found = export_frame(tmp_path, "access.log", *options)["visitor"].to_list()
    assert found == [None, None, None, "pk"["cookie" in options[1]] + ":k7"]


def test_a_placeholder_is_no_order(tmp_path: Path) -> None:
    lines = [
        request(f"/pixel.gif?v=b{n}&e=purchase&oid={oid}&rev={10 + n}&cur=EUR", f"10:{n}0")
        for n, oid in enumerate(("undefined", "null", "0", "%7B%7Border%7D%7D", "undefined", "A1"))
    ]
    (tmp_path / "access.log").write_text(log(*lines, lines[-1].replace("10:50", "10:55")))
    run_in_process(tmp_path, "events", "access.log", "--reveal-ids", "-q", "-o", "events.parquet")
    for name in ("access.log", "events.parquet"):
        (row,) = csv_rows(run_in_process(tmp_path, "orders", name, "--every", "all", "-q"))
        assert (row["orders"], row["revenue"], row["customers"]) == ("6", "75.0", "6")


def test_a_refund_of_a_placeholder_is_a_refund_of_no_known_order(tmp_path: Path) -> None:
    lines = (
        request("/pixel.gif?v=ann&e=purchase&oid=null&rev=50&cur=EUR", "10:00"),
        request("/pixel.gif?e=refund&oid=null&rev=50&cur=EUR", "10:05"),
    )
    (tmp_path / "access.log").write_text(log(*lines))
    (row,) = csv_rows(run_in_process(tmp_path, "orders", "access.log", "--every", "all", "-q"))
    assert (row["orders"], row["refunded"]) == ("1", "0.0")
