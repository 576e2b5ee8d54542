"""Forms with files: read in memory, and built anew for an upstream."""

from typing import Any

import httpx
import pytest

from gateway.http.connection import Connection
from gateway.http.multipart import InvalidForm
from gateway.surfaces.forms import parse_form
from gateway.upstreams.forms import encode_form

KINDS = {"image": "images", "file": "audio"}


async def nothing(*_: Any) -> Any:
    raise AssertionError("a form is read whole before it is parsed")


def connection(content_type: str) -> Connection:
    scope = {"type": "http", "headers": [(b"content-type", content_type.encode())]}
    return Connection(scope, nothing, nothing)


def parse(raw: bytes, content_type: str) -> Any:
    return parse_form(connection(content_type), raw, KINDS)


def form(**more: Any) -> tuple[bytes, str]:
    request = httpx.Request("POST", "http://x/", **more)
    return request.read(), request.headers["content-type"]


def test_a_form_that_is_read_and_built_again_says_the_same() -> None:
    content = bytes(range(256)) * 20
    files = [
        ("image[]", ("Greta Vogel.PNG", content, "image/png")),
        ("image[]", ("no ending", b"--x\r\n\r\n--", "Image/Weird; x=1")),
        ("other", ("a.tar.gz", b"", "text/plain")),
    ]
    fields = {"model": "m", "prompt": "Grüße\r\nan alle", "include[]": ["a", "b"]}
    first = parse(*form(data=fields, files=files))
    second = parse(*encode_form(*first))
    assert second == first
    got, (one, two, three) = first
    assert got == fields
    assert (one.filename, one.kind, one.content) == ("file.png", "images", content)
    assert (two.filename, two.content_type) == ("file", "application/octet-stream")
    assert (three.field, three.kind, three.filename) == ("other", "files", "file.gz")


def test_a_name_cannot_begin_another_part() -> None:
    fields = {'x"\r\nevil: 1\r\n\r\n': "a", "stream": True}
    got, _ = parse(*encode_form(fields, []))
    assert sorted(got.values()) == ["a", "true"]


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [
        (b"{}", "application/json"),
        (b"--x--", "multipart/form-data"),
        (b"no form at all", "multipart/form-data; boundary=x"),
        (
            b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\ncut',
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_what_is_no_form_is_refused(raw: bytes, content_type: str) -> None:
    with pytest.raises(InvalidForm):
        parse(raw, content_type)


@pytest.mark.parametrize(
    "fields",
    [{"model": ["a", "b"]}, {"x": "y" * 300_000}, {f"f{n}": "x" for n in range(65)}],
    ids=["twice", "too long", "too many"],
)
def test_a_form_with_too_much_is_refused(fields: dict[str, Any]) -> None:
    raw, content_type = encode_form(fields, [])
    with pytest.raises(InvalidForm):
        parse(raw, content_type)


def test_a_field_must_be_text() -> None:
    raw, content_type = encode_form({"prompt": "MARK"}, [])
    with pytest.raises(InvalidForm):
        parse(raw.replace(b"MARK", b"\xff\xfe"), content_type)
