"""A request's life: seven stages in one visible order.

    1 authenticate   virtual key -> principal, policy
    2 admit          body, model name, rate limits, money set aside, intent journaled
    3 inspect input  guards -> decisions -> masked body
    4 route          tier, then upstream
    5 call           the upstream, with a deadline
    6 inspect output moderated, restored; streams go out here
    7 settle         usage -> cost -> ledger and audit record

Whatever happens, the request goes on to stage 7, and every stage that was
entered is left in reverse order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from core.errors import SovgateError
from gateway.errors import GatewayError, ShuttingDown
from gateway.exchange import Exchange
from gateway.http.connection import ClientDisconnected
from gateway.pipeline.stage import Stage

__all__ = ["Pipeline", "Stage"]

_log = structlog.get_logger(__name__)


Step = Callable[[Exchange], Awaitable[None]]


class Pipeline:
    """Runs exchanges through the stages.

    Args:
        stages: in order; the last one, settle, is entered on every path.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        *before, settle = stages
        self._stages = [(stage.enter, _leaving(stage)) for stage in before]
        self._settle, self._leave_settle = settle.enter, _leaving(settle)

    async def run(self, exchange: Exchange) -> None:
        """Serve one exchange; what went wrong stands in ``exchange.error`` afterwards.

        Raises:
            asyncio.CancelledError: the server cancelled the request; it is settled.
        """
        entered: list[Step] = []
        cancelled = False
        try:
            for enter, leave in self._stages:
                if leave is not None:
                    entered.append(leave)
                await enter(exchange)
        except SovgateError as error:
            exchange.error = error
        except ClientDisconnected:
            exchange.disconnected = True
        except asyncio.CancelledError:
            if exchange.connection.disconnected:
                exchange.disconnected = True
            else:
                cancelled = True
                exchange.error = ShuttingDown("The gateway is stopping; send the request again.")
        except Exception as error:
            exchange.error = self._unexpected(exchange, error)
        await exchange.connection.unwatch()
        try:
            if self._leave_settle is not None:
                entered.append(self._leave_settle)
            await self._settle(exchange)
        except SovgateError as error:
            exchange.error = exchange.error or error
        finally:
            for leave in reversed(entered):
                await leave(exchange)
        if cancelled:
            raise asyncio.CancelledError

    def _unexpected(self, exchange: Exchange, error: Exception) -> SovgateError:
        # The text of a foreign exception may quote content, so only its type and place are kept.
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "unknown"
        _log.error(
            "request.failed",
            request_id=exchange.request_id,
            error_type=type(error).__name__,
            where=where,
        )
        return GatewayError(
            "Something went wrong inside the gateway; try again, and give the request id to your"
            " administrator if it stays."
        )


def _leaving(stage: Stage) -> Step | None:
    """What is to be done when the stage is left."""
    return None if type(stage).leave is Stage.leave else stage.leave
