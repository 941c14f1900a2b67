"""Folder and registry agree, and the page for contributors names what exists."""

import re
from importlib import import_module
from pathlib import Path

import click
import pytest

from pixelstat import formats, outputs, protocols, reports, schemas
from pixelstat.cli import commands
from pixelstat.cli.settings import CommonOptions
from pixelstat.options.shared import common_options
from pixelstat.protocols.base import PixelProtocol
from tests.architecture.imports import PACKAGE, graph, room

PAGE = (PACKAGE / "README.md").read_text("utf-8")
REGISTRIES = {
    "formats/builtin": formats.NAMES,
    "protocols/builtin": protocols.NAMES,
    "reports": reports.NAMES,
    "outputs": outputs.NAMES,
    "cli/commands": commands.NAMES,
}


def entries(folder: str) -> set[str]:
    """The modules of a folder that are entries of its registry: private ones are not."""
    return {path.stem for path in (PACKAGE / folder).glob("*.py") if not path.stem.startswith("_")}


@pytest.mark.parametrize("folder", REGISTRIES)
def test_a_registry_names_every_module_of_its_folder_once(folder: str) -> None:
    assert sorted(name.replace("-", "_") for name in REGISTRIES[folder]) == sorted(entries(folder))


@pytest.mark.parametrize("name", formats.NAMES)
def test_a_format_has_samples(name: str) -> None:
    assert any(layout.samples for layout in formats.load_formats(name))


@pytest.mark.parametrize("protocol", protocols.builtin_protocols(), ids=lambda protocol: protocol.name)
def test_a_protocol_has_samples(protocol: PixelProtocol) -> None:
    assert protocol.samples


@pytest.mark.parametrize("name", reports.NAMES)
def test_a_report_is_a_function_of_its_name_with_a_help_text(name: str) -> None:
    report = reports.load_report(name)
    assert report.name == name
    assert report.about


@pytest.mark.parametrize("name", commands.NAMES)
def test_a_command_is_imported_by_its_name(name: str) -> None:
    assert isinstance(commands.load_command(name), click.Command)


@pytest.mark.parametrize("name", outputs.NAMES)
def test_an_output_is_a_function_called_write(name: str) -> None:
    assert callable(import_module(f"pixelstat.outputs.{name}").write)


def test_every_common_option_has_a_field_in_the_settings() -> None:
    assert {str(option.name) for option in common_options()} <= {*CommonOptions.__dataclass_fields__}


def test_a_derived_column_is_a_column_of_events() -> None:
    assert {*schemas.DERIVED} <= {*schemas.EVENTS}


@pytest.mark.slow
def test_the_page_for_contributors_names_every_room() -> None:
    rooms = {room(module) for module in graph()} - {"pixelstat", "__main__"}
    table = PAGE.partition("## Folders and modules")[2].partition("## How to add")[0]
    assert {name for name in rooms if f"`{name}/`" not in table and f"`{name}.py`" not in table} == set()


def test_the_page_for_contributors_names_only_what_exists() -> None:
    paths = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py|[a-z_]+\.py|(?:[a-z_]+/)+)`", PAGE)
    places = (PACKAGE, PACKAGE.parent)
    assert [path for path in paths if not any((Path(place) / path).exists() for place in places)] == []


@pytest.mark.parametrize("text", re.findall(r"`([a-z_.]+\.[A-Za-z_]+)`", PAGE))
def test_a_name_on_the_page_for_contributors_exists(text: str) -> None:
    module, _, name = text.rpartition(".")
    if name not in ("py", "toml", "md"):
        assert hasattr(import_module(f"pixelstat.{module}"), name)
