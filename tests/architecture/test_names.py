"""Names say what a thing is or does: no definition is a lone participle, and a docstring opens with a verb."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.imports import modules

BANNED = {
    "asked", "found", "given", "heard", "held", "judged", "kept", "known", "opened", "said", "seen", "spare", "told",
    "whose",
}  # fmt: skip
NO_VERBS = {
    "a", "all", "an", "as", "by", "each", "every", "for", "from", "how", "in", "it", "its", "no", "of", "one", "rows",
    "same", "that", "the", "there", "these", "they", "this", "those", "to", "what", "when", "where", "whether",
    "which", "who", "whose", "with",
}  # fmt: skip
HELP = {"report", "click.command", "click.group"}  # the docstring of a function under these is a help text for users
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


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """The functions and methods of a module, without properties, which are nouns, and without help texts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = {ast.unparse(item.func if isinstance(item, ast.Call) else item) for item in node.decorator_list}
            if not names & {*HELP, "property", "cached_property"}:
                yield node


@pytest.mark.parametrize("module", MODULES)
def test_the_docstring_of_a_function_opens_with_a_verb(module: str) -> None:
    texts = {function.name: ast.get_docstring(function) for function in functions(MODULES[module])}
    words = {name: text.split()[0].strip("`,.:").lower() for name, text in texts.items() if text}
    assert {name: word for name, word in words.items() if word in NO_VERBS or not word.isalpha()} == {}


@pytest.mark.parametrize("module", MODULES)
def test_every_public_function_and_class_has_a_docstring(module: str) -> None:
    public = [
        node
        for node in MODULES[module].body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    assert module.endswith("_native") or [node.name for node in public if not ast.get_docstring(node)] == []
