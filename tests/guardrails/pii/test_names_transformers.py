"""A model in a folder finds names: a real one, as small as a model can be."""

from pathlib import Path

import pytest

from gateway.content import Document
from gateway.guarding import Guards
from gateway.settings import GuardSettings, PolicySettings
from guardrails.errors import GuardUnavailable
from guardrails.pii import PiiEngine


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT without layers: the embedding of a word alone decides, and of two it says PER."""
    import torch
    from transformers import BertConfig, BertForTokenClassification, BertTokenizer

    folder = tmp_path_factory.mktemp("model")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "greta", "vogel", "was", "here", "##n"]
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(words))
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=4,
        num_hidden_layers=0,
        num_attention_heads=1,
        intermediate_size=4,
        id2label={0: "O", 1: "B-PER"},
        label2id={"O": 0, "B-PER": 1},
    )
    net = BertForTokenClassification(config)
    with torch.no_grad():
        for weights in net.parameters():
            weights.zero_()
        net.bert.embeddings.LayerNorm.weight.fill_(1.0)
        embeddings = net.bert.embeddings.word_embeddings.weight
        embeddings[:, 0] = 1.0
        for name in ("greta", "vogel"):
            embeddings[words.index(name)] = torch.tensor([0.0, 1.0, 0.0, 0.0])
        net.classifier.weight.copy_(torch.tensor([[4.0, 0, 0, 0], [0, 4.0, 0, 0]]))
    net.save_pretrained(folder)
    BertTokenizer(vocab=str(vocabulary)).save_pretrained(folder)
    return folder


def test_names_are_found_to_the_end_of_a_long_text(model: Path) -> None:
    engine = PiiEngine.load(ner="transformers", model=model)
    text = "was here " * 400 + "Greta Vogel"
    spans = engine.detect(text, entities=frozenset({"PERSON"}))
    assert {text[span.start : span.end] for span in spans} <= {"Greta", "Vogel", "Greta Vogel"}
    assert max(span.end for span in spans) == len(text)
    assert "transformers-" in engine.version


def test_without_a_model_it_does_not_load() -> None:
    with pytest.raises(GuardUnavailable):
        PiiEngine.load(ner="transformers")


async def test_the_gateway_asks_it_in_the_process_beside(model: Path) -> None:
    guards = Guards.load(GuardSettings(ner="transformers", ner_model=model))
    text = "Greta was here"
    inspection = await guards.inspect("acme", [Document(((text, True),))], [], PolicySettings())
    guards.close()
    assert [text[span.start : span.end] for span in inspection.spans[text]] == ["Greta"]
    assert "transformers-" in guards.versions["pii"]


def test_settings_without_a_model_are_refused() -> None:
    with pytest.raises(ValueError, match="ner_model"):
        GuardSettings(ner="transformers")
