"""Hosts and URLs are what they are by number, have one spelling, and carry nothing hidden."""

from __future__ import annotations

import ipaddress
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.values.hosts import Reach, parse_host, reach_of
from ategnatos.guard.values.urls import parse_loopback_url, parse_port, parse_url

LOOPBACK, PRIVATE, PUBLIC, UNUSABLE = Reach.LOOPBACK, Reach.PRIVATE, Reach.PUBLIC, Reach.UNUSABLE


@pytest.mark.parametrize(
    ("text", "spelling", "reach"),
    [
        ("127.0.0.1", "127.0.0.1", LOOPBACK),
        ("127.0.0.2", "127.0.0.2", LOOPBACK),
        ("localhost", "localhost", LOOPBACK),
        ("LOCALHOST", "localhost", LOOPBACK),
        ("localhost.", "localhost", LOOPBACK),
        ("[::1]", "::1", LOOPBACK),
        ("::1", "::1", LOOPBACK),
        ("0:0:0:0:0:0:0:1", "::1", LOOPBACK),
        ("::ffff:127.0.0.1", "127.0.0.1", LOOPBACK),
        ("[::ffff:7f00:1]", "127.0.0.1", LOOPBACK),
        ("0x7f.1", "127.0.0.1", LOOPBACK),
        ("0x7f000001", "127.0.0.1", LOOPBACK),
        ("2130706433", "127.0.0.1", LOOPBACK),
        ("017700000001", "127.0.0.1", LOOPBACK),
        ("0177.0.0.1", "127.0.0.1", LOOPBACK),
        ("127.1", "127.0.0.1", LOOPBACK),
        ("127.0.0.1.", "127.0.0.1", LOOPBACK),
        ("１２７.0.0.1", "127.0.0.1", LOOPBACK),
        ("127。0。0。1", "127.0.0.1", LOOPBACK),
        ("10.0.0.7", "10.0.0.7", PRIVATE),
        ("172.16.0.1", "172.16.0.1", PRIVATE),
        ("172.31.255.255", "172.31.255.255", PRIVATE),
        ("192.168.1.20", "192.168.1.20", PRIVATE),
        ("fd00::1", "fd00::1", PRIVATE),
        ("[FD00:0::1]", "fd00::1", PRIVATE),
        ("::ffff:10.0.0.1", "10.0.0.1", PRIVATE),
        ("0xa000007", "10.0.0.7", PRIVATE),
        ("10.evil.com", "10.evil.com", PUBLIC),
        ("192.168.evil.com", "192.168.evil.com", PUBLIC),
        ("172.16.evil.com", "172.16.evil.com", PUBLIC),
        ("127.0.0.1.evil.com", "127.0.0.1.evil.com", PUBLIC),
        ("localhost.evil.com", "localhost.evil.com", PUBLIC),
        ("172.32.0.1", "172.32.0.1", PUBLIC),
        ("11.0.0.1", "11.0.0.1", PUBLIC),
        ("8.8.8.8", "8.8.8.8", PUBLIC),
        ("2606:4700::1111", "2606:4700::1111", PUBLIC),
        ("bücher.example", "xn--bcher-kva.example", PUBLIC),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example", PUBLIC),
        ("comfy_ui", "comfy_ui", PUBLIC),
        ("0.0.0.0", "0.0.0.0", UNUSABLE),
        ("0", "0.0.0.0", UNUSABLE),
        ("0x", "0.0.0.0", UNUSABLE),
        ("1.0x7g", "1.0x7g", PUBLIC),
        ("::", "::", UNUSABLE),
        ("::ffff:0.0.0.0", "0.0.0.0", UNUSABLE),
        ("169.254.169.254", "169.254.169.254", UNUSABLE),
        ("0xa9fea9fe", "169.254.169.254", UNUSABLE),
        ("fe80::1", "fe80::1", UNUSABLE),
        ("224.0.0.1", "224.0.0.1", UNUSABLE),
        ("255.255.255.255", "255.255.255.255", UNUSABLE),
        ("64:ff9b::7f00:1", "64:ff9b::7f00:1", UNUSABLE),
        ("2002:7f00:1::", "2002:7f00:1::", UNUSABLE),
        ("::127.0.0.1", "::7f00:1", UNUSABLE),
    ],
)
def test_a_host_is_what_its_number_says(text: str, spelling: str, reach: Reach) -> None:
    host = parse_host(text)
    assert (host.text, host.reach) == (spelling, reach)
    assert parse_host(str(host)) == host


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "a..b", "-a.com", "a-.com", "a b", "a\nb", "a%41", "a/b", "a@b", "[127.0.0.1]",
        "[::1", "::1]", "1.2.3.4.5", "256.1.1.1", "1.2.3.256", "09", "4294967296",
        "a.0xzz.1", "evil.com.127", "fe80::1%eth0", "x" * 64, "a." * 130 + "b", "xn--a", "é" * 300,
        "a\u202eb.com", "9" * 5000, "0x" + "f" * 5000, "*.com", "$(id)", "'", ":::",
        "1_2.0.0.1", "+1.0.0.1", "0x-1.1", "٣.0.0.1/",
    ],
)  # fmt: skip
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(StudioError) as refused:
        parse_host(text)
    assert refused.value.code.code == "host_invalid"
    assert len(refused.value.message) < 400


@given(st.ip_addresses())
def test_every_address_has_one_class_and_one_spelling(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    host = parse_host(str(address))
    assert host.reach is reach_of(address)
    if host.reach is LOOPBACK:
        assert (getattr(address, "ipv4_mapped", None) or address).is_loopback
    if host.reach is PRIVATE:
        assert (getattr(address, "ipv4_mapped", None) or address).is_private


@given(st.ip_addresses(v=4))
def test_every_spelling_of_an_address_is_that_address(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    octets = [number >> shift & 255 for shift in (24, 16, 8, 0)]
    spellings = [
        str(number),
        hex(number),
        f"0{number:o}",
        ".".join(hex(one) for one in octets),
        ".".join(f"0{one:o}" for one in octets),
        f"{octets[0]}.{number & 0xFFFFFF}",
        f"::ffff:{address}",
    ]
    assert {parse_host(one).text for one in spellings} == {str(address)}


@given(st.from_regex(r"(10|127|192\.168|172\.16|localhost|0x7f)\.[a-z]{1,9}\.com", fullmatch=True))
def test_a_name_is_never_local_by_how_it_begins(name: str) -> None:
    assert parse_host(name).reach is PUBLIC


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("http://127.0.0.1:8188", "http://127.0.0.1:8188/"),
        ("HTTP://LOCALHOST:8188/", "http://localhost:8188/"),
        ("https://gpu.example.com:443/comfy?a=b#part", "https://gpu.example.com/comfy?a=b"),
        ("http://[::1]:8188/x", "http://[::1]:8188/x"),
        ("http://0x7f.1:80", "http://127.0.0.1/"),
        ("http://e.com/ünï?q=ü'", "http://e.com/%C3%BCn%C3%AF?q=%C3%BC'"),
        ("http://e.com/a%20b", "http://e.com/a%20b"),
        ("http://e.com?x=http://other/@y", "http://e.com/?x=http://other/@y"),
        ('http://e.com/"<x>', "http://e.com/%22%3Cx%3E"),
    ],
)
def test_a_url_has_one_spelling(text: str, spelling: str) -> None:
    url = parse_url(text)
    assert str(url) == spelling
    assert parse_url(str(url)) == url


@pytest.mark.parametrize(
    "text",
    [
        "", "127.0.0.1:8188", "//127.0.0.1", "ftp://e.com", "file:///etc/passwd", "http:/e.com",
        "javascript:alert(1)", "http://", "http://:80", "http://e.com:", "http://e.com:0",
        "http://e.com:65536", "http://e.com:8o", "http://e.com:-1", "http://e.com:８０",
        " http://e.com", "http://e.com ", "http://e.com/a b", "http://e.com/\n", "http://e.com\t",
        "http://e.com/\x00", "http://e.com\\@x", "http://[::1", "http://[::1]x", "http://e.com/%zz",
        "http://e\u202ecom/", "http://e.com/\u200b", "http://" + "a" * 9000, "http://::1:80/",
        "http://e.com:80:80",
    ],
)  # fmt: skip
def test_what_is_no_plain_url_is_refused(text: str) -> None:
    with pytest.raises(StudioError) as refused:
        parse_url(text, field="--url")
    assert refused.value.code.code in {"url_invalid", "host_invalid"}
    assert "--url" in refused.value.message
    assert refused.value.message.isprintable()


@pytest.mark.parametrize("user", ["me:hunter2@", "hunter2@", "@", ":hunter2@", "a@hunter2@"])
def test_credentials_are_refused_and_not_repeated(user: str) -> None:
    with pytest.raises(StudioError) as refused:
        parse_url(f"http://{user}127.0.0.1:8188/")
    assert refused.value.code.code == "url_credentials"
    assert "hunter2" not in str(refused.value)
    with pytest.raises(StudioError) as refused:
        parse_url(f"ftp://{user}127.0.0.1/ ")
    assert "hunter2" not in str(refused.value)


@given(st.text(alphabet=string.printable + "é漢\u202e\ud800", max_size=60))
def test_any_text_is_a_url_of_one_spelling_or_is_refused(text: str) -> None:
    try:
        url = parse_url(f"http://{text}")
    except StudioError:
        return
    assert str(url).isascii()
    assert str(url).isprintable()
    assert " " not in str(url)
    assert parse_url(str(url)) == url


def test_only_this_machine_where_that_is_asked_for() -> None:
    assert parse_loopback_url("http://127.0.0.2:8188").authority == "127.0.0.2:8188"
    for text in ("http://10.0.0.1", "http://0.0.0.0:1", "http://127.evil.com", "http://[fd00::1]"):
        with pytest.raises(StudioError, match="Nothing was sent"):
            parse_loopback_url(text)


def test_ports() -> None:
    assert (parse_port("8188"), parse_port(1), parse_port("65535")) == (8188, 1, 65535)
    for bad in ("0", "65536", "-1", "80 ", "8_0", "BASH_VERSINFO[$(id)]", True, None, 80.0):
        with pytest.raises(StudioError):
            parse_port(bad)  # type: ignore[arg-type]
