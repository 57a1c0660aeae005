"""What fits a screen: no file over 400 lines, no function over 80; lines of at most 120 columns."""

import ast

import tree

MOST_FILE_LINES = 400
MOST_FUNCTION_LINES = 80
MOST_COLUMNS = 120
TAB = 8

SOURCES = [name for name in tree.files(".c", ".h", ".py", ".sh", ".lua", ".js", ".css", ".html", "meson.build") + [
    name for name in tree.files("") if name.startswith("scripts/") and "." not in name]]


def c_functions(text):
    """(first line, lines) of every function: formatted code opens and closes its body in column 0."""
    start = None
    for number, line in enumerate(text.split("\n"), 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            yield start, number - start + 1
            start = None


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1


def test_there_is_something_to_check():
    assert len(SOURCES) > 80
    assert list(c_functions("int f(void)\n{\n\treturn 1;\n}\n")) == [(2, 3)]


def check_file(name):
    text = tree.text(name)
    assert text.count("\n") <= MOST_FILE_LINES
    assert text.endswith("\n") and not text.endswith("\n\n"), "ends with exactly one line end"
    for number, line in enumerate(text.split("\n"), 1):
        assert len(line.expandtabs(TAB)) <= MOST_COLUMNS, f"line {number}"
        assert line == line.rstrip(), f"line {number} ends in white space"


def test_file():
    tree.check_each(SOURCES, check_file)


def check_functions(name):
    functions = python_functions if name.endswith(".py") else c_functions
    long = [found for found in functions(tree.text(name)) if found[1] > MOST_FUNCTION_LINES]
    assert not long, f"(line, length): {long}"


def test_functions():
    tree.check_each([name for name in SOURCES if name.endswith((".c", ".h", ".py"))], check_functions)
