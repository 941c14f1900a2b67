"""Read numbers as people and shops write them: `1234.5`, `1,234.50`, `1.234,50`, `1 234,50 €`, `EUR 12`.

A text is a number only where no other reading is possible. One comma with three digits behind it, as in `1,234`, may
separate thousands or decimals, so the text is no number. One point alone is a decimal point, as programs write it. But
beside a currency, as in `1.234 EUR`, people may have written it, and then it is no number either.
"""

import re
from collections.abc import Callable
from math import isfinite

import polars as pl

_ISO_4217 = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD "
    "HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD "
    "MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN "
    "PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY "
    "TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG "
)
ISO_CODES = _ISO_4217.split()  # of currencies that are money
SIGNS = {  # signs that stand for one currency, each with its code; `$`, `¥` and `kr` stand for several
    "€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₺": "TRY", "₴": "UAH", "₪": "ILS", "₫": "VND", "US$": "USD",
    "R$": "BRL", "zł": "PLN", "Kč": "CZK",
}  # fmt: skip

MAX_LENGTH = 400  # characters of a number
_BLANKS = "\t\u00a0\u2007\u2009\u202f"  # that stand for a blank
_APOSTROPHES = "’ʼ´`"  # that stand for one
_PLAIN = r"[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?"
_FIRST = "[1-9][0-9]{0,2}"  # digits in front of the first separator of thousands
_POINT = (  # the decimal separator is a point, or there is none
    rf"(?:{_PLAIN}|{_FIRST}(?:,[0-9]{{3}})+\.[0-9]+|{_FIRST}(?:,[0-9]{{3}}){{2,}}"
    rf"|{_FIRST}(?:(?: [0-9]{{3}})+|(?:'[0-9]{{3}})+|(?:_[0-9]{{3}})+)(?:\.[0-9]+)?"
    r"|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?)"  # lakhs
)
_COMMA = (  # it is a comma, or points separate thousands
    rf"(?:{_FIRST}(?:\.[0-9]{{3}})+,[0-9]+|{_FIRST}(?:\.[0-9]{{3}}){{2,}}"
    rf"|{_FIRST}(?:(?: [0-9]{{3}})+|(?:'[0-9]{{3}})+),[0-9]+"
    r"|[0-9]*,[0-9]{1,2}|[0-9]*,[0-9]{4,}|(?:0[0-9]*|[1-9][0-9]{3,})?,[0-9]{3})"
)
_CURRENCY = r"(?:[A-Za-z]{3}|[A-Z]{0,3}\$|[€£¥₹₽₺₴₪₫₩₦₱฿₡₲₸₮]|zł|Kč|kr)"
_WHOLE = re.compile(rf" *([-+]?) *({_CURRENCY}?) *([-+]?) *([0-9.,][0-9.,' _]*(?:[eE][-+]?[0-9]+)?) *({_CURRENCY}?) *")
_TIDY = str.maketrans({**dict.fromkeys(_BLANKS, " "), **dict.fromkeys(_APOSTROPHES, "'"), "−": "-"})
_THOUSANDS_OR_DECIMALS = rf"{_FIRST}\.[0-9]{{3}}"  # beside a currency


def read_number(text: str | None) -> float | None:
    """Return the number that a text is, finite; None for any other text."""
    parts = _WHOLE.fullmatch(text.translate(_TIDY)) if text and len(text) <= MAX_LENGTH else None
    if parts is None or (parts[1] and parts[3]):
        return None
    digits, currencies = parts[4].strip(" "), [each for each in (parts[2], parts[5]) if each]
    if not all(map(_may_be_currency, currencies)) or (currencies and re.fullmatch(_THOUSANDS_OR_DECIMALS, digits)):
        return None
    if re.fullmatch(_POINT, digits):
        bare = re.sub("[ ,'_]", "", digits)
    elif re.fullmatch(_COMMA, digits):
        bare = re.sub("[ .'_]", "", digits).replace(",", ".")
    else:
        return None
    number = float(parts[1] + parts[3] + bare)
    return number if isfinite(number) else None


def read_currency(text: str) -> str | None:
    """Return the code of the one currency that stands beside a number; None for any other text."""
    parts = _WHOLE.fullmatch(text.translate(_TIDY)) if read_number(text) is not None else None
    currency = parts[2] + parts[5] if parts else ""
    return currency.upper() if currency.upper() in ISO_CODES else SIGNS.get(currency)


def _may_be_currency(text: str) -> bool:
    """Return whether a text in the place of a currency is one: a sign, or a word of three letters that is a code."""
    return not re.fullmatch("[A-Za-z]{3}", text) or text.upper() in ISO_CODES


def parse_number(text: pl.Expr) -> pl.Expr:
    """Return the number that a text is, as `read_number` does. A plain number costs no more than a cast."""
    plain = text.cast(pl.Float64, strict=False)
    number = pl.coalesce(plain, _map_formatted_texts(text, read_number, pl.Float64()))
    return pl.when(number.is_finite()).then(number)


def find_currency(text: pl.Expr) -> pl.Expr:
    """Return the code of the currency beside a number, as `read_currency` does."""
    return _map_formatted_texts(text, read_currency, pl.String())


def _map_formatted_texts(text: pl.Expr, function: Callable[[str], object], dtype: pl.DataType) -> pl.Expr:
    """Apply the function to each distinct text that is not a plain number; null for plain numbers."""

    def read(texts: pl.Series) -> pl.Series:
        if texts.null_count() == len(texts):
            return texts.cast(dtype)
        answers = {None: None} | {text: function(text) for text in texts.drop_nulls().unique().to_list()}
        return pl.Series(texts.name, [answers[text] for text in texts.to_list()], dtype)

    odd = pl.when(text.cast(pl.Float64, strict=False).is_null()).then(text)
    return odd.map_batches(read, return_dtype=dtype, is_elementwise=True)
