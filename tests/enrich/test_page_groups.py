"""--group-pages: which rule a page falls under, and that every place which names a page names its group."""

import json
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pixelstat.enrich.page_groups import ORIGINAL_PAGE, PageGroups, group_pages
from pixelstat.reports.views import views
from tests.builders import MIDNIGHT, distinct_events, hit, log, view
from tests.run import csv_rows, run_in_process


def made_of(*rules: tuple[str, str]) -> PageGroups:
    groups = PageGroups()
    for pattern, name in rules:
        groups.add(pattern, name)
    return groups


# -- which rule ----------------------------------------------------------------------------------------------------

FITS = {
    "/cart": ["/cart"],
    "/products/*": ["/products/", "/products/kettle", "/products/mugs/blue", "/products/a\nb"],
    "/products/:id": ["/products/kettle", "/products/*", "/products/:id", "/products/a b"],
    "/products/:id/reviews": ["/products/kettle/reviews"],
    "/:lang/cart": ["/de/cart", "/en/cart"],
    "/*": ["/", "/cart", "//"],
    "/*/": ["//", "/a/", "/a/b/"],
    "/a**b": ["/ab", "/a/x/b"],
    "/p/:id.html": ["/p/1.html", "/p/1.html.html"],
    "/p/:id*": ["/p/1", "/p/1/2", "/p/x.html"],
    "/*/:id/end": ["/a/b/end", "/a/b/c/end", "//c/end"],
    "/wiki/Talk:Main": ["/wiki/Talk:Main"],
    "/at/12:30": ["/at/12:30"],
    "/a.b+c(d)": ["/a.b+c(d)"],
    "/café": ["/café"],
}
FITS_NOT = {
    "/cart": ["/cart/", "/Cart", "/carts", "/my/cart", "cart", ""],
    "/products/*": ["/products", "/my/products/kettle", "/Products/kettle"],
    "/products/:id": ["/products/", "/products", "/products/mugs/blue", "/products/kettle/"],
    "/products/:id/reviews": ["/products//reviews", "/products/a/b/reviews", "/products/kettle/reviews/1"],
    "/:lang/cart": ["/cart", "//cart", "/de/at/cart"],
    "/*": ["", "cart"],
    "/*/": ["/", "/a"],
    "/a**b": ["/a", "/abc"],
    "/p/:id.html": ["/p/.html", "/p/a/b.html", "/p/1xhtml"],
    "/p/:id*": ["/p/", "/p"],
    "/*/:id/end": ["/a/end", "/a//end", "/a/b/end/"],
    "/wiki/Talk:Main": ["/wiki/Talk:Page"],
    "/at/12:30": ["/at/12:31"],
    "/a.b+c(d)": ["/axbc(d)"],
    "/café": ["/caf%C3%A9"],
}


@pytest.mark.parametrize("pattern", FITS)
def test_a_pattern_fits_these_pages_and_not_those(pattern: str) -> None:
    groups = made_of((pattern, "the group"))
    assert [page for page in FITS[pattern] if groups.group_of(page) != "the group"] == []
    assert [groups.group_of(page) for page in FITS_NOT[pattern]] == FITS_NOT[pattern]


def test_the_first_pattern_that_fits_wins_however_its_text_begins() -> None:
    groups = made_of(("/products/sale", "sale"), ("/*/new", "new"), ("/products/*", "product"), ("/:any", "other"))
    pages = ["/products/sale", "/products/new", "/products/kettle", "/products", "/", "/a/b"]
    assert [groups.group_of(page) for page in pages] == ["sale", "new", "product", "other", "/", "/a/b"]
    assert made_of(("/*", "all"), ("/cart", "cart")).group_of("/cart") == "all"


def fits(pattern: str, page: str, behind: str = "") -> bool:
    """Whether a pattern fits a page, by trying every way."""
    if not pattern:
        return not page
    if pattern.startswith("*"):
        return any(fits(pattern[1:], page[length:], "*") for length in range(len(page) + 1))
    if behind == "/" and re.match(":[xab]", pattern):
        rest = pattern[1:].lstrip("xab")
        return any("/" not in page[:length] and fits(rest, page[length:], "x") for length in range(1, len(page) + 1))
    return page[:1] == pattern[0] and fits(pattern[1:], page[1:], pattern[0])


PATTERNS = st.lists(st.sampled_from(["/", "/:x", "*", "a", "b", ":", "."]), max_size=7).map(lambda parts: "/" + "".join(parts))  # fmt: skip
PAGES = st.text("/ab:.x\n", max_size=10).map(lambda text: f"/{text}")


def shape(pattern: str) -> str:
    """What two patterns share that fit the same pages: all but the names of parameters."""
    return re.sub("(?<=/):[xab]+", ":x", pattern)


@pytest.mark.slow
@given(st.lists(PATTERNS, min_size=1, max_size=6, unique_by=shape), st.lists(PAGES, min_size=1, max_size=8))
@example(["/*/:x.a*b"], ["/a/b.a/ab", "/a/a.a.a/b", "/a/a/b"])
@example(["/:x.*/:x.b"], ["/a./a.b", "/b..a/a..b", "/a.b/.b"])
def test_the_group_of_a_page_is_that_of_a_plain_search(patterns: list[str], pages: list[str]) -> None:
    groups = made_of(*((pattern, pattern) for pattern in patterns))
    expected = [next((pattern for pattern in patterns if fits(pattern, page)), page) for page in pages]
    assert [groups.group_of(page) for page in pages] == expected


def test_no_page_makes_a_pattern_try_every_way() -> None:
    stars, segments = made_of(("/*a*a*a*a*a*a*b", "stars")), made_of(("/*/:x/*/:y/*/:z/b", "segments"))
    long = "/" + "a" * 200_000
    assert stars.group_of(long) == long  # tried every way, this would not end
    assert segments.group_of("/a" * 200_000) == "/a" * 200_000


# -- the stage -----------------------------------------------------------------------------------------------------


def views_of(*pages: str | None) -> pl.LazyFrame:
    """EVENTS of one visitor's page views."""
    row = {"time": MIDNIGHT, "event": "page_view", "visitor": "v:ann"}
    return distinct_events({**row, "page": page} for page in pages)


def test_a_page_has_its_group_beside_its_original_and_a_null_page_has_none() -> None:
    pages = ["/products/kettle", None, "/about", "/products/\ufffd", "", "/products/" + "x" * 1_000_000]
    found = group_pages(views_of(*pages), made_of(("/products/:id", "product"))).select("page", ORIGINAL_PAGE).collect()
    assert found["page"].to_list() == ["product", None, "/about", "product", "", "product"]
    assert found[ORIGINAL_PAGE].to_list() == pages
    assert group_pages(views_of(), made_of(("/a", "b"))).collect().is_empty()
    assert group_pages(views_of(None), made_of(("/a", "b"))).collect()["page"].to_list() == [None]


class Counting(PageGroups):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def group_of(self, page: str) -> str:
        self.seen.append(page)
        return super().group_of(page)


def test_each_distinct_page_is_grouped_once_and_only_where_pages_are_used() -> None:
    groups = Counting()
    groups.add("/products/*", "product")
    rows = group_pages(views_of(*["/a", "/b", "/products/a"] * 50), groups)
    assert rows.select("visitor", "time").collect().height == 150
    assert groups.seen == []
    found = views.compute(rows, by=(), top=0, every=None).collect()
    assert found.rows() == [("/a", 50, 1), ("/b", 50, 1), ("product", 50, 1)]
    assert sorted(groups.seen) == ["/a", "/b", "/products/a"]


# -- the program ---------------------------------------------------------------------------------------------------

STORY = (
    view("ann", "/", "10:00"),
    view("ann", "/products/kettle", "10:01"),
    view("ann", "/products/mugs", "10:02"),
    view("ann", "/cart", "10:03"),
    hit("ann", "checkout", "10:04", p="/checkout/pay"),
    view("ben", "/products/kettle?colour=red", "10:00"),
    view("ben", "/checkout/address", "10:05"),
    view("ben", "/checkout/pay", "10:06"),
)
RULES = "# groups of the shop\n\n  /products/:id -> product page\n/checkout/*->checkout\r\n/:page\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "access.log").write_text(log(*STORY))
    (tmp_path / "groups").write_text(RULES)
    return tmp_path


def rows(folder: Path, *arguments: str, by: str = "groups") -> list[dict[str, str]]:
    return csv_rows(run_in_process(folder, *arguments, "access.log", "-q", "--group-pages", by))


def counts(folder: Path, *arguments: str, by: str = "groups") -> list[tuple[str, ...]]:
    return [tuple(row.values())[:3] for row in rows(folder, *arguments, by=by)]


BY_GROUP = [("product page", "3", "2"), ("checkout", "2", "1"), ("/", "1", "1"), ("/:page", "1", "1")]


def test_views_are_by_group(folder: Path) -> None:
    assert counts(folder, "views") == BY_GROUP


@pytest.mark.slow
def test_rules_of_page_groups_are_read_from_a_file_or_the_config(folder: Path) -> None:
    (folder / "pixelstat.toml").write_text(
        '[page_groups]\n"/products/:id" = "product page"\n"/checkout/*" = "checkout"\n"/:page" = "/:page"\n'
    )
    assert counts(folder, "views", by="toml") == BY_GROUP
    (folder / "groups").write_text("\ufeff/* -> all\n")
    assert counts(folder, "views") == [("all", "7", "2")]
    assert run_in_process(folder, "views", "access.log", "-q").stdout.count("\n") == 7, "nobody asks for groups here"


@pytest.mark.slow
def test_visits_begin_and_end_with_groups(folder: Path) -> None:
    assert counts(folder, "visits", "--by", "entry_page") == [("/", "1", "1"), ("product page", "1", "1")]
    assert counts(folder, "visits", "--by", "exit_page") == [("/:page", "1", "1"), ("checkout", "1", "1")]


@pytest.mark.slow
def test_conditions_and_columns_name_groups(folder: Path) -> None:
    assert counts(folder, "views", "--where", "page = 'product page'") == [("product page", "3", "2")]
    assert counts(folder, "views", "--where", "entry_page = 'product page'") == [
        ("checkout", "2", "1"),
        ("product page", "1", "1"),
    ]
    assert [row["page"] for row in rows(folder, "sources", "--by", "page")] == [
        "checkout",
        "product page",
        "/",
        "/:page",
    ]


@pytest.mark.slow
def test_the_summary_ranks_groups(folder: Path) -> None:
    pages = [(row["name"], row["value"]) for row in rows(folder, "summary") if row["section"] == "pages"]
    assert pages == [("product page", "3"), ("checkout", "2"), ("/", "1"), ("/:page", "1")]


def test_two_periods_are_compared_by_group(folder: Path) -> None:
    (folder / "access.log").write_text(log(view("ann", "/products/a", "10:00"), *STORY[5:6]))
    [row] = rows(folder, "views", "--since", "2026-09-07", "--until", "2026-09-07", "--compare", "previous")
    assert (row["page"], row["views"], row["previous_views"]) == ("product page", "2", "0")


STEPS = {
    "/,/products/*,/cart": [("/", 1), ("/products/*", 1), ("/cart", 1)],  # the pages themselves
    "/products/kettle,/products/mugs": [("/products/kettle", 2), ("/products/mugs", 1)],
    "product page,product page,/cart": [("product page", 2), ("product page", 1), ("/cart", 1)],
    "look: product page,pay: /checkout/pay": [("look", 2), ("pay", 1)],
    "/products/kettle,checkout": [("/products/kettle", 2), ("checkout", 1)],  # ben's page, not ann's event
    "/products/kettle,event = 'checkout'": [("/products/kettle", 2), ("event = 'checkout'", 1)],
    "begin_checkout": [("begin_checkout", 1)],  # no group's name: ann's event
    "/:page": [("/:page", 1)],
    "page = 'product page'": [("page = 'product page'", 2)],
}


@pytest.mark.slow
@pytest.mark.parametrize("steps", STEPS)
def test_a_step_is_a_page_itself_or_a_group_by_its_name(steps: str, folder: Path) -> None:
    found = rows(folder, "funnel", "--steps", steps)
    assert [(row["name"], int(row["visitors"])) for row in found] == STEPS[steps]


def test_a_step_named_like_an_event_and_a_group_is_the_group_with_a_warning(folder: Path) -> None:
    finished = run_in_process(folder, "funnel", "access.log", "--steps", "checkout,purchase", "--group-pages", "groups")
    said = "'checkout' means the page group of that name. For the event: --step \"event = 'checkout'\""
    assert [line for line in finished.stderr.splitlines() if "means the page group" in line] == [said]


@pytest.mark.slow
def test_groups_with_colons_and_quotes_in_their_names_are_steps(folder: Path) -> None:
    (folder / "groups").write_text("/products/* -> shop: product\n/cart -> the 'basket' (=cart)\n")
    found = rows(folder, "funnel", "--step", "shop: product", "--step", "the 'basket' (=cart)")
    assert [(row["name"], row["visitors"]) for row in found] == [
        ("shop: product", "2"),
        ("the 'basket' (=cart)", "1"),
    ]


@pytest.mark.slow
def test_goals_and_funnels_name_pages_themselves_and_groups(folder: Path) -> None:
    (folder / "pixelstat.toml").write_text(
        '[goals]\npaid = "/checkout/pay"\nlooked = "product page"\n[funnels]\nway = ["looked", "paid"]\n'
    )
    assert [row["visitors"] for row in rows(folder, "funnel", "--funnel", "way")] == ["2", "1"]
    goals = {row["name"]: row["value"] for row in rows(folder, "summary") if row["unit"] == "conversions"}
    assert goals == {"paid": "1", "looked": "3"}


@pytest.mark.slow
def test_a_funnel_by_a_column_and_one_of_usual_steps_work_on_groups(folder: Path) -> None:
    found = rows(folder, "funnel", "--steps", "/products/*,/checkout/*", "--by", "page")
    assert [(row["page"], row["visitors"]) for row in found] == [
        ("/", "1"), ("/", "0"), ("product page", "1"), ("product page", "1"),
    ]  # fmt: skip
    assert [(row["name"], row["visitors"]) for row in rows(folder, "funnel")] == [("page_view", "2"), ("checkout", "1")]


@pytest.mark.slow
def test_exported_events_have_groups_or_are_grouped_when_read(folder: Path) -> None:
    written = run_in_process(
        folder, "events", "access.log", "-q", "--group-pages", "groups", "-o", "grouped.parquet", "--reveal-ids"
    )
    assert written.exit == 0, written.stderr
    assert run_in_process(folder, "events", "access.log", "-q", "-o", "plain.parquet").exit == 0
    assert ORIGINAL_PAGE not in pl.read_parquet(folder / "grouped.parquet").columns
    for arguments in (["grouped.parquet"], ["plain.parquet", "--group-pages", "groups"]):
        found = run_in_process(folder, "views", "-q", "--format", "json", *arguments).stdout
        assert [(row["page"], str(row["views"]), str(row["visitors"])) for row in json.loads(found)] == BY_GROUP
    steps = ["funnel", "plain.parquet", "--group-pages", "groups", "--steps", "/products/kettle,checkout", "-q"]
    assert "\n2,checkout,1," in run_in_process(folder, *steps).stdout


@pytest.mark.slow
def test_explain_shows_the_group_and_conditions_on_it_hold(folder: Path) -> None:
    line = ["views", "--explain", "access.log:2", "--group-pages", "groups"]
    finished = run_in_process(folder, *line, "--where", "page = 'product page'")
    said = dict(re.split(" {2,}", line) for line in finished.stdout.splitlines())
    assert (said["event: page"], said["result"]) == ("product page", "counted")
    assert "excluded" in run_in_process(folder, *line, "--where", "page = '/products/kettle'").stdout


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["/", "/p/1", "/p/2", "/q"])), max_size=12))
def test_grouping_only_adds_rows_up(seen: Sequence[tuple[str, str]]) -> None:
    time = datetime(2026, 9, 7, tzinfo=timezone.utc)
    full = [{"time": time, "event": "page_view", "visitor": visitor, "page": page} for visitor, page in seen]
    lazy = group_pages(distinct_events(full), made_of(("/p/:id", "p"), ("/q", "p")))
    names = {page: "p" if page != "/" else page for _, page in seen}
    expected = {
        name: (
            sum(names[page] == name for _, page in seen),
            len({visitor for visitor, page in seen if names[page] == name}),
        )
        for name in names.values()
    }
    found = views.compute(lazy, by=(), top=0, every=None).collect()
    assert {page: tuple(measures) for page, *measures in found.rows()} == expected


# -- what is no rule -----------------------------------------------------------------------------------------------

HINT = "\n\nWrite one rule per line, such as /products/* -> product page\n"
WRONG = {
    b"": f"Error: groups contains no rule.{HINT}",
    b"# nothing\n\n": f"Error: groups contains no rule.{HINT}",
    b"\nproducts/* -> product": f"Error: groups, line 2: 'products/* -> product' does not start with /.{HINT}",
    b"* -> all": f"Error: groups, line 1: '* -> all' does not start with /.{HINT}",
    b"-> all": f"Error: groups, line 1: '-> all' does not start with /.{HINT}",
    b"/cart ->": f"Error: groups, line 1: '/cart ->' has no group name.{HINT}",
    b"/cart cart": f"Error: groups, line 1: '/cart cart' has no -> between pattern and name.{HINT}",
    b"/cart => cart": f"Error: groups, line 1: '/cart => cart' has no -> between pattern and name.{HINT}",
    b"/a -> b\n/c -> d\n/a -> e": f"Error: groups, line 3: '/a -> e' matches the same pages as '/a' above.{HINT}",
    b"/p/:id -> b\n/p/:x": f"Error: groups, line 2: '/p/:x' matches the same pages as '/p/:id' above.{HINT}",
    b"/caf\xe9 -> caf": f"Error: groups cannot be read: it is not UTF-8 text.{HINT}",
}


@pytest.mark.parametrize("content", WRONG)
def test_a_line_that_is_not_a_rule_is_an_error_with_its_number(content: bytes, folder: Path) -> None:
    (folder / "groups").write_bytes(content)
    finished = run_in_process(folder, "views", "access.log", "--group-pages", "groups")
    assert (finished.exit, finished.stdout, finished.stderr) == (2, "", WRONG[content])


@pytest.mark.parametrize(
    ("named", "reason"),
    [("nowhere", "No such file or directory"), (".", "Is a directory"), ("", "Is a directory")],
)
def test_a_missing_file_of_page_groups_is_an_error(named: str, reason: str, folder: Path) -> None:
    finished = run_in_process(folder, "views", "access.log", "--group-pages", named)
    assert (finished.exit, finished.stdout) == (2, "")
    assert f"cannot be read: {reason}." in finished.stderr


def test_a_missing_table_of_page_groups_is_an_error_that_shows_one(folder: Path) -> None:
    asked = ["views", "access.log", "--group-pages", "toml"]
    assert "There is no pixelstat.toml in this folder or above." in run_in_process(folder, *asked).stderr
    (folder / "own.toml").write_text("[page_groups]\n")
    for arguments in ([*asked, "--config", "own.toml"], ["views", "--config", "own.toml", *asked[1:]]):
        finished = run_in_process(folder, *arguments)
        assert (finished.exit, finished.stdout) == (2, "")
        assert "own.toml has no table [page_groups]." in finished.stderr
        assert '    [page_groups]\n    "/products/*" = "product page"\n' in finished.stderr


WRONG_TABLES = {
    '[page_groups]\n\n"products/*" = "x"': "pixelstat.toml, line 3: products/* does not start with /.",
    '[page_groups]\n"/a" = 5': "pixelstat.toml, line 2: /a has no group name.",
    '[page_groups]\n"/a" = " "': "pixelstat.toml, line 2: /a has no group name.",
    '[page_groups]\n"/p/:a" = "x"\n"/p/:b" = "y"': "pixelstat.toml, line 3: /p/:b matches the same pages as '/p/:a' above.",
    'page_groups = ["/a"]': "pixelstat.toml, line 1: page_groups must be a table.",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG_TABLES)
def test_a_wrong_rule_in_the_config_is_an_error_with_its_line(text: str, folder: Path) -> None:
    (folder / "pixelstat.toml").write_text(text)
    finished = run_in_process(folder, "views", "access.log")
    assert (finished.exit, finished.stdout) == (2, "")
    assert WRONG_TABLES[text] in finished.stderr
