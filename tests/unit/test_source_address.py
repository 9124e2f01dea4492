"""The address of a request, in all forms in which proxies and sockets write it."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.source_address import source_address

FORMS = {
    4: ("{}", " {} ", "{}:51008", '"{}"', "::ffff:{}", "[::ffff:{}]:51008"),
    6: ("{}", " {} ", "[{}]", "[{}]:51008", '"[{}]:51008"', "{}%eth0", "[{}%eth0]:51008"),
}


@pytest.mark.parametrize(
    ("forwarded", "behind_proxy", "address"),
    [
        ("10.0.0.9", False, "192.0.2.1"),
        ("10.0.0.9", True, "10.0.0.9"),
        ("6.6.6.6, 10.0.0.9", True, "10.0.0.9"),
        ("6.6.6.6:1, [2001:db8::7]:51008", True, "2001:db8::7"),
        ("x\r\nforged", True, ""),
        ("unknown", True, ""),
        ("203.0.113.9, ", True, ""),
        # The address of the connection is that of the proxy, which all its clients share.
        ("", True, ""),
    ],
)
def test_only_the_proxy_is_believed(forwarded: str, behind_proxy: bool, address: str) -> None:
    meta = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": forwarded}
    assert source_address(meta, behind_proxy=behind_proxy) == address


def test_unix_socket_has_no_address() -> None:
    assert source_address({"REMOTE_ADDR": ""}, behind_proxy=False) == ""
    assert source_address({}, behind_proxy=False) == ""


@given(st.ip_addresses(), st.data())
def test_all_forms_of_an_address_are_one(address: ipaddress.IPv4Address | ipaddress.IPv6Address, data: st.DataObject) -> None:
    written = data.draw(st.sampled_from(FORMS[address.version])).format(address)
    expected = str(getattr(address, "ipv4_mapped", None) or address)
    assert source_address({"HTTP_X_FORWARDED_FOR": f"6.6.6.6, {written}"}, behind_proxy=True) == expected
    assert source_address({"REMOTE_ADDR": written}, behind_proxy=False) == expected


@given(st.text())
def test_any_header_is_an_address_or_none(text: str) -> None:
    address = source_address({"HTTP_X_FORWARDED_FOR": text}, behind_proxy=True)
    assert address == "" or ipaddress.ip_address(address)
