from gateway.audit import (
    DetectorVerdict,
    LatencySplit,
    RequestRecord,
    Route,
    TokenCounts,
    score_text,
)
from gateway.audit.encoding import decode, encode_canonical
from gateway.audit.record import RESERVED


def full_record() -> RequestRecord:
    return RequestRecord(
        request_id="req_1",
        tenant="acme",
        outcome="completed",
        surface="/v1/chat/completions",
        started_at="2026-11-21T12:00:00.000000Z",
        ended_at="2026-11-21T12:00:01.000000Z",
        detectors=[
            DetectorVerdict(
                name="moderation",
                version="1",
                direction="input",
                verdict="safe",
                action="allow",
                score=score_text(0.0213),
            )
        ],
        masked={"PERSON": 1, "EMAIL_ADDRESS": 1},
        route=Route(requested_model="auto", tier="flash", score=score_text(0.2), attempts=1),
        upstream="pool",
        zone="onprem",
        tokens=TokenCounts(input=10, output=5),
        cost="0.0000045",
        currency="USD",
        latency=LatencySplit(total_us=1000, upstream_us=900),
    )


def test_a_record_has_a_canonical_form_and_leaves_the_chain_its_fields() -> None:
    fields = full_record().to_dict()
    assert decode(encode_canonical(fields)) == fields
    assert RESERVED.isdisjoint(fields)
    assert fields["detectors"][0]["score"] == "0.0213"
    assert fields["tokens"]["reasoning"] == 0


def test_a_denied_request_needs_few_fields_and_names_no_upstream() -> None:
    fields = RequestRecord(
        request_id="req_2",
        outcome="denied",
        surface="/v1/chat/completions",
        started_at="2026-11-21T12:00:00.000000Z",
        ended_at="2026-11-21T12:00:00.000000Z",
        error_code="invalid_api_key",
        status=401,
    ).to_dict()
    assert fields["tenant"] == "_system"
    assert fields["upstream"] is None
    assert encode_canonical(fields)
