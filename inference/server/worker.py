"""What one worker process serves: models by name over one engine."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from inference.constraints import Constraint, ConstraintCompiler, schema_of
from inference.encoding.call_forms import CallForm
from inference.encoding.formats import ChatFormat
from inference.engine.embedding import Budget, Embedding, EmbeddingJob, check_text
from inference.engine.engine import Engine
from inference.engine.sequence import Sequence
from inference.engine.thread import EngineThread, Output, Request
from inference.errors import ModelUnknown, WorkerStopping
from inference.provenance import Provenance
from inference.sampling_params import SamplingDefaults, SamplingParams
from inference.server.metrics import WorkerMetrics
from inference.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A name and the experts that a token activates: so many (0 for a dense model), or of
    those as many as hold a share of the router's weight."""

    name: str
    num_experts: int
    expert_mass: float = 1.0

    def with_budget(self, num_experts: int | None, expert_mass: float | None) -> "ServedModel":
        """The same with what a request asks for; None: nothing."""
        if num_experts is None and expert_mass is None:
            return self
        return ServedModel(
            self.name,
            self.num_experts if num_experts is None else num_experts,
            self.expert_mass if expert_mass is None else expert_mass,
        )


class Generation:
    """One running request as an asynchronous stream of outputs."""

    def __init__(self, model: ServedModel, started: float) -> None:
        self.model = model
        self.started = started
        self.request: Request | None = None
        self.last: Output | None = None  # the one that ended it, if one did
        self._outputs: asyncio.Queue[Output | None] = asyncio.Queue()

    def put(self, output: Output | None) -> None:
        self._outputs.put_nowait(output)

    async def outputs(self) -> AsyncIterator[Output]:
        """Outputs up to the last one; ends early, without it, when the client hung up.

        Raises:
            InferenceError: the engine refused or lost the request.
        """
        while (output := await self._outputs.get()) is not None:
            self.last = output
            if output.error is not None:
                raise output.error
            yield output
            if output.finish is not None:
                return


class Worker:
    """Started and stopped by the ASGI lifespan; used from its event loop only."""

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        chat: ChatFormat | None,
        models: Mapping[str, ServedModel],
        defaults: SamplingDefaults,
        provenance: Provenance | None,
        choices: tuple[str, ...] = (),
    ) -> None:
        self.engine = engine
        self.tokenizer = tokenizer
        self.chat = chat
        self.models = models
        self.defaults = defaults
        self.provenance = provenance
        self.choices = choices
        self.metrics = WorkerMetrics(engine)
        self.stopping = False
        self.created = int(time.time())
        self._constraints = ConstraintCompiler(
            tokenizer, engine.config.vocab_size, engine.config.eos_token_ids
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = EngineThread(engine, tokenizer, self._deliver)

    @property
    def healthy(self) -> bool:
        return self._thread.healthy and not self.lost and not self.stopping

    @property
    def lost(self) -> bool:
        """Whether another process of the model ended or fell silent; only a new start helps."""
        return self.engine.shared is not None and not self.engine.shared.ready

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        self.stopping = True
        self._thread.stop()

    def model(self, name: str) -> ServedModel:
        """Raises ModelUnknown."""
        try:
            return self.models[name]
        except KeyError:
            raise ModelUnknown(
                f"No model of that name is served here; served are {', '.join(self.models)}.",
                param="model",
            ) from None

    def room(self, prompt_ids: list[int]) -> int:
        """How many tokens an answer to this prompt may have."""
        return self.engine.max_context - len(prompt_ids)

    @property
    def num_experts(self) -> int:
        """Of a layer, shared ones included; 0 for a dense model."""
        return self.engine.config.num_experts

    async def constrain(
        self,
        response_format: dict[str, Any] | None,
        calls: CallForm | None,
        opens_after: int | None = None,
    ) -> Constraint | None:
        """What a request makes of an answer; compiled beside the event loop.

        Args:
            calls: the answer has to be this; then there is no ``response_format``.
            opens_after: the token that ends the model's thoughts, where the prompt begins them.

        Raises:
            RequestInvalid, ConstraintUnsupported.
        """
        if calls is not None:
            return await asyncio.to_thread(self._constraints.compile_calls, calls, opens_after)
        schema = schema_of(response_format)
        if schema is None:
            return None
        return await asyncio.to_thread(self._constraints.compile, schema, opens_after)

    def sequence(
        self,
        prompt_ids: list[int],
        params: SamplingParams,
        model: ServedModel,
        constraint: Constraint | None,
        priority: int,
        salt: str | None,
    ) -> Sequence:
        return Sequence(
            prompt_ids,
            params,
            model.num_experts,
            frozenset(self.engine.config.eos_token_ids),
            constraint=constraint,
            expert_mass=model.expert_mass,
            priority=priority,
            salt=(salt or "").encode(),
        )

    @contextmanager
    def generate(
        self, model: ServedModel, sequence: Sequence, keeps: frozenset[int] = frozenset()
    ) -> Iterator[Generation]:
        """A running `Generation`; leaving the block early cancels it.

        Args:
            keeps: control tokens that are a part of the text.

        Raises:
            WorkerStopping, RequestInvalid, ContextOverflow.
        """
        if self.stopping:
            raise WorkerStopping("This worker is shutting down; send the request to another.")
        generation = Generation(model, time.monotonic())
        request = self._thread.submit(sequence, self._sink(generation), keeps)
        generation.request = request
        try:
            yield generation
        finally:
            self._thread.cancel(request)

    async def embed(self, model: ServedModel, texts: list[list[int]]) -> list[Embedding]:
        """The vectors of several texts, each given as token ids.

        Raises:
            WorkerStopping, RequestInvalid, ContextOverflow, EngineFailed.
        """
        if self.stopping:
            raise WorkerStopping("This worker is shutting down; send the request to another.")
        for ids in texts:
            check_text(ids, self.engine.max_context, self.engine.config.vocab_size)
        budget = Budget(model.num_experts, model.expert_mass)
        waiting = [self._queue_text(ids, budget) for ids in texts]
        try:
            found = [await future for _, future in waiting]
        finally:
            for job, _ in waiting:
                job.cancelled = True  # of a client that hung up, what did not begin
        for item in found:
            if item.error is not None:
                raise item.error
        return found

    def _queue_text(
        self, ids: list[int], budget: Budget
    ) -> tuple[EmbeddingJob, asyncio.Future[Embedding]]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Embedding] = loop.create_future()

        def take(found: Embedding) -> None:
            if not future.done():
                future.set_result(found)

        def sink(found: Embedding) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(take, found)

        job = EmbeddingJob(ids, budget, sink)
        self._thread.embed(job)
        return job, future

    def hang_up(self, generation: Generation) -> None:
        """The client is gone: stop computing and wake whoever waits."""
        if generation.request is not None:
            self._thread.cancel(generation.request)
        generation.put(None)

    def _sink(self, generation: Generation) -> Callable[[Output], None]:
        first = True

        def sink(output: Output) -> None:
            nonlocal first
            if first and output.text:
                first = False
                self.metrics.first_token(generation.model.name, generation.started)
            if output.finish is not None:
                self.metrics.ended(generation.model.name, output, generation.started)
            generation.put(output)

        return sink

    def _deliver(self, outputs: list[tuple[Request, Output]]) -> None:
        """Called in the engine's thread; one hand-over per step."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_hand_out, outputs)


def _hand_out(outputs: list[tuple[Request, Output]]) -> None:
    for request, output in outputs:
        request.sink(output)
