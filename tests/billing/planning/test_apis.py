"""Prices of APIs: from the cited list, litellm's installed map, a price book."""

import subprocess
import sys
from decimal import Decimal

import pytest

from billing.errors import UnpricedModel
from billing.planning import Published, find_api, own_apis
from billing.planning import apis as module

_Prices = tuple[Decimal, Decimal, Decimal]


def test_deepseek_is_blended_by_its_peak_hours(published: Published) -> None:
    """A quarter of the tokens at peak: 0.75 * 0.60 + 0.25 * 1.20 = 0.75 for output."""
    blended, quiet, peak = own_apis(published, "v4-flash", Decimal("0.25"))
    assert [each.name for each in (blended, quiet, peak)] == [
        "deepseek-flash",
        "deepseek-flash off-peak",
        "deepseek-flash peak",
    ]
    assert (quiet.output, blended.output, peak.output) == (
        Decimal("0.60"),
        Decimal("0.75"),
        Decimal("1.20"),
    )
    assert blended.input == Decimal("0.1875")
    assert blended.cached_input == Decimal("0.00375")
    assert own_apis(published, "v4-pro", Decimal(1))[0].output == Decimal("3.96")


def test_a_baseline_comes_from_the_installed_map(published: Published) -> None:
    api = find_api("gpt-5.5", published)
    assert (api.input, api.cached_input, api.output) == (5, Decimal("0.5"), 30)
    assert api.source.startswith("litellm ")


def test_without_litellm_from_the_cited_list(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    api = find_api("claude-opus-4-7", published)
    assert (api.input, api.cached_input, api.output) == (5, Decimal("0.50"), 25)
    assert api.source == "litellm-map"


def test_the_price_book_goes_first(published: Published) -> None:
    def book(name: str) -> _Prices | None:
        return (Decimal(1), Decimal(2), Decimal(3)) if name == "gpt-5.5" else None

    api = find_api("gpt-5.5", published, book)
    assert (api.input, api.cached_input, api.output, api.source) == (1, 2, 3, "the price book")
    assert find_api("claude-opus-5", published, book).output == 25


def test_an_unpriced_baseline_is_refused(published: Published) -> None:
    with pytest.raises(UnpricedModel, match="'gpt-99'") as error:
        find_api("gpt-99", published)
    assert error.value.code == "unpriced_model"


def test_litellm_is_read_but_not_imported() -> None:
    code = (
        "import sys\n"
        "from billing.planning import find_api, load_published\n"
        "find_api('gpt-5.5', load_published())\n"
        "assert not {'litellm', 'matplotlib', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
