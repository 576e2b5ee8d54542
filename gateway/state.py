"""Everything one gateway process runs on, built from settings and taken down again.

Two of them can live in one process: nothing here is global.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog

from billing import BudgetKeeper, EscrowSettings, JobService, LedgerSink
from core.clock import Clock, SystemClock
from core.database import Database
from core.ids import new_id
from core.tasks import cancel
from gateway.alerts import alert_channels
from gateway.archive import Archive, BodySealer, BodySink
from gateway.audit import AuditChain, Drain, DrainOptions, Journal, KeyFile
from gateway.audit.anchoring import build_anchorer
from gateway.audit.streams import open_streams
from gateway.audit.watch import VerificationWatch
from gateway.batches.jobs import BatchWork
from gateway.caching import AnswerCache, open_cache
from gateway.caching.embedding import Embedder
from gateway.database_watch import DatabaseWatch, once_it_answers
from gateway.egress import check_deployment
from gateway.guarding import Guards
from gateway.idempotency import IdempotencyKeys
from gateway.identity import ProcessSlot, load_pepper
from gateway.invoicing import invoice_terms
from gateway.jobs import job_settings, job_tasks
from gateway.limits import Limiter, LocalLimiter
from gateway.metrics import Metrics, is_shared, upstream_health
from gateway.prices import PriceDesk, price_store, served_models, unpriced_models
from gateway.private import private_folder
from gateway.recognizers import RecognizerBook, Sealer, check_policies
from gateway.records import interrupted
from gateway.reports import Reports
from gateway.retention.rules import RetentionRules
from gateway.retention.services import TrailServices
from gateway.routing.complexity import ComplexityModel
from gateway.routing.targets import Router
from gateway.settings import Settings
from gateway.telemetry import Telemetry, open_telemetry
from gateway.tenants.bootstrap import bootstrap
from gateway.tenants.cache import KeyCache
from gateway.upstreams import Gate, open_gate
from gateway.upstreams.desk import UpstreamDesk
from gateway.vault import Vault
from gateway.vault.startup import load_master, open_vault
from migrations.runner import upgrade

HEALTH_INTERVAL_S = 5.0
_DRAIN_TIMEOUT_S = 20.0
_REFRESH_S = 2.0
PATIENCE = 6  # times `database.timeout_s`: what waits for the database beside the request path
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class GatewayState:
    """The running parts of a gateway process."""

    settings: Settings
    clock: Clock
    database: Database
    database_watch: DatabaseWatch
    pepper: bytes
    keys: KeyCache
    limiter: Limiter
    prices: PriceDesk
    budgets: BudgetKeeper
    guards: Guards
    vault: Vault | None
    archive: Archive
    cache: AnswerCache | None
    trail: TrailServices
    upstreams: Gate
    upstream_desk: UpstreamDesk
    router: Router
    journal: Journal
    drain: Drain
    jobs: JobService
    idempotency: IdempotencyKeys | None
    metrics: Metrics
    telemetry: Telemetry
    sealer: Sealer
    recognizers: RecognizerBook


async def prepare_database(settings: Settings, database: Database) -> None:
    """Bring the embedded database up to date; a server's database is upgraded by command."""
    if database.is_sqlite:
        create_sqlite_folder(settings)
        await upgrade(database)


def create_sqlite_folder(settings: Settings) -> None:
    """SQLite makes its file, but not the folder that the file is in."""
    driver, _, path = settings.database.url.partition(":///")
    if driver.startswith("sqlite") and path:
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)


@asynccontextmanager
async def build_state(settings: Settings) -> AsyncIterator[GatewayState]:
    """Start every part in the order of their needs; stop them in reverse.

    Raises:
        SovgateError: something that the settings name is missing or unusable.
    """
    check_deployment(settings)  # before anything is opened
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        private_folder(settings.data_dir)
        loading = asyncio.create_task(asyncio.to_thread(_load_models, settings))
        stack.push_async_callback(cancel, loading)
        slot = ProcessSlot(settings.data_dir)
        stack.callback(slot.release)
        pepper = load_pepper(settings)
        store = price_store(settings, clock)
        timeout_s = settings.database.timeout_s
        database = Database(
            settings.database.url,
            pool_size=settings.database.pool_size,
            busy_timeout_s=timeout_s,
        )
        stack.push_async_callback(database.dispose)
        # What no request waits for may take longer, but not for ever.
        patient = database.answering_within(PATIENCE * timeout_s)

        async def prepare() -> None:
            await prepare_database(settings, database)
            await bootstrap(patient, settings, pepper=pepper, clock=clock)

        await once_it_answers(prepare, clock, settings.database.start_timeout_s)
        prices = await PriceDesk.open(patient, store)
        stack.push_async_callback(prices.close)
        if unpriced := unpriced_models(served_models(settings), prices.book, clock.now()):
            _log.warning("prices.unpriced", models=unpriced, policy=settings.billing.unpriced)
        upstreams = open_gate(settings)
        stack.push_async_callback(upstreams.aclose)
        desk = await UpstreamDesk.open(settings, patient, upstreams)
        stack.push_async_callback(desk.close)
        key = KeyFile(settings.audit.signing_key_file, settings.data_dir)
        chain = AuditChain(clock, key)
        journal = Journal.open(
            settings.data_dir / "journal", clock, min_free_bytes=settings.audit.min_free_bytes
        )
        stack.push_async_callback(journal.close)
        on_interrupted = partial(interrupted, prices=prices, clock=clock)
        replayed = await asyncio.to_thread(journal.replay, on_interrupted)
        if replayed.folders:
            _log.info("journal.replayed", interrupted=replayed.interrupted)
        master = load_master(settings)
        body_sealer = BodySealer(database.within(timeout_s), clock, master)
        drain = Drain(
            journal,
            patient,
            chain,
            [LedgerSink(clock)],
            clock=clock,
            on_interrupted=on_interrupted,
            options=DrainOptions(checkpoint_s=settings.audit.checkpoint_interval_s),
            bodies=BodySink(body_sealer, clock),
        )
        await drain.start()
        metrics = Metrics(settings.telemetry.tenants)
        telemetry = await open_telemetry(settings.telemetry, metrics)
        stack.push_async_callback(telemetry.stop)
        anchorer = build_anchorer(settings, patient, clock, metrics.anchor_failures)
        await anchorer.start()
        holder = slot.holder_id(pepper)
        escrow = EscrowSettings(answer_within=timedelta(seconds=timeout_s))
        budgets = BudgetKeeper(patient, clock, holder, escrow)
        await drain.flush()
        await budgets.start()
        # Taken down in this order: the last outcomes are drained, the last checkpoints
        # anchored, then leases return.
        stack.push_async_callback(budgets.stop)
        stack.push_async_callback(anchorer.stop)
        stack.push_async_callback(drain.stop, _DRAIN_TIMEOUT_S)
        reports = Reports(prices.store, settings.tiers, clock)
        terms, channels = (
            invoice_terms(settings, clock),
            alert_channels(settings.alerts, settings.egress),
        )
        rules = RetentionRules.of(settings)
        tasks = job_tasks(
            key, clock, terms, reports, channels, rules, settings.policies, BatchWork(settings)
        )
        jobs = JobService(patient, clock, job_settings(settings, holder), tasks)
        await jobs.start()
        stack.push_async_callback(jobs.stop)
        waiting = timedelta(seconds=timeout_s)
        keys = KeyCache(database, pepper, clock, ttl=timedelta(seconds=5), lookup_timeout=waiting)
        stack.push_async_callback(keys.close)
        sealer = Sealer(pepper)
        of_policies = await asyncio.to_thread(check_policies, settings.policies)
        recognizers = RecognizerBook(database, of_policies, sealer, clock, lookup_timeout=waiting)
        stack.push_async_callback(recognizers.close)
        limiter = await _limiter(settings, clock, stack)
        guards, complexity = await loading
        stack.callback(guards.close)
        failed = metrics.vault_failures
        vault = await open_vault(
            settings,
            database.within(timeout_s),
            clock,
            master,
            lambda name: failed.labels(name).inc(),
        )
        if vault is not None:
            stack.push_async_callback(vault.stop)
        idempotency = None
        if settings.idempotency.enabled:
            idempotency = IdempotencyKeys(
                database.within(timeout_s),
                clock,
                master,
                settings.idempotency,
                pepper=pepper,
                holder=new_id("run"),
                max_body_bytes=settings.server.max_body_bytes,
            )
            stack.push_async_callback(idempotency.close)
        verification = VerificationWatch(jobs, metrics)
        await verification.start()
        stack.push_async_callback(verification.stop)
        for stream in open_streams(
            settings.audit.streams,
            patient,
            clock,
            holder=holder,
            observe=metrics.observe_stream,
        ):
            await stream.start()
            stack.push_async_callback(stream.stop)
        watch = DatabaseWatch(database.within(timeout_s))
        await watch.start()
        stack.push_async_callback(watch.stop)
        metrics.add_view(upstream_health(upstreams))
        metrics.add_upstreams(upstreams)
        metrics.add_refresher(_process_gauges(metrics, journal, watch))
        if is_shared():
            refreshing = asyncio.create_task(_keep_fresh(metrics), name="metrics-refresh")
            stack.push_async_callback(cancel, refreshing)
        health = asyncio.create_task(_watch_health(upstreams), name="upstream-health")
        stack.push_async_callback(cancel, health)
        router = Router(settings, upstreams, complexity)
        cache = await open_cache(
            settings,
            stack,
            pepper=pepper,
            clock=clock,
            guards=guards,
            gate=upstreams,
            sealer=body_sealer,
            embedder=Embedder(
                upstreams,
                router,
                prices,
                budgets,
                journal,
                clock,
                refuse_unpriced=settings.billing.unpriced == "refuse",
            ),
        )
        if cache is not None:
            kept = cache
            metrics.add_refresher(lambda: metrics.cache_bytes.set(kept.memory_bytes))
        yield GatewayState(
            settings=settings,
            clock=clock,
            database=database,
            database_watch=watch,
            pepper=pepper,
            keys=keys,
            limiter=limiter,
            prices=prices,
            budgets=budgets,
            guards=guards,
            vault=vault,
            archive=Archive(
                body_sealer,
                clock,
                settings.audit.max_stored_body_bytes,
                metrics.unsealed_bodies.inc,
            ),
            cache=cache,
            trail=TrailServices(master, key, rules),
            upstreams=upstreams,
            upstream_desk=desk,
            router=router,
            journal=journal,
            drain=drain,
            jobs=jobs,
            idempotency=idempotency,
            metrics=metrics,
            telemetry=telemetry,
            sealer=sealer,
            recognizers=recognizers,
        )


def _load_models(settings: Settings) -> tuple[Guards, ComplexityModel]:
    return Guards.load(settings.guards), ComplexityModel.load()


async def _limiter(settings: Settings, clock: Clock, stack: AsyncExitStack) -> Limiter:
    local = LocalLimiter(clock)
    if settings.redis.url is None:
        return local
    # The client is 6 MB of memory that a gateway on its own does not need.
    from redis.asyncio import Redis

    from gateway.limits_shared import SharedLimiter

    redis = Redis.from_url(
        settings.redis.url, socket_timeout=0.5, socket_connect_timeout=0.5, protocol=2
    )
    stack.push_async_callback(redis.aclose)
    limiter = SharedLimiter(redis, local, clock)
    renewing = asyncio.create_task(limiter.keep_renewing(), name="limits-renew")
    stack.push_async_callback(cancel, renewing)
    return limiter


def _process_gauges(metrics: Metrics, journal: Journal, watch: DatabaseWatch) -> Callable[[], None]:
    """What of the gauges is read when somebody looks."""

    def refresh() -> None:
        metrics.journal_backlog.set(journal.backlog_bytes)
        metrics.journal_damaged.set(journal.damaged_segments())
        metrics.database_answers.set(watch.answers)
        metrics.tasks.set(len(asyncio.all_tasks()))

    return refresh


async def _keep_fresh(metrics: Metrics) -> None:
    """Another worker may be the one that is asked for metrics."""
    while True:
        metrics.refresh()
        await asyncio.sleep(_REFRESH_S)


async def _watch_health(upstreams: Gate) -> None:
    while True:
        checks = [(upstream.name, upstream.check()) for upstream in upstreams.values()]
        results = await asyncio.gather(*(check for _, check in checks), return_exceptions=True)
        for (name, _), result in zip(checks, results, strict=True):
            # One upstream's strange answer must not end the checks of all.
            if isinstance(result, Exception):
                _log.error("upstream.check_failed", upstream=name, error=type(result).__name__)
        await asyncio.sleep(HEALTH_INTERVAL_S)
