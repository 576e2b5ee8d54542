"""A package's ``__all__`` is its public face: every name is there, once, in order."""

from importlib import import_module

import pytest

from support.repository import PACKAGES, ROOT, python_files


def _packages_with_a_face() -> list[str]:
    faces = [path for path in python_files(*PACKAGES) if path.name == "__init__.py"]
    return sorted(
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in faces
        if "__all__" in path.read_text("utf-8")
    )


def test_every_domain_package_has_a_face() -> None:
    assert {"guardrails", "billing", "inference"} <= set(_packages_with_a_face())


@pytest.mark.parametrize("name", _packages_with_a_face())
def test_face_can_be_imported(name: str) -> None:
    package = import_module(name)
    missing = [entry for entry in package.__all__ if not hasattr(package, entry)]
    assert missing == []
    assert len(package.__all__) == len(set(package.__all__))
