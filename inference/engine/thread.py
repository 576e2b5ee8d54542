"""The engine in a thread of its own, beside an event loop that never blocks.

Requests come in through a queue; text goes out in one hand-over per step.
Detokenising and stop strings live here, since they decide when to stop.
"""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from inference.engine.accounting import divide, seconds
from inference.engine.embedding import Embedding, EmbeddingBatch, EmbeddingJob, together
from inference.engine.engine import Engine
from inference.engine.logprobs import LogprobQueue
from inference.engine.sequence import FinishReason, Logprob, Sequence, Status
from inference.errors import EngineFailed, InferenceError
from inference.stopping import StopMatcher
from inference.tokenizer import IncrementalDetokenizer, Tokenizer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Output:
    """What a step brought for one request. ``finish`` is set in the last one only.

    ``logprobs`` are of the tokens whose text has come out, if they were asked for.
    """

    text: str
    finish: FinishReason | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    worker_seconds: str = "0"
    error: InferenceError | None = None
    logprobs: tuple[Logprob, ...] = ()
    cached_tokens: int = 0  # of the prompt
    active_experts: float = 0.0  # of a position, on average


Deliver = Callable[[list[tuple["Request", Output]]], None]


@dataclass(slots=True, eq=False)
class Request:
    """A sequence with its text; ``sink`` belongs to whoever submitted it."""

    sequence: Sequence
    detokenizer: IncrementalDetokenizer
    stops: StopMatcher
    sink: Callable[[Output], None]
    first_token_ns: int = 0
    seen: int = field(default=0)
    told: LogprobQueue | None = None  # if log probabilities were asked for

    def advance(self) -> Output | None:
        """Text and end of the request after a step; None when neither is there."""
        sequence = self.sequence
        text = "".join(map(self._push, range(self.seen, len(sequence.output_ids))))
        self.seen = len(sequence.output_ids)
        if self.stops.stopped:
            sequence.finish("stop")
        if sequence.status is Status.FINISHED:
            text += self._rest()
            return self.output(text)
        return self.output(text) if text else None

    def output(self, text: str, error: InferenceError | None = None) -> Output:
        sequence = self.sequence
        if error is None and sequence.constraint is not None:
            error = sequence.constraint.failure
        return Output(
            text,
            sequence.finish_reason,
            len(sequence.prompt_ids),
            len(sequence.output_ids),
            seconds(sequence.work_ns),
            error,
            self.told.release(len(text), sequence.finish_reason is not None) if self.told else (),
            sequence.num_cached,
            sequence.active_experts,
        )

    def _push(self, index: int) -> str:
        """The text that came to be certain with the answer's token at ``index``."""
        params, token = self.sequence.params, self.sequence.output_ids[index]
        if token in self.sequence.eos_ids and not params.ignore_eos:
            return ""
        text = self.detokenizer.push(token)
        if self.told is not None:
            self.told.push(self.sequence.logprobs[index], len(text))
        return text if index < params.min_tokens else self.stops.feed(text)

    def _rest(self) -> str:
        return self.stops.feed(self.detokenizer.flush()) + self.stops.flush()


class EngineThread:
    """Owns the engine; every method may be called from any thread."""

    def __init__(self, engine: Engine, tokenizer: Tokenizer, deliver: Deliver) -> None:
        self.engine = engine
        self.healthy = True
        self._tokenizer = tokenizer
        self._deliver = deliver
        self._commands: queue.SimpleQueue[tuple[str, Request | EmbeddingJob | None]] = (
            queue.SimpleQueue()
        )
        self._texts: deque[EmbeddingJob] = deque()
        self._embedding: tuple[list[EmbeddingJob], EmbeddingBatch] | None = None  # begun
        self._requests: dict[Sequence, Request] = {}
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(
        self,
        sequence: Sequence,
        sink: Callable[[Output], None],
        keeps: frozenset[int] = frozenset(),
    ) -> Request:
        """Queue a sequence.

        Args:
            keeps: control tokens whose spelling is a part of the text.

        Raises:
            RequestInvalid, ContextOverflow: it can never run. A full queue comes
            to ``sink`` as an error, since only the thread knows.
        """
        self.engine.check(sequence)
        stops = StopMatcher(sequence.params.stop)
        told = None if sequence.params.logprobs is None else LogprobQueue()
        detokenizer = IncrementalDetokenizer(self._tokenizer, keeps)
        request = Request(sequence, detokenizer, stops, sink, told=told)
        self._commands.put(("add", request))
        return request

    def cancel(self, request: Request) -> None:
        """Stop a request before the next step; its last `Output` says ``cancelled``."""
        self._commands.put(("cancel", request))

    def embed(self, job: EmbeddingJob) -> None:
        """Queue a checked text; texts have a step of rows between two of the requests'."""
        self._commands.put(("embed", job))

    def stop(self, timeout: float = 5.0) -> None:
        """Cancel what is left and end the thread."""
        self._commands.put(("stop", None))
        self._thread.join(timeout)

    def _run(self) -> None:
        running = True
        while running:
            running = self._take_commands()
            if running and (self._texts or self._embedding):
                self._embed()
            if not running or not self.engine.has_work:
                continue
            self._step()

    def _step(self) -> None:
        started, busy = time.perf_counter_ns(), self.engine.stats.busy_ns
        try:
            self._hand_over(self.engine.step())
        except Exception:  # the outermost boundary of the thread: report, lose the step, go on
            log.exception("engine step failed")
            told = self.engine.stats.busy_ns != busy  # the step's time stands already
            self._fail(0 if told else time.perf_counter_ns() - started)

    def _take_commands(self) -> bool:
        """Carry out what is queued, waiting while there is nothing to compute."""
        while True:
            try:
                busy = self.engine.has_work or bool(self._texts or self._embedding)
                name, request = self._commands.get(block=not busy)
            except queue.Empty:
                return True
            if name == "stop":
                self._cancel_all()
                return False
            if isinstance(request, EmbeddingJob):
                self._texts.append(request)
            elif request is not None:
                (self._add if name == "add" else self._cancel)(request)

    def _add(self, request: Request) -> None:
        try:
            self.engine.add(request.sequence)
        except InferenceError as error:
            request.sequence.finish("error")
            self._deliver([(request, request.output("", error))])
            return
        self._requests[request.sequence] = request

    def _cancel(self, request: Request) -> None:
        if self._requests.pop(request.sequence, None) is not None:
            self.engine.cancel(request.sequence)
            self._deliver([(request, request.output(""))])

    def _embed(self) -> None:
        """The next rows of the texts that were begun, or of those that wait."""
        jobs = self._embedding[0] if self._embedding else self._next_texts()
        if not jobs:
            return
        try:
            if self._embedding is None:
                texts = [job.token_ids for job in jobs]
                self._embedding = jobs, self.engine.embedding(texts, jobs[0].budget)
            batch = self._embedding[1]
            self.engine.embed(batch)
            found = batch.vectors() if batch.done else None
        except Exception:  # the thread's outermost boundary, as in `_run`
            log.exception("embedding failed")
            reason = "The engine failed on this text; send the request again."
            found = [_no_vector(reason)] * len(jobs)
        if found is not None:
            self._embedding = None
            for job, vector in zip(jobs, found, strict=True):
                job.sink(vector)

    def _next_texts(self) -> list[EmbeddingJob]:
        """Out of the queue: the texts to compute together, less those that nobody waits for."""
        waiting = [job for job in self._texts if not job.cancelled]
        jobs = together(waiting, self.engine.text_rows) if waiting else []
        self._texts = deque(waiting[len(jobs) :])
        return jobs

    def _cancel_all(self) -> None:
        begun = self._embedding[0] if self._embedding else []
        for job in (*begun, *self._texts):
            job.sink(_no_vector("The worker is stopping; send it again."))
        self._texts.clear()
        self._embedding = None
        for request in list(self._requests.values()):
            self._cancel(request)

    def _hand_over(self, advanced: list[Sequence]) -> None:
        outputs: list[tuple[Request, Output]] = []
        stopped = False
        for sequence in advanced:
            request = self._requests[sequence]
            output = request.advance()
            stopped |= sequence.status is Status.FINISHED
            if sequence.status is Status.FINISHED:
                del self._requests[sequence]
            if output is not None:
                outputs.append((request, output))
        if stopped:  # a stop string ends a sequence after the engine's own look
            self.engine.scheduler.retire()
        if outputs:
            self._deliver(outputs)

    def _fail(self, spent: int) -> None:
        """End all requests with an error; ``spent`` nanoseconds are the running ones' work."""
        self.healthy = False
        error = EngineFailed("The engine failed on this batch; send the request again.")
        running = list(self.engine.scheduler.running)
        if running:
            for sequence, part in zip(running, divide(spent, [1] * len(running)), strict=True):
                sequence.work_ns += part
            self.engine.stats.busy_ns += spent
        self.engine.abort_all()
        lost, self._requests = list(self._requests.values()), {}
        self._deliver([(request, request.output("", error)) for request in lost])


def _no_vector(reason: str) -> Embedding:
    return Embedding([], error=EngineFailed(reason))
