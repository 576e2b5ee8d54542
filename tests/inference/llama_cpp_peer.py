"""llama.cpp beside the tests: a process that answers what it reads from stdin.

    python llama_cpp_peer.py MODEL.gguf CONTEXT

Each line is the JSON of a completion request; so is each answer. A process of its own, since the
library prints, and ends the process it runs in when something is wrong with a file.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True, slots=True)
class Answer:
    """Greedy ids, and of each place the logarithms of tokens' probabilities, by id."""

    ids: list[int]
    logprobs: list[dict[int, float]]


class LlamaCpp:
    """Greedy answers to prompts of token ids, one at a time."""

    def __init__(self, requests: IO[str], answers: IO[str], log: Path) -> None:
        self._requests, self._answers, self._log = requests, answers, log

    def answer(self, prompt: list[int], count: int, listed: int) -> Answer:
        """``count`` tokens, and at each place the log probabilities of the ``listed`` likeliest."""
        request = {"prompt": prompt, "n_predict": count, "n_probs": listed, "logprobs": listed}
        request |= {"temperature": 0, "ignore_eos": True, "cache_prompt": False}
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        line = self._answers.readline()
        assert line, self._log.read_text(errors="replace")[-2000:]
        places = json.loads(line)["choices"][0]["logprobs"]["content"]
        return Answer(
            [place["id"] for place in places],
            [{top["id"]: top["logprob"] for top in place["top_logprobs"]} for place in places],
        )


@contextmanager
def llama_cpp(model: Path, log: Path, context: int = 1024) -> Iterator[LlamaCpp]:
    """With float32 caches and one thread; what it says goes to ``log``."""
    command = [sys.executable, __file__, str(model), str(context)]
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    assert process.stdin
    assert process.stdout
    try:
        yield LlamaCpp(process.stdin, process.stdout, log)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(30)


def _main(model: str, context: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the library prints is no answer
    import xllamacpp.xllamacpp as xllamacpp  # what the package exports is made at run time

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_parallel, params.n_ctx, params.warmup = 1, int(context), False
    # Its fused attention and its usual caches are float16: logarithms differ by 0.003 then, and the
    # indexer may choose another entry where two are close.
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)

    def write(answer: Any) -> None:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        print(text, file=answers, flush=True)

    for line in sys.stdin:
        server.handle_completions(json.loads(line), write)
    os._exit(0)  # the server would wait for its threads


if __name__ == "__main__":
    _main(*sys.argv[1:])
