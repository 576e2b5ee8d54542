"""The ``x-sovgate-*`` response headers: what happened to a request, in short."""

from gateway.exchange import Exchange
from gateway.http.connection import HeaderList


def answer_headers(exchange: Exchange) -> HeaderList:
    """Everything known so far; a stream's cost is not, so it has no cost header."""
    request_id = exchange.request_id.encode()
    headers = [
        (b"x-sovgate-request-id", request_id),
        (exchange.surface.request_id_header, request_id),
    ]
    if exchange.route is not None:
        target = exchange.route.target
        headers += [
            (b"x-sovgate-tier", (target.tier or "deployment").encode()),
            (b"x-sovgate-upstream", _upstream(exchange, target.upstream)),
            (b"x-sovgate-route-reason", exchange.route.reason.encode("ascii", "replace")),
        ]
    if exchange.cache is not None:
        headers.append((b"x-sovgate-cache", exchange.cache.result.encode()))
    if exchange.masked:
        counts = ",".join(f"{name}={count}" for name, count in sorted(exchange.masked.items()))
        headers.append((b"x-sovgate-masked", counts.encode()))
    else:
        headers.append((b"x-sovgate-masked", b"none"))
    if exchange.usage is not None:
        headers.append((b"x-sovgate-cost-usd", exchange.cost_text.encode()))
        if exchange.price_version == "unpriced":
            headers.append((b"x-sovgate-unpriced", b"true"))
    if exchange.permit is not None and exchange.permit.remaining_requests is not None:
        remaining = str(exchange.permit.remaining_requests).encode()
        headers.append((b"x-ratelimit-remaining-requests", remaining))
    return headers


def _upstream(exchange: Exchange, name: str) -> bytes:
    """``cache`` where a kept answer was given and nobody was asked."""
    kept = exchange.cache is not None and exchange.cache.entry is not None
    return b"cache" if kept else name.encode()
