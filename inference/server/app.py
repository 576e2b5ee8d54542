"""Routes of a worker: completions, models, tokenize, health, metrics.

Every handler parses, calls the `Worker`, and translates back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

from starlette.types import Receive, Scope, Send

from core.errors import SovgateError
from inference.encoding.formats import ChatFormat
from inference.errors import RequestInvalid
from inference.server import http
from inference.server.answers import Answer, Prompt, active_share
from inference.server.embeddings import EmbeddingRequest, embeddings_answer, token_ids_of
from inference.server.generating import Choice, send_stream, send_whole
from inference.server.logprobs import LogprobShape
from inference.server.problems import error_body, retry_after, status_of
from inference.server.protocol import (
    ChatRequest,
    CompletionRequest,
    DetokenizeRequest,
    SamplingFields,
    TokenizeRequest,
    decode,
    sampling_params,
)
from inference.server.worker import ServedModel, Worker

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
            ("POST", "/detokenize"): self.detokenize,
            ("GET", "/v1/models"): self.list_models,
            ("GET", "/health"): self.health,
            ("GET", "/ready"): self.ready,
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
            await http.send_json(send, error_body(error), status_of(error), retry_after(error))

    async def chat(self, receive: Receive, send: Send) -> None:
        request = decode(await http.read_body(receive), ChatRequest)
        model = self.worker.model(request.model)
        chats = self._chats()
        chat = chats.prompt(request.chat(chats.gap, request.shown_schema))
        await self._generate(request, model, [Prompt(chat.ids, chat=chat)], receive, send)

    async def complete(self, receive: Receive, send: Send) -> None:
        request = decode(await http.read_body(receive), CompletionRequest)
        model = self.worker.model(request.model)
        prompts = request.prompts(self.worker.tokenizer.encode)
        for ids in prompts:
            self._check_ids(ids, "prompt")
        plain = [Prompt(ids, self._decode(ids) if request.echo else "") for ids in prompts]
        await self._generate(request, model, plain, receive, send)

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
        if request.messages:
            chats = self._chats()
            ids = chats.prompt(request.chat(chats.gap)).ids
        else:
            ids = self.worker.tokenizer.encode(request.prompt or "")
        length = self.worker.engine.max_context
        await http.send_json(send, {"count": len(ids), "max_model_len": length, "tokens": ids})

    async def detokenize(self, receive: Receive, send: Send) -> None:
        request = decode(await http.read_body(receive), DetokenizeRequest)
        self._check_ids(request.tokens, "tokens")
        await http.send_json(send, {"prompt": self._decode(request.tokens)})

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

    async def ready(self, receive: Receive, send: Send) -> None:
        """Whether requests may be sent here; `health` says more."""
        ready = self.worker.healthy
        await http.send_json(send, {"ready": ready}, 200 if ready else 503)

    async def show_metrics(self, receive: Receive, send: Send) -> None:
        kind = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
        await http.send_bytes(send, self.worker.metrics.render(), 200, (kind,))

    def _chats(self) -> ChatFormat:
        if self.worker.chat is None:
            raise RequestInvalid("This model has no chat template; use /v1/completions.")
        return self.worker.chat

    def _decode(self, ids: list[int]) -> str:
        return self.worker.tokenizer.decode(ids, skip_special=False)

    def _check_ids(self, ids: list[int], param: str) -> None:
        if any(not 0 <= token < self.worker.engine.config.vocab_size for token in ids):
            raise RequestInvalid(f"{param} holds a token id outside the vocabulary.", param=param)

    def _model_card(self, model: ServedModel) -> dict[str, Any]:
        provenance = self.worker.provenance
        return {
            "id": model.name,
            "object": "model",
            "created": self.worker.created,
            "owned_by": "sovgate",
            "max_model_len": self.worker.engine.max_context,
            "num_experts_per_tok": model.num_experts,
            "expert_mass": model.expert_mass,
            "active_expert_share": active_share(model.num_experts, self.worker.num_experts),
            "weights_digest": provenance.weights_digest if provenance else None,
        }

    async def _generate(
        self,
        request: SamplingFields,
        model: ServedModel,
        prompts: list[Prompt],
        receive: Receive,
        send: Send,
    ) -> None:
        answers: list[Answer] = []
        for prompt in prompts:
            answers += await self._answers(request, model, prompt, answers)
        with ExitStack() as running:
            choices = []
            for answer in answers:
                assert answer.sequence is not None
                chat = answer.prompt.chat
                keeps = chat.keeps if chat else frozenset[int]()
                started = self.worker.generate(model, answer.sequence, keeps)
                choices.append(Choice(running.enter_context(started), answer))
            watcher = asyncio.create_task(self._watch(receive, choices))
            try:
                if request.stream:
                    usage, continuous = request.wants_usage, request.wants_continuous_usage
                    await send_stream(send, choices, with_usage=usage, continuous=continuous)
                else:
                    await send_whole(send, choices)
            finally:
                watcher.cancel()

    async def _answers(
        self, request: SamplingFields, model: ServedModel, prompt: Prompt, before: list[Answer]
    ) -> list[Answer]:
        """What is to be computed of a prompt: one for each choice, each with its own sequence.

        Args:
            before: the answers to the request's earlier prompts.
        """
        worker, chat = self.worker, prompt.chat
        params = sampling_params(request, worker.defaults, worker.room(prompt.ids))
        model = model.with_budget(request.num_experts_per_tok, request.expert_mass)
        end, calls = (chat.end_of_thinking, chat.calls) if chat else (None, None)
        answers: list[Answer] = []
        for number in range(request.n or 1):
            constraint = await worker.constrain(request.response_format, calls, end)
            own = params.of_choice(number)
            told = params.logprobs is not None
            sequence = worker.sequence(
                prompt.ids, own, model, constraint, request.priority, request.cache_salt
            )
            answers.append(
                Answer(
                    model.name,
                    worker.num_experts,
                    prompt,
                    LogprobShape(worker.tokenizer, chat=bool(chat)) if told else None,
                    sequence,
                    len(before) + number,
                    (before or answers)[0].id if before or answers else "",
                )
            )
        return answers

    async def _watch(self, receive: Receive, choices: list[Choice]) -> None:
        await http.until_disconnect(receive)
        for choice in choices:
            self.worker.hang_up(choice.generation)


async def _send_missing(send: Send, status: int) -> None:
    message = "No such path here." if status == 404 else "This path takes another method."
    code = "not_found" if status == 404 else "method_not_allowed"
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    await http.send_json(send, {"error": error}, status)
