"""--stitch: all keys that events show together are one visitor, in any order and across logs."""

import gzip
import os
import threading
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelstat.identity.stitching import MAX_KEYS_BESIDE, link_keys
from tests.builders import GOOGLEBOT, log, request
from tests.marks import slow_after
from tests.run import export_frame, run_in_process, run_process

TOLD = "c85cf4a9bd5a4a9e8d0b3d6d2c8a7f10"  # phpList's name for a recipient
MATOMO = "/matomo.php?idsite=1&rec=1"
ANN = (  # a mail, the shop with its cookie, a login, and the order from the telephone
    request(f"/lists/ut.php?u={TOLD}&m=7", "10:00"),
    request(f"{MATOMO}&_id=1da7&url=https%3A%2F%2Fshop.example%2Fkettles%3Frcpt%3D{TOLD}%26utm_source%3Dmail", "10:01"),
    request("/pixel.gif?e=login&v=1da7&uid=ann", "10:02"),
    request("/pixel.gif?e=purchase&uid=ann&oid=A1&value=89.5", "10:03"),
)
BEN = (request("/pixel.gif?e=pv&v=ben&p=/kettles", "10:00"), request("/pixel.gif?e=purchase&v=ben&oid=B1", "10:05"))
STEPS = ("--steps", "open,page_view,purchase")


def visitors(folder: Path, *lines: str, options: tuple[str, ...] = ("--stitch",)) -> list[str]:
    """The visitor of each event, in the order of the lines."""
    (folder / "access.log").write_text(log(*lines))
    return column(folder, "access.log", *options)


def column(folder: Path, *arguments: str, name: str = "visitor") -> list[str]:
    """A column of the events."""
    return export_frame(folder, *arguments)[name].to_list()


def reached(folder: Path, *arguments: str, stdin: bytes = b"") -> list[int]:
    """How many visitors reach each step of the funnel from a mail to an order."""
    finished = run_in_process(folder, "funnel", *STEPS, "-q", *arguments, stdin=stdin)
    assert finished.exit == 0, finished.stderr
    return [int(line.split(",")[2]) for line in finished.stdout.splitlines()[1:]]


# -- what is joined ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_mail_a_visit_and_an_order_are_one_person(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*ANN, *BEN))
    assert reached(tmp_path, "access.log") == [1, 0, 0]
    assert reached(tmp_path, "access.log", "--stitch") == [1, 1, 1]
    finished = run_in_process(tmp_path, "funnel", *STEPS, "access.log", "--stitch")
    assert finished.stderr.splitlines()[:2] == ["6 events from 6 lines", "stitched: 3 keys of 1 person"]


@pytest.mark.slow
def test_the_visitor_of_a_stitched_person_is_one_of_their_keys_users_first(tmp_path: Path) -> None:
    assert visitors(tmp_path, *ANN, *BEN) == ["u:ann"] * 4 + ["v:ben"] * 2
    assert visitors(tmp_path, *ANN[:2]) == [f"r:{TOLD}"] * 2
    assert visitors(tmp_path, *ANN, options=()) == [f"r:{TOLD}", "v:1da7", "v:1da7", "u:ann"]


@pytest.mark.slow
def test_logs_join_each_other_in_any_order(tmp_path: Path) -> None:
    for number, line in enumerate([*ANN, *BEN]):
        (tmp_path / f"{number}.log").write_text(log(line))
    names = [f"{number}.log" for number in range(6)]
    assert reached(tmp_path, *names, "--stitch") == reached(tmp_path, *names[::-1], "--stitch") == [1, 1, 1]


@pytest.mark.slow
def test_ids_in_the_landing_address_are_stitched_by_parameter_or_referer(tmp_path: Path) -> None:
    landing = "https://shop.example/a%3Fb?x=1&{}&y=2#top"
    lines = [
        request("/pixel.gif?e=pv&v=1&p=/a%3Frcpt%3Da%2540b.example", "10:00"),
        request("/pixel.gif?e=pv&v=2&p=/a", "10:00", referrer=landing.format("user_id=cem")),
        request("/pixel.gif?e=pv&v=3", "10:00", referrer=landing.format("vid=4")),
        request("/pixel.gif?e=pv&v=5", "10:00", referrer=landing.format("cid=6&u=7&v=8&id=9&guid=9")),
        request("/o.gif?rcpt=dan", "10:00", referrer="https://webmail.example/?uid=17"),
        request("/pixel.gif?e=pv&v=10&url=https://shop.example/%23a%3Frcpt%3Ddan", "10:00"),
    ]
    assert visitors(tmp_path, *lines) == ["r:a@b.example", "u:cem", "v:3", "v:5", "r:dan", "v:10"]


@pytest.mark.slow
def test_people_are_stitched_by_events_beyond_the_period_and_the_condition(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*ANN))
    assert column(tmp_path, "access.log", "--stitch", "--since", "2026-09-07 10:03") == ["u:ann"]
    assert column(tmp_path, "access.log", "--stitch", "--where", "event = 'open'") == ["u:ann"]
    assert column(tmp_path, "access.log", "--stitch", "--where", "visitor = 'u:ann'") == ["u:ann"] * 4


# -- what joins nothing --------------------------------------------------------------------------------------------

NOBODY = (
    "0", "null", "Undefined", "ANONYMOUS", "-", "none", "guest", "%20", "00000000-0000-0000-0000-000000000000", "N/A",
    "{{subscriber.id}}", "*|UNIQID|*", "%25%25id%25%25", "[email]", "-1",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("nobody", slow_after(3, NOBODY))
def test_placeholders_join_nothing(nobody: str, tmp_path: Path) -> None:
    lines = [request(f"/pixel.gif?e=pv&v={visitor}&uid={nobody}", "10:00") for visitor in ("1", "2")]
    lines += [request(f"/pixel.gif?e=login&v={nobody}&uid={user}", "10:00") for user in ("ann", "ben")]
    assert visitors(tmp_path, *lines) == visitors(tmp_path, *lines, options=())


@pytest.mark.slow
def test_an_id_that_only_begins_like_a_placeholder_joins(tmp_path: Path) -> None:
    lines = [request(f"/pixel.gif?e=pv&v={key}&uid=auth0%7C{key}", "10:00") for key in ("0a", "nullify", "guest7")]
    assert visitors(tmp_path, *lines) == ["u:auth0|0a", "u:auth0|nullify", "u:auth0|guest7"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameter", "others", "most"),
    [("v", "uid", MAX_KEYS_BESIDE["u"]), ("uid", "v", MAX_KEYS_BESIDE["v"]), ("uid", "rcpt", MAX_KEYS_BESIDE["r"])],
)
def test_a_key_beside_too_many_joins_nothing(parameter: str, others: str, most: int, tmp_path: Path) -> None:
    lines = [request(f"/pixel.gif?e=pv&{parameter}=kiosk&{others}={n}x", "10:00") for n in range(most + 1)]
    assert len(set(visitors(tmp_path, *lines[:most]))) == 1
    assert visitors(tmp_path, *lines) == visitors(tmp_path, *lines, options=())


@pytest.mark.slow
def test_a_shared_device_does_not_keep_its_users_from_being_joined_elsewhere(tmp_path: Path) -> None:
    lines = [request(f"/pixel.gif?e=pv&v=kiosk&uid=u{n}&rcpt=r{n}", "10:00") for n in range(21)]
    lines += [request("/o.gif?rcpt=r7", "10:00"), request("/pixel.gif?uid=u7", "10:00")]
    assert visitors(tmp_path, *lines) == ["v:kiosk"] * 21 + ["u:u7"] * 2


@pytest.mark.slow
def test_address_and_agent_join_nothing(tmp_path: Path) -> None:
    lines = [request("/pixel.gif", "10:00", referrer=f"https://shop.example/?rcpt={who}") for who in ("ann", "ben")]
    assert visitors(tmp_path, *lines) == visitors(tmp_path, *lines, options=())


@pytest.mark.slow
@pytest.mark.parametrize("aside", [{"agent": GOOGLEBOT}, {"status": 403}], ids=["bot", "refused"])
def test_events_that_are_set_aside_join_nothing(aside: dict[str, str], tmp_path: Path) -> None:
    joining = request("/pixel.gif?v=1&uid=ann", "10:01", **aside)  # type: ignore[arg-type]
    lines = [request("/pixel.gif?v=1", "10:00"), joining, request("/pixel.gif?uid=ann", "10:02")]
    assert visitors(tmp_path, *lines) == ["v:1", "u:ann"]


# -- inputs --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_standard_input_is_read_twice_and_counted_once(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*ANN, *BEN, "no line"))
    content = (tmp_path / "access.log").read_bytes()
    named = run_in_process(tmp_path, "funnel", *STEPS, "--stitch", "access.log", "--rejects", "bad.tsv")
    for stdin in (content, gzip.compress(content)):
        piped = run_in_process(tmp_path, "funnel", *STEPS, "--stitch", "--rejects", "piped.tsv", stdin=stdin)
        assert piped.stdout == named.stdout
        assert piped.stderr == named.stderr.replace("bad.tsv", "piped.tsv")
        bad = (tmp_path / "bad.tsv").read_text()
        assert (tmp_path / "piped.tsv").read_text() == bad.replace("access.log", "-")
    assert reached(tmp_path, "--stitch", stdin=content) == [1, 1, 1]


@pytest.mark.slow
def test_a_long_stream_is_read_twice(tmp_path: Path) -> None:
    other = request(f"/pixel.gif?v=ben&p=/{'x' * 900}", "10:00")
    content = log(ANN[0], *[other] * 20_000, *ANN[1:]).encode()
    finished = run_process(tmp_path, "funnel", *STEPS, "--stitch", stdin=content)
    assert [line.split(",")[2] for line in finished.stdout.splitlines()[1:]] == ["1", "1", "1"]
    assert finished.stderr.startswith("5 events from 20,004 lines; excluded: 19,999 duplicates\nstitched: 3 ")


@pytest.mark.slow
def test_a_named_pipe_is_read_twice(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writing = threading.Thread(target=(tmp_path / "pipe").write_text, args=[log(*ANN)])
    writing.start()
    finished = run_process(tmp_path, "funnel", *STEPS, "--stitch", "pipe")
    writing.join()
    assert [line.split(",")[2] for line in finished.stdout.splitlines()[1:]] == ["1", "1", "1"]


@pytest.mark.slow
@pytest.mark.parametrize("is_piped", [False, True])
def test_damage_is_reported_once_though_logs_are_read_twice(is_piped: bool, tmp_path: Path) -> None:
    content = gzip.compress(log(*ANN, *BEN).encode() * 500, compresslevel=0)[:-100]
    (tmp_path / "access.log.gz").write_bytes(content)
    named = () if is_piped else ("access.log.gz",)
    finished = run_in_process(tmp_path, "funnel", *STEPS, "--stitch", *named, stdin=content if is_piped else b"")
    assert (finished.exit, finished.stderr.count("Warning")) == (3, 1)
    assert "stitched: 3 keys of 1 person\n" in finished.stderr


@pytest.mark.slow
def test_parquet_and_logs_are_stitched_alike(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*ANN, *BEN))
    run_in_process(tmp_path, "events", "access.log", "--reveal-ids", "-o", "plain.parquet")
    run_in_process(tmp_path, "events", "access.log", "--stitch", "--reveal-ids", "-o", "stitched.parquet")
    assert reached(tmp_path, "plain.parquet") == [1, 0, 0]
    assert reached(tmp_path, "stitched.parquet") == [1, 1, 1]
    for inputs in (["plain.parquet"], ["stitched.parquet"], ["stitched.parquet", "access.log", "plain.parquet"]):
        assert reached(tmp_path, *inputs, "--stitch") == [1, 1, 1]
        assert sorted(column(tmp_path, *inputs, "--stitch")) == ["u:ann"] * 4 + ["v:ben"] * 2


@pytest.mark.slow
def test_an_open_in_parquet_and_an_order_in_a_log_are_one_person(tmp_path: Path) -> None:
    (tmp_path / "mails.log").write_text(log(*ANN[:2]))
    (tmp_path / "shop.log").write_text(log(*ANN[2:]))
    run_in_process(tmp_path, "events", "mails.log", "--reveal-ids", "-o", "mails.parquet")
    assert reached(tmp_path, "mails.parquet", "shop.log", "--stitch") == [1, 1, 1]


@pytest.mark.slow
def test_duplicates_stay_duplicates_when_stitched_and_are_kept_with_the_option(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*ANN, *ANN))
    finished = run_in_process(tmp_path, "funnel", *STEPS, "access.log", "--stitch")
    assert finished.stderr.startswith("4 events from 8 lines; excluded: 4 duplicates\nstitched: 3 keys of 1 person\n")
    kept = run_in_process(tmp_path, "funnel", *STEPS, "access.log", "--stitch", "--keep-duplicates")
    assert (kept.stdout, kept.stderr.startswith("8 events from 8 lines\n")) == (finished.stdout, True)


@pytest.mark.slow
def test_a_run_that_stitches_nothing_says_so(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*BEN))
    assert (
        "\nstitched: nothing, because no event contains two of visitor id, user id and recipient\n"
        in run_in_process(tmp_path, "views", "access.log", "--stitch").stderr
    )
    assert "stitched" not in run_in_process(tmp_path, "views", "access.log").stderr


# -- against brute force -------------------------------------------------------------------------------------------

KEYS = [f"{kind}:{name}" for kind in "urv" for name in "abcd"]


def by_brute_force(shown: list[list[str]]) -> dict[str, str]:
    """Groups that share a key become one, until no two do."""
    groups = [set(keys) for keys in shown]
    while overlapping := [(one, other) for one in groups for other in groups if one is not other and one & other]:
        one, other = overlapping[0]
        groups = [group for group in groups if group is not one and group is not other] + [one | other]
    return {key: min(group, key=lambda key: ("urv".index(key[0]), key)) for group in groups for key in group}


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.sampled_from(KEYS), min_size=2, max_size=4, unique=True), max_size=8), st.randoms())
def test_stitching_equals_brute_force_in_any_order(shown: list[list[str]], random: Random) -> None:
    for rows in (shown, random.sample(shown, len(shown))):
        found = link_keys(pl.DataFrame({"keys": rows}, {"keys": pl.List(pl.String)}))
        assert dict(found.iter_rows()) == by_brute_force(shown)


@pytest.mark.slow
def test_a_long_chain_is_one_person() -> None:
    chain = [[f"v:{n:05}", f"v:{n + 1:05}"] for n in range(20_000)]
    found = link_keys(pl.DataFrame({"keys": chain[::2] + chain[1::2]}))
    assert (found.height, found["person"].unique().to_list()) == (20_001, ["v:00000"])
