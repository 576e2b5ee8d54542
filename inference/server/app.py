"""Routes of a worker: completions, models, tokenize, health, metrics.

Every handler parses, calls the `Worker`, and translates back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Receive, Scope, Send

from core.errors import SovgateError
from inference.engine.sequence import Logprob
from inference.errors import RequestInvalid
from inference.server import http
from inference.server.answers import Answer
from inference.server.embeddings import EmbeddingRequest, embeddings_answer, token_ids_of
from inference.server.logprobs import LogprobShape
from inference.server.problems import error_body, status_of
from inference.server.protocol import (
    ChatRequest,
    CompletionRequest,
    SamplingFields,
    TokenizeRequest,
    chat_extra,
    decode,
    sampling_params,
)
from inference.server.worker import Generation, ServedModel, Worker

log = logging.getLogger(__name__)
Handler = Callable[[Receive, Send], Awaitable[None]]


class WorkerApp:
    """The ASGI application."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self._routes: dict[tuple[str, str], Handler] = {
            ("POST", "/v1/chat/completions"): self.chat,
            ("POST", "/v1/completions"): self.complete,
            ("POST", "/v1/embeddings"): self.embed,
            ("POST", "/tokenize"): self.tokenize,
            ("GET", "/v1/models"): self.list_models,
            ("GET", "/health"): self.health,
            ("GET", "/metrics"): self.show_metrics,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.worker.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await asyncio.to_thread(self.worker.stop)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._routes.get((scope["method"], scope["path"]))
        if handler is None:
            known = {path for _, path in self._routes}
            await _send_missing(send, 405 if scope["path"] in known else 404)
            return
        try:
            await handler(receive, send)
        except http.ClientGone:
            return
        except SovgateError as error:
            status = status_of(error)
            retry = ((b"retry-after", b"1"),) if status in (429, 503) else ()
            await http.send_json(send, error_body(error), status, retry)

    async def chat(self, receive: Receive, send: Send) -> None:
        request = decode(await http.read_body(receive), ChatRequest)
        model = self.worker.model(request.model)
        template = self.worker.chat
        if template is None:
            raise RequestInvalid("This model has no chat template; use /v1/completions.")
        if not request.messages:
            raise RequestInvalid("messages is empty; send at least one.", param="messages")
        extra = chat_extra(request, takes_tools=template.takes_tools)
        messages = [message.for_template() for message in request.messages]
        await self._generate(request, model, template.encode(messages, extra), True, receive, send)

    async def complete(self, receive: Receive, send: Send) -> None:
        request = decode(await http.read_body(receive), CompletionRequest)
        model = self.worker.model(request.model)
        prompt = _single_prompt(request)
        ids = self.worker.tokenizer.encode(prompt) if isinstance(prompt, str) else prompt
        if any(not 0 <= token < self.worker.engine.config.vocab_size for token in ids):
            raise RequestInvalid("prompt holds a token id outside the vocabulary.", param="prompt")
        await self._generate(request, model, ids, False, receive, send)

    async def embed(self, receive: Receive, send: Send) -> None:
        request = decode(await http.read_body(receive), EmbeddingRequest)
        worker = self.worker
        model = worker.model(request.model)
        texts = token_ids_of(request, worker.tokenizer, worker.engine.config.hidden_size)
        task = asyncio.create_task(worker.embed(model, texts))
        gone = asyncio.create_task(http.until_disconnect(receive))
        try:
            await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                return
            tokens = sum(map(len, texts))
            await http.send_json(send, embeddings_answer(request, task.result(), tokens))
        finally:
            task.cancel()
            gone.cancel()

    async def tokenize(self, receive: Receive, send: Send) -> None:
        request = decode(await http.read_body(receive), TokenizeRequest)
        if request.messages is not None and self.worker.chat is not None:
            messages = [message.for_template() for message in request.messages]
            ids = self.worker.chat.encode(messages)
        else:
            ids = self.worker.tokenizer.encode(request.prompt or "")
        length = self.worker.engine.max_context
        await http.send_json(send, {"count": len(ids), "max_model_len": length, "tokens": ids})

    async def list_models(self, receive: Receive, send: Send) -> None:
        data = [self._model_card(model) for model in self.worker.models.values()]
        await http.send_json(send, {"object": "list", "data": data})

    async def health(self, receive: Receive, send: Send) -> None:
        worker = self.worker
        provenance = worker.provenance
        body = {
            "status": "ok" if worker.healthy else ("stopping" if worker.stopping else "failed"),
            "models": list(worker.models),
            "weights_digest": provenance.weights_digest if provenance else None,
            "signed_by": provenance.key_id if provenance else None,
            "signer_trusted": provenance.key_trusted if provenance else False,
            "running": len(worker.engine.scheduler.running),
            "waiting": len(worker.engine.scheduler.waiting),
            "kernels": list(worker.choices),
        }
        await http.send_json(send, body, 200 if worker.healthy else 503)

    async def show_metrics(self, receive: Receive, send: Send) -> None:
        kind = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
        await http.send_bytes(send, self.worker.metrics.render(), 200, (kind,))

    def _model_card(self, model: ServedModel) -> dict[str, Any]:
        provenance = self.worker.provenance
        return {
            "id": model.name,
            "object": "model",
            "created": self.worker.created,
            "owned_by": "sovgate",
            "max_model_len": self.worker.engine.max_context,
            "num_experts_per_tok": model.num_experts,
            "active_expert_share": self.worker.active_share(model.num_experts),
            "weights_digest": provenance.weights_digest if provenance else None,
        }

    async def _generate(
        self,
        request: SamplingFields,
        model: ServedModel,
        ids: list[int],
        chat: bool,
        receive: Receive,
        send: Send,
    ) -> None:
        worker = self.worker
        params = sampling_params(request, worker.defaults, worker.room(ids))
        experts = request.num_experts_per_tok
        experts = model.num_experts if experts is None else experts
        shape = None if params.logprobs is None else LogprobShape(worker.tokenizer, chat=chat)
        answer = Answer(model.name, chat, worker.active_share(experts), shape)
        constraint = await worker.constrain(request.response_format)
        with worker.generate(model, ids, params, experts, constraint) as generation:
            watcher = asyncio.create_task(self._watch(receive, generation))
            try:
                if request.stream:
                    await _send_stream(
                        send,
                        generation,
                        answer,
                        with_usage=request.wants_usage,
                        continuous=request.wants_continuous_usage,
                    )
                else:
                    await _send_whole(send, generation, answer)
            finally:
                watcher.cancel()

    async def _watch(self, receive: Receive, generation: Generation) -> None:
        await http.until_disconnect(receive)
        self.worker.hang_up(generation)


async def _send_whole(send: Send, generation: Generation, answer: Answer) -> None:
    parts: list[str] = []
    logprobs: list[Logprob] = []
    async for output in generation.outputs():
        parts.append(output.text)
        logprobs += output.logprobs
        if output.finish is not None:
            await http.send_json(send, answer.whole("".join(parts), output, logprobs))


async def _send_stream(
    send: Send, generation: Generation, answer: Answer, *, with_usage: bool, continuous: bool
) -> None:
    """The status line waits for the first output, so that a full queue is a 429."""
    started = False
    try:
        async for output in generation.outputs():
            if not started:
                started = True
                await http.start_events(send)
                if answer.chat:
                    await http.send_event(send, answer.opening())
            if output.text or output.logprobs:
                await http.send_event(send, answer.delta(output, with_usage=continuous))
            if output.finish is not None:
                await http.send_event(send, answer.ending(output))
                if with_usage:
                    await http.send_event(send, answer.usage_chunk(output))
                await http.end_events(send)
    except SovgateError as error:
        if not started:
            raise
        await http.send_event(send, error_body(error))
        await http.end_events(send)


async def _send_missing(send: Send, status: int) -> None:
    message = "No such path here." if status == 404 else "This path takes another method."
    code = "not_found" if status == 404 else "method_not_allowed"
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    await http.send_json(send, {"error": error}, status)


def _single_prompt(request: CompletionRequest) -> str | list[int]:
    prompt = request.prompt
    if request.echo:
        raise RequestInvalid("echo is not offered by this worker.", param="echo")
    if isinstance(prompt, str):
        return prompt
    numbers = [item for item in prompt if isinstance(item, int)]
    texts = [item for item in prompt if isinstance(item, str)]
    if numbers or not texts:
        return numbers
    if len(texts) > 1:
        raise RequestInvalid("Send one prompt per request.", param="prompt")
    return texts[0]
