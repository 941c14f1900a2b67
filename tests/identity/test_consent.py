"""Consent: how each signal is read, how several are combined, and whose events count then."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelstat.identity.consent import CustomConsent, add_consent, consent_query, decide_consent
from pixelstat.schemas import EVENTS
from tests.builders import log, request
from tests.run import run_in_process


def tc_string(
    consents: Iterable[int] = (),
    interests: Iterable[int] = (),
    *,
    version: int = 2,
    one_is_not_asked: bool = False,
    vendors: str = "0" * 17,
) -> str:
    """A TC string as its specification lays it out, field by field."""

    def purposes(chosen: Iterable[int]) -> str:
        return "".join("1" if number in set(chosen) else "0" for number in range(1, 25))

    fields = [
        (version, 6), (17_800_000_000, 36), (17_800_000_000, 36), (31, 12), (1, 12), (0, 6),
        (4, 6), (13, 6), (126, 12), (5, 6), (0, 1), (0, 1), (0, 12),
    ]  # fmt: skip
    bits = "".join(format(value, f"0{width}b") for value, width in fields)
    assert len(bits) == 152
    bits += purposes(list(consents)) + purposes(list(interests)) + str(int(one_is_not_asked)) + "000100000100" + vendors
    return base64url(bits)


def us_section(*fields: int, version: int = 1) -> str:
    """A section of a GPP string for the USA: its version, then two bits a field."""
    return base64url(format(version, "06b") + "".join(format(field, "02b") for field in fields))


def base64url(bits: str) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    bits += "0" * (-len(bits) % 6)
    return "".join(letters[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))


def short(value: object) -> str:
    return str(value)[:50]


# -- each signal ---------------------------------------------------------------------------------------------------

PUBLISHED = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"  # in the GPP specification: no purpose at all


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"gdpr=1&gdpr_consent={tc_string([1, 8])}", "granted"),
        (f"gdpr_consent={tc_string([1, 8])}", "granted"),
        (f"gdpr_consent={tc_string(range(1, 11))}.YAAAAAAAAAA", "granted"),
        (f"gdpr_consent={tc_string([1], [8])}", "granted"),  # a legitimate interest not objected to
        (f"gdpr_consent={tc_string([8], [1])}", "refused"),  # for storage there is no legitimate interest
        (f"gdpr_consent={tc_string([8], one_is_not_asked=True)}", "granted"),
        (f"gdpr_consent={tc_string([1, 7, 9], [7, 9])}", "refused"),
        (f"gdpr_consent={tc_string([8])}", "refused"),
        (f"gdpr_consent={tc_string()}", "refused"),
        (f"gdpr=0&gdpr_consent={tc_string()}", None),  # TCF does not apply
        ("gdpr=0", None),
        ("gdpr=1", None),  # a refusal would have a string
        ("gdpr=1&gdpr_consent=", None),
        # Published: purposes 1, 3, 9, 10 and a legitimate interest in 8; 1, 2, 3; the odd ones; the even ones.
        ("gdpr_consent=CLcVDxRMWfGmWAVAHCENAXCkAKDAADnAABRgA5mdfCKZuYJez-NQm0TBMYA4oCAAGQYIAAAAAAEAIAEgAA.argAC0gAAAAAAAAAAAA", "granted"),
        ("gdpr_consent=COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA", "refused"),
        ("gdpr_consent=CPh7_cXPh7_cXKMAAAENCZCAAKqAAAAAAAAAAAAAAAAA", "refused"),
        (f"gdpr_consent={PUBLISHED}", "refused"),
        (f"gdpr_consent={tc_string([1, 8], version=1)}", "malformed"),
        (f"gdpr_consent={tc_string([1, 8], version=3)}", "malformed"),
        (f"gdpr_consent={tc_string([1, 8])[:-1]}", "malformed"),
        (f"gdpr_consent={tc_string([1, 8])[:20]}", "malformed"),
        (f"gdpr_consent={tc_string([1, 8])[:-1]}!", "malformed"),
        ("gdpr_consent=C", "malformed"),
        ("gdpr_consent=.", "malformed"),
        ("gdpr_consent=true", "malformed"),
        ("gdpr_consent=" + "A" * 1_000_000, "malformed"),
        (f"gdpr_consent={tc_string([1, 8])}" + "A" * 1_000_000, "granted"),
    ],
    ids=short,
)  # fmt: skip
def test_tcf_consent_needs_storage_and_measuring(query: str, expected: str | None) -> None:
    assert decide_consent("house", query) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1YNN", "granted"), ("1YNY", "granted"), ("1NN-", "granted"), ("1yn-", "granted"),
        ("1YYN", "refused"), ("1-Y-", "refused"), ("1yy-", "refused"),
        ("1---", None), ("1YN", "malformed"), ("2YNN", "malformed"), ("1YNNN", "malformed"), ("1YXN", "malformed"),
        ("%31YYN", "refused"), ("${US_PRIVACY}", "malformed"), ("�", "malformed"),
    ],
)  # fmt: skip
def test_us_privacy_is_read_by_its_third_character(text: str, expected: str | None) -> None:
    assert decide_consent("house", f"us_privacy={text}") == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        # As published in the specification, and by the libraries that are tested against it.
        (f"gpp=DBABMA~{PUBLISHED}", "refused"),
        (f"gpp=DBACNY~{PUBLISHED}~1YNN", "refused"),
        (f"gpp=DBACNYA~{PUBLISHED}~1YNN&gpp_sid=2", "refused"),
        (f"gpp=DBACNYA~{PUBLISHED}~1YNN&gpp_sid=6", "granted"),
        (f"gpp=DBACNYA~{PUBLISHED}~1YNN&gpp_sid=2,6", "refused"),
        (f"gpp=DBACNYA~{PUBLISHED}~1YNN&gpp_sid=2%2C6", "refused"),
        (f"gpp=DBACNYA~{PUBLISHED}~1YNN&gpp_sid=7", None),
        (f"gpp=DBACNYA~{PUBLISHED}~1YNN&gpp_sid=-1", None),  # none applies
        (f"gpp=DBACNYA~{PUBLISHED}~1YNN&gpp_sid=0", "refused"),  # which one does is not known yet
        (f"gpp=DBABjw~{PUBLISHED}~1YNN", "granted"),  # sections 5 and 6, a group: Canada's is not read
        (f"gpp=DBABjw~{PUBLISHED}~1YYN", "refused"),
        ("gpp=DBABDA~BPXuQIAPXuQIAAfKABENB-CgAAAAAAAAAAAAAAAA", None),
        ("gpp=DBABTA~1YNN", "granted"),
        ("gpp=DBABLA~BVVVVVVVVWA", "refused"),
        ("gpp=DBABLA~BVVVVVVVVWA.YA", "refused"),
        ("gpp=DBABBg~BVVVVVVY", "refused"),
        ("gpp=DBABBg~BAAAAACA", None),
        ("gpp=DBABBg~BVqqqqpY.YA", "refused"),  # opted out of nothing, but sends Global Privacy Control
        ("gpp=DBABBg~BVqqqqpY", "granted"),
        ("gpp=DBABFg~BVVVVVmA", "refused"),
        ("gpp=DBABRg~BVVVVWY", "refused"),
        ("gpp=DBABJg~BVVVVVg", "refused"),
        # Field by field: the notices, then the opt-outs of sale, sharing or targeted advertising.
        (f"gpp=DBABL~{us_section(1, 1, 1, 1, 1, 1, 2, 2, 2)}", "granted"),
        (f"gpp=DBABL~{us_section(1, 1, 1, 1, 1, 1, 1, 2, 2)}", "refused"),
        (f"gpp=DBABL~{us_section(1, 1, 1, 1, 1, 1, 2, 1, 2)}", "refused"),
        (f"gpp=DBABL~{us_section(1, 1, 1, 1, 1, 1, 2, 2, 1)}", "refused"),
        (f"gpp=DBABL~{us_section(1, 1, 1, 1, 1, 1, 0, 0, 0, 1)}", None),  # sensitive data is not what is measured
        (f"gpp=DBABL~{us_section(1, 1, 1, 1, 1, 1, 2, 2, 1, version=2)}", "refused"),
        (f"gpp=DBABL~{us_section(1, 1, 1, 1, 1, 1, 1, 1, 1, version=9)}", None),
        (f"gpp=DBABL~{us_section(2, 2, 2, 2, 2, 2, 2, 3, 2)}", "malformed"),
        (f"gpp=DBABBg~{us_section(1, 1, 1, 2, 1)}", "refused"),
        (f"gpp=DBABBg~{us_section(1, 1, 1, 2, 2, 1, 1)}", "granted"),
        (f"gpp=DBABRg~{us_section(1, 1, 1, 1, 2)}", "refused"),
        (f"gpp=DBABFg~{us_section(1, 1, 1, 1, 2, 1)}", "refused"),
        (f"gpp=DBABFg~{us_section(1, 1, 1, 1, 2, 2, 1)}", "granted"),
        (f"gpp={base64url('000011000001' + '000000000001' + '0' + '0001011')}~{us_section(1, 1, 1, 1, 2, 1)}", "refused"),  # 18
        (f"gpp={base64url('000011000001' + '000000000001' + '0' + '01000011')}~{us_section(1, 1, 1, 2, 1)}", "refused"),  # 23
        (f"gpp={base64url('000011000001' + '000000000001' + '0' + '11')}~anything", None),  # 1, of old
        # A header of another type or version, one that is cut off, one that names more or fewer than there are.
        ("gpp=DBABL", "malformed"), ("gpp=~", "malformed"), ("gpp=DBAB", "malformed"), ("gpp=D~1YYN", "malformed"),
        ("gpp=CBABTA~1YNN", "malformed"), ("gpp=DCABTA~1YNN", "malformed"), ("gpp=DBABTA~1YNN~1YNN", "malformed"),
        ("gpp=DBACNYA~1YNN", "malformed"), ("gpp=DBABLA~B", "malformed"), ("gpp=DBABLA~!", "malformed"),
        ("gpp=DBABLA~", "malformed"), ("gpp=DB//~", "malformed"), ("gpp=%EF%BF%BD~", "malformed"),
        (f"gpp={base64url('000011000001' + '1' * 30_000)}~1YNN", "malformed"),
        (f"gpp={base64url('000011000001' + '0' * 30_000)}~1YNN", "malformed"),
        (f"gpp={base64url('000011000001' + '000000000001' + '1' + '11' + '00000000000000000011')}~1YNN", "malformed"),
        ("gpp=DBABTA~" + "~" * 1_000_000, "malformed"),
        ("gpp=${GPP_STRING_123}&gpp_sid=${GPP_SID}", "malformed"),
        ("gpp=DBABTA~1YNN&gpp_sid=${GPP_SID}", "malformed"),
        ("gpp=DBABTA~1YYN&gpp_sid=${GPP_SID}", "refused"),
        ("gpp_sid=7", None), ("gpp=", None),
    ],
    ids=short,
)  # fmt: skip
def test_gpp_is_read_by_the_sections_that_apply(query: str, expected: str | None) -> None:
    assert decide_consent("house", query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("gcs=G100", "refused"), ("gcs=G101", "granted"), ("gcs=G110", "refused"), ("gcs=G111", "granted"),
        ("gcs=G1--", None), ("gcs=G10-", None), ("gcs=G1-1", "granted"),
        ("gcs=G1", "malformed"), ("gcs=G1000", "malformed"), ("gcs=H100", "malformed"), ("gcs=G12", "malformed"),
        ("gcd=13p3p3p2p5l1", "refused"), ("gcd=13r3r3r2r5l1", "granted"), ("gcd=13l3l3l3l1l1", None),
        ("gcd=13l3l3l3l2", None), ("gcd=13t3t3t3t5l1", "granted"), ("gcd=11t1t1t1t5", "granted"),
        ("gcd=13q3m3q2m5l1", "refused"), ("gcd=13m3q3q2q5l1", "refused"), ("gcd=13v3u3v2v5l1", "refused"),
        ("gcd=13u3v3u2u5l1", "granted"), ("gcd=13p3n3p2p5l1", "granted"), ("gcd=13p3z3p2p5l1", None),
        ("gcd=", None), ("gcd=granted", "malformed"), ("gcd=1", "malformed"), ("gcd=13p", "malformed"),
        ("gcs=G111&gcd=13p3p3p2p5l1", "refused"), ("gcs=G1--&gcd=13r3r3r2r5l1", "granted"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("protocol", ["ga4", "ga_measurement", "ga_classic"])
def test_google_consent_is_that_of_analytics_storage(protocol: str, query: str, expected: str | None) -> None:
    assert decide_consent(protocol, f"v=2&{query}&cid=1.2") == expected


@pytest.mark.parametrize(
    ("protocol", "query", "expected"),
    [
        ("microsoft_uet", "asc=G", "granted"), ("microsoft_uet", "asc=D", "refused"),
        ("microsoft_uet", "asc=X", "malformed"), ("matomo", "consent=1", "granted"), ("matomo", "consent=0", "refused"),
        ("matomo", "consent=yes", "malformed"), ("matomo", "consent=", None),
    ],
)  # fmt: skip
def test_uet_and_matomo_have_their_own_consent_parameters(protocol: str, query: str, expected: str | None) -> None:
    assert decide_consent(protocol, query) == expected


@pytest.mark.parametrize(
    "query", ["consent=0", "consent={{x}}", "asc=D", "gcs=G100", "gcd=13p3p3p2p5l1", "c=0", "dnt=1"]
)
def test_a_consent_parameter_of_a_vendor_means_nothing_to_other_protocols(query: str) -> None:
    assert decide_consent("house", query) is None
    assert decide_consent("mixpanel", query) is None


OWN = CustomConsent("cookie ok", ("1", "oui, tout"))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("cookie ok=1", "granted"), ("cookie ok=oui%2C+tout", "granted"), ("cookie ok=0", "refused"),
        ("cookie ok=11", "refused"), ("cookie ok=", None), ("xcookie ok=0", None), ("cookie ok=${OK}", "malformed"),
        ("cookie ok=%7B%7Bok%7D%7D", "malformed"), ("cookie ok=0&cookie ok=1", "granted"),
        ("cookie ok=1&us_privacy=1YYN", "refused"),
    ],
)  # fmt: skip
def test_a_custom_consent_parameter_refuses_by_any_other_value(query: str, expected: str | None) -> None:
    assert decide_consent("house", query, OWN) == expected
    assert decide_consent("house", query.partition("&")[0]) is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("us_privacy=1YNN&gdpr_consent=x", "malformed"), ("gdpr_consent=x&us_privacy=1YYN", "refused"),
        (f"us_privacy=1YYN&gdpr_consent={tc_string([1, 8])}", "refused"), ("us_privacy=1---&gpp=DBABTA~1YNN", "granted"),
        ("us_privacy=1YYN&us_privacy=1YNN", "granted"),  # of one name the last counts, as everywhere
        ("us_privacy=1YYN&us_privacy=", "refused"), ("e=pv&p=/", None), ("", None),
        ("gdpr=${GDPR}&gdpr_consent=${GDPR_CONSENT_123}", "malformed"),
        ("gdpr=%24%7BGDPR%7D&gdpr_consent=", "malformed"), (f"gdpr=${{GDPR}}&gdpr_consent={tc_string()}", "refused"),
    ],
)  # fmt: skip
def test_a_refusal_outranks_a_malformed_signal_and_that_outranks_consent(query: str, expected: str | None) -> None:
    assert decide_consent("house", query) == expected


# -- events --------------------------------------------------------------------------------------------------------


def events(*rows: Mapping[str, str | None]) -> pl.LazyFrame:
    schema = {name: EVENTS[name] for name in ("protocol", "query", "dnt", "gpc")}
    rows_given = pl.LazyFrame([{"protocol": "house", **row} for row in rows], schema=schema)
    return rows_given.with_columns(consent_query(None))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"dnt": "1"}, "refused"), ({"gpc": "1"}, "refused"), ({"dnt": "0"}, None), ({"gpc": ""}, None), ({}, None),
        ({"dnt": "1", "query": "us_privacy=1YNN"}, "refused"), ({"dnt": "0", "query": "us_privacy=1YNN"}, "granted"),
        ({"query": "us_privacy=1YYN", "protocol": None}, None), ({"query": "e=pv&us_privacy=1YYN&x"}, "refused"),
        ({"query": "xus_privacy=1YYN"}, None), ({"query": "p=/a?us_privacy=1YYN"}, None),
        ({"query": "gcs=G100", "protocol": "ga4"}, "refused"), ({"query": "gcs=G100"}, None),
        ({"query": "x=" + "�" * 1_000_000 + "&us_privacy=1YYN"}, "refused"),
        ({"query": "gdpr_consent=" + "A" * 1_000_000 + "&us_privacy=1YYN"}, "refused"),
    ],
    ids=short,
)  # fmt: skip
def test_an_event_has_the_consent_of_its_request(row: dict[str, str | None], expected: str | None) -> None:
    assert add_consent(events(row), None).collect()["consent"].to_list() == [expected]


def test_each_row_has_its_own_consent_however_many_differ() -> None:
    texts = ["us_privacy=1YYN", "us_privacy=1YNN", "us_privacy=1", "e=pv", "us_privacy=1---", "us_privacy=1NYN", ""]
    traffic_classes = ["refused", "granted", "malformed", None, None, "refused", None]
    for count in range(len(texts) + 1):
        found = add_consent(events(*({"query": text} for text in texts[:count])), None).collect()
        assert found["consent"].to_list() == traffic_classes[:count]
        assert found["consent"].dtype == pl.String


@pytest.mark.slow
@given(st.text(max_size=60), st.sampled_from(["gdpr_consent", "us_privacy", "gpp", "gpp_sid", "gdpr", "gcs", "gcd"]))
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_the_reading_of_consent(text: str, name: str) -> None:
    for query in (f"{name}={text}", f"{name}={quote(text)}", f"gpp=DBABL~{text}&{name}={text}"):
        assert decide_consent("ga4", query) in ("granted", "refused", "malformed", None)


# -- whose events count --------------------------------------------------------------------------------------------

STORY = (
    request("/pixel.gif?e=pv&v=ann&p=/&us_privacy=1YNN", "10:00"),
    request("/pixel.gif?e=pv&v=ben&p=/&us_privacy=1YYN", "10:01"),
    request("/pixel.gif?e=pv&v=cem&p=/&gdpr_consent=${GDPR_CONSENT_123}", "10:02"),
    request("/pixel.gif?e=pv&v=dan&p=/", "10:03"),
    request("/pixel.gif?e=pv&v=bot&p=/&us_privacy=1YYN", "10:04", agent="Googlebot/2.1"),
    request("/pixel.gif?e=pv&v=eve&p=/&us_privacy=1YYN", "10:05", client="192.0.2.1"),
    request("/products", "10:06"),
    "not a line",
    request("/g/collect?v=2&tid=G-A&cid=1.2&en=page_view&gcs=G100", "10:07"),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "visitors", "line"),
    [
        ((), ["v:ann", "v:cem", "v:dan"], "excluded: 2 without consent, 1 bot, 1 from an excluded address"),
        (("--consent", "require"), ["v:ann"], "excluded: 4 without consent, 1 bot, 1 from an excluded address"),
        (
            ("--consent", "ignore"),
            ["v:ann", "v:ben", "v:cem", "v:dan", "v:1.2"],
            "excluded: 1 bot, 1 from an excluded address",
        ),
    ],
)
def test_events_count_by_their_consent_and_the_policy(
    options: tuple[str, ...], visitors: list[str], line: str, tmp_path: Path
) -> None:
    (tmp_path / "access.log").write_text(log(*STORY))
    finished = run_in_process(
        tmp_path, "events", "access.log", "--reveal-ids", "--exclude-ip", "192.0.2.1", *options, "-o", "events.parquet"
    )
    assert pl.read_parquet(tmp_path / "events.parquet")["visitor"].to_list() == visitors
    events = 7 - sum(map(int, re.findall(r"\d+", line)))
    assert finished.stderr.splitlines()[0] == f"{events} {'event' if events == 1 else 'events'} from 9 lines; {line}"


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["respect", "require", "ignore"])
def test_the_reasons_sum_to_the_requests(mode: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*STORY, *STORY))
    finished = run_in_process(tmp_path, "views", "access.log", "--consent", mode)
    events, excluded = re.match(r"(\d+) events? from 18 lines; excluded: (.*)\n", finished.stderr).groups()  # type: ignore[union-attr]
    views = sum(int(row.split(",")[1]) for row in finished.stdout.splitlines()[1:])
    assert int(events) == views
    assert views + sum(map(int, re.findall(r"\d+", excluded))) == 14


def test_consent_headers_count_where_the_log_has_them(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        log(
            request("/pixel.gif?e=pv&v=ann&p=/", "10:00") + ' "1" "-"',
            request("/pixel.gif?e=pv&v=ben&p=/", "10:01") + ' "-" "1"',
            request("/pixel.gif?e=pv&v=cem&p=/", "10:02") + ' "0" "-"',
        )
    )
    form = '$remote_addr - - [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
    finished = run_in_process(
        tmp_path, "views", "access.log", "--log-format", f'{form} "$http_dnt" "$http_sec_gpc"',
    )  # fmt: skip
    assert finished.stdout == "page,views,visitors\n/,1,1\n"
    assert finished.stderr.startswith("1 event from 3 lines; excluded: 2 without consent\n")


@pytest.mark.slow
def test_conditions_and_steps_may_name_the_consent(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*STORY))
    for consent, views in (("= 'granted'", 1), ("= 'malformed'", 1), ("IS NULL", 1), ("= 'refused'", 3)):
        finished = run_in_process(
            tmp_path, "views", "access.log", "--consent", "ignore", "--where", f"consent {consent}", "-q"
        )
        assert sum(int(row.split(",")[1]) for row in finished.stdout.splitlines()[1:]) == views, consent
    finished = run_in_process(
        tmp_path, "funnel", "access.log", "--step", "page_view", "--step", "consent = 'granted'", "-q"
    )
    assert finished.exit == 0, finished.stderr


@pytest.mark.slow
def test_visitors_who_refuse_are_not_stitched(tmp_path: Path) -> None:
    refusing = request("/pixel.gif?e=login&v=1da7&uid=ann&us_privacy=1YYN", "10:01")
    (tmp_path / "access.log").write_text(
        log(request("/pixel.gif?v=1da7", "10:00"), refusing, request("/pixel.gif?uid=ann", "10:02"))
    )
    for options, people in (((), 2), (("--consent", "ignore"), 1)):
        finished = run_in_process(
            tmp_path, "events", "access.log", "--reveal-ids", "--stitch", *options, "-q", "-o", "events.parquet"
        )
        assert finished.exit == 0
        assert pl.read_parquet(tmp_path / "events.parquet")["visitor"].n_unique() == people


@pytest.mark.slow
def test_the_consent_of_parquet_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(*STORY))
    written = run_in_process(
        tmp_path, "events", "access.log", "--reveal-ids", "--consent", "ignore", "-q", "-o", "events.parquet"
    )
    assert written.exit == 0
    stored = pl.read_parquet(tmp_path / "events.parquet")
    assert stored["consent"].to_list() == ["granted", "refused", "malformed", None, "refused", "refused"]
    for frame in (stored.with_columns(consent=pl.lit("granted")), stored.drop("consent")):
        frame.write_parquet(tmp_path / "events.parquet")
        again = run_in_process(tmp_path, "views", "events.parquet")
        assert again.stderr.startswith("3 events from 6 lines; excluded: 3 without consent\n")


@pytest.mark.slow
def test_explain_says_that_consent_is_missing(tmp_path: Path) -> None:
    finished = run_in_process(tmp_path, "views", "--explain", STORY[1])
    assert re.search(r"^event: consent +refused$", finished.stdout, re.MULTILINE)
    assert re.search(r"^result +excluded: without consent$", finished.stdout, re.MULTILINE)
    assert re.search(
        r"^result +counted$", run_in_process(tmp_path, "views", "--explain", STORY[0]).stdout, re.MULTILINE
    )


# -- pixelstat.toml ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_config_names_a_custom_consent_parameter(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        log(
            *(request(f"/p.gif?v={n}&p=/&cookie.ok={value}", "10:00") for n, value in enumerate(("yes", "1", "no", "")))
        )
    )
    (tmp_path / "pixelstat.toml").write_text('consent = { parameter = "cookie.ok", granted = ["1", "yes"] }')
    assert run_in_process(tmp_path, "views", "access.log", "-q").stdout == "page,views,visitors\n/,3,3\n"
    assert (
        run_in_process(tmp_path, "views", "access.log", "-q", "--consent", "require").stdout
        == "page,views,visitors\n/,2,2\n"
    )
    (tmp_path / "pixelstat.toml").write_text('[consent]\nparameter = "cookieXok"\ngranted = "1"')
    assert run_in_process(tmp_path, "views", "access.log", "-q").stdout == "page,views,visitors\n/,4,4\n"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[consent]\nparameter = "c"\ngrant = ["1"]', 3, "grant is not a known key.\n\nDid you mean granted?"),
        ('[consent]\nparameter = "c"', 1, "consent needs the key granted."),
        ('\n[consent]\ngranted = ["1"]', 2, "consent needs the key parameter."),
        ('logs = []\nconsent = { parameter = "c", granted = [] }', 2, "consent needs the key granted."),
        ("[consent]", 1, "consent needs the key parameter."),
        ('[consent]\nparameter = 1\ngranted = ["1"]', 2, "parameter must be a text."),
        ('[consent]\nparameter = "c"\ngranted = [1]', 3, "granted must be a list of texts."),
        ('consent = "c"', 1, "consent must be a table."),
        ('[consents]\nparameter = "c"', 1, "consents is not a known key.\n\nDid you mean consent?"),
        ('[columns]\nconsent = "c"', 2, "consent is already a column."),
    ],
)
def test_a_wrong_consent_table_in_the_config_is_an_error_with_its_line(
    text: str, line: int, said: str, tmp_path: Path
) -> None:
    (tmp_path / "pixelstat.toml").write_text(text)
    finished = run_in_process(tmp_path, "views", "x.log")
    assert finished.exit == 2
    assert f"pixelstat.toml, line {line}: {said}" in finished.stderr


def test_init_offers_consent_and_takes_no_signal_for_a_column(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(request("/p.gif?v=ann&p=/&gdpr=0&us_privacy=1YNN&plan=gold", "10:00")))
    assert run_in_process(tmp_path, "init", "access.log", "-q").exit == 0
    text = (tmp_path / "pixelstat.toml").read_text()
    assert '# [consent]\n# parameter = "cookie_ok"\n# granted = ["1", "yes"]\n' in text
    assert '# [columns]\n# plan = "plan"\n\n' in text
