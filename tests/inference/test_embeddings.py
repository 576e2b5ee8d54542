"""Vectors of the worker: against transformers, and through the official SDK."""

from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import torch
from engine_helpers import greedy, run_all, small_engine, vectors

from inference.engine.embedding import Budget, EmbeddingJob, together
from inference.engine.scheduler import SchedulerLimits

IDS = [3, 141, 59, 26, 53, 58, 97, 93, 23, 84, 62, 64, 33]


@pytest.mark.parametrize("count", [1, 2, 13])
def test_vectors_equal_those_of_transformers(tiny: tuple[Path, Any], count: int) -> None:
    directory, oracle = tiny
    engine = small_engine(directory)
    (found,) = vectors(engine, [IDS[:count]])
    with torch.inference_mode():
        hidden = oracle.model(torch.tensor([IDS[:count]])).last_hidden_state[0]
    theirs = torch.nn.functional.normalize(hidden.mean(0), dim=0)
    assert (torch.tensor(found.vector) - theirs).abs().max() <= 2e-5
    assert found.work_ns > 0


def test_a_vector_leaves_running_answers_alone(tiny: tuple[Path, Any]) -> None:
    directory, _ = tiny
    engine = small_engine(directory)
    experts = engine.config.num_experts_per_tok
    (alone,) = run_all(engine, greedy(IDS, 8, experts))
    sequence = greedy(IDS, 8, experts)
    engine.add(sequence)
    texts = engine.embedding([IDS, IDS[:5]], Budget(experts))
    while engine.has_work:
        engine.step()
        if not texts.done:
            engine.embed(texts)
    assert texts.done
    assert sequence.output_ids == alone


def test_texts_together_and_in_parts_have_the_vectors_that_they_have_alone(
    tiny: tuple[Path, Any],
) -> None:
    whole = small_engine(tiny[0])
    parts = small_engine(tiny[0], limits=SchedulerLimits(max_prefill_tokens=4))
    texts = [IDS[:count] for count in (2, 1, 13, 3, 4, 9)]  # 13 and 9 leave a part of one row
    alone = torch.tensor([vectors(whole, [text])[0].vector for text in texts])
    for engine in (whole, parts):
        found = vectors(engine, texts)
        assert (torch.tensor([one.vector for one in found]) - alone).abs().max() <= 2e-5
        assert sum(one.work_ns for one in found) <= engine.stats.busy_ns


def test_texts_of_one_budget_that_fit_a_step_go_together() -> None:
    def job(tokens: int, experts: int = 8) -> EmbeddingJob:
        return EmbeddingJob([1] * tokens, Budget(experts), lambda found: None)

    jobs = [job(5), job(3), job(4), job(1)]
    assert together(jobs, 8) == jobs[:2]
    assert together([job(50), job(1)], 8)[1:] == []
    assert len(together([job(1), job(1, 6), job(1)], 8)) == 1


@pytest.fixture
def client(worker_url: str) -> Any:
    with openai.OpenAI(base_url=f"{worker_url}/v1", api_key="none", max_retries=0) as made:
        yield made


def test_the_sdk_gets_vectors(client: openai.OpenAI) -> None:
    texts = [
        "The cat sleeps on the sofa.",
        "A cat is sleeping on the couch.",
        "Quarterly revenue grew by nine percent.",
    ]
    answer = client.embeddings.create(model="sov-pro", input=texts, encoding_format="float")
    cat, kitten, money = (torch.tensor(item.embedding) for item in answer.data)
    assert abs(float(cat.norm()) - 1.0) < 1e-4
    assert float(cat @ kitten) > float(cat @ money)
    assert answer.usage.prompt_tokens > 15
    packed = client.embeddings.create(model="sov-pro", input=texts[0])  # base64 inside the SDK
    assert (torch.tensor(packed.data[0].embedding) - cat).abs().max() < 1e-5
    short = client.embeddings.create(model="sov-pro", input=texts[0], dimensions=32)
    assert len(short.data[0].embedding) == 32


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": [10**9]}, "input"),
        ({"input": "x " * 20000}, "input"),
        ({"input": "x", "dimensions": 0}, "dimensions"),
        ({"input": "x", "encoding_format": "int8"}, "encoding_format"),
    ],
)
def test_what_cannot_be_embedded_is_said(worker_url: str, body: dict[str, Any], param: str) -> None:
    answer = httpx.post(f"{worker_url}/v1/embeddings", json={"model": "sov-pro", **body})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
