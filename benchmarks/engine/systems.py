"""One system under measurement, as a process that does what it reads from stdin.

    python -m benchmarks.engine.systems ours|llama.cpp|transformers WEIGHTS THREADS FORMAT [VOCAB]

Each line asks for ``{"streams": n, "tokens": m}``: n greedy answers of m tokens to prompts of 32,
all at once; the answer has ``total``, tokens a second over whole requests, and for one stream
``decode``, tokens a second from its first token on (of several llama.cpp tells it too, as the sum
over its slots). None of them goes over HTTP.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[[int, int], dict[str, float]]

MOST_STREAMS, CONTEXT, VOCABULARY = 16, 256, 49152


def prompt(stream: int, vocabulary: int = VOCABULARY) -> list[int]:
    return [3 + (997 + 97 * stream + 11 * at) % (vocabulary - 3) for at in range(32)]


def ours(weights: Path, threads: int, form: str) -> Run:
    from inference.engine.loading import EngineOptions, load_engine
    from inference.engine.sequence import Sequence
    from inference.kernels.registry import WEIGHTS
    from inference.sampling_params import SamplingParams

    if form not in WEIGHTS:
        raise ValueError(f"{form} is none of {', '.join(WEIGHTS)}")
    options = EngineOptions(weights=form, threads=threads, prefix_cache=False)
    engine, _ = load_engine(weights, options)

    def run(streams: int, tokens: int) -> dict[str, float]:
        params = SamplingParams(max_tokens=tokens, temperature=0, ignore_eos=True)
        experts = engine.config.num_experts_per_tok
        started, first, drawn = time.perf_counter(), 0.0, 0
        for stream in range(streams):
            engine.add(Sequence(prompt(stream), params, experts, frozenset()))
        while engine.has_work:
            drawn += len(engine.step())
            first = first or time.perf_counter()
        return speeds(started, first, time.perf_counter(), drawn)

    return run


def llama_cpp_server(weights: Path, threads: int) -> Any:
    """With a slot for each stream; it listens too, on a port of its own."""
    import xllamacpp.xllamacpp as xllamacpp  # what the package exports is made at run time

    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.port = 0
    params.n_parallel, params.n_ctx = MOST_STREAMS, MOST_STREAMS * CONTEXT
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    return xllamacpp.Server(params)


def llama_cpp(weights: Path, threads: int, form: str, vocabulary: int = VOCABULARY) -> Run:
    del form
    server = llama_cpp_server(weights, threads)

    def ask(stream: int, tokens: int, answers: list[Any]) -> None:
        request = {"prompt": prompt(stream, vocabulary), "n_predict": tokens, "temperature": 0}
        request |= {"ignore_eos": True, "cache_prompt": False}
        server.handle_completions(request, answers.append)

    def run(streams: int, tokens: int) -> dict[str, float]:
        answers: list[Any] = []
        asking = [
            threading.Thread(target=ask, args=(stream, tokens, answers))
            for stream in range(streams)
        ]
        started = time.perf_counter()
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        ended = time.perf_counter()
        timings = [(a if isinstance(a, dict) else json.loads(a))["timings"] for a in answers]
        drawn = sum(timing["predicted_n"] for timing in timings)
        decode = sum(timing["predicted_per_second"] for timing in timings)
        return {"total": drawn / (ended - started), "decode": decode}

    return run


def hugging_face(weights: Path, threads: int, form: str) -> Run:
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.generation.streamers import BaseStreamer

    torch.set_num_threads(threads)
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[form]
    model: Any = AutoModelForCausalLM.from_pretrained(weights, dtype=dtype).eval()

    class Watch(BaseStreamer):
        times: list[float]

        def put(self, value: torch.Tensor) -> None:
            self.times.append(time.perf_counter())

        def end(self) -> None: ...

    def run(streams: int, tokens: int) -> dict[str, float]:
        ids = torch.tensor([prompt(stream) for stream in range(streams)])
        watch = Watch()
        watch.times = []
        started = time.perf_counter()
        with torch.inference_mode():
            whole = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=tokens,
                min_new_tokens=tokens,
                do_sample=False,
                streamer=watch if streams == 1 else None,
            )
        drawn = whole.numel() - ids.numel()
        first = watch.times[1] if streams == 1 else started  # the prompt is put first
        return speeds(started, first, time.perf_counter(), drawn)

    return run


def speeds(started: float, first: float, ended: float, drawn: int) -> dict[str, float]:
    return {"total": drawn / (ended - started), "decode": (drawn - 1) / (ended - first)}


SYSTEMS: dict[str, Callable[..., Run]] = {
    "ours": ours,
    "llama.cpp": llama_cpp,
    "transformers": hugging_face,
}


def main(system: str, weights: str, threads: str, form: str, *vocabulary: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    run = SYSTEMS[system](Path(weights), int(threads), form, *map(int, vocabulary))
    run(1, 8)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(run(asked["streams"], asked["tokens"])), file=answers, flush=True)
    os._exit(0)  # llama.cpp's server would wait for its threads


if __name__ == "__main__":
    main(*sys.argv[1:])
