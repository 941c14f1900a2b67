"""Name the columns that exist only between two steps of a query."""


def internal(name: str) -> str:
    """Return the name of a temporary column, such as `rank (internal)`.

    Users name custom columns in pixelstat.toml, and those names never hold a blank. So an internal column cannot
    collide with one of theirs.
    """
    return f"{name} (internal)"
