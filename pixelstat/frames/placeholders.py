"""Detect placeholders, such as `undefined` or `{{id}}`, that pages and emails send instead of an id.

Taken for an id, a placeholder would make one visitor of thousands and one order of all. The words are those that
programming languages write for nothing, and those that PostHog refuses as ids.
"""

import re

import polars as pl

WORDS = (
    "null", "nil", "none", "undefined", "unknown", "nan", "n/a", "false", "true", "anonymous", "anon", "guest", "-1",
    "not set", "not_set", "not_authenticated", "(not set)", "(none)", "(null)", "(undefined)",
    "id", "email", "distinct_id", "distinctid",
)  # fmt: skip
# A person or an order may well have one of these as id, but what they have in common is no reason to link two people.
AMBIGUOUS_WORDS = ("default", "test", "nobody")

_ZEROS = r"[ \t0-]*"  # zeros and dashes alone, among them the nil UUID; an empty text, too
_MERGE_TAG = (  # a tag that nobody filled in; the GUIDs of .NET stand in braces, and addresses in angle brackets
    r".*(?:\{\{.*\}\}|[$#]\{.*\}|\{%.*%\}|\*\|.*\|\*).*|\{[a-z_][\w .]{0,30}\}|%%.*%%|%[a-z_]+%|\[[a-z][^\d\[\]@]*\]"
    r"|<[^@<>]*>|\$[a-z_]\w*"
)
_MACRO = r"(?:\{[A-Za-z_][\w:.]*\}|%%[^%]+%%|__[A-Z_]+__)"  # `{campaignid}`, `%%emailname_%%`, `__CAMPAIGN_NAME__`
_ANY_TAG = r".*(?:\{.*\}|%%.*%%).*|\[.*\]|<.*>"
FIRST_LETTERS = " ([<%$*{#"  # with which a placeholder may begin that is neither a word nor zeros


def _match_words(words: tuple[str, ...]) -> str:
    """Return a regular expression of the words. Only letters of ASCII match, small and capital, as natively."""
    letters = (f"[{letter}{letter.upper()}]" if letter.isalpha() else re.escape(letter) for letter in "|".join(words))
    return "".join(letters).replace(r"\|", "|")


# Regular expressions of a whole text.
PLACEHOLDER = rf"(?s:[ \t]*(?:{_ZEROS}|{_match_words(WORDS)}|(?i:{_MERGE_TAG}))[ \t]*)"
UNLINKABLE_ID = rf"(?s:{PLACEHOLDER}|{_match_words(AMBIGUOUS_WORDS)}|{_ANY_TAG})"


def drop_macro(text: pl.Expr) -> pl.Expr:
    """Return a parameter of a campaign, or null where it is a macro of an ad network that nobody filled in."""
    return pl.when(~text.str.contains(f"^{_MACRO}$")).then(text)


def drop_placeholder(id_text: pl.Expr) -> pl.Expr:
    """Return an id, decoded, or null where it is a placeholder such as `undefined`."""
    return pl.when(~id_text.str.contains(f"^{PLACEHOLDER}$")).then(id_text)
