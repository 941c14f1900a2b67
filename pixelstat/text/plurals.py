"""Format counts with the right plural."""


def format_count(number: int, one: str, many: str) -> str:
    """Return `1 line` or `1,204 lines`."""
    return f"{number:,} {one if number == 1 else many}"
