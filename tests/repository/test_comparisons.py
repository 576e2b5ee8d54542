"""Secrets are compared in constant time, or looked up by their keyed hash; nothing else."""

import ast
import re

from support.repository import ROOT, python_files

_SECRET = re.compile(
    r"secret|password|csrf|signature|api_key|pepper|hmac|token(?!s|_class|izer)|key_hash", re.I
)
# Of things that are no secret: names of variables, a signature and the time of a stamp, which
# stand in the clear in every export.
_PUBLIC = {
    "(self.username_env is None) != (self.password_env is None)",
    "token_time(token) != members['time']",
    "name != 'signature'",
    "raw.hex() != signature",
}


def _in_sql(node: ast.Compare) -> bool:
    """``Model.column == value``: the database compares hashes, in an index."""
    left = node.left
    return (
        isinstance(left, ast.Attribute)
        and isinstance(left.value, ast.Name)
        and left.value.id[:1].isupper()
        and left.attr.endswith("_hash")
    )


def test_no_secret_is_compared_byte_by_byte() -> None:
    found = []
    for path in python_files("core", "gateway", "billing"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
                text = ast.unparse(node)
                if _SECRET.search(text) and text not in _PUBLIC and not _in_sql(node):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {text}")
    assert found == []


def test_yaml_is_read_with_bounds() -> None:
    """What a deployment is given; the planner's price list is our own file."""
    loading = re.compile(r"yaml\.(safe_load|load|full_load|unsafe_load)\(")
    found = {
        str(path.relative_to(ROOT))
        for path in python_files("core", "gateway", "billing", "guardrails", "inference")
        if loading.search(path.read_text("utf-8"))
    }
    assert found == {"billing/planning/published.py"}
