"""Find pixelstat.toml, and list the names in it, which the shell completes."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

FILE_NAME = "pixelstat.toml"


def find_project_file(folder: Path) -> Path | None:
    """Return the pixelstat.toml in the folder or in the nearest folder above, or None if there is none."""
    return next((up / FILE_NAME for up in (folder, *folder.parents) if (up / FILE_NAME).is_file()), None)


def list_names(table: str, path_option: str | None = None) -> Sequence[str]:
    """Return the keys of a table of the named file or of pixelstat.toml.

    Without a file that can be read there are none: a shell that completes a word must not show errors.
    """
    try:
        path = path_option or find_project_file(Path.cwd())
        values = tomllib.loads(Path(path).read_text("utf-8")).get(table) if path else None
    except (OSError, ValueError):
        return []
    return [*values] if isinstance(values, dict) else []
