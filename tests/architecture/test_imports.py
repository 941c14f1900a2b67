"""Who may import whom: each room uses only rooms on lines below its own, and no file or folder is part of a circle."""

import ast

import pytest

from tests.architecture.imports import circles, graph, modules, room

# A room may use the rooms on the lines below it, never a neighbour on its own line. `data` holds data files and the
# scripts that refresh them, which nobody imports.
LINES = (
    ("__main__", "data"),
    ("cli",),
    ("reports",),
    ("pipeline",),
    ("event_streams",),
    ("pipeline_settings", "config", "funnels"),
    ("conditions", "sessions", "fastpath"),
    ("analysis", "enrich", "ledger"),
    ("formats", "protocols", "traffic", "identity", "options"),
    ("outputs", "vocabulary", "sources"),
    ("atomic_file",),
    ("schemas", "errors", "result", "terminal", "text", "frames"),
)
LEVELS = {name: level for level, names in enumerate(LINES) for name in names}
CLICK = {"cli", "reports", "options", "terminal"}  # all but `cli` only declare options or print a message
RICH = {"pixelstat.outputs.table", "pixelstat.terminal"}

GRAPH = graph()


def test_every_room_has_a_line() -> None:
    assert {room(module) for module in GRAPH} - {"pixelstat"} == {*LEVELS}


@pytest.mark.parametrize("module", [name for name in GRAPH if name != "pixelstat"])
def test_a_module_imports_only_rooms_below_its_own(module: str) -> None:
    own = room(module)
    others = {room(other) for other in GRAPH[module]} - {own, "pixelstat"}
    assert sorted(other for other in others if LEVELS[other] <= LEVELS[own]) == []


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles(GRAPH) == []


def test_no_folders_import_each_other_in_a_circle() -> None:
    ties: dict[str, set[str]] = {}
    for module, others in GRAPH.items():
        ties.setdefault(room(module), set()).update(room(other) for other in others)
    assert circles({name: others - {name} for name, others in ties.items()}) == []


def imported_libraries(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).split(".")[0])
    return names


@pytest.mark.slow
def test_only_the_command_line_and_those_who_declare_options_know_click() -> None:
    users = {room(name) for name, tree in modules().items() if "click" in imported_libraries(tree)}
    assert users <= CLICK


@pytest.mark.slow
def test_only_the_table_and_the_terminal_know_rich() -> None:
    assert {name for name, tree in modules().items() if "rich" in imported_libraries(tree)} == RICH


def test_only_the_door_of_the_native_reader_is_used_from_outside() -> None:
    users = [
        (module, other)
        for module, others in GRAPH.items()
        for other in others
        if other.startswith("pixelstat.fastpath.") and room(module) != "fastpath"
    ]
    assert users == []


def test_the_root_of_the_package_has_about_a_dozen_modules() -> None:
    at_root = [
        name for name in GRAPH if name.count(".") == 1 and not any(other.startswith(f"{name}.") for other in GRAPH)
    ]
    assert len(at_root) - len({"__main__"}) <= 13
