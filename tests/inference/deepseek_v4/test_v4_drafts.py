"""The draft module guesses what its equations say, and changes no answer."""

from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch
from engine_helpers import greedy, run_all, small_engine
from safetensors.torch import load_file
from tiny_v4 import TINY, make_tiny_v4

from inference.kernels.cpu import native_backends
from inference.kernels.interface import Batch, DraftingStep

EXPERTS = TINY["num_experts_per_tok"] + TINY["n_shared_experts"]
PROMPTS = [[5, 6, 7], list(range(3, 60)), [9] * 20, [40, 2, 2, 17, 40, 2]]

Drafting = tuple[Path, Any]


@pytest.fixture(scope="module")
def v4(tmp_path_factory: pytest.TempPathFactory) -> Drafting:
    directory = tmp_path_factory.mktemp("v4-drafts")
    return directory, make_tiny_v4(directory, drafts=True)


class Oracle:
    """transformers' trunk and layer, joined as the published module joins them."""

    def __init__(self, v4: Drafting) -> None:
        self._model, self._drafter = v4[1], v4[1].drafter
        self._weights = load_file(v4[0] / "model.safetensors")

    def guesses(self, ids: list[int]) -> list[int]:
        """Of the tokens two and three after the last but one of ``ids``."""
        caught: list[torch.Tensor] = []
        hook = self._model.model.hc_head.register_forward_pre_hook(
            lambda _, args: caught.append(args[0])
        )
        with torch.inference_mode():
            self._model(torch.tensor([ids[:-1]]))
            hook.remove()
            streams = caught[0][0]
            first, after = self._run(streams, ids[1:])
            second, _ = self._run(torch.cat([streams, after[-1:]]), [*ids[1:], first])
        return [first, second]

    def _run(self, streams: torch.Tensor, following: list[int]) -> tuple[int, torch.Tensor]:
        entered = self._enter(streams, following)
        caught: list[torch.Tensor] = []
        layer, head = self._drafter.model.layers[0], self._drafter.model.hc_head
        hooks = [
            layer.register_forward_pre_hook(lambda _, args: (entered[None], *args[1:])),
            head.register_forward_pre_hook(lambda _, args: caught.append(args[0])),
        ]
        logits = self._drafter(torch.tensor([following])).logits[0, -1]
        for hook in hooks:
            hook.remove()
        return int(logits.argmax()), caught[0][0]

    def _enter(self, streams: torch.Tensor, following: list[int]) -> torch.Tensor:
        tokens = self._model.model.embed_tokens(torch.tensor(following))
        tokens = torch.cat([torch.zeros_like(tokens[:1]), tokens[1:]])
        tokens = self._linear("e_proj", self._norm("enorm", tokens))
        return self._linear("h_proj", self._norm("hnorm", streams)) + tokens[:, None]

    def _norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        weight = self._weights[f"mtp.0.{name}.weight"]
        return torch.nn.functional.rms_norm(x, (x.shape[-1],), weight, 1e-6)

    def _linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x, self._weights[f"mtp.0.{name}.weight"])


def test_guesses_are_those_of_the_equations(v4: Drafting) -> None:
    engine = small_engine(v4[0], block_size=8, guesses=2)
    oracle = Oracle(v4)
    sequences = [greedy(prompt, 12, EXPERTS) for prompt in PROMPTS]
    for sequence in sequences:
        engine.add(sequence)
    compared = 0
    while engine.has_work:
        engine.step()
        for sequence in engine.scheduler.running:
            if sequence.output_ids and sequence.num_uncomputed == 1:
                ids = [*sequence.prompt_ids, *sequence.output_ids]
                assert sequence.draft == oracle.guesses(ids)
                compared += 1
    assert compared >= 30
    engine.blocks.check()


@pytest.mark.parametrize("guesses", [1, 3])
def test_answers_are_the_same_with_drafts(v4: Drafting, guesses: int) -> None:
    several = [greedy(prompt, 25, EXPERTS) for prompt in PROMPTS]
    expected = run_all(small_engine(v4[0], block_size=8), *several)
    engine = small_engine(v4[0], block_size=8, guesses=guesses, kv_blocks=14)
    again = [greedy(prompt, 25, EXPERTS) for prompt in PROMPTS]
    assert run_all(engine, *again) == expected
    assert engine.stats.guessed_tokens > 0
    engine.blocks.check()


class BesideTorch:
    """A step in C whose guesses torch makes too, of the same weights and over the same cache."""

    def __init__(self, model: Any) -> None:
        self._model, self._step = model, model.fused
        self.errors: list[float] = []

    def logits(self, batch: Batch, cache: Any) -> torch.Tensor:
        return self._step.logits(batch, cache)

    def states(self, batch: Batch, cache: Any) -> torch.Tensor:
        return self._step.states(batch, cache)

    @torch.inference_mode()
    def guess(
        self, streams: torch.Tensor, batch: Batch, cache: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logits, after = self._step.guess(streams, batch, cache)
        model, drafter = self._model, self._model.drafter
        tokens = model.embedding[batch.token_ids]
        hidden, streams = drafter.run(streams, tokens, batch, cache.drafter)
        theirs = model.head(hidden[batch.sample_rows]).float()
        for mine, other in ((logits, theirs), (after.float(), streams.float())):
            if other.numel():
                error = (mine - other).square().mean().sqrt() / other.square().mean().sqrt()
                self.errors.append(float(error))
        return logits, after


@pytest.mark.parametrize("backend", native_backends())
@pytest.mark.parametrize(
    ("weights", "dtype", "most"),
    [
        ("float32", "float32", 1e-5),
        ("bfloat16", "bfloat16", 0.02),
        ("int8", "float32", 0.02),
        ("int4", "float32", 0.05),  # in C the first output linear is rounded too
    ],
)
def test_in_c_the_module_gives_what_it_gives_in_torch(
    v4: Drafting,
    weights: str,
    dtype: str,
    most: float,
    backend: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("inference.kernels.registry.native_backends", lambda: [backend])
    options = {"block_size": 8, "kernels": "native", "weights": weights, "dtype": dtype}
    engine = small_engine(v4[0], guesses=2, **options)
    model: Any = engine._runner.model
    assert isinstance(model.fused, DraftingStep)
    beside = model.fused = BesideTorch(model)
    run_all(engine, *[greedy(prompt, 9, EXPERTS) for prompt in PROMPTS])
    assert len(beside.errors) >= 20
    # Where numbers are rounded, a router's close choice falls otherwise now and then.
    assert (max if weights == "float32" else median)(beside.errors) < most


@pytest.mark.parametrize(("weights", "dtype"), [("int8", "float32"), ("bfloat16", "bfloat16")])
def test_guesses_and_answers_in_c_depend_on_no_neighbour_and_no_thread(
    v4: Drafting, weights: str, dtype: str
) -> None:
    def engine(threads: int) -> Any:
        options = {"block_size": 8, "kernels": "native", "weights": weights, "dtype": dtype}
        return small_engine(v4[0], guesses=2, threads=threads, **options)

    apart = [engine(1) for _ in PROMPTS]
    alone = [
        run_all(own, greedy(prompt, 12, EXPERTS))[0]
        for own, prompt in zip(apart, PROMPTS, strict=True)
    ]
    together = engine(2)
    assert run_all(together, *[greedy(prompt, 12, EXPERTS) for prompt in PROMPTS]) == alone
    for count in ("guessed_tokens", "accepted_tokens"):
        assert getattr(together.stats, count) == sum(getattr(one.stats, count) for one in apart)


def test_a_model_without_the_module_looks_its_guesses_up(tmp_path: Path) -> None:
    make_tiny_v4(tmp_path)
    engine = small_engine(tmp_path, block_size=8, guesses=3)
    run_all(engine, greedy([4, 5, 6, 7, 8] * 6, 20, EXPERTS))
    assert engine.stats.guessed_tokens > 0
