"""DeepSeek-V4's chat format for tests: a small tokenizer with its tokens, and the oracle."""

import functools
import itertools
import json
from typing import Any

import deepseek_recipe as recipe
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from core.dsml import DsmlParser, tools_of
from inference.encoding.output import AnswerParser, Part
from inference.encoding.tokens import TOKENS

LIKELY = ["tool", "_calls", "parameter", "invoke", "name", "string", "true", " the", "Hello"]


@functools.cache
def tokenizer_json() -> str:
    """Every byte, the control tokens of V4, and a few merges across what they are spelled with."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {letter: number for number, letter in enumerate(alphabet)}
    merges: list[tuple[str, str]] = []
    for word in [*LIKELY, "<th", "</", "think>", "ｄ"]:
        spelled = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(word)[0][0]
        for end in range(2, len(spelled) + 1):
            if spelled[:end] not in vocab:
                vocab[spelled[:end]] = len(vocab)
                merges.append((spelled[: end - 1], spelled[end - 1]))
    made = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    thinking = [token for token in TOKENS if "think" in token]
    made.add_special_tokens([AddedToken(t, special=True) for t in TOKENS if t not in thinking])
    made.add_tokens([AddedToken(token, special=False) for token in thinking])
    return made.to_str()


def mark(text: str, v41: bool = False) -> str:
    """``text`` with ``@`` as the mark of DSML."""
    return text.replace("@", "｜DSML｜ " if v41 else "｜DSML｜")


def parameter(name: str, value: str, string: str | None = "true") -> str:
    kind = "" if string is None else f' string="{string}"'
    return mark(f'<@parameter name="{name}"{kind}>') + value + mark("</@parameter>\n")


def invoke(name: str, *parameters: str) -> str:
    return mark(f'<@invoke name="{name}">\n') + "".join(parameters) + mark("</@invoke>\n")


def block(*invokes: str, opener: str = "tool_calls") -> str:
    return mark(f"<@{opener}>\n") + "".join(invokes) + mark(f"</@{opener}>")


Answer = tuple[str, str, list[tuple[str, str]]]
"""Reasoning, content, and calls as ``(name, arguments)``."""


def pieces(text: str, cuts: Any) -> list[str]:
    return [text[a:b] for a, b in itertools.pairwise([0, *sorted(cuts), len(text)])]


def parsed(
    *texts: str, tools: Any = None, thinking: bool = False, truncated: bool = False, **options: Any
) -> Answer:
    calls = None if tools is None else DsmlParser(tools, strict=True)
    parser = AnswerParser(calls, thinking=thinking, **options)
    events = [event for text in texts for event in parser.feed(text)]
    events += parser.finish(truncated=truncated)
    return joined(events)


def joined(events: list[tuple[Part, str]]) -> Answer:
    texts, calls = {Part.REASONING: "", Part.CONTENT: ""}, []
    for part, text in events:
        if part is Part.CALL:
            calls.append((text, ""))
        elif part is Part.ARGUMENTS:
            calls[-1] = calls[-1][0], calls[-1][1] + text
        else:
            texts[part] += text
    return texts[Part.REASONING], texts[Part.CONTENT], calls


def parsed_by_recipe(text: str, *, tools: bool, thinking: bool) -> tuple[str, str, list[Any]]:
    """What DeepSeek's own parser makes of an answer; arguments as objects."""
    conversation = recipe.Conversation([recipe.UserMessage("Hi")])
    request = recipe.ConversationRequest(conversation, recipe.ModelVersion.DeepseekV4Pro)
    generator = recipe.ChatCompletionRequest.chunk_generator(request, "id", "m")
    stage = recipe.ThinkingInitialStage.ReasoningStart if thinking else None
    options = recipe.ParsingOptions(parse_tool_calls=tools, thinking_initial_stage=stage)
    processor = recipe.StreamProcessor(generator, options)
    chunks = processor.push(recipe.InferenceChunk.ready())
    chunks += processor.push(recipe.InferenceChunk.text(text, 1))
    chunks += processor.push(recipe.InferenceChunk.finish(recipe.InferenceFinishReason.Stop))
    chunks += processor.finish()
    answer = recipe.ChatCompletionResponse("id", "m", 1, 1, 0)
    for chunk in chunks:
        assert isinstance(chunk, recipe.ChatCompletionChunk)
        answer.accumulate(chunk)
    message = json.loads(answer.to_json())["choices"][0]["message"]
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    return (
        message.get("reasoning_content") or "",
        message.get("content") or "",
        [(call["name"], json.loads(call["arguments"])) for call in calls],
    )


def prompted_by_recipe(body: dict[str, Any], *, v41: bool = False) -> tuple[str, list[int]]:
    """Prompt and token ids by DeepSeek's own encoder."""
    request = recipe.ChatCompletionRequest({"model": "DeepSeek-V4-Pro", **body})
    conversation = request.convert(recipe.ConversionOptions()).conversation
    encoding = recipe.DeepseekV41Encoding() if v41 else recipe.DeepseekV4Encoding()
    encoding = encoding.with_tokenizer(recipe.Tokenizer.from_str(tokenizer_json()))
    return encoding.render_conversation(conversation).prompt, encoding.encode(conversation)


def tools(*names: str) -> list[dict[str, Any]]:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    return [
        {"type": "function", "function": {"name": n, "description": "dös", "parameters": schema}}
        for n in names
    ]


TOOLS = tools_of({"tools": tools("f", "get_weather")})
