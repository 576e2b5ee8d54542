"""A send that the gate refuses: nothing left, the client and the audit trail are told.

Routing lets no foreign target through, so this breaks it, as a bug in a fallback would.
"""

import json
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace
from sqlalchemy import select

from gateway.app import Gateway, build_routes
from gateway.audit.models import AuditRecord
from gateway.request_log import RequestLog
from gateway.routing.targets import Route, Router, Target
from gateway.settings import parse_settings
from gateway.state import build_state
from support.deployment import KEYS, SECRETS, Capture, settings


@pytest.mark.parametrize("claimed", ["onprem", "us"])
async def test_a_target_that_routing_should_not_have_chosen(
    claimed: str,
    database_url: str,
    tmp_path: Path,
    capture: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    choose = Router.choose

    def astray(self: Router, *args: object, **kwargs: object) -> Route:
        route = choose(self, *args, **kwargs)  # type: ignore[arg-type]
        return replace(route, target=Target(None, "abroad", claimed, "foreign-model"))

    monkeypatch.setattr(Router, "choose", astray)
    content = settings(tmp_path, capture.url, database={"url": database_url})
    async with build_state(parse_settings(content)) as state:
        app = Gateway(state.settings)
        app._routes = build_routes(state, RequestLog(state.clock, state.metrics))
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            answer = await client.post(
                "/v1/chat/completions",
                json={"model": "flash", "messages": [{"role": "user", "content": "Hello."}]},
                headers={"authorization": f"Bearer {KEYS['acme']}"},
            )
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "zone_forbidden")
        await state.drain.flush()
        async with state.database.session() as session:
            query = select(AuditRecord).where(
                AuditRecord.request_id == answer.headers["x-sovgate-request-id"]
            )
            record = (await session.scalars(query)).one()
    body = json.loads(record.body)
    assert (body["outcome"], body["error_code"]) == ("denied", "zone_forbidden")
    assert (body["upstream"], body["zone"], body["cost"]) == (None, None, None)
    assert capture.seen() == []
