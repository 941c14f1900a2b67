"""The return on spend: a plain loop on random logs, small cases by hand, the truth of the sample logs, and bad input."""

import csv
import json
import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from math import ceil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pixelstat.analysis.attribution import MODELS
from pixelstat.analysis.experiments import compute_visitors_needed
from tests.builders import DAY, bought, hit, log
from tests.marks import slow_after
from tests.random_logs import read_plainly, write_random_log
from tests.reports.test_attribution import attribute_plainly, find_touches
from tests.run import Finished, csv_rows, run_in_process

SAMPLE = Path(__file__).parents[2] / "sample_logs"
LOGS = [str(path) for path in sorted(SAMPLE.glob("access.log*"))]
HEADER = "date,campaign,spend,currency,impressions,clicks"
DIRECT = "(direct)"


def run_roi(folder: Path, *options: str, log_name: str = "access.log") -> Finished:
    return run_in_process(folder, "roi", log_name, "--spend", "spend.csv", *options)


def ask(folder: Path, *options: str) -> dict[str, dict[str, str]]:
    """The rows by their campaign, for which there is one row each."""
    rows = csv_rows(run_roi(folder, "-q", *options))
    by_name = {row["utm_campaign"]: row for row in rows}
    assert len(by_name) == len(rows)
    return by_name


def read_warnings(finished: Finished) -> list[str]:
    return [line.removeprefix("Warning: ") for line in finished.stderr.splitlines() if line.startswith("Warning: ")]


def read_notes(folder: Path, *options: str) -> str:
    """What stands below the table, in one line."""
    finished = run_roi(folder, "--format", "table", *options)
    assert finished.exit == 0, finished.stderr
    return " ".join(finished.stdout.split())


def visit(visitor: str, clock: str, campaign: str = "", *, day: str = DAY) -> str:
    fields = {"utm_source": "x", "utm_medium": "cpc", "utm_campaign": campaign} if campaign else {}
    return hit(visitor, "page_view", clock, day=day, **fields)  # type: ignore[arg-type]


def write_spend(folder: Path, *rows: str, header: str = HEADER) -> None:
    (folder / "spend.csv").write_text("\n".join([header, *rows]) + "\n")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Three visitors of `spring`, of whom two buy, and one again; one of `autumn`; and one direct, who buys."""
    lines = [
        visit("ann", "01:00", "spring"), bought("ann", "01:01", "1", "30"),
        visit("ben", "02:00", "spring"), bought("ben", "02:01", "2", "50"),
        visit("cy", "03:00", "spring"), visit("dan", "04:00", "autumn"), visit("eve", "05:00"),
        bought("eve", "05:01", "3", "7"), bought("ann", "06:00", "4", "20"), hit("ben", "refund", "07:00", oid="2"),
    ]  # fmt: skip
    (tmp_path / "access.log").write_text(log(*lines))
    write_spend(tmp_path, f"{DAY},spring,40,EUR,2000,5", f"{DAY},autumn,10,EUR,,")
    return tmp_path


# -- a plain loop ------------------------------------------------------------------------------------------------------


def write_random_spend(folder: Path, seed: int) -> list[tuple[date, str, float]]:
    """Spend of four days on sources in several spellings, of which one has no visits."""
    dice = random.Random(seed)
    rows = [
        (
            date(2026, 9, dice.randint(6, 9)),
            dice.choice(["news", " News", "face", "FACE ", "radio"]),
            dice.randint(-9, 99),
        )
        for _ in range(20)
    ]
    write_spend(
        folder, *(f"{day},{source},{spend},EUR" for day, source, spend in rows), header="date,source,spend,currency"
    )
    return [(day, source.strip().lower(), float(spend)) for day, source, spend in rows]


@pytest.mark.parametrize("seed", slow_after(1, range(4)))
@pytest.mark.parametrize("model", slow_after(1, ["last_non_direct", "first", "linear"]))
def test_figures_equal_a_plain_loop(model: str, seed: int, tmp_path: Path) -> None:
    lines = write_random_log(seed)
    (tmp_path / "access.log").write_text("".join(lines))
    spend: dict[str, float] = defaultdict(float)
    days = sorted({date(2026, 9, int(line.split("[")[1][:2])) for line in lines})
    for day, source, amount in write_random_spend(tmp_path, seed):
        if days[0] <= day <= days[-1]:
            spend[source] += amount
    hits = read_plainly(lines)
    credit = attribute_plainly(hits, model, timedelta(days=30))
    touches = [source for own in find_touches(hits).values() for _, source in own]
    rows = {row["source"]: row for row in csv_rows(run_roi(tmp_path, "-q", "--model", model))}
    assert {*rows} == {*spend, *credit, *touches}
    for source, row in rows.items():
        orders, revenue = credit.get(source, (0, 0))
        assert int(row["visits"]) == touches.count(source)
        assert float(row["conversions"]) == pytest.approx(orders)
        assert float(row["revenue"] or 0) == pytest.approx(revenue)
        assert row["spend"] == (str(spend[source]) if source in spend else "")
        for name, divisor in (("cpa", orders), ("cost_per_visit", touches.count(source))):
            is_known = spend.get(source, 0) > 0 and divisor
            assert (float(row[name]) if row[name] else None) == (
                pytest.approx(spend[source] / divisor) if is_known else None
            )
        assert (row["roas"] != "") == (spend.get(source, 0) > 0)
        if row["roas"]:
            assert float(row["roas"]) == pytest.approx(revenue / spend[source])
    firsts: dict[str, Any] = {}
    for event in sorted((event for event in hits if event.order and not event.is_bot), key=lambda event: event.time):
        firsts.setdefault(event.visitor, event)
    assert sum(float(row["new_customers"]) for row in rows.values()) == pytest.approx(len(firsts))


def test_neither_the_order_of_the_logs_nor_their_parts_matter(tmp_path: Path) -> None:
    lines = write_random_log(7)
    write_random_spend(tmp_path, 7)
    (tmp_path / "access.log").write_text("".join(lines))
    (tmp_path / "a.log").write_text("".join(lines[60:]))
    (tmp_path / "b.log").write_text("".join(lines[:60]))
    whole = run_roi(tmp_path, "-q", "--model", "time_decay").stdout
    parts = run_in_process(
        tmp_path, "roi", "a.log", "b.log", "--spend", "spend.csv", "-q", "--model", "time_decay"
    ).stdout
    assert whole == parts
    assert "roas_low" in whole


# -- cases by hand -----------------------------------------------------------------------------------------------------


def test_each_figure_is_what_its_name_says(shop: Path) -> None:
    rows = ask(shop, "--margin", "50%")
    assert [*rows] == ["spring", "autumn", ""]
    shown = {name: value for name, value in rows["spring"].items() if not name.endswith(("_low", "_high"))}
    assert shown == {
        "utm_campaign": "spring", "visits": "3", "conversions": "3", "new_customers": "2", "currency": "EUR",
        "spend": "40.0", "immature_spend": "0.0", "impressions": "2000", "clicks": "5", "revenue": "100.0",
        "net_revenue": "50.0", "cpm": "20.0", "cpc": "8.0", "cost_per_visit": str(40 / 3), "cpa": str(40 / 3),
        "cac": "20.0", "roas": "2.5", "roi": "0.25",
    }  # fmt: skip


def test_without_conversions_nothing_is_divided_by_zero(shop: Path) -> None:
    row = ask(shop)["autumn"]
    assert (row["conversions"], row["revenue"], row["cpa"], row["cac"], row["roas"]) == ("0", "0.0", "", "", "0.0")
    assert (row["cpm"], row["cpc"], row["cost_per_visit"], row["roi"]) == ("", "", "10.0", "")
    assert (row["conversions_low"], row["roas_low"]) == ("", "")


def test_a_group_without_spend_data_has_no_spend_of_zero(shop: Path) -> None:
    row = ask(shop)[""]
    assert (row["visits"], row["conversions"], row["revenue"]) == ("3", "1", "7.0")
    assert (row["spend"], row["cpa"], row["roas"]) == ("", "", "")


def test_spend_of_zero_or_less_has_no_return(shop: Path) -> None:
    write_spend(shop, f"{DAY},spring,0,EUR,100,5", f"{DAY},autumn,-10,EUR,,")
    rows = ask(shop, "--margin", "40%")
    assert (rows["spring"]["spend"], rows["spring"]["roas"], rows["spring"]["roi"]) == ("0.0", "", "")
    assert (rows["autumn"]["spend"], rows["autumn"]["cost_per_visit"]) == ("-10.0", "")


def test_a_credit_is_subtracted(shop: Path) -> None:
    write_spend(shop, f"{DAY},spring,50,EUR,,", f"{DAY},spring,-10,EUR,,")
    assert ask(shop)["spring"]["roas"] == "2.5"
    assert "1 row is a credit" in read_notes(shop)


def test_names_join_whatever_their_case_and_blanks(shop: Path) -> None:
    write_spend(shop, f"{DAY}, SPRING ,30,EUR,,", f"{DAY},Spring,10,EUR,,")
    assert ask(shop)["spring"]["spend"] == "40.0"


def test_a_similar_name_is_suggested_and_not_used(shop: Path) -> None:
    write_spend(shop, f"{DAY},sprimg,40,EUR,,")
    finished = run_roi(shop)
    assert read_warnings(finished) == ["no visit belongs to the spend of sprimg. Did you mean spring?"]
    rows = ask(shop)
    assert (rows["sprimg"]["visits"], rows["sprimg"]["spend"], rows["spring"]["spend"]) == ("0", "40.0", "")


def test_spend_that_names_nothing_is_not_that_of_direct_visits(shop: Path) -> None:
    write_spend(shop, f"{DAY},,40,EUR,,", f"{DAY},spring,1,EUR,,")
    rows = ask(shop)
    assert (rows["(not named)"]["visits"], rows["(not named)"]["spend"], rows[""]["spend"]) == ("0", "40.0", "")


def test_a_missing_name_joins_beside_another_name(shop: Path) -> None:
    write_spend(shop, f"{DAY},Direct,,40", f"{DAY},Paid Search,spring,5", header="date,channel,campaign,spend")
    rows = csv_rows(run_roi(shop, "-q"))
    assert [(row["channel"], row["utm_campaign"], row["visits"], row["spend"]) for row in rows[:2]] == [
        ("Direct", "", "3", "40.0"),
        ("Paid Search", "spring", "0", "5.0"),
    ]
    assert csv_rows(run_roi(shop, "-q", "--by", "channel"))[0]["channel"] == "Direct"


def test_all_groups_with_spend_are_shown_and_top_limits_the_others(shop: Path) -> None:
    extra = [visit(f"v{number}", "08:00", f"c{number}") for number in range(5)]
    (shop / "access.log").write_text((shop / "access.log").read_text() + log(*extra))
    rows = csv_rows(run_roi(shop, "-q", "--top", "2"))
    names = [row["utm_campaign"] for row in rows]
    assert names[:2] == ["spring", "autumn"]
    assert (len(names), names[-1], rows[-1]["visits"]) == (5, "(other)", "4")
    assert sum(int(row["visits"]) for row in rows) == 12
    assert len(csv_rows(run_roi(shop, "-q", "--top", "0"))) == 8


# -- days --------------------------------------------------------------------------------------------------------------


def test_spend_on_other_days_is_left_out_and_named(shop: Path) -> None:
    write_spend(shop, f"{DAY},spring,40,EUR,,", "2026-09-06,spring,5,EUR,,", "2026-09-20,spring,6,EUR,,")
    assert ask(shop)["spring"]["spend"] == "40.0"
    assert "Spend on 2 days outside of 2026-09-07 to 2026-09-07 is left out: 11.00 EUR." in read_notes(shop)


def test_days_begin_in_the_time_zone_of_the_report(shop: Path) -> None:
    write_spend(shop, f"{DAY},spring,40,EUR,,", "2026-09-06,spring,5,EUR,,")
    assert ask(shop, "--tz", "America/New_York")["spring"]["spend"] == "45.0"


def test_touches_before_the_period_count_and_orders_before_it_do_not(tmp_path: Path) -> None:
    lines = [
        visit("ann", "01:00", "spring", day="2026-09-05"), bought("ann", "01:05", "1", "30", day="2026-09-05"),
        visit("ben", "01:00", "spring", day="2026-09-05"), visit("ann", "02:00", day="2026-09-08"),
        bought("ann", "02:01", "2", "50", day="2026-09-08"), visit("ben", "02:02", day="2026-09-08"),
        bought("ben", "02:03", "3", "70", day="2026-09-08"),
    ]  # fmt: skip
    (tmp_path / "access.log").write_text(log(*lines))
    write_spend(tmp_path, *(f"2026-09-0{day},spring,1{day},EUR,," for day in range(4, 10)))
    row = ask(tmp_path, "--since", "2026-09-08")["spring"]
    assert (row["visits"], row["conversions"], row["revenue"], row["new_customers"]) == ("0", "2", "120.0", "1")
    assert row["spend"] == "18.0"
    assert read_warnings(run_roi(tmp_path, "--since", "2026-09-08")) == []
    assert "spring" in ask(tmp_path, "--since", "2026-09-08", "--lookback", "1d")
    assert ask(tmp_path, "--since", "2026-09-08", "--lookback", "1d")["spring"]["conversions"] == "0"


def test_a_file_of_other_days_is_told(shop: Path) -> None:
    write_spend(shop, "2026-01-01,spring,40,EUR,,", "2026-01-31,spring,40,EUR,,")
    words = "no day of the spend (2026-01-01 to 2026-01-31) is a day of the report (2026-09-07 to 2026-09-07)."
    assert read_warnings(run_roi(shop)) == [words]
    assert ask(shop)["spring"]["spend"] == ""


def test_days_younger_than_four_of_five_waits_are_immature(tmp_path: Path) -> None:
    lines = [visit("end", "23:59", day="2026-09-10")]
    for number, wait in enumerate((0, 1, 1, 2, 3)):  # the 80th percentile is 2.2 days
        lines.append(visit(f"v{number}", "12:00", "spring"))
        day = date.fromisoformat(DAY) + timedelta(days=wait)
        lines.append(bought(f"v{number}", "12:00", str(number), "9", day=str(day)))
    (tmp_path / "access.log").write_text(log(*sorted(lines, key=lambda line: line.split("[")[1])))
    write_spend(tmp_path, *(f"2026-09-{day:02},spring,{day},EUR,," for day in range(7, 11)))
    row = ask(tmp_path)["spring"]
    assert (row["spend"], row["immature_spend"]) == ("34.0", "19.0")
    assert "come more than 53h after the first touch. Spend from 2026-09-09 on" in read_notes(tmp_path)
    assert "may still earn more: 19.00 EUR (56%)." in read_notes(tmp_path)
    row = ask(tmp_path, "--until", "2026-09-09")["spring"]  # what comes later does not count: 1.4 days
    assert (row["spend"], row["immature_spend"]) == ("24.0", "9.0")


# -- money -------------------------------------------------------------------------------------------------------------


def test_amounts_of_two_currencies_have_rows_of_their_own(shop: Path) -> None:
    write_spend(shop, f"{DAY},spring,40,EUR,,", f"{DAY},spring,10,USD,,")
    finished = run_roi(shop)
    rows = [(row["currency"], row["spend"], row["conversions"], row["revenue"], row["roas"])
            for row in csv_rows(run_roi(shop, "-q")) if row["utm_campaign"] == "spring"]  # fmt: skip
    assert rows == [("EUR", "40.0", "3", "100.0", "2.5"), ("USD", "10.0", "3", "", "")]
    assert "there are amounts in EUR and USD, which are never added or compared." in finished.stderr


def test_spend_is_converted_at_the_rate_of_its_day(shop: Path) -> None:
    write_spend(shop, f"{DAY},spring,40,USD,,")
    (shop / "rates.csv").write_text("currency,rate,date\nEUR,1,2026-01-01\nUSD,0.5,2026-09-07\nUSD,0.1,2026-09-08\n")
    row = ask(shop, "--currency", "EUR", "--rates", "rates.csv")["spring"]
    assert (row["currency"], row["spend"], row["roas"]) == ("EUR", "20.0", "5.0")
    assert "Amounts are converted to EUR: 1 USD = 0.1 to 0.5 EUR" in read_notes(
        shop, "--currency", "EUR", "--rates", "rates.csv"
    )


def test_spend_without_a_currency_has_the_only_one_of_the_orders(shop: Path) -> None:
    write_spend(shop, f"{DAY},spring,40", header="date,campaign,spend")
    assert read_warnings(run_roi(shop))[0].startswith("spend without a currency is taken as EUR")
    assert ask(shop)["spring"]["roas"] == "2.5"
    write_spend(shop, f"{DAY},spring,$40", header="date,campaign,spend")
    rows = csv_rows(run_roi(shop, "-q"))
    assert [(row["currency"], row["roas"]) for row in rows if row["utm_campaign"] == "spring"] == [
        ("EUR", ""),
        ("", ""),
    ]


def test_orders_without_a_currency_have_the_only_one_of_the_spend(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(
        log(visit("ann", "01:00", "spring"), bought("ann", "01:01", "1", "30", cur=""))
    )
    write_spend(tmp_path, f"{DAY},spring,10,EUR,,")
    assert ask(tmp_path)["spring"]["roas"] == "3.0"


# -- models and certainty ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_ranks_are_those_of_the_single_models(tmp_path: Path) -> None:
    lines = write_random_log(3)
    (tmp_path / "access.log").write_text("".join(lines))
    rows = ["2026-09-08,news,50,EUR", "2026-09-08,face,40,EUR", "2026-09-08,radio,5,EUR"]
    write_spend(tmp_path, *rows, header="date,source,spend,currency")
    ranks = csv_rows(run_roi(tmp_path, "-q", "--sensitivity"))
    assert len(ranks) == 3 * len(MODELS)
    for model in MODELS:
        alone = {row["source"]: row for row in csv_rows(run_roi(tmp_path, "-q", "--model", model)) if row["roas"]}
        shown = {row["source"]: row for row in ranks if row["model"] == model}
        returns = {name: pytest.approx(float(row["roas"])) for name, row in alone.items()}
        assert {name: float(row["roas"]) for name, row in shown.items()} == returns
        in_order = sorted(alone, key=lambda name: -float(alone[name]["roas"]))
        assert sorted(shown, key=lambda name: int(shown[name]["rank"])) == in_order
    assert "last non" in run_roi(tmp_path, "--sensitivity", "--format", "table").stdout


def test_an_interval_contains_its_figure(shop: Path) -> None:
    row = {
        name: float(value)
        for name, value in ask(shop)["spring"].items()
        if name not in ("utm_campaign", "currency", "roi")
    }
    for name in ("conversions", "revenue", "roas"):
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
    assert row["roas_high"] == pytest.approx(row["revenue_high"] / row["spend"])
    of_markov = ask(shop, "--model", "markov")["spring"]
    assert of_markov["roas"]
    assert (of_markov["roas_low"], of_markov["roas_high"]) == ("", "")


def test_a_note_says_how_large_a_holdout_is(shop: Path) -> None:
    needed = compute_visitors_needed(3 / 5, 0.1)
    assert needed
    assert f"A holdout would: {ceil(needed):,} visitors with ads" in read_notes(shop)
    assert "Attribution is not incrementality" in read_notes(shop)
    assert "4 of 4 conversions (100.0%) have a lookback that begins before the logs" in read_notes(shop)


def test_another_goal_can_be_counted(shop: Path) -> None:
    row = ask(shop, "--goal", "page_view")["spring"]
    assert (row["conversions"], row["new_customers"], row["revenue"], row["cpa"]) == ("3", "", "", str(40 / 3))


# -- files -------------------------------------------------------------------------------------------------------------


def test_the_spend_can_be_parquet_with_other_headings(shop: Path) -> None:
    frame = pl.DataFrame({"Tag": [date.fromisoformat(DAY)], "Budget": [40.0], "Kampagne": ["spring"]})
    frame.write_parquet(shop / "spend.parquet")
    columns = ("--spend-columns", "Budget=spend")
    finished = run_in_process(shop, "roi", "access.log", "--spend", "spend.parquet", *columns, "-q")
    assert csv_rows(finished)[0]["roas"] == "2.5"


BAD_FILES = [
    ("date,campaign\n2026-09-07,spring\n", [], "spend.csv has no column of spend that pixelstat knows."),
    ("date,spend\n2026-09-07,5\n", [], "spend.csv names no channel, source, medium or campaign for its spend."),
    (f"{HEADER}\n2026-09-07,spring,five,EUR,,\n", [], "spend.csv, line 2"),
    (f"{HEADER}\n2026-13-07,spring,5,EUR,,\n", [], "spend.csv, line 2"),
    (f"{HEADER}\n2026-09-07,spring,5,EURO,,\n", [], "spend.csv, line 2: 'EURO' is not the code of a currency."),
    (f"{HEADER}\n2026-09-07,spring\n", [], "spend.csv, line 2: the row has 2 fields, but there are 6 headings."),
    (f"{HEADER}\n2026-09-07,spring,5,EUR,,\n", ["--by", "channel"], "--by channel: spend.csv has no column of channel."),
    (f"{HEADER}\n2026-09-07,spring,5,EUR,,\n", ["--by", "page"], "'page' is not one of"),
    (f"{HEADER}\n2026-09-07,spring,5,EUR,,\n", ["--goal", "lead", "--goal", "purchase"], "roi counts one goal."),
    (f"{HEADER}\n2026-09-07,spring,5,EUR,,\n", ["--margin", "40"], "'40' has no percent sign. Try 40%."),
    (f"{HEADER}\n2026-09-07,spring,5,EUR,,\n", ["--spend-columns", "Cost=spend"], "has no column 'Cost'"),
    (f"{HEADER}\n2026-09-07,spring,5,EUR,,\n", ["--spend-columns", "nonsense"], "'nonsense' does not name a column."),
    (f"{HEADER}\n2026-09-07,spring,5,EUR,,\n", ["--sensitivity", "--since", "2026-09-07", "--compare", "previous"],
     "--sensitivity and --compare cannot be combined."),
    ("PK\x03\x04", [], "spend.csv is a workbook or a zip archive, not a CSV file."),
    ("", [], "spend.csv has no column of spend that pixelstat knows. It has nothing."),
    (None, [], "spend.csv cannot be read: No such file or directory."),
]  # fmt: skip


@pytest.mark.parametrize(("content", "options", "sentence"), BAD_FILES)
def test_bad_input_is_one_clear_error(content: str | None, options: list[str], sentence: str, shop: Path) -> None:
    (shop / "spend.csv").unlink()
    if content is not None:
        (shop / "spend.csv").write_text(content)
    finished = run_roi(shop, *options)
    assert (finished.exit, finished.stdout) == (2, "")
    assert sentence in " ".join(finished.stderr.split())


def test_without_spend_there_is_an_error(shop: Path) -> None:
    finished = run_in_process(shop, "roi", "access.log")
    assert (finished.exit, "Missing option '--spend'" in finished.stderr) == (2, True)


def test_a_file_without_rows_leaves_the_groups_of_the_log(shop: Path) -> None:
    write_spend(shop)
    assert {name: row["spend"] for name, row in ask(shop).items()} == {"spring": "", "autumn": "", "": ""}
    assert "the file has no rows" in read_notes(shop)


def test_an_empty_log_leaves_the_spend(shop: Path) -> None:
    (shop / "access.log").write_text("")
    assert {name: row["spend"] for name, row in ask(shop).items()} == {"spring": "40.0", "autumn": "10.0"}


# -- the sample logs ---------------------------------------------------------------------------------------------------

CHANNEL_OF_STORY = {
    "Direct": "direct", "Organic Search": "organic search", "Email": "newsletter", "Paid Search": "google ads",
    "Paid Social": "instagram ads", "Referral": "coffee blog",
}  # fmt: skip
SOURCE_OF_STORY = {"google ads": ("google", "cpc"), "instagram ads": ("instagram", "paid social"),
                   "newsletter": ("newsletter", "email")}  # fmt: skip


def read_truth() -> dict[str, dict[str, Any]]:
    truth: dict[str, dict[str, Any]] = json.loads((SAMPLE / "truth.json").read_text())
    return truth


def read_sample(report: str, *options: str) -> list[dict[str, str]]:
    return csv_rows(run_in_process(SAMPLE, report, *LOGS, "-q", *options))


def list_figures(groups: Iterable[dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [(group["buyers"], pytest.approx(group["revenue"])) for group in groups]


def test_the_return_of_the_sample_is_the_truth() -> None:
    truth = read_truth()
    rows = {(row["source"], row["medium"]): row for row in read_sample("roi", "--spend", "spend.csv")}
    assert {name: float(rows[key]["spend"]) for name, key in SOURCE_OF_STORY.items()} == truth["spend"]
    shown = [(float(rows[key]["conversions"]), float(rows[key]["revenue"])) for key in SOURCE_OF_STORY.values()]
    assert shown == list_figures(truth["channels"][name] for name in SOURCE_OF_STORY)
    assert [int(rows[key]["visits"]) for key in SOURCE_OF_STORY.values()] == [
        truth["channels"][name]["visitors"] for name in SOURCE_OF_STORY
    ]
    with (SAMPLE / "spend.csv").open(newline="") as file:
        clicks = sum(int(row["clicks"] or 0) for row in csv.DictReader(file))
    assert sum(int(row["clicks"] or 0) for row in rows.values()) == clicks


@pytest.mark.slow
def test_the_first_touch_of_the_sample_is_the_truth() -> None:
    truth = read_truth()["channels"]
    rows = {row["channel"]: row for row in read_sample("attribution", "--model", "first")}
    assert {*rows} == {*CHANNEL_OF_STORY}
    shown = [(float(rows[name]["conversions"]), float(rows[name]["revenue"])) for name in CHANNEL_OF_STORY]
    assert shown == list_figures(truth[name] for name in CHANNEL_OF_STORY.values())


@pytest.mark.slow
def test_the_variants_of_the_sample_are_the_truth() -> None:
    truth = read_truth()["variants"]
    rows = {row["variant"]: row for row in read_sample("experiment")}
    assert {name: int(row["visitors"]) for name, row in rows.items()} == {
        name: group["visitors"] for name, group in truth.items()
    }
    shown = [(int(rows[name]["converting_visitors"]), float(rows[name]["revenue"])) for name in truth]
    assert shown == list_figures(truth.values())
