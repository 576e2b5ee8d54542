"""Where budget alerts of this deployment go, as the settings say."""

import os
from collections.abc import Mapping

from billing import AlertChannels, MailServer, Webhook
from gateway.egress import (
    AddressRules,
    EgressError,
    Trust,
    check_url,
    guarded_connect,
    guarded_connector,
)
from gateway.environment import secret
from gateway.errors import SettingsError
from gateway.settings import AlertSettings, EgressSettings, SmtpSettings


def alert_channels(
    settings: AlertSettings, egress: EgressSettings, environ: Mapping[str, str] = os.environ
) -> AlertChannels:
    """The settings' webhooks and mail server, with their secrets and the way to them.

    Raises:
        SettingsError: a secret is not in the environment, or a URL will not do.
    """
    rules = AddressRules.of(egress, Trust.FILE)
    webhooks = {
        name: Webhook(
            _url(hook.url, rules, name),
            secret(environ, hook.secret_env, f"Webhook {name}").encode(),
        )
        for name, hook in settings.webhooks.items()
    }
    mail = _mail_server(settings.smtp, environ) if settings.smtp else None
    return AlertChannels(
        webhooks=webhooks,
        mail=mail,
        connector=lambda: guarded_connector(rules, "alerts"),
        connect=guarded_connect(rules, "alerts"),
    )


def _url(url: str, rules: AddressRules, name: str) -> str:
    try:
        check_url(url, rules, query=True)
    except EgressError as error:
        raise SettingsError(f"Webhook {name}: {error.message}") from None
    return url


def _mail_server(smtp: SmtpSettings, environ: Mapping[str, str]) -> MailServer:
    username = password = None
    if smtp.username_env is not None and smtp.password_env is not None:
        username = secret(environ, smtp.username_env, "The mail server")
        password = secret(environ, smtp.password_env, "The mail server")
    return MailServer(
        host=smtp.host,
        port=smtp.port,
        sender=smtp.sender,
        starttls=smtp.starttls,
        username=username,
        password=password,
    )
