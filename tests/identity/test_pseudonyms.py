"""Pseudonyms: the same for the same, today and tomorrow, and nothing of what they stand for."""

import hashlib
import re
from pathlib import Path

import polars as pl
import pytest

from pixelstat.identity.pseudonyms import PERSONAL_COLUMNS, pseudonymize
from pixelstat.protocols import per_recipient_protocols
from pixelstat.schemas import EXPORTED
from tests.builders import log, request
from tests.run import KEY, run_in_process


def pseudonym(text: str, key: str = KEY) -> str:
    """As anybody can make it who has the key."""
    return "h:" + hashlib.blake2b(text.encode(), key=bytes.fromhex(key), digest_size=12).hexdigest()


def hide(column: str, *texts: str | None, protocol: str = "house") -> list[str | None]:
    """The column after its texts were hidden."""
    rows = pl.LazyFrame({column: texts, "protocol": protocol}, {column: pl.String, "protocol": pl.String})
    return pseudonymize(rows, bytes.fromhex(KEY), per_recipient_protocols()).collect()[column].to_list()


# -- of one text ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ("visitor", "v:7f3a", f"v:{pseudonym('7f3a')}"),
        ("visitor", "c:0123456789ab", f"c:{pseudonym('0123456789ab')}"),
        ("visitor", "p:a:b", f"p:{pseudonym('a:b')}"),
        ("visitor", "7f3a", pseudonym("7f3a")),
        ("user_id", "ann@shop.example", pseudonym("ann@shop.example")),
        ("recipient", "r 17\n", pseudonym("r 17\n")),
        ("client", "198.51.100.7", pseudonym("198.51.100.7")),
        ("query", "e=pv&v=7f3a", pseudonym("e=pv&v=7f3a")),
        ("path", "/o/ann.gif", pseudonym("/o/ann.gif")),
        ("http_referer", "https://shop.example/a?rcpt=ann#b", f"https://shop.example/a?{pseudonym('rcpt=ann#b')}"),
        ("referrer", "android-app://a.b/#ann", f"android-app://a.b/#{pseudonym('ann')}"),
        ("link", "https://shop.example/a?", "https://shop.example/a?"),
        ("http_referer", "https://shop.example/a", "https://shop.example/a"),
        ("page", "/cart", "/cart"),
        ("order_id", "A1", "A1"),
        ("message", "launch", "launch"),
        ("user_id", "", f"[{pseudonym('')}]"),
        ("user_id", "{{user.id}}", f"[{pseudonym('{{user.id}}')}]"),
        ("visitor", "u:Null", f"u:[{pseudonym('Null')}]"),
        ("query", "0", pseudonym("0")),
    ],
)
def test_a_text_becomes_its_pseudonym_and_that_stays(column: str, text: str, expected: str) -> None:
    assert hide(column, text, None) == [expected, None]
    assert hide(column, expected) == [expected]


def test_a_message_id_is_hidden_where_each_message_goes_to_one_person() -> None:
    assert hide("message", "m1", protocol="mandrill") == [pseudonym("m1")]
    assert hide("message", "m1", protocol="listmonk") == ["m1"]


def test_a_text_that_only_looks_like_a_pseudonym_is_hidden() -> None:
    near = ["h:", "h:0123", "h:" + "g" * 24, pseudonym("a") + "0", "x" + pseudonym("a"), pseudonym("a") + "\n", "[h:]"]
    assert [text for text in hide("client", *near) if text in near] == []
    assert len(set(hide("client", *near))) == len(near)


@pytest.mark.slow
def test_hostile_texts_are_hidden_too() -> None:
    texts = ["\N{REPLACEMENT CHARACTER}", "é\x00\x1b[2J", "{" * 1_000_000, "?" * 1_000_000, "v:" + "x" * 1_000_000]
    *whole, addresses = PERSONAL_COLUMNS.values()
    for name in (name for names in whole for name in names):
        found = hide(name, *texts, protocol="mandrill")
        assert len(set(found)) == 5
        assert all(len(text or "") <= 30 for text in found)
    for name in addresses:
        assert hide(name, *texts) == [*texts[:3], f"?{pseudonym(texts[3][1:])}", texts[4]]


def test_no_events_give_no_pseudonyms() -> None:
    empty = pl.LazyFrame(schema=EXPORTED)
    assert pseudonymize(empty, b"k" * 32).select(EXPORTED.names()).collect().is_empty()


# -- of a log ------------------------------------------------------------------------------------------------------

SECRETS = ("ann", "7f3a", "r17", "198.51.100.255", "beef", "203.0.113.9")
FORM = (
    '$remote_addr - - [$time_local] "$request" $status $bytes "$http_referer" "$http_user_agent" "$http_cookie" '
    '"$http_x_forwarded_for"'
)
LINE = (
    request(
        "/pixel.gif?e=purchase&v=7f3a&uid=ann&rcpt=r17&oid=A1&p=/a%3Fuid%3Dann&r=https://shop.example/%3Fuid%3Dann",
        "10:00", referrer="https://shop.example/?rcpt=r17",
    )
    + ' "sid=beef" "203.0.113.9"'
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ["csv", "ndjson", "parquet", "table"])
def test_no_personal_column_is_written_without_the_option(name: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(LINE))
    given = ("events", "access.log", "--log-format", FORM, "--format", name)
    assert run_in_process(tmp_path, *given, "-o", "hidden").exit == 0
    assert run_in_process(tmp_path, *given, "--reveal-ids", "-o", "revealed").exit == 0
    if name == "parquet":
        for file in ("hidden", "revealed"):
            (tmp_path / file).write_text(str(pl.read_parquet(tmp_path / file).row(0)))
    text, revealed = (tmp_path / "hidden").read_text(), (tmp_path / "revealed").read_text()
    assert [secret for secret in SECRETS if re.search(rf"\b{secret}\b", text)] == []
    told = SECRETS if name != "table" else ("7f3a",)
    assert [secret for secret in told if secret not in revealed] == []


@pytest.mark.slow
def test_the_same_key_gives_the_same_pseudonyms_and_another_key_gives_others(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(LINE))
    given = ("events", "access.log", "-q", "--log-format", FORM)
    first = run_in_process(tmp_path, *given).stdout
    assert run_in_process(tmp_path, *given).stdout == first
    assert f"v:{pseudonym('7f3a')}," in first
    other = run_in_process(tmp_path, *given, "--key", "other.key").stdout
    key = (tmp_path / "other.key").read_text().strip()
    assert f"v:{pseudonym('7f3a', key)}," in other
    assert not set(re.findall(r"h:[0-9a-f]{24}", first)) & set(re.findall(r"h:[0-9a-f]{24}", other))


@pytest.mark.slow
def test_pseudonyms_are_stitched_like_the_ids_behind_them(tmp_path: Path) -> None:
    queries = ("v=1&uid=ann", "v=2&uid=ann", "v=3&uid=0", "v=4&uid=0", "v=5&uid={{id}}", "v=6&uid={{id}}", "uid=ann")
    (tmp_path / "access.log").write_text(log(*(request(f"/p.gif?p=/&{query}", "10:00") for query in queries)))
    run_in_process(tmp_path, "events", "access.log", "-o", "events.parquet")
    for given in (["access.log"], ["events.parquet"], ["events.parquet", "access.log"]):
        finished = run_in_process(tmp_path, "views", *given, "--stitch")
        assert finished.stdout == "page,views,visitors\n/,7,5\n"
        assert "stitched: 3 keys of 1 person\n" in finished.stderr


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["visitor", "user", "client"])
def test_visitors_of_pseudonyms_are_keyed_by_the_chosen_parameter(asked: str, tmp_path: Path) -> None:
    queries = ("v=1&uid=ann", "v=2&uid=ann", "v=3", "uid=ben", "x=1")
    lines = [request(f"/p.gif?p=/&{query}", "10:00", client=f"198.51.100.{len(query)}") for query in queries]
    (tmp_path / "access.log").write_text(log(*lines))
    run_in_process(tmp_path, "events", "access.log", "-o", "events.parquet")
    expected = {"visitor": "/,5,3", "user": "/,5,2", "client": "/,5,3"}[asked]
    for given in (["access.log"], ["events.parquet"], ["events.parquet", "access.log"]):
        assert run_in_process(tmp_path, "views", *given, "--visitor", asked, "-q").stdout.splitlines()[1] == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "option"),
    [
        (["--visitor", "sid"], "--visitor"),
        (["--visitor", "cookie:sid"], "--visitor"),
        (["--exclude-ip", "198.51.100.0/24"], "--exclude-ip"),
    ],
)
def test_options_that_need_what_pseudonyms_hide_are_errors(asked: list[str], option: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(request("/p.gif?sid=1", "10:00")))
    run_in_process(tmp_path, "events", "access.log", "-o", "events.parquet")
    finished = run_in_process(tmp_path, "views", "events.parquet", *asked)
    assert (finished.exit, finished.stdout) == (2, "")
    assert f"Error: events.parquet contains pseudonyms, which {option} cannot match.\n" in finished.stderr
    run_in_process(tmp_path, "events", "access.log", "--reveal-ids", "-o", "events.parquet")
    assert run_in_process(tmp_path, "views", "events.parquet", *asked).exit == 0


@pytest.mark.slow
def test_pseudonyms_beside_a_log_need_their_key_and_alone_none(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(request("/p.gif?p=/&v=1", "10:00")))
    (tmp_path / "none.log").write_text(log(request("/", "10:00")))
    for source in ("access", "none"):
        run_in_process(tmp_path, "events", f"{source}.log", "-o", f"{source}.parquet")
    for alone in (["access.parquet"], ["access.parquet", "none.parquet"]):
        assert (
            run_in_process(tmp_path, "views", *alone, "--key", "no.key", "-q").stdout == "page,views,visitors\n/,1,1\n"
        )
    finished = run_in_process(tmp_path, "views", "access.parquet", "access.log", "--key", "no.key")
    assert (finished.exit, finished.stdout) == (2, "")
    assert "The key no.key cannot be read: No such file or directory.\n" in finished.stderr
    assert not (tmp_path / "no.key").exists()
