"""What a chapter's own code imports, so that a warm kernel has it imported already."""

from __future__ import annotations

import ast
import re

from nbformat import NotebookNode

__all__ = ["imported_modules"]

# torch imports this for seconds at the first use of an optimizer, a functional transform, its compiler or the device 'meta':
# an answer may be the first.
LATE = "torch._dynamo"


def imported_modules(notebook: NotebookNode, files: dict[str, bytes]) -> tuple[str, ...]:
    """The modules that the notebook's cells and the chapter's Python files import, sorted; code that does not parse is left
    out.
    """
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    sources += [data.decode("utf-8", "replace") for name, data in files.items() if name.endswith(".py")]
    found = {module for source in sources for module in _imports(source)}
    if any(name.split(".")[0] == "torch" for name in found):
        found.add(LATE)
    return tuple(sorted(found))


def _imports(source: str) -> set[str]:
    try:
        tree = ast.parse(re.sub(r"(?m)^[ \t]*[%!].*$", "", source))
    except (SyntaxError, ValueError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found
