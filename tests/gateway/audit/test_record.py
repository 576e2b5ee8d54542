from hypothesis import given
from hypothesis import strategies as st

from core.canonical import canonical_json
from gateway.audit import (
    CacheHit,
    DetectorVerdict,
    LatencySplit,
    RequestRecord,
    Route,
    TokenCounts,
    Tried,
    score_text,
)
from gateway.audit.chain import Draft
from gateway.audit.encoding import decode, encode_canonical, encode_record
from gateway.audit.record import RESERVED

# What the text of a record is cut at, as clients and operators might write it.
_TEXTS = st.text() | st.sampled_from(
    [',"latency":', '","started_at":"', '\\",\\"tokens\\":', "latency", '"tokens":{}']
)
_NAMES = st.sampled_from(["latency", "started_at", "tokens", "PERSON"]) | st.text()


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


@given(_TEXTS, _TEXTS, st.dictionaries(_NAMES, st.integers(0, 9)), st.booleans())
def test_the_text_of_a_record_is_canonical_and_its_parts_make_the_chain_s_body(
    model: str, text: str, masked: dict[str, int], whole: bool
) -> None:
    tried = Tried(upstream=text, zone="z", model=model, server=1, kind="first", result="x", us=1)
    hit = CacheHit(kind="exact", request_id=text, model=model, age_s=1)
    record = RequestRecord(
        request_id="req_3",
        tenant="acme",
        outcome="completed",
        surface="chat",
        started_at="2026-11-21T12:00:00.000000Z",
        ended_at="2026-11-21T12:00:01.000000Z",
        finish_reason=text,
        user=text,
        masked=masked,
        route=Route(requested_model=model, reason=text, tried=[tried]) if whole else None,
        cache=hit if whole else None,
        tokens=TokenCounts(input=1) if whole else None,
        latency=LatencySplit() if whole else None,
    )
    fields, encoded = record.to_dict(), encode_record(record)
    assert encoded == canonical_json(fields)
    of_text = Draft.of_prepared("req_3", "acme", encoded)
    assert of_text == Draft.of_journaled("acme", "req_3", "request", fields)
    body = of_text.body(7, "2026-11-21T12:00:02.000000Z")
    assert body == canonical_json(decode(body)), "the chain's own fields stand where they belong"
