"""The imports of the package, read from its source."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "pixelstat"


@cache
def modules() -> dict[str, ast.Module]:
    """The modules of the package by name, parsed; of the extension its stub."""
    parsed = {}
    for path in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyi")]):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        parsed[".".join(parts).removesuffix(".__init__")] = ast.parse(path.read_text("utf-8"))
    return parsed


def imports(name: str, tree: ast.Module, names: Sequence[str]) -> Iterator[str]:
    """The modules of the package that a module imports, inside functions and for types too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pixelstat":
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield module if module in names else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "pixelstat")
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{name} has a relative import"


def graph() -> dict[str, set[str]]:
    """Each module and the modules of the package that it imports."""
    trees = modules()
    return {name: {*imports(name, tree, [*trees])} - {name} for name, tree in trees.items()}


def room(module: str) -> str:
    """The folder, or module at the root, that a module belongs to."""
    return module.split(".")[1] if "." in module else module


def circles(ties: Mapping[str, set[str]]) -> list[list[str]]:
    """The groups of more than one name that can all reach each other (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in sorted(ties.get(name, ())):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            groups.append(group)

    for name in ties:
        if name not in index:
            visit(name)
    return [sorted(group) for group in groups if len(group) > 1]
