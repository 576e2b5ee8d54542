"""Two tenants with one of everything, an account of each kind, and clients that are signed in."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.routing import Mount

from billing import (
    DEPLOYMENT,
    BudgetService,
    JobService,
    JobSettings,
    NewEntry,
    PriceStore,
    RaiseService,
    adjust,
)
from billing.invoices.profile import Profile, Seller, put_profile
from billing.invoices.service import InvoiceService
from billing.invoices.terms import InvoiceTerms
from core.clock import ManualClock
from core.database import Database
from core.ids import new_id
from gateway.admin import MOUNT, AdminOptions, AdminServices, create_admin_api
from gateway.admin.explain.throttle import ExplainThrottle
from gateway.admin.services import PriceServices, PrivacyServices
from gateway.admin.system.view import SettingsView
from gateway.audit import SigningKey
from gateway.jobs import job_tasks
from gateway.prices import PriceDesk
from gateway.recognizers import RecognizerBook, RecognizerService, Sealer, check_policies
from gateway.reports import Reports
from gateway.retention.services import TrailServices
from gateway.settings import Settings, TierName, TierSettings, parse_settings
from gateway.tenants.cache import KeyCache
from gateway.tenants.limits import Limits
from gateway.tenants.models import RoleBinding, User
from gateway.tenants.organisations import OrganisationService
from gateway.tenants.passwords import Passwords
from gateway.tenants.roles import Grant, Role
from gateway.tenants.service import KeyService, TenantService
from gateway.upstreams import open_gate
from gateway.upstreams.definition import UpstreamSpec
from gateway.upstreams.desk import UpstreamDesk
from gateway.upstreams.service import UpstreamService
from gateway.vault import MasterKeys
from guardrails.pii import PiiEngine
from guardrails.pii.custom import RecognizerSpec
from guardrails.pii.recognizers.catalogue import contact_recognizers
from support.databases import copied

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PEPPER = b"p" * 32
PASSWORDS = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
TERMS = InvoiceTerms(seller=Seller(name="Sovereign AI", address="Hamburg"))
PASSWORD = "a long pass phrase"

BADGE = {"name": "badge", "entity": "BADGE_ID", "patterns": [{"regex": r"\bAC-\d{5}\b"}]}
UPSTREAM = {
    "name": "stored",
    "kind": "openai",
    "zone": "onprem",
    "models": ["stored-model"],
    "base_url": "http://localhost:1/v1",
}
OF_THE_FILE = {
    "model": "sov-flash",
    "effective_from": "2026-01-01",
    "input": "0.15",
    "output": "1",
}
TIERS: dict[TierName, TierSettings] = {"flash": TierSettings(upstream="pool", model="sov-flash")}
OF_THE_POLICY = {"name": "projects", "entity": "PROJECT", "deny_list": {"values": ["Nightfall"]}}

ACCOUNTS = {
    "owner": Grant(Role.OWNER),
    "admin": Grant(Role.ADMIN),
    "finance": Grant(Role.FINANCE),
    "auditor": Grant(Role.AUDITOR),
    "viewer": Grant(Role.VIEWER),
    **{f"{role}@acme": Grant(role, "acme") for role in Role},
    **{f"{role}@globex": Grant(role, "globex") for role in Role},
    "nobody": None,
}


@dataclass(frozen=True)
class Estate:
    """The ids of one tenant's objects."""

    tenant: str
    project_id: str
    key_id: str
    api_key: str
    budget_id: str
    project_budget_id: str
    raise_id: str  # of the project's budget
    export_id: str
    recognizer_id: str
    deployment_job_id: str  # of the whole deployment
    price_id: str
    invoice_id: str  # a draft


@dataclass(frozen=True)
class World:
    acme: Estate
    globex: Estate
    users: dict[str, str]  # account -> user id
    organisation_budget_id: str  # of the organisation "group"
    organisation_raise_id: str


class BudgetBell:
    """Notes whose budgets were said to have changed."""

    def __init__(self) -> None:
        self.tenants: list[str] = []

    def invalidate(self, owner: str) -> None:
        self.tenants.append(owner)


Login = Callable[[str | None], Awaitable[httpx.AsyncClient]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """As everywhere; where a test asks for the ``world``, it is in it."""
    if "world" in request.fixturenames:
        template, _ = request.getfixturevalue(f"_{request.param}_world")
    else:
        template = request.getfixturevalue(f"_{request.param}_template")
    with copied(template, tmp_path) as url:
        yield url


@pytest.fixture
async def key_cache(database: Database, clock: ManualClock) -> AsyncIterator[KeyCache]:
    cache = KeyCache(database, PEPPER, clock)
    yield cache
    await cache.close()


@pytest.fixture
def budget_bell() -> BudgetBell:
    return BudgetBell()


@pytest.fixture
def reports(desk: PriceDesk, clock: ManualClock) -> Reports:
    return Reports(desk.store, TIERS, clock)


@pytest.fixture
async def jobs(
    database: Database, database_url: str, clock: ManualClock, reports: Reports, tmp_path: Path
) -> AsyncIterator[JobService]:
    """Not started: a test that wants exports written calls ``start``."""
    service = _jobs(database, database_url, clock, reports, tmp_path)
    yield service
    await service.stop()


def _jobs(
    database: Database, url: str, clock: ManualClock, reports: Reports, folder: Path
) -> JobService:
    key = SigningKey.load_or_create(None, folder)
    tasks = job_tasks(key, clock, InvoiceTerms(), reports)
    return JobService(database, clock, JobSettings(database_url=url, data_dir=folder), tasks)


@pytest.fixture(scope="session")
def engine() -> PiiEngine:
    """A real engine of a few quick recognizers; the words of the whole are tested elsewhere."""
    return PiiEngine(contact_recognizers(), version="test")


@pytest.fixture
async def desk(database: Database, clock: ManualClock) -> AsyncIterator[PriceDesk]:
    store = PriceStore({"prices": [OF_THE_FILE]}, clock)
    desk = await PriceDesk.open(database, store, interval_s=3600)
    yield desk
    await desk.close()


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    return _settings(monkeypatch)


def _settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("POOL_SECRET_NAME", "a-key-of-the-pool")
    return parse_settings(
        {
            "upstreams": [
                {
                    "name": "pool",
                    "kind": "openai",
                    "base_url": "http://10.0.0.7:9000/v1",
                    "api_key_env": "POOL_SECRET_NAME",
                    "zone": "onprem",
                    "models": ["sov-flash"],
                }
            ],
            "tiers": {name: tier.model_dump() for name, tier in TIERS.items()},
            "policies": {
                "default": {"pii": {"recognizers": [OF_THE_POLICY]}},
                "strict": {"pii": {"modes": {"EMAIL_ADDRESS": "redact"}}},
            },
        }
    )


@pytest.fixture
async def upstreams(database: Database, settings: Settings) -> AsyncIterator[UpstreamDesk]:
    gate = open_gate(settings)
    desk = await UpstreamDesk.open(settings, database, gate, interval_s=3600)
    yield desk
    await desk.close()
    await gate.aclose()


@pytest.fixture
def trail(tmp_path: Path) -> TrailServices:
    master = MasterKeys.load(None, None, tmp_path)
    return TrailServices(master, SigningKey.load_or_create(None, tmp_path))


@pytest.fixture
def services(
    database: Database,
    clock: ManualClock,
    engine: PiiEngine,
    key_cache: KeyCache,
    budget_bell: BudgetBell,
    jobs: JobService,
    desk: PriceDesk,
    reports: Reports,
    settings: Settings,
    upstreams: UpstreamDesk,
    trail: TrailServices,
) -> AdminServices:
    return AdminServices(
        database=database,
        clock=clock,
        pepper=PEPPER,
        key_cache=key_cache,
        budget_changes=budget_bell,
        alert_webhooks=frozenset({"finance", "ops"}),
        jobs=jobs,
        system=SettingsView(settings, desk, {}),
        trail=trail,
        prices=PriceServices(desk, ["sov-flash"]),
        upstreams=upstreams,
        reports=reports,
        invoice_terms=TERMS,
        policies=frozenset(settings.policies),
        privacy=PrivacyServices(
            engine=engine,
            recognizers=RecognizerBook(
                database, check_policies(settings.policies), Sealer(PEPPER), clock
            ),
            sealer=Sealer(PEPPER),
            policies=settings.policies,
            throttle=ExplainThrottle(clock, per_minute=10),
        ),
        passwords=PASSWORDS,
    )


@pytest.fixture(scope="session")
def _built() -> dict[AdminOptions, FastAPI]:
    return {}


@pytest.fixture
def api(services: AdminServices, _built: dict[AdminOptions, FastAPI]) -> FastAPI:
    """Built once: that takes a quarter of a second, and it keeps nothing but its services."""
    api = _built.get(services.options) or create_admin_api(services)
    _built[services.options] = api
    api.state.services = services
    return api


@pytest.fixture
def world(database_url: str, request: pytest.FixtureRequest) -> World:
    """What is in the test's database."""
    kind = "sqlite" if database_url.startswith("sqlite") else "postgresql"
    _, world = request.getfixturevalue(f"_{kind}_world")
    return world


@pytest.fixture(scope="session")
def _sqlite_world(
    _sqlite_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, World]]:
    with _furnished(_sqlite_template, tmp_path_factory.mktemp("world")) as furnished:
        yield furnished


@pytest.fixture(scope="session")
def _postgresql_world(
    _postgresql_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, World]]:
    with _furnished(_postgresql_template, tmp_path_factory.mktemp("world")) as furnished:
        yield furnished


@contextmanager
def _furnished(template: str, folder: Path) -> Iterator[tuple[str, World]]:
    """URL of a database that tests copy, and what is in it."""
    with copied(template, folder) as url, pytest.MonkeyPatch.context() as monkeypatch:
        yield url, asyncio.run(_furnish(url, folder, _settings(monkeypatch)))


async def _furnish(url: str, folder: Path, settings: Settings) -> World:
    clock = ManualClock(NOW)
    async with AsyncExitStack() as stack:
        database = Database(url)
        stack.push_async_callback(database.dispose)
        store = PriceStore({"prices": [OF_THE_FILE]}, clock)
        jobs = _jobs(database, url, clock, Reports(store, TIERS, clock), folder)
        gate = open_gate(settings)
        stack.push_async_callback(gate.aclose)
        upstreams = await UpstreamDesk.open(settings, database, gate, interval_s=3600)
        stack.push_async_callback(upstreams.close)
        policies = frozenset(settings.policies)
        return await _make_world(_Makers(database, clock, policies, store, jobs, upstreams))


@dataclass(frozen=True)
class _Makers:
    """What a world is made with: that of ``AdminServices`` of which nothing is kept in memory."""

    database: Database
    clock: ManualClock
    policies: frozenset[str]
    store: PriceStore
    jobs: JobService
    upstreams: UpstreamDesk


async def _make_world(makers: _Makers) -> World:
    acme, globex = await _estate(makers, "acme"), await _estate(makers, "globex")
    password_hash = await PASSWORDS.hash(PASSWORD)
    ids = {name: new_id("usr") for name in ACCOUNTS}
    async with makers.database.transaction() as session:
        session.add_all(
            User(
                id=ids[name],
                email=email(name),
                password_hash=password_hash,
                disabled=False,
                created_at=makers.clock.now(),
            )
            for name in ACCOUNTS
        )
        await session.flush()
        session.add_all(
            RoleBinding(id=new_id("rol"), user_id=ids[name], tenant=grant.tenant, role=grant.role)
            for name, grant in ACCOUNTS.items()
            if grant is not None
        )
        shared = await _organisation(makers, session)
        rules = makers.upstreams.rules
        spec = UpstreamSpec.model_validate(UPSTREAM)
        await UpstreamService(session, makers.clock, rules).create(spec)
    return World(acme, globex, ids, *shared)


async def _organisation(makers: _Makers, session: AsyncSession) -> tuple[str, str]:
    """An organisation of no tenant yet: the ids of its budget and of a raise."""
    await OrganisationService(session, makers.clock).create("group")
    budgets = BudgetService(makers.clock)
    budget = await budgets.create(session, "@group", limit="100", scope="organisation")
    return budget.id, await _raise(makers, session, "@group", budget.id)


async def _raise(makers: _Makers, session: AsyncSession, owner: str, budget: str) -> str:
    given = await RaiseService(makers.clock).give(
        session,
        owner,
        budget,
        amount="1",
        expires_at=makers.clock.now() + timedelta(hours=1),
        author="usr_1",
    )
    return given.id


async def _estate(makers: _Makers, tenant: str) -> Estate:
    async with makers.database.transaction() as session:
        tenants = TenantService(session, makers.clock, makers.policies)
        await tenants.create_tenant(tenant, limits=Limits(rpm=600))
        project = await tenants.create_project(tenant, "support")
        keys = KeyService(session, makers.clock, PEPPER)
        key, api_key = await keys.create_key(tenant, project.id, "app")
        budgets = BudgetService(makers.clock)
        budget = await budgets.create(session, tenant, limit="10")
        project_budget = await budgets.create(
            session, tenant, limit="5", scope="project", scope_id=project.id
        )
        raise_id = await _raise(makers, session, tenant, project_budget.id)
        recognizers = RecognizerService(session, tenant, makers.clock, Sealer(PEPPER))
        recognizer = await recognizers.create(RecognizerSpec.model_validate(BADGE))
        own = NewEntry("price", OF_THE_FILE | {"tenant": tenant, "input": "0.10"})
        change = await makers.store.add(session, [own], author="usr_1", reason=tenant)
        invoice_id = await _draft(makers, session, tenant)
    end = makers.clock.now()
    span = {"from": (end - timedelta(days=1)).isoformat(), "to": end.isoformat()}
    job = await makers.jobs.submit(tenant, "usage", {"format": "csv", **span})
    return Estate(
        tenant,
        project.id,
        key.id,
        api_key,
        budget.id,
        project_budget.id,
        raise_id,
        job.id,
        recognizer.id,
        (await makers.jobs.submit(DEPLOYMENT, "retention", {})).id,
        change.added[0].id or "",
        invoice_id,
    )


async def _draft(makers: _Makers, session: AsyncSession, tenant: str) -> str:
    """Of October: a correction of 12.345 US dollars."""
    profile = Profile(legal_name=f"{tenant} Ltd", address="1 High Street")
    await put_profile(session, makers.clock, tenant, profile, author="usr_1")
    facts = {"reason": "agreed", "author": "usr_1", "at": datetime(2026, 10, 5, tzinfo=UTC)}
    await adjust(session, makers.clock, tenant=tenant, amount="12.345", **facts)
    invoices = InvoiceService(makers.clock, TERMS)
    return (await invoices.draft(session, tenant, "2026-10", author="usr_1")).invoice.id


def email(account: str) -> str:
    return f"{account.replace('@', '.')}@example.com"


@pytest.fixture
async def sign_in(api: FastAPI, world: World) -> AsyncIterator[Login]:
    """A client that is signed in with the cookie as one of ``ACCOUNTS``, or as nobody."""
    clients: list[httpx.AsyncClient] = []
    app = Starlette(routes=[Mount(MOUNT, app=api)])

    async def login(account: str | None) -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=f"http://gateway{MOUNT}"
        )
        clients.append(client)
        if account is not None:
            body = {"email": email(account), "password": PASSWORD}
            answer = await client.post("/login", json=body)
            assert answer.status_code == 200, answer.text
            client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return client

    yield login
    for client in clients:
        await client.aclose()


def code(answer: httpx.Response) -> str:
    """The stable code of an error, having checked its shape."""
    body = answer.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"code", "message", "param"}
    assert body["error"]["message"]
    return body["error"]["code"]
