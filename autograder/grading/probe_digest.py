"""What tells whether an exercise's probe changed, and so whether stored observations can be judged again."""

from __future__ import annotations

import ast
import hashlib

from autograder.grading.execute import Question

__all__ = ["probe_digest"]


def probe_digest(code: str, name: str, question: Question) -> str:
    """A hash of the inputs of exercise `name`, its time limit, and of `code`, its checks.py, without what no observation depends
    on: other exercises' probes, docstrings and comments, and what the decorator says beside `asks`, such as points and hints.
    """
    tree = ast.parse(code)
    tree.body = [node for node in tree.body if not (_is_probe(node) and getattr(node, "name", "") != name)]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and _is_probe(node):
            calls = [one for one in node.decorator_list if isinstance(one, ast.Call)]
            node.decorator_list = [word.value for call in calls for word in call.keywords if word.arg == "asks"]
        if isinstance(node, (ast.Module, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    about = [*question.packed, str(question.limit_s), ast.dump(tree)]
    return hashlib.sha256("\0".join(about).encode()).hexdigest()


def _is_probe(node: ast.AST) -> bool:
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    return any(isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "exercise" for one in decorators)
