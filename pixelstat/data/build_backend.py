"""Build pixelstat with setuptools. A wheel also gets man pages, made from the declarations of its commands."""

import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (  # noqa: F401 - hooks that need nothing more
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

ROOT = Path(__file__).parents[2]
MAN_PAGES = ROOT / "build" / "man"  # `data-files` in pyproject.toml names this folder


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Return what a wheel is built with: the dependencies of pixelstat too, because the man pages import it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [*build_meta.get_requires_for_build_wheel(config_settings), *project["dependencies"]]


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """Build a wheel with man pages, and return its name."""
    sys.path.insert(0, str(ROOT))
    from pixelstat.cli.man_pages import write_man_pages

    write_man_pages(MAN_PAGES)
    try:
        name: str = build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
    finally:
        shutil.rmtree(MAN_PAGES)  # else a source distribution would hold old pages
    return name
