"""Format counts with the right plural, and join words to a list."""

from collections.abc import Sequence


def format_count(number: int, singular: str, plural: str) -> str:
    """Return `1 line` or `1,204 lines`."""
    return f"{number:,} {singular if number == 1 else plural}"


def format_part(part: int, whole: int, noun: str) -> str:
    """Return `399 of 2,966 visitors (13.5%)`; without a share where the whole is 0."""
    share = f" ({100 * part / whole:.1f}%)" if whole else ""
    return f"{part:,} of {whole:,} {noun}{share}"


def join_words(words: Sequence[str]) -> str:
    """Return `a, b and c`."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
