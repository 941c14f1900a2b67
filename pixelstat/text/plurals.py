"""Format counts with the right plural."""


def format_count(number: int, singular: str, plural: str) -> str:
    """Return `1 line` or `1,204 lines`."""
    return f"{number:,} {singular if number == 1 else plural}"
