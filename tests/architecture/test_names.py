"""Names say what a thing is or does: no definition is a lone participle, and docstrings open with a verb or a noun."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.imports import modules

BANNED = {
    "asked", "found", "given", "heard", "held", "judged", "kept", "known", "opened", "said", "seen", "spare", "told",
    "whose",
}  # fmt: skip
MODULES = modules()


def definitions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The line and the name of whatever a module defines: functions, classes, parameters, fields, variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield node.lineno, node.asname


@pytest.mark.parametrize("module", MODULES)
def test_no_definition_is_a_banned_word(module: str) -> None:
    assert [(line, name) for line, name in definitions(MODULES[module]) if name.strip("_").lower() in BANNED] == []


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_a_docstring(module: str) -> None:
    assert module.endswith("_native") or ast.get_docstring(MODULES[module])
