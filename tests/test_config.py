"""pixelstat.toml: own pixels, further columns, goals, funnels, default logs; where it is found, and what it cannot say."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat import config
from pixelstat.errors import PixelstatError
from tests.inside import inside
from tests.story import hit, log, request

STORY = log(
    request("/o/spring/ann%40x.gif", "10:00"),
    request("/pixel.gif?e=pv&rcpt=ann@x&p=/book&dest=Rome+1", "10:01"),
    request("/b.bin?e=bk&who=w1&amt=12.5&plan=gold&d=Oslo", "10:02"),
    request("/book/suite/done?data=eyJlIjoiYmsiLCJwbGFuIjoiZ29sZCIsImFtdCI6N30&rcpt=ann@x", "10:03"),
    request("/book/suite/done/not", "10:04"),
    request("/O/spring/ann.gif", "10:04"),
    request("/t/q1W2/e3R4", "10:05"),
)
TOML = """
logs = ["access.log"]
protocols = ["sendy"]

[columns]
destination = ["dest", "d"]

[[pixels]]
name = "newsletter"
path = "/o/{campaign}/{recipient}.gif"
event = "open"

[[pixels]]
name = "booking"
paths = ["/b.bin", "/book/{room_type}/done"]
payload = "data"
[pixels.parameters]
value = "amt"
visitor = "who"
plan = "plan"
[pixels.events]
bk = "purchase"
[pixels.values]
currency = "EUR"

[goals]
booked = "event = 'purchase' and plan = 'gold'"

[funnels]
trip = ["open", "/book", "booked"]
[funnels.quick]
steps = ["open", "booked"]
window = "1m"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "access.log").write_text(STORY)
    (tmp_path / "pixelstat.toml").write_text(TOML)
    return tmp_path


def events(folder: Path, *options: str) -> list[dict[str, object]]:
    ended = inside(folder, "events", "-q", "--reveal-ids", "--format", "ndjson", *options)
    assert ended.exit == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_own_pixels_become_events_of_their_own(folder: Path) -> None:
    found = events(folder)
    told = (
        "protocol",
        "event",
        "visitor",
        "campaign",
        "recipient",
        "value",
        "currency",
        "room_type",
        "plan",
        "destination",
    )
    assert [tuple(event[name] for name in told) for event in found] == [
        ("newsletter", "open", "r:ann@x", "spring", "ann@x", None, None, None, None, None),
        ("house", "page_view", "r:ann@x", None, "ann@x", None, None, None, None, "Rome 1"),
        ("booking", "purchase", "v:w1", None, None, 12.5, "EUR", None, "gold", "Oslo"),
        ("booking", "purchase", "r:ann@x", None, "ann@x", 7.0, "EUR", "suite", "gold", None),
        ("sendy", "open", "r:e3R4", "q1W2", "e3R4", None, None, None, None, None),
    ]


def test_conditions_name_further_columns(folder: Path) -> None:
    assert [event["event"] for event in events(folder, "--where", "destination = 'Oslo' or room_type = 'suite'")] == [
        "purchase"
    ] * 2
    ended = inside(folder, "views", "--where", "destinatio = 'Oslo'")
    assert (ended.exit, "Did you mean destination?" in ended.stderr) == (2, True)


def test_a_funnel_by_name_goes_by_goals_too(folder: Path) -> None:
    rows = inside(folder, "funnel", "--funnel", "trip", "-q").stdout.splitlines()[1:]
    assert [row.split(",")[1:3] for row in rows] == [["open", "2"], ["/book", "1"], ["booked", "1"]]
    assert "\n2,booked,0," in inside(folder, "funnel", "--funnel", "quick", "-q").stdout
    assert "\n2,booked,1," in inside(folder, "funnel", "--funnel", "quick", "-q", "--window", "1d").stdout
    assert "\n2,booked,1," in inside(folder, "funnel", "--steps", "open,booked", "-q").stdout


def test_the_file_is_found_upward_or_named(folder: Path) -> None:
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    expected = inside(folder, "views", "-q").stdout
    assert expected == "page,views,visitors\n/book,1,1\n"
    assert inside(below, "views", "-q").stdout == expected
    (below / "other.toml").write_text("")
    ended = inside(below, "views", "-q", "--config", "other.toml", "../../access.log")
    assert ended.stdout == expected
    assert inside(below, "events", "-q", "--config", "other.toml", "../../access.log").stdout.count("\n") == 2
    assert inside(below, "check", "-q").exit == 0


def test_logs_that_are_named_and_a_dash_come_before_those_of_the_file(folder: Path) -> None:
    (folder / "other.log").write_text(log(request("/p.gif?v=ben&p=/other", "10:00")))
    assert "/other,1,1" in inside(folder, "views", "other.log", "-q").stdout
    assert "/other,1,1" in inside(folder, "views", "-", "-q", stdin=(folder / "other.log").read_bytes()).stdout


@pytest.mark.parametrize("funnel", ["trap", "nothing like it"])
def test_a_funnel_that_is_not_there_is_an_error(funnel: str, folder: Path) -> None:
    ended = inside(folder, "funnel", "--funnel", funnel)
    assert (ended.exit, ended.stdout) == (2, "")
    assert f"There is no funnel {funnel!r}." in ended.stderr
    assert "trip" in ended.stderr
    (folder / "pixelstat.toml").unlink()
    assert "There is no pixelstat.toml" in inside(folder, "funnel", "access.log", "--funnel", funnel).stderr


def test_a_funnel_by_name_and_steps_are_one_too_many(folder: Path) -> None:
    assert inside(folder, "funnel", "--funnel", "trip", "--steps", "open").exit == 2


WRONG = {
    "log = ['a']": "line 1: log is no key here.\n\nDid you mean logs?",
    "\n\nlogs = 5": "line 3: logs is no list of texts.",
    "logs = ['a'": "is no TOML",
    "protocols = ['sandy']": "line 1: protocols names what is none. There is no pixel protocol 'sandy'. Did you mean sendy?",
    "[columns]\nevent = 'x'": "line 2: event is a column already.",
    "[columns]\n'my column' = 'x'": "line 2: my column names 'my column', which can be no column.",
    "[columns]\nselect = 'x'": "line 2: select names 'select', which can be no column.",
    "[columns]\nplan = []": "line 2: plan names no parameter.",
    "[[pixels]]\nname = 'a'": "line 1: pixels has no path.",
    "[[pixels]]\npath = '/a.gif'\n[[pixels]]\nevnt = 'x'\npath = '/b.gif'": "line 4: evnt is no key here.\n\nDid you mean event?",
    "[[pixels]]\npath = '/a.gif'\n[[pixels]]\npath = 'b.gif'": "line 4: path is 'b.gif'.",
    "[[pixels]]\npath = '/{campaign}'": "line 2: path is '/{campaign}'.",
    "[[pixels]]\npath = '/o/{a}/{a}.gif'": "line 2: path names a part twice",
    "[[pixels]]\npath = '/o/{a}{b}.gif'": "line 2: path has parts that touch",
    "[[pixels]]\npath = '/o/{sent}.gif'": "line 2: path names 'sent', which pixelstat fills itself.",
    "[[pixels]]\npath = '/o.gif'\n[pixels.values]\nproducts = 'x'": "line 3: values names 'products', which pixelstat fills itself.",
    "[[pixels]]\npath = '/o.gif'\n[pixels.parameters]\nstatus = 'x'": "line 4: status names 'status', which pixelstat fills itself.",
    "[[pixels]]\npath = '/o/{a b}.gif'": "line 2: path names 'a b', which can be no column.",
    "[[pixels]]\npath = '/o.gif'\n[pixels.values]\ncurrency = ['EUR']": "line 4: currency is no text and no number.",
    "[[pixels]]\npath = '/o.gif'\n[pixels.events]\nbk = 7": "line 4: bk is no event's name.",
    "pixels = 5": "line 1: pixels is a list of tables.",
    "\nown_hosts = ['shop.example', 'https://shop.example/']": "line 2: own_hosts names 'https://shop.example/', which is no host.",
    "own_hosts = [7]": "line 1: own_hosts is no list of texts.",
    "[goals]\nbig = \"value >\"": "line 2: big is no goal.",
    "[goals]\nbig = \"worth > 5\"": "line 2: big is no goal.",
    "[goals]\nbig = 7": "line 2: big is no text.",
    "[funnels]\nx = []": "line 2: x has no steps.",
    "[funnels.x]\nstep = ['a']": "line 2: step is no key here.\n\nDid you mean steps?",
    "[funnels.x]\nsteps = ['a']\nwindow = 'soon'": "line 3: window is no length of time.",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text.replace("\n", " ")[-40:])
def test_what_the_file_cannot_say_is_an_error_with_its_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(STORY)
    (tmp_path / "pixelstat.toml").write_text(text)
    ended = inside(tmp_path, "views", "access.log")
    assert (ended.exit, ended.stdout) == (2, "")
    assert WRONG[text] in ended.stderr


@given(st.text(max_size=200))
def test_no_text_is_more_than_an_error(text: str) -> None:
    reader = Path("pixelstat.toml")
    try:
        config._ConfigReader(reader, text).read_config()
    except PixelstatError:
        return


def test_a_named_file_that_is_not_there_is_an_error(folder: Path) -> None:
    ended = inside(folder, "views", "--config", "nowhere.toml")
    assert (ended.exit, "nowhere.toml cannot be read" in ended.stderr) == (2, True)


def test_a_goal_names_a_part_of_a_path_that_stands_alone(tmp_path: Path) -> None:
    (tmp_path / "pixelstat.toml").write_text(
        "[[pixels]]\npaths = '/o/{plan}.gif'\nevent = 'open'\n[goals]\ngold = \"plan = 'gold'\""
    )
    (tmp_path / "access.log").write_text(log(request("/o/gold.gif", "10:00"), request("/o/tin.gif", "10:01")))
    assert "\n1,gold,1," in inside(tmp_path, "funnel", "access.log", "--steps", "gold", "-q").stdout


def test_the_readme_shows_a_file_that_can_be_read() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    text = readme.partition("```toml\n")[2].partition("```")[0]
    read = config._ConfigReader(Path("pixelstat.toml"), text).read_config()
    assert [pixel.name for pixel in read.pixels] == ["newsletter", "booking"]
    assert [*read.custom_columns] == ["destination", "room_type"]


# -- init ----------------------------------------------------------------------------------------------------------


def test_init_writes_what_it_found_and_reports_read_it(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        STORY
        + log(*(request(f"/px/s.gif?id={n}", "11:00") for n in range(30)))
        + log(*(request(f"/t/q1W2e3{n}/e3R4t5{n}", "11:00") for n in range(30)))
        + log(request("/p.gif?e=purchase&plan=gold&utm_source=x", "12:00"), request("/p.gif?e=add_to_cart", "12:00"))
    )
    ended = inside(tmp_path, "init", "access.log")
    assert (ended.exit, ended.stdout) == (0, "")
    text = (tmp_path / "pixelstat.toml").read_text()
    for line in (
        'logs = ["access.log"]',
        "# Found: 3 events in 69 requests.",
        "#   31 requests look like those of sendy",
        '# protocols = ["sendy"',
        '# path = "/px/s.gif"  # 30 requests',
        '# plan = "plan"',
        'shop = ["page_view", "add_to_cart", "purchase"]',
    ):
        assert line in text
    assert inside(tmp_path, "funnel", "--funnel", "shop", "-q").stdout.count("\n") == 4
    uncommented = "\n".join(
        line.removeprefix("# ") if "=" in line or "[" in line else line for line in text.splitlines()
    )
    (tmp_path / "pixelstat.toml").write_text(uncommented.replace("[[pixels]]\npath", "[[pixels]]\npath", 1))
    assert inside(tmp_path, "views", "-q").exit == 0


def test_init_never_overwrites_unless_it_is_told_to(folder: Path) -> None:
    ended = inside(folder, "init", "access.log")
    assert (ended.exit, "pixelstat.toml is there already" in ended.stderr) == (2, True)
    assert (folder / "pixelstat.toml").read_text() == TOML
    assert inside(folder, "init", "access.log", "--force", "-q").stderr == ""
    assert (folder / "pixelstat.toml").read_text() != TOML


@pytest.mark.parametrize("path", ['/"]\n[x].gif', "/\x7f\x1b[31m.gif", "/é\\u0041.gif", "/{a}{a}.gif", "/'''.gif"])
def test_what_a_log_holds_breaks_no_file(path: str, tmp_path: Path) -> None:
    uri = path.replace("\n", "%0A").replace('"', "\\x22").replace("\x7f", "\\x7F").replace("\x1b", "\\x1B")
    (tmp_path / "a.log").write_text(
        log(*(request(f"{uri}?{n}=", "10:00") for n in range(30)), request(f"/p.gif?e={uri}", "10:00"))
    )
    assert inside(tmp_path, "init", "a.log", "-q").exit == 0
    assert config.load_config(None, tmp_path).logs == (str(tmp_path / "a.log"),)
    assert "\x1b" not in (tmp_path / "pixelstat.toml").read_text()


def test_check_advises_what_must_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(log(*(request(f"/t/q1W2e3{n}/e3R4t5{n}", "11:00") for n in range(30))))
    assert (
        'advice,"some look like sendy: if they are, add --protocol sendy",30,1.0'
        in inside(tmp_path, "check", "a.log").stdout
    )
    (tmp_path / "a.log").write_text(log(*(request(f"/t/shirts-{n % 5}/red", "11:00") for n in range(30))))
    assert "advice" not in inside(tmp_path, "check", "a.log").stdout


CLASHES = (
    "row",
    "bucket",
    "clicked",
    "opened",
    "by_behaviour",
    "client_key",
    "day_key",
    "before",
    "is_new",
    "is_there",
    "wait",
    "person",
)


@pytest.mark.parametrize("name", CLASHES)
def test_a_column_of_ones_own_may_have_any_name(name: str, tmp_path: Path) -> None:
    (tmp_path / "pixelstat.toml").write_text(f'[columns]\n{name} = "own"\n')
    (tmp_path / "access.log").write_text(
        log(*(hit("ann", event, "10:00", own="x") for event in ("page_view", "open", "purchase")))
    )
    for report in (
        ["visits"], ["visitors", "--every", "day", "--keep-duplicates"], ["views", "--every", "day", "--cookieless"],
        ["opens", "--every", "day"], ["orders", "--repeat"], ["summary", "--every", "day", "--machines", "label"],
        ["funnel", "--steps", "page_view"],
    ):  # fmt: skip
        ended = inside(tmp_path, *report, "access.log", "--by", name, "-q")
        assert ended.exit == 0, ended.stderr
        assert ",x," in f",{ended.stdout.splitlines()[1]}", report


@pytest.mark.parametrize("name", ["hit", "first", "rejected", "visit", "visit_start", "entry_page"])
def test_a_column_of_ones_own_is_none_that_a_visit_or_a_hit_has(name: str, tmp_path: Path) -> None:
    (tmp_path / "pixelstat.toml").write_text(f'[columns]\n{name} = "own"\n')
    (tmp_path / "access.log").write_text(log(hit("ann", "page_view", "10:00")))
    ended = inside(tmp_path, "visits", "access.log")
    assert (ended.exit, ended.stdout) == (2, "")
    assert f"line 2: {name} is a column already" in ended.stderr


def test_a_funnel_by_visitor_is_one_for_each(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(hit("ann", "page_view", "10:00"), hit("bob", "page_view", "10:00")))
    ended = inside(tmp_path, "funnel", "access.log", "--steps", "page_view", "--by", "visitor", "--reveal-ids", "-q")
    assert [line.split(",")[0] for line in ended.stdout.splitlines()[1:]] == ["v:ann", "v:bob"]


@pytest.mark.parametrize("report", ["summary", "visitors", "views", "visits", "sources", "orders", "opens", "clicks"])
def test_a_series_by_visitor_is_a_series_for_each(report: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        log(*(hit("ann", event, "10:00") for event in ("page_view", "open", "click_email", "purchase")))
    )
    ended = inside(tmp_path, report, "access.log", "--by", "visitor", "--every", "day", "-q", "--reveal-ids")
    assert (ended.exit, "v:ann" in ended.stdout) == (0, True), ended.stderr


def test_a_column_of_ones_own_that_a_report_has_already_is_an_error_there(tmp_path: Path) -> None:
    (tmp_path / "pixelstat.toml").write_text('[columns]\nsection = "own"\n')
    (tmp_path / "access.log").write_text(log(hit("ann", "page_view", "10:00", own="x")))
    assert inside(tmp_path, "summary", "access.log", "--by", "section").exit == 2
    assert inside(tmp_path, "visits", "access.log", "--by", "section").exit == 0
