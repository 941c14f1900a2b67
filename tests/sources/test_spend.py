"""Files of spend: what ad platforms and spreadsheets write, and every way of writing that wrong, by its line."""

import random
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pixelstat.analysis.orders import exact_sum
from pixelstat.errors import PixelstatError
from pixelstat.sources.spend import SPEND, SpendFile, read_spend
from pixelstat.sources.spend_headings import parse_spend_columns

MONDAY = date(2026, 9, 7)
TUESDAY = date(2026, 9, 8)
Days = list[tuple[Any, ...]]


def read(folder: Path, content: str | bytes, columns: Mapping[str, str] | None = None) -> SpendFile:
    path = folder / "spend.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_spend(str(path), columns)


def pick(file: SpendFile, *names: str) -> Days:
    assert file.frame.schema == SPEND
    return file.frame.select(names).rows()


GOOGLE = """Campaign report
"September 7, 2026 - September 8, 2026"
Day,Campaign,Currency code,Cost,Impr.,Clicks
2026-09-07,Spring,EUR,"1,234.50","12,345",81
2026-09-08,Spring,EUR,20.00,100, --
Total: Campaigns, --, --,"1,254.50","12,445",81
Total: Account, --, --,"1,254.50","12,445",81
"""
GOOGLE_DE = """Kampagnenbericht
"7. September 2026 - 8. September 2026"
Tag\tKampagne\tWährungscode\tKosten\tImpr.\tKlicks
07.09.2026\tFrühling\tEUR\t1.234,50\t12.345\t81
08.09.2026\tFrühling\tEUR\t20,00\t100\t --
Gesamt: Kampagnen\t --\t --\t1.254,50\t12.445\t81
"""
META = """"Campaign name","Day","Amount spent (EUR)","Impressions","Clicks (all)","Link clicks","Reporting starts","Reporting ends"
"","","1254.5","12445","99","81","2026-09-07","2026-09-08"
"Spring","2026-09-07","1234.5","12345","90","81","2026-09-07","2026-09-07"
"Spring","2026-09-08","20","100","9","","2026-09-08","2026-09-08"
"""
META_DE = """Kampagnenname;Tag;Ausgegebener Betrag (EUR);Impressionen;Link-Klicks;Auswertungsbeginn;Auswertungsende
Spring;2026-09-07;1234,50;12345;81;2026-09-07;2026-09-07
Spring;2026-09-08;20;100;;2026-09-08;2026-09-08
"""
MICROSOFT = """"Report Name: Campaign performance"
"Report Time: 9/7/2026 - 9/8/2026"
"Report Aggregation: Daily"
"Rows: 2"

"Gregorian date","Account name","Campaign name","Currency code","Spend","Impressions","Clicks"
"2026-09-07","Shop","Spring","EUR","1,234.50","12,345","81"
"2026-09-08","Shop","Spring","EUR","20.00","100",""
"Total","-","-","-","1,254.50","12,445","81"

"©2026 Microsoft Corporation. All rights reserved."
"""
MICROSOFT_DE = """Gregorianisches Datum,Kampagnenname,Währungscode,Ausgaben,Impressionen,Klicks
07.09.2026,Spring,EUR,"1.234,50",12.345,81
08.09.2026,Spring,EUR,"20,00",100,
"""
LINKEDIN = """Campaign Performance Report (in UTC)
Report Start: September 7, 2026
Date Generated: September 9, 2026

Start Date (in UTC)\tAccount Name\tCurrency\tCampaign Name\tTotal Spent\tImpressions\tClicks
09/07/2026\tShop\tEUR\tSpring\t1,234.50\t12,345\t81
09/08/2026\tShop\tEUR\tSpring\t20.00\t100\t-
09/13/2026\tShop\tEUR\tSpring\t0.00\t0\t0
"""
LINKEDIN_DE = """Startdatum (in UTC)\tWährung\tKampagnenname\tGesamtausgaben\tImpressionen\tKlicks
07.09.2026\tEUR\tSpring\t1.234,50\t12.345\t81
08.09.2026\tEUR\tSpring\t20,00\t100\t-
"""
TIKTOK = """Campaign name,By Day,Cost,Impressions,Clicks (destination),Currency
Spring,2026-09-07 00:00:00,1234.50,12345,81,EUR
Spring,2026-09-08 00:00:00,20.00,100,,EUR
Total of 1 results,-,1254.50,12445,81,EUR
"""
TIKTOK_DE = """Kampagnenname,Nach Tag,Kosten,Impressionen,Klicks (Ziel),Währung
Spring,2026-09-07,1234.50,12345,81,EUR
Spring,2026-09-08,20.00,100,,EUR
Gesamt von 1 Ergebnissen,-,1254.50,12445,81,EUR
"""
OWN = """date,channel,source,medium,campaign,spend,currency,impressions,clicks
2026-09-07,Paid Search,google,cpc,Spring,1234.50,eur,12345,81
2026-09-08,,,,Spring,20,EUR,100,
"""
EXPORTS = {
    "google": GOOGLE, "google_de": GOOGLE_DE, "meta": META, "meta_de": META_DE, "microsoft": MICROSOFT,
    "microsoft_de": MICROSOFT_DE, "linkedin": LINKEDIN, "linkedin_de": LINKEDIN_DE, "tiktok": TIKTOK,
    "tiktok_de": TIKTOK_DE, "own": OWN,
}  # fmt: skip
LEFT_OUT = {
    "google": "2 rows that are totals or footers are left out: line 6 ('Total: Campaigns'), line 7 ('Total: Account')",
    "google_de": "1 row that is a total or a footer is left out: line 6 ('Gesamt: Kampagnen')",
    "meta": "1 row that is a total or a footer is left out: line 2 ('1254.5')",
    "microsoft": "2 rows that are totals or footers are left out: line 9 ('Total'), "
    "line 11 ('©2026 Microsoft Corporation. All rights reserved.')",
    "tiktok": "1 row that is a total or a footer is left out: line 4 ('Total of 1 results')",
    "tiktok_de": "1 row that is a total or a footer is left out: line 4 ('Gesamt von 1 Ergebnissen')",
}


@pytest.mark.parametrize("name", EXPORTS)
def test_the_exports_of_ad_platforms_are_read_as_they_are(name: str, tmp_path: Path) -> None:
    file = read(tmp_path, EXPORTS[name])
    rows = [row for row in pick(file, "date", "spend", "currency", "impressions", "clicks") if row[1]]
    assert rows == [(MONDAY, 1234.5, "EUR", 12345, 81), (TUESDAY, 20.0, "EUR", 100, None)]
    assert {campaign for (campaign,) in pick(file, "campaign")} <= {"Spring", "Frühling"}
    assert [note for note in file.notes if "left out" in note] == ([LEFT_OUT[name]] if name in LEFT_OUT else [])


def test_our_own_names_are_read(tmp_path: Path) -> None:
    assert pick(read(tmp_path, OWN), *SPEND) == [
        (MONDAY, "Paid Search", "google", "cpc", "Spring", 1234.5, "EUR", 12345, 81),
        (TUESDAY, None, None, None, "Spring", 20.0, "EUR", 100, None),
    ]


def test_a_file_needs_a_date_and_spend_only(tmp_path: Path) -> None:
    file = read(tmp_path, "Datum,Kosten\n2026-09-07,5\n")
    assert pick(file, *SPEND) == [(MONDAY, None, None, None, None, 5.0, None, None, None)]
    assert file.notes == []


def test_a_file_without_rows_says_so(tmp_path: Path) -> None:
    file = read(tmp_path, "date,spend\n")
    assert pick(file, *SPEND) == []
    assert file.notes == ["the file has no rows"]


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: ("sep=\t\n" + text).encode(),
        lambda text: text.replace("\t", ";").encode(),
        lambda text: text.replace("\t", "|").encode(),
        lambda text: ("\n\n" + text + "\n\n").encode(),
    ],
)
def test_the_encoding_and_the_separator_are_detected(encode: Any, tmp_path: Path) -> None:
    file = read(tmp_path, encode(GOOGLE_DE))
    assert pick(file, "campaign", "spend") == [("Frühling", 1234.5), ("Frühling", 20.0)]


def test_a_file_of_windows_is_read_and_said(tmp_path: Path) -> None:
    file = read(tmp_path, GOOGLE_DE.encode("cp1252"))
    assert pick(file, "campaign") == [("Frühling",), ("Frühling",)]
    assert file.notes[0] == "the file is read as Windows-1252, because it is not UTF-8"


AMOUNTS = [  # a column of amounts, and what it is
    (["12.5", "3"], [12.5, 3.0]),
    (["12,5", "3"], [12.5, 3.0]),
    (["1,234.50", "1,234"], [1234.5, 1234.0]),
    (["1.234,50", "1.234"], [1234.5, 1234.0]),
    (["1.234", "2.50"], [1.234, 2.5]),
    (["1.234.567", "1.234"], [1234567.0, 1234.0]),
    (["1 234,50", "5"], [1234.5, 5.0]),
    (["1\u202f234.50", "1\u00a0234"], [1234.5, 1234.0]),
    (["1'234.50", "1’234"], [1234.5, 1234.0]),
    (["1,23,456.50", "5"], [123456.5, 5.0]),
    (["-12.50", "−1.00"], [-12.5, -1.0]),
    (["(12.50)", "12.50-"], [-12.5, -12.5]),
    (["-$12.50", "$-12.50", "+5"], [-12.5, -12.5, 5.0]),
    (["0.00", ".5", "0,00"], None),  # of two styles
    (["0.1", "0.2"], [0.1, 0.2]),
    (["0.123"], [0.123]),  # nobody writes thousands behind a 0
    (["12.345678"], [12.345678]),
    (["1234567.89"], [1234567.89]),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "amounts"), [case for case in AMOUNTS if case[1]])
def test_amounts_are_read_as_their_column_writes_them(texts: list[str], amounts: list[float], tmp_path: Path) -> None:
    rows = "".join(f"2026-09-07\t{text}\n" for text in texts)
    assert [amount for (amount,) in pick(read(tmp_path, f"date\tspend\n{rows}"), "spend")] == amounts


@pytest.mark.parametrize(
    ("heading", "cell", "column", "expected"),
    [
        ("Cost (USD)", "5", "", "USD"),
        ("Amount spent (eur)", "5", "", "EUR"),
        ("Kosten [CHF]", "5", "", "CHF"),
        ("Spend (in GBP)", "5", "", "GBP"),
        ("Cost (net)=spend", "5", "", None),
        ("Cost", "€5.00", "", "EUR"),
        ("Cost", "5,00 €", "", "EUR"),
        ("Cost", "EUR 5.00", "", "EUR"),
        ("Cost", "5.00 sek", "", "SEK"),
        ("Cost", "US$5", "", "USD"),
        ("Cost", "$5", "", None),
        ("Cost", "$5", "CAD", "CAD"),
        ("Cost", "5", "usd", "USD"),
        ("Cost", "5", " --", None),
        ("Cost (USD)", "5", "USD", "USD"),
        ("Cost (USD)", "5", " --", "USD"),
    ],
)
def test_the_currency_is_in_its_column_beside_the_amount_or_in_the_heading(
    heading: str, cell: str, column: str, expected: str | None, tmp_path: Path
) -> None:
    columns = parse_spend_columns(heading) if "=" in heading else None
    text = f"date\t{heading.partition('=')[0]}\tcurrency\n2026-09-07\t{cell}\t{column}\n"
    file = read(tmp_path, text, columns)
    assert pick(file, "spend", "currency") == [(5.0, expected)]
    is_vague = cell == "$5" and expected is None
    assert ["amount has a sign that several currencies use" in note for note in file.notes] == [True] * is_vague


def test_two_currencies_keep_their_rows(tmp_path: Path) -> None:
    file = read(tmp_path, "date,spend,currency\n2026-09-07,5,EUR\n2026-09-07,6,USD\n")
    assert pick(file, "spend", "currency") == [(5.0, "EUR"), (6.0, "USD")]


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        (["2026-09-07"], [MONDAY]),
        (["2026/9/7", "20260908"], [MONDAY, TUESDAY]),
        (["2026-09-07T23:00:00Z", "2026-09-08 01:00"], [MONDAY, TUESDAY]),
        (["07.09.2026", "8.9.26"], [MONDAY, TUESDAY]),
        (["13/09/2026", "07/09/2026"], [date(2026, 9, 13), MONDAY]),
        (["09/13/2026", "9/7/2026"], [date(2026, 9, 13), MONDAY]),
        (["09-13-2026", "09-07-2026"], [date(2026, 9, 13), MONDAY]),
        (["07/07/2026"], [date(2026, 7, 7)]),  # whatever the order
        (["Sep 7, 2026", "Tue, Sep 8, 2026"], [MONDAY, TUESDAY]),
        (["7 September 2026", "8. Sept. 2026"], [MONDAY, TUESDAY]),
        (["7. März 2026", "7. Mai 2026"], [date(2026, 3, 7), date(2026, 5, 7)]),
    ],
)
def test_dates_are_read_in_the_order_of_their_column(texts: list[str], days: list[date], tmp_path: Path) -> None:
    rows = "".join(f"{text}\t5\n" for text in texts)
    assert [day for (day,) in pick(read(tmp_path, f"date\tspend\n{rows}"), "date")] == days


@pytest.mark.parametrize(
    ("style", "expected"),
    [("Day=date:dmy,Cost=spend:comma", (MONDAY, 1234.0)), ("Day=date:mdy,Cost=spend:point", (date(2026, 7, 9), 1.234))],
)
def test_the_user_says_what_the_column_leaves_open(style: str, expected: tuple[Any, ...], tmp_path: Path) -> None:
    file = read(tmp_path, "Day;Cost\n07/09/2026;1.234\n", parse_spend_columns(style))
    assert pick(file, "date", "spend") == [expected]


def test_other_headings_are_named_by_the_user(tmp_path: Path) -> None:
    columns = parse_spend_columns("Wann = date, Budget, netto=spend,Aktion=campaign")
    assert columns == {"Wann": "date", "Budget, netto": "spend", "Aktion": "campaign"}
    file = read(tmp_path, 'Wann,"Budget, netto",aktion,Cost,Campaign\n2026-09-07,5,a,6,b\n', columns)
    assert pick(file, "date", "spend", "campaign") == [(MONDAY, 5.0, "a")]


def test_rows_of_several_days_are_spread_evenly_and_add_up(tmp_path: Path) -> None:
    text = "Campaign name,Reporting starts,Reporting ends,Amount spent (EUR),Impressions\nSpring,2026-09-07,2026-09-09,100,7\n"
    file = read(tmp_path, text)
    assert pick(file, "date", "spend", "impressions") == [
        (MONDAY, 33.34, 3), (TUESDAY, 33.33, 2), (date(2026, 9, 9), 33.33, 2),
    ]  # fmt: skip
    assert file.notes == ["1 row covers several days: its figures are spread evenly over the days"]
    weeks = read(tmp_path, "Week,Cost\n2026-09-07,-0.07\n")
    assert [amount for (amount,) in pick(weeks, "spend")] == [-0.01] * 7


def test_the_total_of_a_period_without_a_name_is_left_out(tmp_path: Path) -> None:
    head = "Campaign name,Reporting starts,Reporting ends,Amount spent (EUR)\n"
    rows = "a,2026-09-07,2026-09-07,5\nb,2026-09-08,2026-09-08,6\n"
    total = ",2026-09-07,2026-09-08,11\n"
    for text in (head + total + rows, head + rows + total):
        file = read(tmp_path, text)
        assert pick(file, "campaign", "spend") == [("a", 5.0), ("b", 6.0)]
        assert len(file.notes) == 1
    other = read(tmp_path, head + rows + total.replace("11", "12"))
    assert [spend for (spend,) in pick(other, "spend")] == [5.0, 6.0, 6.0, 6.0]  # not the sum: a row without a name


def test_a_campaign_may_be_called_total(tmp_path: Path) -> None:
    file = read(tmp_path, "campaign,date,spend\nTotal recall,2026-09-07,5\nTotal,2026-09-08,6\n,2026-09-08,11\n")
    assert pick(file, "campaign", "spend") == [("Total recall", 5.0), ("Total", 6.0), (None, 11.0)]


def test_notes_say_what_the_frame_does_not_show(tmp_path: Path) -> None:
    file = read(tmp_path, "date,spend,clicks\n2026-09-07,-5,\n2026-09-08,--,7\n2026-09-11,5,1\n")
    assert pick(file, "spend", "clicks") == [(-5.0, None), (None, 7), (5.0, 1)]
    assert file.notes == [
        "1 row has no amount",
        "1 row is a credit, with a negative amount",
        "2 days between 2026-09-07 and 2026-09-11 without a row",
    ]
    assert read(tmp_path, META).notes[0] == "clicks are those of 'Link clicks', not of 'Clicks (all)'"


ERRORS = [
    ("", "spend.csv has no column of spend that pixelstat knows. It has nothing."),
    ("Datum;Budget\n2026-09-07;5\n", "spend.csv has no column of spend that pixelstat knows. It has 'Datum', 'Budget'."),
    ("Campaign,Cost\na,5\n", "spend.csv has no column of the date that pixelstat knows. It has 'Campaign', 'Cost'."),
    ("date,Cost (EUR),Cost (USD)\n2026-09-07,5,6\n", "'Cost (EUR)' and 'Cost (USD)' are both columns of spend."),
    ("date,day,cost\n2026-09-07,2026-09-07,5\n", None),
    ("date,spend\n2026-09-07,5\n2026-09-08,five\n", "spend.csv, line 3: 'five' is not an amount of money."),
    ("date,spend\n2026-09-07,nan\n", "spend.csv, line 2: 'nan' is not an amount of money."),
    ("date,spend\n2026-09-07,5 XYZ\n", "spend.csv, line 2: '5 XYZ' is not an amount of money."),
    ("date,spend\n2026-09-07,(5\n", "spend.csv, line 2: '(5' is not an amount of money."),
    ("date,spend\n2026-09-07,--5\n", "spend.csv, line 2: '--5' is not an amount of money."),
    ("date,spend\n2026-09-07,5%\n", "spend.csv, line 2: '5%' is not an amount of money."),
    ("date;spend\n2026-09-07;12.34.5\n", "spend.csv, line 2: '12.34.5' is not an amount of money."),
    ("date;spend\n2026-09-07;1.234\n", "spend.csv, line 2: '1.234' may have thousands or three decimals, and no other amount decides."),
    ("date;spend\n2026-09-07;1.5\n2026-09-08;1,5\n", "spend.csv, line 3: '1,5' has a decimal comma, but '1.5' (spend.csv, line 2) has a point."),
    ("date,spend\n,5\n", "spend.csv, line 2: '' is not a date."),
    ("date,spend\n2026-09-31,5\n", "spend.csv, line 2: '2026-09-31' is not a date."),
    ("date,spend\nsoon,5\n", "spend.csv, line 2: 'soon' is not a date."),
    ("date,spend\n07/09/2026,5\n", "spend.csv, line 2: '07/09/2026' may begin with the day or with the month."),
    ("date,spend\n13/09/2026,5\n09/14/2026,5\n",
     "spend.csv, line 3: '09/14/2026' begins with the month, but '13/09/2026' (spend.csv, line 2) with the day."),
    ("start,end,spend\n2026-09-08,2026-09-07,5\n", "spend.csv, line 2: the row ends on 2026-09-07, before it begins on 2026-09-08."),
    ("date,spend,clicks\n2026-09-07,5,1.5\n", "spend.csv, line 2: '1.5' is not a whole number."),
    ("date,spend,clicks\n2026-09-07,5,-1\n", "spend.csv, line 2: '-1' is not a whole number."),
    ("date,spend,currency\n2026-09-07,5,Euro\n", "spend.csv, line 2: 'Euro' is not the code of a currency."),
    ("date,spend,currency\n2026-09-07,5 USD,EUR\n", "spend.csv, line 2: the row states two currencies, EUR and USD."),
    ("date,Cost (USD)\n2026-09-07,5 EUR\n", "spend.csv, line 2: the row states two currencies, EUR and USD."),
    ("date,spend,campaign\n2026-09-07,5\n", "spend.csv, line 2: the row has 2 fields, but there are 3 headings."),
    ("date,spend\n2026-09-07,1,234.50\n", "spend.csv, line 2: the row has 3 fields, but there are 2 headings."),
    ('\ndate,campaign,spend\n2026-09-07,"a\nb",5\n2026-09-08,c,x\n', "spend.csv, line 5: 'x' is not an amount of money."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), [case for case in ERRORS if case[1]])
def test_an_error_names_the_line_and_the_text(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(PixelstatError) as caught:
        read(tmp_path, text)
    assert caught.value.sentence.removeprefix(f"{tmp_path}/").replace(f"{tmp_path}/", "") == sentence
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Tag;Kosten\n07/09/2026;5\n", '"Tag=date:dmy" or "Tag=date:mdy"'),
        ("Tag;Kosten\n2026-09-07;1.234\n", '"Kosten=spend:point" or "Kosten=spend:comma"'),
        ("Reporting starts,Cost\n07/09/2026,5\n", '"Reporting starts=start:dmy"'),
    ],
)
def test_a_hint_says_how_to_state_what_is_open(text: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(PixelstatError) as caught:
        read(tmp_path, text)
    assert hint in caught.value.hint


def test_of_two_headings_of_one_field_the_better_one_counts(tmp_path: Path) -> None:
    file = read(tmp_path, "day,date,cost\n2026-09-07,2026-09-08,5\n")
    assert pick(file, "date") == [(TUESDAY,)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "--spend-columns: '' does not name a column."),
        ("Tag", "--spend-columns: 'Tag' does not name a column."),
        ("Tag=date,Kosten", "--spend-columns: 'Kosten' does not name a column."),
    ],
)
def test_columns_that_cannot_be_parsed_are_an_error(text: str, sentence: str) -> None:
    with pytest.raises(PixelstatError) as caught:
        parse_spend_columns(text)
    assert caught.value.sentence == sentence


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ("Tag=datum", "--spend-columns: 'datum' is not a column of spend."),
        ("Tag=date:iso", "--spend-columns: date can have dmy or mdy, but not 'iso'."),
        ("Tag=date,x=clicks:dmy", "--spend-columns: clicks can have no style, but not 'dmy'."),
        ("Tagg=date", "The file of --spend has no column 'Tagg'. Did you mean Tag?"),
    ],
)
def test_columns_that_do_not_exist_are_an_error(columns: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(PixelstatError) as caught:
        read(tmp_path, "Tag,Kosten,x\n2026-09-07,5,6\n", parse_spend_columns(columns))
    assert caught.value.sentence.startswith(sentence)


def test_files_of_other_kinds_are_errors(tmp_path: Path) -> None:
    with pytest.raises(PixelstatError, match="is a workbook or a zip archive, not a CSV file"):
        read(tmp_path, b"PK\x03\x04 and more")
    with pytest.raises(PixelstatError, match="cannot be read as Parquet"):
        read(tmp_path, b"PAR1 and more")
    with pytest.raises(PixelstatError, match="cannot be read: No such file"):
        read_spend(str(tmp_path / "none.csv"))


@pytest.mark.parametrize("dtype", [pl.Float64(), pl.Float32(), pl.Decimal(20, 4), pl.String()])
def test_parquet_is_read_like_csv(dtype: pl.DataType, tmp_path: Path) -> None:
    frame = pl.DataFrame({"Day": [MONDAY, TUESDAY], "Cost": ["1.125", "12.5"], "Clicks": [3, None]})
    frame.with_columns(pl.col("Cost").cast(dtype)).write_parquet(tmp_path / "spend.parquet")
    file = read_spend(str(tmp_path / "spend.parquet"))
    assert pick(file, "date", "spend", "clicks") == [(MONDAY, 1.125, 3), (TUESDAY, 12.5, None)]


def test_a_number_of_parquet_has_one_reading_and_errors_name_its_row(tmp_path: Path) -> None:
    path = str(tmp_path / "spend.parquet")
    pl.DataFrame({"Day": [MONDAY], "Cost": [1.234]}).write_parquet(path)
    assert pick(read_spend(path), "spend") == [(1.234,)]
    pl.DataFrame({"Day": [MONDAY] * 2, "Cost": [1.0, float("nan")]}).write_parquet(path)
    with pytest.raises(PixelstatError, match="row 2: 'nan' is not an amount of money"):
        read_spend(path)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_the_style_random_rows_add_up_exactly(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    thousands, decimal = dice.choice([(",", "."), (".", ","), (" ", ","), ("'", "."), ("", ".")])
    amounts = [Decimal(dice.randrange(-1_000_000, 100_000_000)) / 100 for _ in range(40)]
    lines, total = ["start\tend\tcampaign\tspend\timpressions"], 0
    for amount in amounts:
        start, days, impressions = MONDAY + timedelta(dice.randrange(60)), dice.randrange(9), dice.randrange(10_000)
        text = f"{amount:,.2f}".replace(",", "_").replace(".", decimal).replace("_", thousands)
        lines.append(f"{start}\t{start + timedelta(days)}\tc{dice.randrange(5)}\t{text}\t{impressions}")
        total += impressions
    frame = read(tmp_path, "\n".join(lines)).frame
    assert frame.select(exact_sum(pl.col("spend"))).item() == float(sum(amounts))
    assert frame["impressions"].sum() == total
