"""What runs when, and where alerts go."""

from pydantic import Field, field_validator, model_validator

from gateway.settings.section import Section, Slug


class WebhookSettings(Section):
    url: str = Field(description="Where alerts are posted, `https://...`.")
    secret_env: str = Field(
        description="Environment variable with the key of their HMAC-SHA256 signature."
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        if not url.startswith(("https://", "http://")):
            raise ValueError("use https://...")
        return url


class SmtpSettings(Section):
    host: str = Field(description="The mail server.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    starttls: bool = Field(
        default=True, description="Encrypt, with a certificate that is trusted here."
    )
    username_env: str | None = Field(
        default=None, description="Environment variable with the account; null: none."
    )
    password_env: str | None = Field(
        default=None, description="Environment variable with its password."
    )
    sender: str = Field(description="Address that alerts come from.")

    @model_validator(mode="after")
    def _both_or_none(self) -> "SmtpSettings":
        if (self.username_env is None) != (self.password_env is None):
            raise ValueError("name both username_env and password_env, or neither")
        return self


class AlertSettings(Section):
    """Budgets name webhooks of these: no administrator can send the gateway elsewhere."""

    webhooks: dict[Slug, WebhookSettings] = Field(default={}, description="By name.")
    smtp: SmtpSettings | None = Field(default=None, description="For alerts as e-mail.")


class JobsSettings(Section):
    scheduled: bool = Field(
        default=True, description="Whether jobs run without being asked for, as `schedule` says."
    )
    schedule: dict[str, str] = Field(
        default={},
        description="Other times by kind of job (docs/jobs.md lists them), in UTC: `every 5m`,"
        " `daily 02:00`, `monthly 1 04:00` or `off`.",
    )
    retention_days: int = Field(
        default=30,
        ge=1,
        description="Days that finished jobs, their files and alerts of ended periods are kept.",
    )

    @field_validator("schedule")
    @classmethod
    def _times(cls, schedule: dict[str, str]) -> dict[str, str]:
        from billing.errors import InvalidSchedule
        from billing.jobs.schedule import Schedule

        try:
            Schedule(schedule)
        except InvalidSchedule as error:
            raise ValueError(error.message) from None
        return schedule
