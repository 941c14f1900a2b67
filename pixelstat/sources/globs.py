"""Find the globs that a shell has probably expanded to the names of files."""

import glob
from collections.abc import Sequence
from itertools import takewhile
from pathlib import PurePath


def find_globs(logs: Sequence[str]) -> list[str]:
    """Return the arguments with a glob in place of the files of each folder, or nothing if there is no such glob.

    A glob must match exactly the files that it replaces.
    """
    folders: dict[str, list[str]] = {}
    for log in logs:
        folders.setdefault(str(PurePath(log).parent), []).append(log)
    globs = {folder: _find_glob(files) for folder, files in folders.items() if len(files) > 1}
    if not any(globs.values()):
        return []
    return list(dict.fromkeys(globs.get(str(PurePath(log).parent)) or log for log in logs))


def _find_glob(files: Sequence[str]) -> str:
    """Return the glob that matches exactly these files of one folder, or an empty text.

    It consists of the common beginning and the common end of their names.
    """
    names = [PurePath(file).name for file in files]
    start = _common_start(names)
    end = _common_start([name[len(start) :][::-1] for name in names])[::-1]
    start = start.rstrip("0123456789-_.")
    end = end[end.index(".") :] if "." in end else ""
    if not start:
        return ""
    folder = files[0][: len(files[0]) - len(names[0])]
    pattern = f"{glob.escape(folder + start)}*{glob.escape(end)}"
    return pattern if sorted(glob.glob(pattern)) == sorted({*files}) else ""  # noqa: PTH207 - as typed


def _common_start(texts: Sequence[str]) -> str:
    """Return the longest text that all of the texts begin with."""
    columns = takewhile(lambda letters: len({*letters}) == 1, zip(*texts, strict=False))
    return "".join(letters[0] for letters in columns)
