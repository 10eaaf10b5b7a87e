"""Runs a notebook's cells without Jupyter; as a program, writes what they show into it anew.

As `python -m second_opinion_assets_tests.notebook docs/notebook.ipynb`.
"""

from __future__ import annotations

import ast
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any


def read(path: Path) -> Any:
    """Return a notebook, which is JSON (nbformat 4)."""
    return json.loads(path.read_text())


def run(notebook: Any) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    """Run the cells of code one after another; yield each with the outputs that it has now."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            yield cell, list(_outputs("".join(cell["source"]), names))


def _outputs(source: str, names: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run one cell; yield what it prints, and the value of its last line if that is one."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    value = None
    with redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, "<cell>", "exec"), names)  # noqa: S102 (our own notebook)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)  # noqa: S307
    if printed.getvalue():
        yield {"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())}
    if value is not None:
        yield {
            "data": {"text/plain": _lines(repr(value))},
            "execution_count": None,
            "metadata": {},
            "output_type": "execute_result",
        }


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main(path: Path) -> None:
    """Write into a notebook what its cells show."""
    notebook = read(path)
    here = Path.cwd()
    os.chdir(path.parent)
    for cell, outputs in run(notebook):
        cell["outputs"] = outputs
    os.chdir(here)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
