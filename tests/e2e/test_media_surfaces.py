"""Audio and images through the official SDK and a real gateway: texts are guarded, media follow
the policy."""

import io
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import httpx
import pytest
from openai import BadRequestError, OpenAI

from support.books import settled_books
from support.canaries import Canary, fields_of, groups_of, make_canaries, text_of
from support.canary_places import files_under
from support.canary_scan import CanaryScanner
from support.capture_surfaces import PICTURE, SOUND
from support.deployment import KEYS, Capture, Deployment, capture_upstream, gateway, settings
from support.outcomes import assert_error, record_of

NAME, MAIL, CARD = "Greta Vogel", "greta.vogel@example.com", "4111 1111 1111 1111"
PLANTED = f"My name is {NAME}, write to {MAIL}."
POLICIES: dict[str, Any] = {
    "default": {},
    "closed": {"pii": {"media": {"audio": "block", "images": "block"}}},
    "careful": {"pii": {"output": "redact"}, "moderation": {"output": "block"}},
}
CLOSED, CAREFUL = "sov-closed-key-for-tests", "sov-careful-key-for-tests"


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capture]:
    with capture_upstream(tmp_path_factory.mktemp("capture")) as capture:
        yield capture


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, upstream: Capture) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("media")
    content = settings(directory, upstream.url, policies=POLICIES)
    content["limits"] = {"max_upload_bytes": 9_000_000}
    content["upstreams"][0]["models"] += ["painter", "speaker"]
    price = {"effective_from": "2026-01-01", "input": "0", "output": "0"}
    content["prices"] += [
        {**price, "model": "painter", "minimum": "0.04"},
        {**price, "model": "sovgate-moderation", "guard": "1.00"},
        {**price, "model": "speaker", "worker_second": "0.0001"},
    ]
    content["bootstrap"]["tenants"] += [
        {"name": name, "policy": name, "keys": [{"name": "app", "env": f"SOV_KEY_{name.upper()}"}]}
        for name in ("closed", "careful")
    ]
    env = {"SOV_KEY_CLOSED": CLOSED, "SOV_KEY_CAREFUL": CAREFUL}
    with gateway(directory, content, env=env) as deployment:
        yield deployment


@pytest.fixture
def capture(upstream: Capture) -> Capture:
    upstream.reset()
    return upstream


def sdk(deployment: Deployment, key: str) -> OpenAI:
    return OpenAI(base_url=deployment.base_url, api_key=key, max_retries=0)


@pytest.fixture
def client(deployment: Deployment) -> Iterator[OpenAI]:
    with sdk(deployment, KEYS["acme"]) as client:
        yield client


def sound() -> tuple[str, io.BytesIO, str]:
    return f"{NAME}.mp3", io.BytesIO(SOUND), "audio/mpeg"


def assert_masked(capture: Capture) -> None:
    text = json.dumps(capture.seen())
    assert "Greta" not in text
    assert MAIL not in text


def test_speech(client: OpenAI, deployment: Deployment, capture: Capture) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="sov-flash", voice="alloy", input=PLANTED, instructions=f"Speak like {NAME}."
    ) as answer:
        assert answer.headers["content-type"] == "audio/mpeg"
        assert b"".join(answer.iter_bytes()) == SOUND
    assert_masked(capture)
    assert capture.seen()[0]["body"]["voice"] == "alloy"
    record = record_of(deployment, answer.headers["x-request-id"])
    assert (record["surface"], record["outcome"]) == ("audio.speech", "completed")
    assert record["tokens"]["estimated"]
    assert any(found["name"] == "media" for found in record["detectors"])


def test_a_transcription(client: OpenAI, deployment: Deployment, capture: Capture) -> None:
    answer = client.audio.transcriptions.with_raw_response.create(
        model="sov-flash", file=sound(), prompt=PLANTED, language="en"
    )
    assert answer.parse().text == f"You said: {PLANTED}"
    assert_masked(capture)
    (file,) = capture.seen()[0]["body"]["files"]
    assert (file["name"], file["filename"], file["type"]) == ("file", "file.mp3", "audio/mpeg")
    assert file["content"].encode("latin-1") == SOUND
    record = record_of(deployment, answer.headers["x-request-id"])
    assert (record["tokens"]["input"], record["tokens"]["output"]) == (14, 9)


@pytest.mark.parametrize("cuts", [None, [*range(200)], [20]])
def test_a_streamed_transcription(client: OpenAI, capture: Capture, cuts: list[int] | None) -> None:
    capture.script(cuts=cuts)
    events = list(
        client.audio.transcriptions.create(
            model="sov-flash", file=sound(), prompt=PLANTED, stream=True
        )
    )
    said = [event.delta for event in events if event.type == "transcript.text.delta"]
    assert "".join(said) == f"You said: {PLANTED}"
    assert events[-1].type == "transcript.text.done"
    assert events[-1].text == f"You said: {PLANTED}"
    assert_masked(capture)


def test_seconds_have_a_price(client: OpenAI, deployment: Deployment, capture: Capture) -> None:
    capture.script(content="Nothing to hide.")
    answer = client.audio.translations.with_raw_response.create(
        model="speaker", file=sound(), response_format="verbose_json"
    )
    assert '"words":[' in answer.text
    record = record_of(deployment, answer.headers["x-request-id"])
    assert Decimal(record["cost"]) == Decimal("0.00075")  # 7.5 seconds


def test_what_is_transcribed_is_redacted_and_judged(
    deployment: Deployment, capture: Capture
) -> None:
    capture.script(content=f"The card is {CARD}, thank you.")
    with sdk(deployment, CAREFUL) as client:
        for kind in ("json", "verbose_json", "text", "srt"):
            answer = client.audio.transcriptions.with_raw_response.create(
                model="sov-flash", file=sound(), response_format=kind
            )
            assert "4111" not in answer.text
            assert "[CREDIT_CARD]" in answer.text
        stream = client.audio.transcriptions.create(model="sov-flash", file=sound(), stream=True)
        assert "4111" not in "".join(event.to_json() for event in stream)
        capture.script(content="I will kill you, you worthless piece of shit.")
        with pytest.raises(BadRequestError) as error:
            client.audio.transcriptions.create(model="sov-flash", file=sound())
    assert error.value.code == "content_blocked"


def test_images(client: OpenAI, deployment: Deployment, capture: Capture) -> None:
    answer = client.images.with_raw_response.generate(
        model="painter", prompt=PLANTED, n=2, size="1024x1024", quality="high"
    )
    (picture,) = answer.parse().data or []
    assert picture.revised_prompt == f"You said: {PLANTED}"
    assert_masked(capture)
    assert capture.seen()[0]["body"]["size"] == "1024x1024"
    record = record_of(deployment, answer.headers["x-request-id"])
    assert Decimal(record["cost"]) == Decimal("0.04")
    assert record["tokens"]["output"] == 1056


def test_images_from_images(client: OpenAI, capture: Capture) -> None:
    picture = (f"{NAME}.PNG", io.BytesIO(PICTURE), "image/png")
    client.images.edit(model="painter", image=[picture, picture], mask=picture, prompt=PLANTED)
    client.images.create_variation(model="painter", image=picture)
    assert_masked(capture)
    edited, varied = (seen["body"]["files"] for seen in capture.seen())
    assert [file["name"] for file in edited] == ["image[]", "image[]", "mask"]
    assert {file["filename"] for file in edited + varied} == {"file.png"}


def test_a_streamed_image(client: OpenAI, deployment: Deployment, capture: Capture) -> None:
    stream = client.images.generate(model="painter", prompt=PLANTED, stream=True)
    assert [event.type for event in stream][-1] == "image_generation.completed"
    assert "stream_options" not in capture.seen()[0]["body"]
    assert_masked(capture)


def test_a_policy_may_close_the_door_to_media(deployment: Deployment, capture: Capture) -> None:
    picture = ("a.png", io.BytesIO(PICTURE), "image/png")
    with sdk(deployment, CLOSED) as client:
        for ask in (
            lambda: client.audio.speech.create(model="speaker", voice="alloy", input="Hello"),
            lambda: client.audio.transcriptions.create(model="speaker", file=sound()),
            lambda: client.images.generate(model="painter", prompt="A tree"),
            lambda: client.images.edit(model="painter", image=picture, prompt="A tree"),
        ):
            with pytest.raises(BadRequestError) as error:
                ask()
            assert error.value.code == "media_blocked"
    assert capture.seen() == []


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/images/generations", {"model": "auto", "prompt": "x"}, "tier_not_supported"),
        ("/audio/speech", {"model": "flash", "input": "x"}, "tier_not_supported"),
        ("/audio/speech", {"model": "speaker", "input": ""}, "invalid_request"),
        ("/images/generations", {"model": "painter", "prompt": "x", "n": -1}, "invalid_request"),
        ("/audio/transcriptions", {"model": "speaker"}, "invalid_form"),
        ("/images/edits", {"model": "painter"}, "invalid_form"),
    ],
)
def test_what_cannot_be_served_is_said(
    deployment: Deployment, capture: Capture, path: str, body: dict[str, Any], code: str
) -> None:
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    answer = httpx.post(deployment.base_url + path, json=body, headers=headers)
    assert_error(answer, 400, code)
    assert capture.seen() == []


def test_forms_are_checked(deployment: Deployment, capture: Capture) -> None:
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    url = f"{deployment.base_url}/audio/transcriptions"
    file = {"file": ("a.mp3", SOUND, "audio/mpeg")}

    def post(**more: Any) -> httpx.Response:
        return httpx.post(url, headers=headers, **more)

    assert_error(post(files=file), 400, "invalid_request")  # no model
    assert_error(post(data={"model": "speaker"}, files={"x": (None, "y")}), 400, "invalid_request")
    assert_error(post(data={"model": "auto"}, files=file), 400, "tier_not_supported")
    large = {"file": ("a.mp3", bytes(9_000_001), "audio/mpeg")}
    assert post(data={"model": "speaker"}, files=large).status_code == 413
    cut = httpx.post(
        url,
        headers={**headers, "content-type": "multipart/form-data; boundary=x"},
        content=b"--x\r\ncontent-disposition: form-data; name=model\r\n\r\nspea",
    )
    assert_error(cut, 400, "invalid_form")
    assert capture.seen() == []


def test_every_request_is_on_record_and_settled_once(
    client: OpenAI, deployment: Deployment, capture: Capture
) -> None:
    client.audio.speech.create(model="speaker", voice="alloy", input=PLANTED)
    client.audio.transcriptions.create(model="speaker", file=sound())
    client.images.generate(model="painter", prompt=PLANTED)
    client.completions.create(model="sov-flash", prompt=PLANTED)
    client.embeddings.create(model="sov-flash", input=PLANTED)
    moderated = client.moderations.with_raw_response.create(input=PLANTED)
    asked = {*capture.ids(), moderated.headers["x-request-id"]}
    assert len(asked) == 6
    books = settled_books(deployment, asked)
    assert books.twice == []
    for request_id in asked:
        settled = [one for one in books.movements[request_id] if one.kind == "settle"]
        assert len(settled) == 1
    assert books.records[moderated.headers["x-request-id"]]["upstream"] is None
    assert books.cost(moderated.headers["x-request-id"]) > 0  # the guard has a price here


def leak_bodies(group: Sequence[Canary]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Path, fields and files of each surface, with the values in every field."""
    said, fields = text_of(group), fields_of(group)
    common = {"user": said, "metadata": fields, "made_up": [said, fields]}
    steering = {"voice": said, "size": said, "quality": said, "language": said, "style": said}
    file = {"file": (f"{said}.mp3", SOUND, "audio/mpeg")}
    image = {"image": (f"{said}.png", PICTURE, "image/png")}
    text = {"model": "sov-flash", "prompt": [said, "Hello.", said], "suffix": said, "stop": [said]}
    form = {"model": "painter", "prompt": said, "user": said, "made_up": said, **steering}
    yield "/completions", {**text, **common, "echo": True}, {}
    yield "/completions", {**text, **common, "stream": True}, {}
    yield "/embeddings", {"model": "sov-flash", "input": [said, "x", said], **common}, {}
    yield "/moderations", {"model": said, "input": [said], **common}, {}
    yield "/audio/speech", {"model": "speaker", "input": said, "instructions": said,
                            **common, **steering}, {}  # fmt: skip
    yield "/images/generations", {"model": "painter", "prompt": said, **common, **steering}, {}
    yield "/images/edits", form, image
    yield "/images/variations", form, image
    yield "/audio/transcriptions", {**form, "model": "speaker"}, file
    yield "/audio/translations", {**form, "model": "speaker", "response_format": "text"}, file


def test_no_value_of_any_field_reaches_an_upstream(
    deployment: Deployment, capture: Capture
) -> None:
    canaries = make_canaries(60, seed=6)
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    ids: list[str] = []
    with httpx.Client(base_url=deployment.base_url, headers=headers, timeout=60) as client:
        for group in groups_of(canaries, 20):
            for path, body, files in leak_bodies(group):
                if files:
                    answer = client.post(path, data=body, files=files)
                else:
                    answer = client.post(path, json=body)
                assert answer.status_code == 200, (path, answer.text)
                ids.append(answer.headers["x-request-id"])
    asked = json.dumps(capture.seen(), ensure_ascii=False).encode()
    assert len(capture.seen()) == len(ids) - len(groups_of(canaries, 20))  # moderations stay here
    books = settled_books(deployment, ids)
    assert books.twice == []
    places = [("upstream", asked), *files_under(deployment.directory)]
    scanner = CanaryScanner(canaries)
    assert [hit for place, content in places for hit in scanner.scan(place, content)] == []
