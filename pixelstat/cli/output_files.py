"""Name the files that a run writes: dates in their names, and the folders that they need."""

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from pixelstat.errors import PixelstatError

DIRECTIVES = "YymdHMSjFTzZUVWGuwaAbBpIs"  # of strftime: those that put no slash into a name
_DIRECTIVE = re.compile("%(.?)", re.DOTALL)


def expand_date(name: str, now: datetime) -> str:
    """Return the file name with the directives of strftime replaced: `%Y-%m-%d` is the date of `now`, `%%` is `%`.

    Raises PixelstatError for a percent sign that begins no directive.
    """
    for directive in _DIRECTIVE.findall(name):
        if directive != "%" and (not directive or directive not in DIRECTIVES):
            raise PixelstatError(
                f"--output {name!r}: %{directive} is not part of a date.",
                "A percent sign is %%, and a date is %Y-%m-%d.",
            )
    return _DIRECTIVE.sub(lambda match: "%" if match[1] == "%" else now.strftime(match[0]), name)


def require_valid_name(path: str) -> None:
    """Raise PixelstatError for the name of a file that the operating system refuses, such as one that is too long."""
    try:
        Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise PixelstatError(f"{path!r} cannot be written: {error.strerror}.", "Name another file.") from error


def prepare_folders(paths: Iterable[str | None], *, may_create: bool) -> None:
    """Make sure that the folder of each file exists. Raises PixelstatError for one that is missing without --mkdir."""
    for path in filter(None, paths):
        folder = Path(path).parent
        if folder.exists():
            continue
        if not may_create:
            raise PixelstatError(f"There is no folder {str(folder)!r} for {path!r}.", "Create it with --mkdir.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            hint = "Name a file in a folder that you may write to."
            raise PixelstatError(f"The folder {str(folder)!r} cannot be created: {error.strerror}.", hint) from error
