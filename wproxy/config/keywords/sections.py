"""The words that begin a section or a directive, and what is done about those that wproxy does not read."""

from __future__ import annotations

from wproxy.config.grammar import Section, Status

PROXY_SECTIONS = {
    "defaults": Section.DEFAULTS,
    "frontend": Section.FRONTEND,
    "listen": Section.LISTEN,
    "backend": Section.BACKEND,
}

# Sections that are skipped whole: what is done about them, and why.
OTHER_SECTIONS = {
    "cache": (Status.IGNORED, "acts in mode http only"),
    "fcgi-app": (Status.IGNORED, "acts in mode http only"),
    "mailers": (Status.IGNORED, "acts with `email-alert` only, which is refused"),
    "peers": (Status.IGNORED, "acts with the `peers` argument of stick tables only, which is refused"),
    "resolvers": (Status.IGNORED, "acts with the server parameter `resolvers` only, which is refused"),
    "ring": (Status.IGNORED, "acts with `log ring@…` only, which is refused"),
    "log-forward": (Status.REFUSED, ""),
    "program": (Status.REFUSED, ""),
}

NAMES = ("global", "userlist", "http-errors", *PROXY_SECTIONS, *OTHER_SECTIONS)

DIRECTIVES = (".if", ".elif", ".else", ".endif", ".diag", ".notice", ".warning", ".alert")
