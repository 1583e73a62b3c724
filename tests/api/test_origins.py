from __future__ import annotations

import httpx
import pytest

from tlsync.api.origins import BaseUrl, KeyAuth
from tlsync.errors import ConfigError, InsecureUrl
from tlsync.secret import Secret

PUBLIC = BaseUrl("https://api.example.com/v1.3")
LOOPBACK = BaseUrl("http://127.0.0.1:8080/v1.3")


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("https://api.example.com/v1.3", "https://api.example.com/v1.3/indexes"),
        ("https://api.example.com/v1.3/", "https://api.example.com/v1.3/indexes"),
        ("http://localhost:80/v1.3", "http://localhost/v1.3/indexes"),
        ("http://[::1]:9/v1.3", "http://[::1]:9/v1.3/indexes"),
        ("http://127.9.9.9/v1.3", "http://127.9.9.9/v1.3/indexes"),
    ],
)
def test_usable_base_urls(text: str, joined: str) -> None:
    assert BaseUrl(text).join("/indexes") == joined


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.example.com",
        "ftp://api.example.com",
        "file:///etc/passwd",
        "https://",
        "http://api.example.com/v1.3",
        "http://192.168.1.5/v1.3",
        "http://localhost.example.com/v1.3",
        "https://me:secret@api.example.com/v1.3",
        "https://api.example.com/v1.3?key=secret",
        "https://api.example.com/v1.3#secret",
        "https://exa mple.com",
    ],
)
def test_other_base_urls_are_refused_without_quoting_them(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        BaseUrl(text)
    assert "secret" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize(
    "url",
    [
        "https://storage.example.com/obj?sig=1",
        "https://bucket.s3.eu-west-1.amazonaws.com:443/a",
        "https://8.8.8.8/a",
        "https://[2606:4700::1111]/a",
    ],
)
def test_public_https_takes_chunks(url: str) -> None:
    PUBLIC.check_upload_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "file:///etc/passwd",
        "ftp://storage.example.com/a",
        "http://storage.example.com/a",
        "//storage.example.com/a",
        "https://user:pw@storage.example.com/a",
        "https://storage.example.com/\n",
        "https://" + "x" * 20_000,
        "https://localhost/a",
        "https://LOCALHOST./a",
        "https://printer.local/a",
        "https://metadata.google.internal/a",
        "https://intranet/a",
        "https://127.0.0.1/a",
        "https://127.0.0.1./a",
        "https://１２７.0.0.1/a",
        "https://127.1/a",
        "https://2130706433/a",
        "https://0x7f000001/a",
        "https://0177.0.0.1/a",
        "https://0.0.0.0/a",
        "https://10.1.2.3/a",
        "https://172.16.0.1/a",
        "https://192.168.0.1/a",
        "https://100.64.0.1/a",
        "https://169.254.169.254/latest/meta-data",
        "https://224.0.0.1/a",
        "https://255.255.255.255/a",
        "https://[::1]/a",
        "https://[::]/a",
        "https://[fe80::1]/a",
        "https://[fd00:ec2::254]/a",
        "https://[::ffff:169.254.169.254]/a",
        "https://[64:ff9b::a9fe:a9fe]/a",
        "https://[2002:7f00:1::]/a",
    ],
)
def test_no_chunk_goes_to_other_places(url: str) -> None:
    with pytest.raises(InsecureUrl) as caught:
        PUBLIC.check_upload_url(url)
    assert url == "" or url not in str(caught.value)


def test_a_platform_on_loopback_may_use_plain_http_there() -> None:
    LOOPBACK.check_upload_url("http://127.0.0.1:9000/obj")
    LOOPBACK.check_upload_url("http://localhost:9000/obj")
    with pytest.raises(InsecureUrl):
        LOOPBACK.check_upload_url("http://192.168.0.9/obj")


def test_a_platform_in_a_private_network_may_store_there() -> None:
    BaseUrl("https://10.0.0.5/v1.3").check_upload_url("https://10.0.0.6/obj")
    BaseUrl("https://video.internal/v1.3").check_upload_url("https://store.internal/obj")


@pytest.mark.parametrize(
    "url", ["https://api.example.com:8443/x", "http://api.example.com/x", "https://api.example.org/x"]
)
def test_the_key_goes_to_its_origin_only(url: str) -> None:
    with pytest.raises(InsecureUrl):
        next(KeyAuth(Secret("k"), PUBLIC).auth_flow(httpx.Request("GET", url)))


def test_the_key_goes_to_its_origin() -> None:
    request = next(KeyAuth(Secret("k"), PUBLIC).auth_flow(httpx.Request("GET", "https://API.example.com:443/other")))
    assert request.headers["x-api-key"] == "k"
