"""Numbers as people write them: read where one reading is possible, alike by the function and the expression."""

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pixelstat.frames.numbers import find_currency, parse_number, read_number

NUMBERS = {
    "5": 5, "007": 7, "-3": -3, "+5": 5, ".5": 0.5, "5.": 5, "12.50": 12.5, "1e3": 1000, "1.5E-2": 0.015, " 120": 120,
    "1,234.56": 1234.56, "1.234,56": 1234.56, "1,234,567": 1234567, "1.234.567": 1234567, "1.234.567,8": 1234567.8,
    "1 234,56": 1234.56, "1 234.56": 1234.56, "1 234": 1234, "1\u00a0234,50": 1234.5, "1\u202f234,50": 1234.5,
    "1'234.50": 1234.5, "1’234,50": 1234.5, "1_000": 1000, "1,23,456.78": 123456.78, "12,5": 12.5, "89,90": 89.9,
    "0,123": 0.123, "1234,567": 1234.567, "1,2345": 1.2345, ",5": 0.5, "1.234": 1.234, "1,234.567": 1234.567,
    "EUR 12": 12, "12 EUR": 12, "12eur": 12, "1 234,56 €": 1234.56, "€12": 12, "-€12,50": -12.5, "€-12": -12, "$120.00": 120,
    "US$ 5": 5, "R$ 5,00": 5, "kr 12": 12, "12 zł": 12, "−5": -5, "1e3 EUR": 1000, "EUR 1.234,50": 1234.5, "$1,234,567": 1234567,
}  # fmt: skip
OTHERS = (
    "", " ", "1,234", "-1,234", "999,000", "1.234 EUR", "$1,234", "€1.234", "1,234,56", "1.234.56", "1.234,567.8", "1,2,3", "1 2",
    "12 34", "12.00.5", "5,", ",", ".", "-", "--5", "-€-5", "+-5", "EUR", "12 EUR 5", "5%", "0x10", "1e", "e3", "1e999", "-1e999",
    "nan", "inf", "-inf", "Infinity", "１２", "٣", "5 apples", "5 pcs", "abc 5", "many", "12,-", "1__000", "1'23", "1 234 56", "0.123.456", "10,20,30",
)  # fmt: skip


def parse(texts: list[str]) -> list[float | None]:
    return pl.DataFrame({"text": texts}, {"text": pl.String}).select(parse_number(pl.col("text")))["text"].to_list()


def test_a_number_is_read_where_one_reading_is_possible() -> None:
    assert dict(zip(NUMBERS, map(read_number, NUMBERS), strict=True)) == NUMBERS
    assert dict(zip(NUMBERS, parse([*NUMBERS]), strict=True)) == NUMBERS


def test_another_text_is_no_number() -> None:
    assert {text: read_number(text) for text in OTHERS} == dict.fromkeys(OTHERS)
    assert dict(zip(OTHERS, parse([*OTHERS]), strict=True)) == dict.fromkeys(OTHERS)
    assert read_number(None) is None


LIKE_NUMBERS = st.text(st.sampled_from("0123456789012345.,.,' _eE+-−€$EURUS\u00a0’"), max_size=12)


@pytest.mark.slow
@settings(max_examples=1_000, deadline=None)
@given(st.lists(LIKE_NUMBERS | st.text(max_size=6) | st.floats().map(str), min_size=1, max_size=30))
@example(["1_0", "1e+5", "+.5e1", "infinity", "\n5", "5\n", "\t5", "5\x00"])
def test_the_function_and_the_expression_agree(texts: list[str]) -> None:
    assert dict(zip(texts, parse(texts), strict=True)) == {text: read_number(text) for text in texts}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("12 EUR", "EUR"), ("eur 12", "EUR"), ("1 234,56 €", "EUR"), ("£5", "GBP"), ("5 CHF", "CHF"), ("US$5", "USD"),
        ("12 zł", "PLN"), ("$5", None), ("¥5", None), ("5 kr", None), ("5", None), ("A$5", None), ("€ 5 $", None), ("", None),
    ],
)  # fmt: skip
def test_a_sign_or_code_names_the_currency_unless_it_is_that_of_several(text: str, code: str | None) -> None:
    assert pl.DataFrame({"text": [text]}).select(find_currency(pl.col("text"))).item() == code
