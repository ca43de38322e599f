"""A headless Chromium, Debian's, that notes what no page should do: errors, and requests to anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from tests.support.programs import need

_ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
]  # fmt: skip


_PATIENCE_MS = 20_000  # on a busy machine the page comes by its news late


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser, with a profile of its own that is gone afterwards."""
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need("chromium"), args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Tab:
    """One page in a context of its own, and what was noted of it."""

    page: Page
    context: BrowserContext
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def note(self, request: Request) -> None:
        """Take note of a request."""
        self.requests.append(request)

    def hosts(self) -> set[str]:
        """Return where requests went to."""
        return {urlsplit(request.url).netloc for request in self.requests if not request.url.startswith("data:")}


@contextmanager
def tab(
    browser: Browser,
    *,
    width: int = 1280,
    height: int = 900,
    dark: bool = False,
    script: bool = True,
    touch: bool = False,
    user: tuple[str, str] | None = None,
) -> Iterator[Tab]:
    """Yield an empty tab; at the end its page must have complained of nothing and asked one host only."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
        has_touch=touch,
        http_credentials={"username": user[0], "password": user[1]} if user else None,
    )
    context.set_default_timeout(10_000)
    try:
        made = Tab(context.new_page(), context)
        made.page.on("request", made.note)
        made.page.on("console", lambda message: made.complaints.append(f"{message.type}: {message.text}"))
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        yield made
        assert not made.complaints, made.complaints
        assert len(made.hosts()) <= 1, made.hosts()
    finally:
        context.close()
