"""Where partners may send us: the public internet only, and always the very address that was looked at.

A partner chooses the URL, so it must never lead into our own network. The name is looked up when somebody subscribes
and again at each attempt; every address it has must be public; and the connection goes to one of those, so that a
name that changes in between changes nothing.
"""

import ipaddress
import queue
import re
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Looks a host and port up; returns address texts.
LookUp = Callable[[str, int], Sequence[str]]

LONGEST_URL = 1_024
DEFAULT_PORTS = {"http": 80, "https": 443}
# Below are the ports of mail, of remote shells and of other services that a request could talk into something.
LOWEST_FREE_PORT = 1_024
MOST_ADDRESSES = 20

# Written out: what Python calls global differs between its versions.
_NOT_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
    )
)
_PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
_6TO4 = ipaddress.ip_network("2002::/16")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
# A last label that is a number makes the whole an IPv4 address for many resolvers: 2130706433, 0x7f.1, 0177.0.0.1.
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")


class AddressRefused(Exception):
    """Say that we do not connect there; `code` is one stable word."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Be a URL taken apart; `authorization` is what its user and password become."""

    scheme: str
    host: str
    port: int
    target: str
    authorization: str = field(default="", repr=False)

    @property
    def host_header(self) -> str:
        """Return what goes into the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def read_url(url: str) -> Destination:
    """Take a partner's URL apart without looking anything up.

    :raises AddressRefused: `url_malformed`, `https_needed`, `port_not_allowed` or `host_not_public`.
    """
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or re.search(r"[\s\\<>\"^`{|}]", url):
        raise AddressRefused("url_malformed")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("url_malformed") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.netloc.count("@") > 1:
        raise AddressRefused("url_malformed")
    if parts.scheme != "https" and settings.CALLBACKS["HTTPS_ONLY"]:
        raise AddressRefused("https_needed")
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    if port not in DEFAULT_PORTS.values() and port < LOWEST_FREE_PORT:
        raise AddressRefused("port_not_allowed")
    return Destination(
        scheme=parts.scheme,
        host=_host_of(parts.hostname),
        port=port,
        target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        authorization=_authorization_of(parts),
    )


def shown_url(url: str) -> str:
    """Return a URL without what could be a password: user, password and query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" + ("?…" if parts.query else "")


def looked_up(destination: Destination, *, look_up: LookUp | None = None) -> tuple[str, ...]:
    """Return the addresses of a destination, all of which we may connect to.

    :raises AddressRefused: `host_unknown`, or `host_not_public` when one of them is not public.
    """
    try:
        found = (look_up or _ask_resolver)(destination.host, destination.port)
    except (OSError, UnicodeError):
        raise AddressRefused("host_unknown") from None
    if not found:
        raise AddressRefused("host_unknown")
    if len(found) > MOST_ADDRESSES or not all(is_allowed(text) for text in found):
        raise AddressRefused("host_not_public")
    return tuple(found)


def looked_up_within(destination: Destination, *, seconds: float) -> tuple[str, ...]:
    """Return what `looked_up` does, giving up on a resolver that does not answer.

    :raises AddressRefused: also `host_unknown` when the time is over.
    """
    answers: queue.SimpleQueue[tuple[str, ...] | AddressRefused] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(looked_up(destination))
        except AddressRefused as refusal:
            answers.put(refusal)

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise AddressRefused("host_unknown") from None
    if isinstance(answer, AddressRefused):
        raise answer
    return answer


def is_allowed(text: str) -> bool:
    """Say whether we may connect to an address: it is public, or in one of the networks the settings name."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    embedded = _embedded(address)
    return _is_in(embedded or address, _allowed_networks()) or _is_public(address)


def _is_public(address: Address) -> bool:
    embedded = _embedded(address)
    if embedded is not None:
        return _is_public(embedded)
    if address.version == 6 and address not in _PUBLIC_IPV6:
        return False
    return not _is_in(address, _NOT_PUBLIC)


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address leads to, where it only wraps one."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _6TO4:
        return ipaddress.IPv4Address((int(address) >> 80) & 0xFFFFFFFF)
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _allowed_networks() -> list[Network]:
    return [ipaddress.ip_network(text) for text in settings.CALLBACKS["ALLOWED_NETWORKS"]]


def _host_of(name: str) -> str:
    """Return the host in lower case; an address as such is only taken where the settings allow its network.

    A name without a dot is somebody of our own network, or nobody.
    """
    host = name.lower().removesuffix(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        if address.version == 6 and "%" in host:
            raise AddressRefused("host_not_public")
        if _is_in(address, _allowed_networks()):
            return host
        raise AddressRefused("host_not_public")
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise AddressRefused("url_malformed")
    if _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
        raise AddressRefused("host_not_public")
    if ("." not in host or host.endswith(".localhost")) and not _allowed_networks():
        raise AddressRefused("host_not_public")
    return host


def _authorization_of(parts: SplitResult) -> str:
    if parts.username is None and parts.password is None:
        return ""
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def _ask_resolver(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
