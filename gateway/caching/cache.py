"""The cache of one gateway process: memory first, then what the replicas share."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from core.errors import SovgateError
from gateway.archive import BodySealer
from gateway.caching.conversion import has_tool_calls, is_complete
from gateway.caching.embedding import Embedder
from gateway.caching.entry import Entry
from gateway.caching.keys import KeyMaker, Surroundings, is_deterministic, question_of
from gateway.caching.memory import MemoryStore
from gateway.caching.semantic import Indexes
from gateway.caching.use import CacheUse
from gateway.errors import InvalidRequest
from gateway.guarding import Guards
from gateway.settings import CachePolicy, CachingSettings, SemanticCachePolicy
from gateway.upstreams import Deployed

if TYPE_CHECKING:
    from gateway.caching.shared import SharedStore
    from gateway.exchange import Exchange

HEADER = b"x-sovgate-cache"
_ENDPOINTS = frozenset({"/chat/completions", "/completions", "/embeddings"})
_WORDS = frozenset({"on", "off", "refresh", "exact"})
_log = structlog.get_logger(__name__)


class AnswerCache:
    """Looks answers up and keeps them.

    Args:
        shared: what all replicas share; ``None``: every process has its own.
        embedder: asks for embeddings; used by semantic policies only.
    """

    def __init__(
        self,
        settings: CachingSettings,
        pepper: bytes,
        guards: Guards,
        upstreams: Mapping[str, Deployed],
        sealer: BodySealer,
        embedder: Embedder,
        shared: "SharedStore | None" = None,
    ) -> None:
        self.max_answer_bytes = settings.max_answer_bytes
        self._keys = KeyMaker(pepper)
        self._guards = guards
        self._upstreams = upstreams
        self._sealer = sealer
        self._embedder = embedder
        self._shared = shared
        self._memory = MemoryStore(settings.memory_bytes)
        self._indexes = Indexes(settings.memory_bytes // 4)

    @property
    def memory_bytes(self) -> int:
        """What the answers in memory take."""
        return self._memory.bytes

    async def look_up(self, exchange: "Exchange") -> CacheUse:
        """What is kept for a routed exchange; its policy has a cache.

        Raises:
            InvalidRequest: the header says what it cannot say.
        """
        policy = exchange.authenticated[1].cache
        use = CacheUse(target=exchange.target)
        wish = _wish(exchange.connection.headers)
        if wish == "off" or exchange.surface.endpoint not in _ENDPOINTS:
            return use
        if policy.only_deterministic and not is_deterministic(exchange.body):
            return use
        around = self._surroundings(exchange, policy)
        use.result, use.key = "miss", self._keys.exact(exchange.body, around)
        if wish != "refresh":
            await self._find(exchange, use, use.key, "hit")
        if use.entry is None and policy.semantic is not None and wish != "exact":
            await self._find_similar(exchange, use, around, policy.semantic, look=wish != "refresh")
        return use

    async def keep(self, exchange: "Exchange", raw: bytes) -> None:
        """Keep an upstream's whole answer to a settled exchange, if it may be given again."""
        use, usage = exchange.cache, exchange.usage
        if use is None or use.key is None or usage is None or exchange.route is None:
            return
        if not is_complete(raw) or exchange.target != use.target:
            return
        principal, policy = exchange.authenticated
        now = time.time()
        entry = Entry(
            body=raw,
            request_id=exchange.request_id,
            model=exchange.target.model,
            at=now,
            expires=now + policy.cache.ttl_s,
            usage=usage.to_json(),
        )
        self._memory.put(use.key, entry)
        secret = await self._secret(principal.tenant)
        if self._shared is not None and secret is not None:
            self._shared.put(principal.tenant, use.key, entry, secret, policy.cache.ttl_s)
        if use.question is not None and not has_tool_calls(raw):
            self._keep_question(exchange, use, entry, secret)

    def _keep_question(
        self, exchange: "Exchange", use: CacheUse, entry: Entry, secret: bytes | None
    ) -> None:
        principal, policy = exchange.authenticated
        if use.question is None or policy.cache.semantic is None:
            return
        context, vector = use.question
        most = policy.cache.semantic.max_entries
        row = (str(use.key), vector, entry.expires)
        self._indexes.of(context, most).add(*row)
        self._indexes.grown(context)
        if self._shared is not None and secret is not None:
            self._shared.add_question(
                principal.tenant, context, row, secret, policy.cache.ttl_s, most
            )

    async def _find(self, exchange: "Exchange", use: CacheUse, key: str, result: str) -> None:
        entry = self._memory.get(key, time.time())
        if entry is None and self._shared is not None:
            tenant = exchange.authenticated[0].tenant
            secret = await self._secret(tenant)
            if secret is not None:
                entry = await self._shared.get(tenant, key, secret)
            if entry is not None and entry.expires > time.time():
                self._memory.put(key, entry)
            else:
                entry = None
        if entry is not None:
            use.entry, use.result = entry, result  # type: ignore[assignment]

    async def _find_similar(
        self,
        exchange: "Exchange",
        use: CacheUse,
        around: Surroundings,
        semantic: SemanticCachePolicy,
        *,
        look: bool,
    ) -> None:
        question = question_of(exchange)
        if question is None:
            return
        vector = await self._embedder.embed(exchange, semantic.model, question.text)
        if vector is None:
            return
        context = self._keys.context(exchange.body, around, question)
        use.question = (context, vector)
        index = self._indexes.of(context, semantic.max_entries)
        tenant = exchange.authenticated[0].tenant
        if self._shared is not None and (secret := await self._secret(tenant)) is not None:
            await self._shared.read_questions(tenant, context, index, secret)
            self._indexes.grown(context)
        found = index.nearest(vector, semantic.threshold, time.time()) if look else None
        if found is not None:
            await self._find(exchange, use, found.key, "semantic-hit")
            use.similarity = found.similarity if use.entry is not None else None

    def _surroundings(self, exchange: "Exchange", policy: CachePolicy) -> Surroundings:
        principal, whole = exchange.authenticated
        target, own = exchange.target, exchange.recognizers
        scope = {"project": principal.project_id, "key": principal.key_id}.get(policy.shared_by)
        deployed = self._upstreams.get(target.upstream)
        digest = deployed.weights_digest(target.model) if deployed else None
        return Surroundings(
            owner=(principal.tenant, policy.shared_by, scope or ""),
            surface=exchange.surface.name,
            endpoint=exchange.surface.endpoint,
            target=target,
            policy=whole.digest,
            guards=(*self._guards.versions.values(), own.version if own else ""),
            deployment=(deployed.revision if deployed else "", digest or ""),
        )

    async def _secret(self, tenant: str) -> bytes | None:
        """The tenant's sealing key; ``None`` while it cannot be had: then nothing is shared."""
        if self._shared is None:
            return None
        try:
            await self._sealer.prepare(tenant)
        except (SovgateError, SQLAlchemyError, OSError) as error:
            _log.warning("cache.no_key", reason=type(error).__name__)
            return None
        return self._sealer.purpose_key(tenant, "cache")


def _wish(headers: Mapping[bytes, bytes]) -> str:
    """What the client wants: on, off, refresh (ask the upstream, keep its answer), exact."""
    own = headers.get(HEADER)
    if own is not None:
        word = own.decode("latin-1").strip().lower()
        if word not in _WORDS:
            raise InvalidRequest(
                "The header x-sovgate-cache says on, off, refresh or exact.",
                param="x-sovgate-cache",
            )
        return word
    control = headers.get(b"cache-control")
    if control is None:
        return "on"
    words = {word.strip().lower() for word in control.decode("latin-1").split(",")}
    if "no-store" in words:
        return "off"
    return "refresh" if "no-cache" in words else "on"
