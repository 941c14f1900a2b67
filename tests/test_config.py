"""pixelstat.toml: custom pixels, columns, goals and funnels, and errors with their line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelstat import config
from pixelstat.errors import PixelstatError
from tests.builders import hit, log, request
from tests.marks import slow_after
from tests.run import export_rows, run_in_process
from tests.small_logs import PROJECT_LOG, write_project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_project(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_custom_pixels_become_events(folder: Path) -> None:
    found = export_rows(folder)
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


def test_conditions_may_name_custom_columns(folder: Path) -> None:
    assert [
        event["event"] for event in export_rows(folder, "--where", "destination = 'Oslo' or room_type = 'suite'")
    ] == ["purchase"] * 2
    finished = run_in_process(folder, "views", "--where", "destinatio = 'Oslo'")
    assert (finished.exit, "Did you mean destination?" in finished.stderr) == (2, True)


@pytest.mark.slow
def test_a_funnel_by_name_goes_by_goals_too(folder: Path) -> None:
    rows = run_in_process(folder, "funnel", "--funnel", "trip", "-q").stdout.splitlines()[1:]
    assert [row.split(",")[1:3] for row in rows] == [["open", "2"], ["/book", "1"], ["booked", "1"]]
    assert "\n2,booked,0," in run_in_process(folder, "funnel", "--funnel", "quick", "-q").stdout
    assert "\n2,booked,1," in run_in_process(folder, "funnel", "--funnel", "quick", "-q", "--window", "1d").stdout
    assert "\n2,booked,1," in run_in_process(folder, "funnel", "--steps", "open,booked", "-q").stdout


@pytest.mark.slow
def test_the_config_is_found_upward_or_named(folder: Path) -> None:
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    expected = run_in_process(folder, "views", "-q").stdout
    assert expected == "page,views,visitors\n/book,1,1\n"
    assert run_in_process(below, "views", "-q").stdout == expected
    (below / "other.toml").write_text("")
    finished = run_in_process(below, "views", "-q", "--config", "other.toml", "../../access.log")
    assert finished.stdout == expected
    assert run_in_process(below, "events", "-q", "--config", "other.toml", "../../access.log").stdout.count("\n") == 2
    assert run_in_process(below, "check", "-q").exit == 0


def test_logs_that_are_named_and_a_dash_come_before_those_of_the_file(folder: Path) -> None:
    (folder / "other.log").write_text(log(request("/p.gif?v=ben&p=/other", "10:00")))
    assert "/other,1,1" in run_in_process(folder, "views", "other.log", "-q").stdout
    assert "/other,1,1" in run_in_process(folder, "views", "-", "-q", stdin=(folder / "other.log").read_bytes()).stdout


@pytest.mark.parametrize("funnel", ["trap", "nothing like it"])
def test_an_unknown_funnel_is_an_error(funnel: str, folder: Path) -> None:
    finished = run_in_process(folder, "funnel", "--funnel", funnel)
    assert (finished.exit, finished.stdout) == (2, "")
    assert f"There is no funnel {funnel!r}." in finished.stderr
    assert "trip" in finished.stderr
    (folder / "pixelstat.toml").unlink()
    assert "There is no pixelstat.toml" in run_in_process(folder, "funnel", "access.log", "--funnel", funnel).stderr


def test_a_funnel_by_name_and_steps_are_one_too_many(folder: Path) -> None:
    assert run_in_process(folder, "funnel", "--funnel", "trip", "--steps", "open").exit == 2


WRONG = {
    "log = ['a']": "line 1: log is not a known key.\n\nDid you mean logs?",
    "\n\nlogs = 5": "line 3: logs must be a list of texts.",
    "logs = ['a'": "is not valid TOML",
    "protocols = ['sandy']": "line 1: protocols is not valid. There is no pixel protocol 'sandy'. Did you mean sendy?",
    "[columns]\nevent = 'x'": "line 2: event is already a column.",
    "[columns]\n'my column' = 'x'": "line 2: my column names 'my column', which is not a valid column name.",
    "[columns]\nselect = 'x'": "line 2: select names 'select', which is not a valid column name.",
    "[columns]\nplan = []": "line 2: plan needs a parameter.",
    "[[pixels]]\nname = 'a'": "line 1: pixels needs a path.",
    "[[pixels]]\npath = '/a.gif'\n[[pixels]]\nevnt = 'x'\npath = '/b.gif'": "line 4: evnt is not a known key.\n\nDid you mean event?",
    "[[pixels]]\npath = '/a.gif'\n[[pixels]]\npath = 'b.gif'": "line 4: path is 'b.gif', which is too short or does not start with",
    "[[pixels]]\npath = '/{campaign}'": "line 2: path is '/{campaign}', which is too short or does not start with",
    "[[pixels]]\npath = '/o/{a}/{a}.gif'": "line 2: path has a part twice",
    "[[pixels]]\npath = '/o/{a}{b}.gif'": "line 2: path has parts without text between them",
    "[[pixels]]\npath = '/o/{sent}.gif'": "line 2: path names 'sent', which pixelstat fills itself.",
    "[[pixels]]\npath = '/o.gif'\n[pixels.values]\nproducts = 'x'": "line 3: values names 'products', which pixelstat fills itself.",
    "[[pixels]]\npath = '/o.gif'\n[pixels.parameters]\nstatus = 'x'": "line 4: status names 'status', which pixelstat fills itself.",
    "[[pixels]]\npath = '/o/{a b}.gif'": "line 2: path names 'a b', which is not a valid column name.",
    "[[pixels]]\npath = '/o.gif'\n[pixels.values]\ncurrency = ['EUR']": "line 4: currency must be a text or a number.",
    "[[pixels]]\npath = '/o.gif'\n[pixels.events]\nbk = 7": "line 4: bk must be the name of an event.",
    "pixels = 5": "line 1: pixels must be a list of tables.",
    "\nown_hosts = ['shop.example', 'https://shop.example/']": "line 2: own_hosts contains 'https://shop.example/', which is not a host name.",
    "own_hosts = [7]": "line 1: own_hosts must be a list of texts.",
    "\n[sources]\nignore = ['pay.example', 'pay.example/x']": "line 3: ignore contains 'pay.example/x', which is not a host name.\n\nWrite: ignore = ",
    "[sources]\nignore = 7": "line 2: ignore must be a list of texts.",
    "[sources]\nignored = ['a.example']": "line 2: ignored is not a known key.\n\nDid you mean ignore?",
    "sources = ['pay.example']": "line 1: sources must be a table.",
    "[goals]\nbig = \"value >\"": "line 2: big is not a valid goal.",
    "[goals]\nbig = \"worth > 5\"": "line 2: big is not a valid goal.",
    "[goals]\nbig = 7": "line 2: big must be a text or a table.",
    "[goals]\nbig = { value = 7 }": "line 2: big needs the key match, a text.",
    "[goals]\nbig = { match = 7 }": "line 2: big needs the key match, a text.",
    "[goals]\nbig = { match = \"lead\", valeu = 7 }": "line 2: valeu is not a known key.",
    "[goals]\nbig = { match = \"lead\", value = \"7\" }": "line 2: big needs a value that is a number of 0 or more.",
    "[goals]\nbig = { match = \"lead\", value = true }": "line 2: big needs a value that is a number of 0 or more.",
    "[goals]\nbig = { match = \"lead\", value = -1 }": "line 2: big needs a value that is a number of 0 or more.",
    "[goals]\nbig = { match = \"lead\", value = inf }": "line 2: big needs a value that is a number of 0 or more.",
    "[goals]\nbig = { match = \"lead\", currency = \"EUR\" }": "line 2: big needs a value that is a number of 0 or more.",
    "[goals]\nok = \"lead\"\nbig = { match = \"lead\", value = 7, currency = \"Euro\" }": "line 3: big has the currency 'Euro', which is not a code.",
    "[goals]\n[goals.big]\nmatch = \"value >\"": "line 2: big is not a valid goal.",
    "[rates]\nUSD = 0.92": "line 1: rates needs the code of a base currency.",
    "[rates]\nbase = \"Euro\"": "line 2: base needs the code of a base currency.",
    "[rates]\nbase = \"EUR\"\nUSD = 0": "line 3: USD needs a rate above 0.",
    "[rates]\nbase = \"EUR\"\nUSD = \"0.92\"": "line 3: USD needs a rate above 0.",
    "[rates]\nbase = \"EUR\"\nDollar = 0.92": "line 3: Dollar is not the code of a currency.",
    "[rates]\nbase = \"EUR\"\nUSD = 0.92\nusd = 0.93": "line 4: usd has two rates.",
    "[rates]\nbase = \"EUR\"\nEUR = 2": "line 3: EUR has two rates.",
    "rates = 5": "line 1: rates must be a table.",
    "[funnels]\nx = []": "line 2: x has no steps.",
    "[funnels.x]\nstep = ['a']": "line 2: step is not a known key.\n\nDid you mean steps?",
    "[funnels.x]\nsteps = ['a']\nwindow = 'soon'": "line 3: window is not valid.",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text.replace("\n", " ")[-40:])
def test_an_error_in_the_config_names_its_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(PROJECT_LOG)
    (tmp_path / "pixelstat.toml").write_text(text)
    finished = run_in_process(tmp_path, "views", "access.log")
    assert (finished.exit, finished.stdout) == (2, "")
    assert WRONG[text] in finished.stderr


@given(st.text(max_size=200))
def test_no_text_of_a_config_is_worse_than_an_error(text: str) -> None:
    reader = Path("pixelstat.toml")
    try:
        config._ConfigReader(reader, text).read_config()
    except PixelstatError:
        return


def test_a_missing_config_is_an_error(folder: Path) -> None:
    finished = run_in_process(folder, "views", "--config", "nowhere.toml")
    assert (finished.exit, "nowhere.toml cannot be read" in finished.stderr) == (2, True)


def test_a_goal_may_name_a_part_of_a_pixels_path(tmp_path: Path) -> None:
    (tmp_path / "pixelstat.toml").write_text(
        "[[pixels]]\npaths = '/o/{plan}.gif'\nevent = 'open'\n[goals]\ngold = \"plan = 'gold'\""
    )
    (tmp_path / "access.log").write_text(log(request("/o/gold.gif", "10:00"), request("/o/tin.gif", "10:01")))
    assert "\n1,gold,1," in run_in_process(tmp_path, "funnel", "access.log", "--steps", "gold", "-q").stdout


def test_the_config_in_the_manual_can_be_read() -> None:
    page = (Path(config.__file__).parent / "manual" / "config.md").read_text("utf-8")
    text = page.partition("```toml\n")[2].partition("```")[0]
    read = config._ConfigReader(Path("pixelstat.toml"), text).read_config()
    assert [pixel.name for pixel in read.pixels] == ["newsletter", "booking"]
    assert [*read.custom_columns] == ["destination", "room_type"]


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


@pytest.mark.slow
@pytest.mark.parametrize("name", slow_after(2, CLASHES))
def test_a_custom_column_may_have_any_name(name: str, tmp_path: Path) -> None:
    (tmp_path / "pixelstat.toml").write_text(f'[columns]\n{name} = "own"\n')
    (tmp_path / "access.log").write_text(
        log(*(hit("ann", event, "10:00", own="x") for event in ("page_view", "open", "purchase")))
    )
    for report in (
        ["visits"], ["visitors", "--every", "day", "--keep-duplicates"], ["views", "--every", "day", "--cookieless"],
        ["opens", "--every", "day"], ["orders", "--repeat"], ["summary", "--every", "day", "--machines", "label"],
        ["funnel", "--steps", "page_view"],
    ):  # fmt: skip
        finished = run_in_process(tmp_path, *report, "access.log", "--by", name, "-q")
        assert finished.exit == 0, finished.stderr
        assert ",x," in f",{finished.stdout.splitlines()[1]}", report


@pytest.mark.parametrize("name", ["hit", "first", "rejected", "visit", "visit_start", "entry_page"])
def test_a_custom_column_may_not_be_one_of_a_visit_or_a_hit(name: str, tmp_path: Path) -> None:
    (tmp_path / "pixelstat.toml").write_text(f'[columns]\n{name} = "own"\n')
    (tmp_path / "access.log").write_text(log(hit("ann", "page_view", "10:00")))
    finished = run_in_process(tmp_path, "visits", "access.log")
    assert (finished.exit, finished.stdout) == (2, "")
    assert f"line 2: {name} is already a column" in finished.stderr


def test_a_funnel_by_visitor_is_one_for_each(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(log(hit("ann", "page_view", "10:00"), hit("bob", "page_view", "10:00")))
    finished = run_in_process(
        tmp_path, "funnel", "access.log", "--steps", "page_view", "--by", "visitor", "--reveal-ids", "-q"
    )
    assert [line.split(",")[0] for line in finished.stdout.splitlines()[1:]] == ["v:ann", "v:bob"]


@pytest.mark.slow
@pytest.mark.parametrize("report", ["summary", "visitors", "views", "visits", "sources", "orders", "opens", "clicks"])
def test_a_series_by_visitor_is_a_series_for_each(report: str, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        log(*(hit("ann", event, "10:00") for event in ("page_view", "open", "click_email", "purchase")))
    )
    finished = run_in_process(tmp_path, report, "access.log", "--by", "visitor", "--every", "day", "-q", "--reveal-ids")
    assert (finished.exit, "v:ann" in finished.stdout) == (0, True), finished.stderr


def test_a_custom_column_that_a_report_has_already_is_an_error_there(tmp_path: Path) -> None:
    (tmp_path / "pixelstat.toml").write_text('[columns]\nsection = "own"\n')
    (tmp_path / "access.log").write_text(log(hit("ann", "page_view", "10:00", own="x")))
    assert run_in_process(tmp_path, "summary", "access.log", "--by", "section").exit == 2
    assert run_in_process(tmp_path, "visits", "access.log", "--by", "section").exit == 0
