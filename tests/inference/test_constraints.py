"""Constrained answers parse and validate, whatever happens to their sequences meanwhile."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from engine_helpers import small_engine
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as FastTokenizer
from tokenizers import decoders, models, pre_tokenizers, trainers

from inference.constraints import Constraint, ConstraintCompiler, schema_of
from inference.constraints import compiler as compiler_module
from inference.engine.engine import Engine
from inference.engine.sampler import sample
from inference.engine.sequence import Sequence, Status
from inference.errors import ConstraintUnsupported, RequestInvalid
from inference.sampling_params import SamplingParams
from inference.tokenizer import Tokenizer

VOCABULARY = 400  # of the logits: wider than the tokenizer's, as checkpoints have it
END, THOUGHT = 0, 1
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 6},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "kind": {"enum": ["a", "b", None]},
    },
    "required": ["name", "age", "kind"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    fast = FastTokenizer(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=390,
        special_tokens=["<end>", "<thought>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    fast.train_from_iterator([json.dumps([PERSON, "über 1,234 true false null"])] * 3, trainer)
    return Tokenizer.from_json(fast.to_str())


@pytest.fixture(scope="module")
def compiler(tokenizer: Tokenizer) -> ConstraintCompiler:
    return ConstraintCompiler(tokenizer, VOCABULARY, [END])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
        pad_token_id=END,
        bos_token_id=1,
        eos_token_id=END,
    )
    directory = tmp_path_factory.mktemp("constrained")
    LlamaForCausalLM(config).save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def engine(checkpoint: Path) -> Engine:
    return small_engine(checkpoint, kv_blocks=256)


def sequence_of(constraint: Constraint | None, seed: int = 1, **options: Any) -> Sequence:
    options = {"temperature": 1.5, "max_tokens": 120, **options}
    params = SamplingParams(seed=seed, **options)
    return Sequence([5, 6, 7 + seed % 5], params, 0, frozenset({END}), constraint=constraint)


def finish(engine: Engine, *sequences: Sequence) -> None:
    for sequence in sequences:
        engine.add(sequence)
    while engine.has_work:
        engine.step()


def text_of(tokenizer: Tokenizer, ids: list[int]) -> str:
    return tokenizer.decode([i for i in ids if i != END], skip_special=False)


def scalars() -> st.SearchStrategy[dict[str, Any]]:
    small = st.integers(-20, 20)
    ranges = st.tuples(small, small).map(sorted)
    return st.one_of(
        st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["boolean", "null"]}]),
        ranges.map(lambda r: {"type": "integer", "minimum": r[0], "maximum": r[1]}),
        ranges.map(lambda r: {"type": "number", "minimum": r[0], "maximum": r[1] + 0.5}),
        st.integers(0, 5).map(lambda n: {"type": "string", "minLength": n, "maxLength": n + 3}),
        st.sampled_from(["^[a-c]{1,3}$", "^\\d{2}-\\d{2}$", "^(ä|ö|x)+$"]).map(
            lambda p: {"type": "string", "pattern": p, "maxLength": 6}
        ),
        st.sampled_from(["date", "uuid", "ipv4"]).map(lambda f: {"type": "string", "format": f}),
        st.lists(st.sampled_from([1, 2.5, "ü", None, True, {"k": []}]), min_size=1).map(
            lambda values: {"enum": values}
        ),
        st.sampled_from([{"const": 'a"b\\c'}, {"type": "integer", "multipleOf": 7}]),
    )


def composed(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from(["a", "b", "ü", 'q"', "long name"])
    arrays = st.tuples(inner, st.integers(0, 2), st.integers(0, 2)).map(
        lambda t: {"type": "array", "items": t[0], "minItems": t[1], "maxItems": t[1] + t[2]}
    )
    objects = st.tuples(
        st.dictionaries(names, inner, max_size=3), st.sets(names), st.booleans()
    ).map(
        lambda t: {
            "type": "object",
            "properties": t[0],
            "required": sorted(t[1] & set(t[0])),
            "additionalProperties": False,
        }
    )
    unions = st.lists(inner, min_size=1, max_size=3).map(lambda s: {"anyOf": s})
    referred = inner.map(
        lambda s: {"$defs": {"x": s}, "type": "array", "items": {"$ref": "#/$defs/x"}}
    )
    return st.one_of(arrays, objects, unions) | referred.map(lambda s: s | {"maxItems": 2})


SCHEMAS = st.recursive(scalars(), lambda inner: composed(inner), max_leaves=6)


def without_inner_references(schema: Any, outermost: bool = True) -> bool:
    """References are from the root, so only an outermost schema may have definitions."""
    if isinstance(schema, dict):
        if "$defs" in schema and not outermost:
            return False
        return all(without_inner_references(v, False) for v in schema.values())
    return not isinstance(schema, list) or all(without_inner_references(v, False) for v in schema)


@settings(max_examples=25, deadline=None)
@given(schema=SCHEMAS.filter(without_inner_references), seed=st.integers(0, 10_000))
def test_every_answer_meets_its_schema_or_stops_by_length(
    engine: Engine, tokenizer: Tokenizer, compiler: ConstraintCompiler, schema: Any, seed: int
) -> None:
    sequences = [sequence_of(compiler.compile(schema), seed + i) for i in range(4)]
    free = sequence_of(None, seed)
    finish(engine, *sequences, free)
    for sequence in sequences:
        assert sequence.finish_reason in ("stop", "length")
        if sequence.finish_reason == "stop":
            answer = json.loads(text_of(tokenizer, sequence.output_ids))
            jsonschema.validate(answer, schema, jsonschema.Draft202012Validator)
    alone = sequence_of(None, seed)
    finish(engine, alone)
    assert alone.output_ids == free.output_ids  # its neighbours' masks are not its own


def test_answers_end_by_themselves_when_the_form_is_full(
    engine: Engine, tokenizer: Tokenizer, compiler: ConstraintCompiler
) -> None:
    # However many tokens are asked for, and whatever else is asked of them.
    sequences = [
        sequence_of(compiler.compile(PERSON), seed, min_tokens=110, logprobs=1, top_k=3)
        for seed in range(8)
    ]
    finish(engine, *sequences)
    for sequence in sequences:
        assert sequence.finish_reason == "stop"
        answer = json.loads(text_of(tokenizer, sequence.output_ids))
        jsonschema.validate(answer, PERSON)
        assert len(sequence.logprobs) == len(sequence.output_ids)


def test_preemption_and_guesses_change_no_answer(
    checkpoint: Path, tokenizer: Tokenizer, compiler: ConstraintCompiler
) -> None:
    def answers(**options: Any) -> tuple[list[list[int]], Engine, int]:
        engine = small_engine(checkpoint, **options)
        sequences = [
            sequence_of(compiler.compile(PERSON), seed, temperature=t)
            for seed in range(6)
            for t in (0.0, 1.0)
        ]
        finish(engine, *sequences)
        preempted = sum(s.preemptions for s in sequences)
        return [s.output_ids for s in sequences], engine, preempted

    plain, _, none = answers(kv_blocks=512)
    tight, _, some = answers(kv_blocks=40)
    guessed, engine, _ = answers(kv_blocks=512, guesses=4)
    assert none == 0
    assert some > 0
    assert engine.stats.guessed_tokens > engine.stats.accepted_tokens
    assert plain == tight == guessed


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_tokens_taken_back_leave_no_trace(compiler: ConstraintCompiler, data: Any) -> None:
    followed, ids = compiler.compile(PERSON), []
    for _ in range(40):
        mask = followed.mask(ids)
        assert mask is not None
        assert mask == compiler.compile(PERSON).mask(ids)
        allowed = [i for i in range(VOCABULARY) if mask[i // 8] >> i % 8 & 1]
        assert allowed  # never is everything forbidden
        if followed.complete:
            assert allowed == [END]
            break
        assert END not in allowed
        ids = [*ids, data.draw(st.sampled_from(allowed))]
        if data.draw(st.integers(0, 4)) == 0:
            back = data.draw(st.integers(0, len(ids)))
            if data.draw(st.booleans()):
                followed.rollback(back)
            ids = ids[: len(ids) - back]


def test_a_form_can_begin_after_the_thoughts(
    engine: Engine, tokenizer: Tokenizer, compiler: ConstraintCompiler
) -> None:
    bias = ((THOUGHT, 4.0), (END, 20.0))
    sequences = [
        sequence_of(compiler.compile(PERSON, THOUGHT), seed, logit_bias=bias, max_tokens=300)
        for seed in range(6)
    ]
    finish(engine, *sequences)
    lengths = set()
    for sequence in sequences:
        at = sequence.output_ids.index(THOUGHT)
        lengths.add(at)
        assert END not in sequence.output_ids[:at]  # a thought is no answer
        answer = json.loads(text_of(tokenizer, sequence.output_ids[at + 1 :]))
        jsonschema.validate(answer, PERSON)
    assert len(lengths) > 1


def test_white_space_is_bounded(compiler: ConstraintCompiler) -> None:
    constraint = compiler.compile({"type": "object"})
    (blank,) = _ids_of(compiler, " ")
    (brace,) = _ids_of(compiler, "{")
    assert _allows(constraint, [brace], blank)
    assert not _allows(constraint, [brace, blank], blank)


def _ids_of(compiler: ConstraintCompiler, text: str) -> list[int]:
    return compiler._tokenizer.encode(text)


def _allows(constraint: Constraint, ids: list[int], token: int) -> bool:
    mask = constraint.mask(ids)
    assert mask is not None
    return bool(mask[token // 8] >> token % 8 & 1)


def test_what_the_vocabulary_cannot_spell_ends_its_own_sequence_only(tokenizer: Tokenizer) -> None:
    # The vocabulary is cut: its bytes spell no character outside ASCII.
    text = tokenizer.to_json()
    raw = json.loads(text)
    kept = {k: v for k, v in raw["model"]["vocab"].items() if len(k) == 1 and k.isascii()}
    raw["model"] |= {"vocab": kept | {"<end>": END, "<thought>": THOUGHT}, "merges": []}
    cut = ConstraintCompiler(Tokenizer.from_json(json.dumps(raw)), VOCABULARY, [END])
    stuck = sequence_of(cut.compile({"const": "äöü"}))
    other = sequence_of(cut.compile({"type": "boolean"}))
    for _ in range(4):
        rows = [s for s in (stuck, other) if s.status is not Status.FINISHED]
        for sequence, token in zip(
            rows, sample(torch.zeros(len(rows), VOCABULARY), rows), strict=True
        ):
            sequence.append(token)
    assert stuck.finish_reason == "error"
    assert stuck.constraint is not None
    assert stuck.constraint.failure is not None
    assert stuck.constraint.failure.code == "response_format_failed"
    assert other.finish_reason != "error"


BIG = {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(4000)}}


def chain(length: int) -> dict[str, Any]:
    links = {
        f"d{i}": {"type": "object", "properties": {"a": {"$ref": f"#/$defs/d{i + 1}"}}}
        for i in range(length)
    }
    return {"$ref": "#/$defs/d0", "$defs": links | {f"d{length}": {"type": "null"}}}


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"not": {}}, '"not"'),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "string", "pattern": "(?=a)b"}, "look-around"),
        ({"type": "string", "format": "nonsense"}, "nonsense"),
        ({"type": "integer", "minimum": 3, "maximum": 1}, "Unsatisfiable"),
        ({"enum": []}, "Unsatisfiable"),
        ({"type": "nothing"}, "Invalid type"),
        ({"$ref": "#"}, "cannot be enforced"),
        ({"$ref": "https://example.com/schema"}, "within it"),
        ({"$ref": "#/$defs/missing"}, "nowhere"),
        ({"items": {"$id": "x"}}, "$id"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "draft 4"),
        ({"type": "integer", "multipleOf": 999_983}, "multipleOf"),
        ({"anyOf": [{"multipleOf": 997}, {"multipleOf": 991}]}, "multipleOf"),
        (BIG, "characters"),
        (chain(700), "nested too deep"),
        (nested(650), "nested too deep"),
        (nested(200), "recursion limit"),
        (nested(20_000), "nested too deep"),
    ],
)
def test_what_cannot_be_enforced_is_refused(
    compiler: ConstraintCompiler, schema: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ConstraintUnsupported) as raised:
        compiler.compile(schema)
    assert raised.value.param == "response_format"
    assert raised.value.code == "response_format_unsupported"
    assert reason in raised.value.message


def test_the_largest_schemas_that_are_taken_compile(compiler: ConstraintCompiler) -> None:
    for schema in (
        chain(140),
        nested(60),
        {"type": "integer", "multipleOf": 9973},
        {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(500)}},
        {"enum": [f"value {i}" for i in range(3000)]},
    ):
        assert compiler.compile(schema).mask([])


def test_clients_cannot_steer_the_library_by_its_own_keyword(compiler: ConstraintCompiler) -> None:
    steered = {"type": "array", "x-guidance": {"item_separator": "XX"}, "maxItems": 2}
    separators = {text: _ids_of(compiler, text)[0] for text in (",", "X")}
    constraint = compiler.compile(steered)
    ids = _ids_of(compiler, "[1")
    assert _allows(constraint, ids, separators[","])
    assert not _allows(constraint, ids, separators["X"])


def test_the_cache_is_bounded_and_gives_fresh_states(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler_module, "MAX_CACHED", 2)
    fresh = ConstraintCompiler(tokenizer, VOCABULARY, [END])
    for low in range(5):
        fresh.compile({"type": "integer", "minimum": low})
    assert len(fresh._compiled) == 2
    first, second = fresh.compile(PERSON), fresh.compile(PERSON)
    start = second.mask([])
    assert first.mask(_ids_of(fresh, '{"name"')) != start
    assert second.mask([]) == start == fresh.compile(PERSON).mask([])


@pytest.fixture
def without_library() -> Iterator[None]:
    saved = {name: sys.modules.pop(name) for name in list(sys.modules) if "llguidance" in name}
    sys.modules["llguidance"] = None  # pyright: ignore[reportArgumentType]
    try:
        yield
    finally:
        del sys.modules["llguidance"]
        sys.modules.update(saved)


@pytest.mark.usefixtures("without_library")
def test_without_the_library_the_error_says_what_to_install(tokenizer: Tokenizer) -> None:
    fresh = ConstraintCompiler(tokenizer, VOCABULARY, [END])
    with pytest.raises(ConstraintUnsupported, match=r"install sovgate\[worker\]"):
        fresh.compile({"type": "object"})


def test_formats_of_requests() -> None:
    schema = {"type": "integer"}
    assert schema_of(None) is None
    assert schema_of({"type": "text"}) is None
    assert schema_of({"type": "json_object"}) == {"type": "object"}
    named = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    assert schema_of(named) == schema
    for wrong in (
        {"type": "xml"},
        {"type": "json_schema"},
        {"type": "json_schema", "json_schema": {}},
    ):
        with pytest.raises(RequestInvalid) as raised:
            schema_of(wrong)
        assert raised.value.param == "response_format"
