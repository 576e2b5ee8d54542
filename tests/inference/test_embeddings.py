"""Vectors of the worker: against transformers, and through the official SDK."""

from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import torch
from engine_helpers import greedy, run_all, small_engine

IDS = [3, 141, 59, 26, 53, 58, 97, 93, 23, 84, 62, 64, 33]


@pytest.mark.parametrize("count", [1, 2, 13])
def test_vectors_equal_those_of_transformers(tiny: tuple[Path, Any], count: int) -> None:
    directory, oracle = tiny
    engine = small_engine(directory)
    found = engine.embed(IDS[:count], engine.config.num_experts_per_tok)
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
    while engine.has_work:
        engine.step()
        engine.embed(IDS[:5], experts)
    assert sequence.output_ids == alone


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
