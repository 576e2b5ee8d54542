"""URLs that are taken, and the odd ones that are not."""

import pytest

from gateway.egress import AddressForbidden, AddressRules, InvalidUrl, Trust, check_url

STRICT = AddressRules(Trust.ADMINISTRATOR)


@pytest.mark.parametrize(
    "url",
    [
        "https://models.example.com/v1",
        "http://models.example.com:8000",
        "https://xn--mnchen-3ya.example/v1/",
        "https://1.1.1.1/v1",
        "https://[2606:4700::1111]:8443/v1",
        "http://pool_1.internal:9100",
        "https://models.example.com./v1",
    ],
)
def test_taken(url: str) -> None:
    assert check_url(url, STRICT).hostname


@pytest.mark.parametrize(
    "url",
    [
        "",
        "models.example.com/v1",
        "ftp://models.example.com",
        "file:///etc/passwd",
        "gopher://models.example.com",
        "unix:///var/run/docker.sock",
        "https://user:password@models.example.com/v1",
        "https://@models.example.com/v1",
        "https://good.example@10.0.0.1/v1",
        "https://good.example\\@10.0.0.1/v1",
        "https://good.example#@10.0.0.1/v1",
        "https://good.example/v1?x=1",
        "https://good.example/v1?",
        "https://good.example/v1#",
        "https://",
        "https:///v1",
        "https://a b.example",
        "https://good.example/\r\nHost: x",
        "https://good.example\t/v1",
        "https://g\u00f6\u00f6d.example/v1",
        "https://\uff11\uff12\uff17.0.0.1/v1",
        "https://127\u30020\u30020\u30021/v1",
        "https://good..example/v1",
        "https://.example/v1",
        "https://good.example:0/v1",
        "https://good.example:99999/v1",
        "https://good.example:8o/v1",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.01/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://0/",
        "http://0x/",
        "http://256.0.0.1/",
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[::1/",
        "http://[127.0.0.1]/",
        "http://%31%32%37.0.0.1/",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 130 + "example/",
        "https://good.example/" + "a" * 2000,
    ],
)
def test_not_taken(url: str) -> None:
    with pytest.raises(InvalidUrl):
        check_url(url, STRICT)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9100",
        "http://[::1]/v1",
        "http://10.0.0.1/v1",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:127.0.0.1]/v1",
        "http://[::ffff:7f00:1]/v1",
        "http://[64:ff9b::10.0.0.1]/v1",
    ],
)
def test_addresses_that_the_rules_forbid(url: str) -> None:
    with pytest.raises(AddressForbidden):
        check_url(url, STRICT)
    assert check_url(url).hostname


def test_the_file_may_name_loopback() -> None:
    assert check_url("http://127.0.0.1:9100", AddressRules(Trust.FILE)).port == 9100
