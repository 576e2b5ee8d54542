"""``sovgate audit``: what the trail, retention and evidence packs add to one group."""

from gateway.audit.cli import audit_app
from gateway.audit.cli_anchors import anchors_command, checkpoints_command, witness_command
from gateway.audit.cli_keys import prove_command, rotate_key_command
from gateway.audit.cli_records import digest_command, list_command, show_command
from gateway.evidence.cli import register as register_evidence
from gateway.retention.cli import register as register_retention

__all__ = ["audit_app"]

register_retention(audit_app)
register_evidence(audit_app)
audit_app.command("list")(list_command)
audit_app.command("show")(show_command)
audit_app.command("digest")(digest_command)
audit_app.command("prove")(prove_command)
audit_app.command("rotate-key")(rotate_key_command)
audit_app.command("checkpoints")(checkpoints_command)
audit_app.command("anchors")(anchors_command)
audit_app.command("witness")(witness_command)
