"""Runs scenarios and reports them: the part that every client's program shares."""

import asyncio
import inspect
import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Gateway:
    """Where to go and as whom."""

    base_url: str
    api_key: str
    model: str
    embedding_model: str

    @property
    def root(self) -> str:
        """Without ``/v1``, as the Anthropic SDKs want it."""
        return self.base_url.removesuffix("/v1")


class Scenarios:
    """Collects functions of a ``Gateway``; each raises where it was not served well."""

    def __init__(self) -> None:
        self._all: dict[str, Callable[[Gateway], Any]] = {}

    def __call__(self, function: Callable[[Gateway], Any]) -> Callable[[Gateway], Any]:
        self._all[function.__name__] = function
        return function

    def main(self) -> None:
        """Run all, or those that the command line names."""
        base_url, api_key, model, embedding_model, *only = sys.argv[1:]
        gateway = Gateway(base_url, api_key, model, embedding_model)
        for name in only or self._all:
            report = {"scenario": name, "ok": True, "error": None}
            try:
                result = self._all[name](gateway)
                if inspect.iscoroutine(result):
                    asyncio.run(result)
            except Exception:
                report |= {"ok": False, "error": traceback.format_exc()}
            print(json.dumps(report), flush=True)
