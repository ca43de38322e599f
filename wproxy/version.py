"""Which version this is, and which of HAProxy's it speaks for."""

VERSION = "0.1.0"
RELEASE_DATE = "2026/11/21"
# Programs written for HAProxy decide by its version what they may ask for.
FEATURES = ("ACCEPT4", "EPOLL", "GETADDRINFO", "OPENSSL", "SYSTEMD")  # by HAProxy's names
HAPROXY_VERSION = f"2.6.0-wproxy{VERSION}"
