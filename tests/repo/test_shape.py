"""Sizes that keep the house readable: it is the tail that is regretted, so the tail is what is guarded.

Data tables are free: generated pages, golden files and tests' tables are not code.
"""

from __future__ import annotations

import ast
import re
import statistics
from functools import cache
from pathlib import Path
from typing import NamedTuple

from repo.tree import ROOT, files, name

FILE_MEDIAN, FILE_P90, FILE_MAX, TEST_FILE_MAX = 150, 350, 500, 800
FUNCTION_P95, FUNCTION_MAX = 40, 60
PARAMETERS_MAX, CONSTRUCTOR_MAX = 5, 8
_RUST_FN = re.compile(r"^( *)(?:pub(?:\([a-z]+\))? )?(?:const )?(?:unsafe )?(?:extern \"C\" )?fn (\w+)")


class Function(NamedTuple):
    """A function, and how big it is."""

    where: str
    lines: int
    parameters: int
    constructor: bool


def is_test(path: Path) -> bool:
    """Whether a path within the repository belongs to tests or benchmarks."""
    return "tests" in path.parts or "benches" in path.parts


def line_count(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


def python_functions(path: Path) -> list[Function]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            lines = (node.end_lineno or first) - first + 1
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            own = [argument for argument in arguments if argument.arg not in ("self", "cls")]
            # A command's parameters are its options on the command line.
            count = 0 if any(".command(" in ast.unparse(each) for each in node.decorator_list) else len(own)
            where = f"{name(path)}:{node.lineno} {node.name}"
            found.append(Function(where, lines, count, node.name in ("__init__", "__new__")))
    return found


def rust_functions(path: Path) -> list[Function]:
    """Functions by rustfmt's layout: a body ends at the brace that stands below its `fn`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = []
    for number, line in enumerate(lines):
        begin = _RUST_FN.match(line)
        if begin is None:
            continue
        indent = begin[1]
        end = next(
            at
            for at, other in enumerate(lines[number:], number)
            if other.startswith(indent + "}")
            or (at == number and other.endswith(("}", ";")))
            or (other.startswith(indent + ")") and other.endswith(";"))
        )
        where = f"{name(path)}:{number + 1} {begin[2]}"
        found.append(
            Function(
                where,
                end - number + 1,
                rust_parameters("\n".join(lines[number : end + 1])),
                begin[2] == "new",
            )
        )
    return found


def rust_parameters(text: str) -> int:
    """Parameters of the first function in `text`, `self` and the interpreter's token apart."""
    depth, current, found = 0, "", []
    for char in text[text.index("(", text.index("fn ")) + 1 :]:
        if char in "([{<":
            depth += 1
        elif char in ")]}" and depth == 0:
            break
        elif char in ")]}" or (char == ">" and not current.endswith("-")):
            depth -= 1
        if char == "," and depth == 0:
            found.append(current)
            current = ""
        else:
            current += char
    whole = [each.strip() for each in [*found, current] if each.strip()]
    apart = re.compile(r"(&(mut )?)?(mut )?self$|_?py: Python|slf: ")
    return sum(not apart.match(each) for each in whole)


@cache
def functions() -> list[Function]:
    python = [each for path in files(".py") for each in python_functions(path)]
    return python + [each for path in files(".rs") for each in rust_functions(path)]


def quantile(values: list[int], part: int) -> float:
    return statistics.quantiles(values, n=100)[part - 1]


def test_the_measure_itself() -> None:
    assert rust_parameters("fn f(&self, a: &[(u8, u8)], b: impl Fn(u8) -> u8) {") == 2
    assert rust_parameters("fn f() {}") == 0
    assert (
        rust_parameters("pub fn f<'py>(\n    slf: PyRef<'py, Self>,\n    py: Python<'py>,\n    a: u8,\n) {")
        == 1
    )
    found = {each.where.split()[-1]: each for each in python_functions(Path(__file__))}
    assert found["quantile"][1:] == (2, 2, False)
    assert len(functions()) > 500


def test_no_file_is_too_long() -> None:
    code = files(".py", ".rs", ".pyi")
    too_long = [
        f"{name(path)}: {line_count(path)} lines"
        for path in code
        if line_count(path) > (TEST_FILE_MAX if is_test(path.relative_to(ROOT)) else FILE_MAX)
    ]
    assert too_long == []


def test_most_files_are_short() -> None:
    lengths = [line_count(path) for path in files(".py", ".rs") if not is_test(path.relative_to(ROOT))]
    assert statistics.median(lengths) <= FILE_MEDIAN
    assert quantile(lengths, 90) <= FILE_P90


def test_no_function_is_too_long() -> None:
    assert [f"{each.where}: {each.lines} lines" for each in functions() if each.lines > FUNCTION_MAX] == []


def test_most_functions_are_short() -> None:
    assert quantile([each.lines for each in functions()], 95) <= FUNCTION_P95


def test_no_function_has_too_many_parameters() -> None:
    """Tests apart: their parameters are fixtures and cases."""
    too_many = [
        f"{each.where}: {each.parameters} parameters"
        for each in functions()
        if not is_test(Path(each.where))
        and each.parameters > (CONSTRUCTOR_MAX if each.constructor else PARAMETERS_MAX)
    ]
    assert too_many == []


def module(path: Path) -> str:
    """The name by which pytest imports a test file: packages count, other folders do not."""
    above = path.parent
    return f"{module(above)}.{path.stem}" if (above / "__init__.py").exists() else path.stem


def test_test_files_have_names_of_their_own() -> None:
    names = [module(path) for path in files(".py") if path.name.startswith("test_") and "tests" in path.parts]
    assert sorted(names) == sorted(set(names))
