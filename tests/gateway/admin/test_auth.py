import asyncio
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select

from core.clock import ManualClock
from gateway.admin import AdminServices
from gateway.admin.access import COOKIE
from gateway.tenants.models import AdminSession, LoginAttempt
from tests.gateway.admin.conftest import PASSWORD, Login, World, code, email


async def attempt(client: httpx.AsyncClient, account: str, password: str) -> httpx.Response:
    return await client.post("/login", json={"email": email(account), "password": password})


async def test_a_login_opens_a_session_with_a_guarded_cookie(sign_in: Login) -> None:
    client = await sign_in(None)
    answer = await attempt(client, "admin@acme", PASSWORD)
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/admin"))
    assert "Secure" not in cookie
    body = answer.json()
    assert body["roles"] == [{"role": "admin", "tenant": "acme"}]
    assert body["token"] not in body["csrf_token"]
    me = (await client.get("/me")).json()
    assert me == {name: value for name, value in body.items() if name != "token"}


async def test_the_cookie_is_secure_over_https(sign_in: Login) -> None:
    client = await sign_in(None)
    answer = await client.post(
        "https://gateway/admin/api/v1/login",
        json={"email": email("viewer"), "password": PASSWORD},
    )
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]


async def test_a_token_works_without_cookie_and_csrf(sign_in: Login) -> None:
    client = await sign_in(None)
    token = (await attempt(client, "admin@acme", PASSWORD)).json()["token"]
    client.cookies.clear()
    headers = {"Authorization": f"Bearer {token}"}
    answer = await client.post("/tenants/acme/projects", json={"name": "new"}, headers=headers)
    assert answer.status_code == 201


async def test_wrong_password_and_unknown_account_answer_alike(sign_in: Login) -> None:
    client = await sign_in(None)
    wrong = await attempt(client, "viewer", "wrong")
    unknown = await attempt(client, "no-such-account", "wrong")
    assert (wrong.status_code, code(wrong)) == (401, "login_failed")
    assert wrong.json() == unknown.json()
    assert "set-cookie" not in wrong.headers


async def test_an_unknown_account_costs_a_password_check_too(
    sign_in: Login, services: AdminServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    verify = services.passwords._verify

    def counting(password_hash: str, password: str) -> bool:
        checked.append(password_hash)
        return verify(password_hash, password)

    monkeypatch.setattr(services.passwords, "_verify", counting)
    client = await sign_in(None)
    await attempt(client, "no-such-account", "a password that no account has")
    await attempt(client, "viewer", "wrong")
    assert len(checked) == 2
    assert checked[0].split("$")[:4] == checked[1].split("$")[:4]  # the same cost


async def test_a_disabled_account_cannot_sign_in_and_its_sessions_are_over(
    sign_in: Login, world: World
) -> None:
    client, owner = await sign_in("viewer"), await sign_in("owner")
    assert (await client.get("/me")).status_code == 200
    await owner.patch(f"/users/{world.users['viewer']}", json={"disabled": True})
    assert (await client.get("/me")).status_code == 401
    assert code(await attempt(client, "viewer", PASSWORD)) == "login_failed"


async def test_failures_are_throttled_and_the_right_password_does_not_help(
    sign_in: Login, clock: ManualClock
) -> None:
    client = await sign_in(None)
    for _ in range(5):
        assert (await attempt(client, "viewer", "wrong")).status_code == 401
    for password in ("wrong", PASSWORD):
        answer = await attempt(client, "viewer", password)
        assert (answer.status_code, code(answer)) == (429, "login_throttled")
        assert answer.headers["retry-after"] == "900"
    assert (await attempt(client, "finance", PASSWORD)).status_code == 200
    clock.advance(timedelta(minutes=15, seconds=1))
    assert (await attempt(client, "viewer", PASSWORD)).status_code == 200


async def test_a_success_forgets_the_failures_before_it(sign_in: Login) -> None:
    client = await sign_in(None)
    for _ in range(3):
        for _ in range(4):
            await attempt(client, "viewer", "wrong")
        assert (await attempt(client, "viewer", PASSWORD)).status_code == 200


async def test_an_address_that_tries_many_accounts_is_throttled(
    sign_in: Login, services: AdminServices
) -> None:
    client = await sign_in(None)
    answers = [await attempt(client, f"guess-{n}", "wrong") for n in range(61)]
    assert {answer.status_code for answer in answers[:60]} == {401}
    assert answers[60].status_code == 429
    async with services.database.session() as session:
        attempts = (await session.scalars(select(LoginAttempt))).all()
    assert len(attempts) == 60
    assert not any("guess" in attempt.account_hash for attempt in attempts)


async def test_a_session_ends_by_logout_for_cookie_and_token(sign_in: Login) -> None:
    client = await sign_in(None)
    body = (await attempt(client, "viewer", PASSWORD)).json()
    cookie = client.cookies[COOKIE]
    answer = await client.post("/logout", headers={"X-CSRF-Token": body["csrf_token"]})
    assert answer.status_code == 204
    assert COOKIE not in client.cookies
    for headers in ({"Cookie": f"{COOKIE}={cookie}"}, {"Authorization": f"Bearer {cookie}"}):
        assert (await client.get("/me", headers=headers)).status_code == 401


async def test_signing_out_everywhere_ends_every_session_of_the_account_only(
    sign_in: Login,
) -> None:
    client, other, bystander = [await sign_in(name) for name in ("viewer", "viewer", "finance")]
    assert (await client.post("/logout/everywhere")).status_code == 204
    assert (await client.get("/me")).status_code == 401
    assert (await other.get("/me")).status_code == 401
    assert (await bystander.get("/me")).status_code == 200


async def test_signing_in_never_takes_over_a_session_that_was_there(sign_in: Login) -> None:
    """A planted cookie is not the session that the log-in opens, and an old one ends with it."""
    client = await sign_in("viewer")
    old = client.cookies[COOKIE]
    await attempt(client, "viewer", PASSWORD)
    assert client.cookies[COOKIE] != old
    assert (await client.get("/me")).status_code == 200
    stale = await (await sign_in(None)).get("/me", headers={"Cookie": f"{COOKIE}={old}"})
    assert stale.status_code == 401
    planted = await sign_in(None)
    planted.cookies.set(COOKIE, "planted", domain="gateway", path="/admin")
    answer = await attempt(planted, "viewer", PASSWORD)
    assert answer.json()["token"] != "planted"


async def test_changed_roles_end_the_sessions_that_had_the_old_ones(
    sign_in: Login, world: World
) -> None:
    client, owner = await sign_in("admin"), await sign_in("owner")
    body = {"roles": [{"role": "viewer", "tenant": None}]}
    assert (await owner.patch(f"/users/{world.users['admin']}", json=body)).is_success
    assert (await client.get("/me")).status_code == 401


async def test_a_session_expires(sign_in: Login, clock: ManualClock) -> None:
    client = await sign_in("viewer")
    clock.advance(timedelta(hours=8) - timedelta(seconds=1))
    assert (await client.get("/me")).status_code == 200
    clock.advance(timedelta(seconds=1))
    assert (await client.get("/me")).status_code == 401


async def test_the_database_holds_no_token(sign_in: Login, services: AdminServices) -> None:
    client = await sign_in("viewer")
    async with services.database.session() as session:
        rows = (await session.scalars(select(AdminSession))).all()
    assert rows
    assert all(client.cookies[COOKIE] not in row.token_hash for row in rows)
    assert all(client.headers["X-CSRF-Token"] not in row.token_hash for row in rows)


async def test_a_new_password_needs_the_old_one_and_ends_other_sessions(sign_in: Login) -> None:
    client, other = await sign_in("viewer"), await sign_in("viewer")
    new = "quite another phrase"
    body = {"current_password": "wrong", "new_password": new}
    assert code(await client.post("/me/password", json=body)) == "login_failed"
    body["current_password"] = PASSWORD
    assert (await client.post("/me/password", json=body)).status_code == 204
    assert (await client.get("/me")).status_code == 200
    assert (await other.get("/me")).status_code == 401
    assert (await attempt(other, "viewer", PASSWORD)).status_code == 401
    assert (await attempt(other, "viewer", new)).status_code == 200


async def test_abilities_follow_the_roles(sign_in: Login) -> None:
    owner = (await (await sign_in("owner")).get("/me")).json()["abilities"]
    assert [ability["tenant"] for ability in owner] == [None]
    assert "tenants.govern" in owner[0]["permissions"]
    local = (await (await sign_in("owner@acme")).get("/me")).json()["abilities"]
    assert [ability["tenant"] for ability in local] == ["acme"]
    assert "keys.write" in local[0]["permissions"]
    assert not {"tenants.govern", "users.write", "system.read"} & set(local[0]["permissions"])


async def test_attempts_at_the_same_time_all_count(sign_in: Login) -> None:
    client = await sign_in(None)
    answers = await asyncio.gather(*(attempt(client, "viewer", "wrong") for _ in range(20)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 15
    assert {answer.status_code for answer in answers} <= {401, 429}
