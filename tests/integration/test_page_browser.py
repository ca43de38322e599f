"""The statistics page in a real browser: what is clicked, slid and typed there, and what it does to the proxy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.support.browser import Tab, chromium, tab
from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import ask_name, named_server

REST = """\
listen stats
    bind 127.0.0.1:{port}
    mode http
    stats uri /haproxy?stats
    stats refresh 1s
    stats admin if TRUE
    {more}
"""


@dataclass
class Site:
    """A proxy before servers a (30) and b (70), and the address of its page."""

    made: Proxy
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/haproxy?stats"

    def tell(self, command: str) -> None:
        self.made.stats.ask(command)

    def shares(self, clients: int) -> tuple[int, int]:
        """Return how many of so many new connections each server got."""
        seen = Counter(ask_name(self.made.port) for _ in range(clients))
        assert set(seen) <= {"a", "b"}
        return seen["a"], seen["b"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@contextmanager
def site(folder: Path, more: str = "") -> Iterator[Site]:
    port = free_port()
    with named_server("a") as a, named_server("b") as b:
        lines = f"server a 127.0.0.1:{a} weight 30", f"server b 127.0.0.1:{b} weight 70"
        with proxy("wproxy", folder, *lines, rest=REST.format(port=port, more=more)) as made:
            yield Site(made, port)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        yield made


@contextmanager
def opened(browser: Browser, here: Site, **options: object) -> Iterator[Tab]:
    with tab(browser, **options) as made:  # type: ignore[arg-type] # the options of `tab`
        made.page.goto(here.address)
        yield made


def row(page: Page, name: str) -> Locator:
    return page.locator(f"tr[id='main/{name}']")


def cell(page: Page, name: str, label: str) -> Locator:
    return row(page, name).locator(f"td[data-t='{label}']")


def weight(page: Page, name: str) -> Locator:
    return page.locator(f"#main .weight[data-server='{name}']")


def test_a_weight_moved_with_the_slider_moves_the_connections(browser: Browser, here: Site) -> None:
    assert here.shares(100) == (30, 70)
    with opened(browser, here) as made:
        page = made.page
        page.get_by_text("Weights of main").click()
        slider = weight(page, "a").locator("[type=range]")
        slider.fill("70")
        expect(weight(page, "a").locator("output")).to_have_text("50.0 %")
        expect(weight(page, "b").locator("output")).to_have_text("50.0 %")
        expect(weight(page, "a").locator(".was")).to_have_text("30.0 % now")
        assert here.shares(100) == (30, 70)  # nothing is done before it is said
        page.locator("#main").get_by_role("button", name="Set weights").click()
        expect(cell(page, "a", "Weight")).to_have_text("70 50.0 %")
        expect(page.locator("#said")).to_have_text("Action processed successfully.")
        assert here.shares(100) == (50, 50)
        # What somebody else sets meanwhile is shown, too.
        here.tell("set weight main/a 100")
        expect(slider).to_have_value("100")
        expect(weight(page, "a").locator("[name=w]")).to_have_value("100")


def test_sliders_can_be_put_back(browser: Browser, here: Site) -> None:
    with opened(browser, here) as made:
        page = made.page
        page.get_by_text("Weights of main").click()
        weight(page, "b").locator("[name=w]").fill("0")
        expect(weight(page, "a").locator("output")).to_have_text("100.0 %")
        here.tell("set weight main/a 40")  # what is being typed is not taken away by news
        expect(cell(page, "a", "Weight")).to_have_text("40 36.4 %")
        expect(weight(page, "b").locator("[name=w]")).to_have_value("0")
        page.locator("#main").get_by_role("button", name="Undo").click()
        expect(weight(page, "b").locator("[name=w]")).to_have_value("70")
        expect(weight(page, "a").locator("output")).to_have_text("36.4 %")
    assert here.shares(110) == (40, 70)


def test_a_drain_is_asked_about_and_can_be_cancelled(browser: Browser, here: Site) -> None:
    with opened(browser, here) as made:
        page, dialog = made.page, made.page.get_by_role("dialog")
        drain = row(page, "a").get_by_role("button", name="Drain")
        drain.click()
        expect(dialog).to_contain_text("Drain a?")
        expect(dialog).to_contain_text("0 sessions now.")
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_be_hidden()
        drain.click()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        assert here.made.stats.row("a")["status"] == "no check"
        drain.click()
        dialog.get_by_role("button", name="Drain").click()
        expect(cell(page, "a", "Status")).to_contain_text("DRAIN")
        assert here.shares(10) == (0, 10)
        row(page, "b").get_by_role("button", name="Maint").click()
        expect(dialog).to_contain_text("No active server of main would be left.")
        dialog.get_by_role("button", name="Cancel").click()
        row(page, "a").get_by_role("button", name="Ready").click()  # takes nothing away, and does not ask
        expect(cell(page, "a", "Status")).to_contain_text("no check")
    assert here.shares(10) == (3, 7)


def test_servers_that_are_ticked(browser: Browser, here: Site) -> None:
    with opened(browser, here) as made:
        page = made.page
        page.get_by_label("All servers of main").check()
        page.locator("#main select").select_option("maint")
        page.locator("#main").get_by_role("button", name="Apply").click()
        expect(page.get_by_role("dialog")).to_contain_text("Set to maintenance a, b?")
        page.get_by_role("dialog").locator("button.main").click()
        expect(cell(page, "a", "Status")).to_contain_text("MAINT")
        expect(cell(page, "b", "Status")).to_contain_text("MAINT")
        expect(page.locator("#main [name=s]").first).not_to_be_checked()


def test_the_tables_are_brought_up_to_date_in_place(browser: Browser, here: Site) -> None:
    with opened(browser, here) as made:
        page = made.page
        row(page, "a").locator(".open").check()
        row(page, "b").locator("[name=s]").check()
        search = page.get_by_role("searchbox")
        search.fill("mai")
        page.evaluate("document.querySelector('main').mark = 'the same'")
        here.shares(10)
        here.tell("set server main/b state maint")
        here.tell("add server main/c 127.0.0.1:1")
        expect(cell(page, "a", "Sessions Total")).to_have_text("3")
        expect(cell(page, "b", "Status")).to_contain_text("MAINT")
        expect(row(page, "c")).to_be_visible()
        expect(search).to_be_focused()
        here.tell("set server main/b state ready")
        here.tell("del server main/c")
        expect(row(page, "c")).to_have_count(0)
        row(page, "b").locator(".open").check()
        expect(page.locator("tr[id='main/b'] + tr.details")).to_contain_text("is going DOWN for maintenance")
        # Nothing that the reader was at is lost, and the page was never loaded again though it says so every second.
        expect(page.locator("tr[id='main/a'] + tr.details")).to_be_visible()
        expect(row(page, "b").locator("[name=s]")).to_be_checked()
        expect(search).to_have_value("mai")
        assert page.evaluate("document.querySelector('main').mark") == "the same"
        assert [request.resource_type for request in made.requests].count("document") == 1


def test_a_curve_of_the_rates(browser: Browser, here: Site) -> None:
    here.shares(20)
    with opened(browser, here) as made:
        curve = cell(made.page, "Frontend", "Session rate Trend").get_by_role("img")
        # A stretch ends five seconds after the start of the proxy. On a busy machine some sessions come after it,
        # and the browser later still.
        told = r"sessions per second in the last \d+ s: now [0-4]\.[02468], highest ([23]\.[02468]|4\.0)"
        expect(curve).to_have_attribute("aria-label", re.compile(told), timeout=15_000)


def test_it_can_be_used_without_a_mouse(browser: Browser, here: Site) -> None:
    with opened(browser, here) as made:
        page = made.page
        row(page, "a").get_by_role("button", name="Ready").focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(cell(page, "a", "Status")).to_contain_text("DRAIN")
        row(page, "a").locator(".open").focus()
        page.keyboard.press("Space")
        expect(page.locator("tr[id='main/a'] + tr.details")).to_be_visible()
        page.locator("#main summary").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        expect(weight(page, "a").locator("[name=w]")).to_have_value("33")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(cell(page, "a", "Weight")).to_contain_text("33")
        unnamed = (
            "[...document.querySelectorAll('input:not([type=hidden]),button,select')].filter(e => e.checkVisibility())"
        )
        names = f"{unnamed}.filter(e => !(e.labels?.length || e.ariaLabel || e.textContent || e.value)).length"
        assert page.evaluate(names) == 0


def test_all_columns_on_demand(browser: Browser, here: Site) -> None:
    with opened(browser, here) as made:
        page = made.page
        expect(cell(page, "a", "Sessions LbTot")).to_be_hidden()
        page.get_by_label("All columns").check()
        expect(cell(page, "a", "Sessions LbTot")).to_be_visible()
        page.reload()
        expect(cell(page, "a", "Sessions LbTot")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 760])
def test_a_phone_is_wide_enough(browser: Browser, here: Site, width: int) -> None:
    with opened(browser, here, width=width, touch=True) as made:
        page = made.page
        row(page, "a").locator(".open").check()
        page.get_by_label("All columns").check()
        page.get_by_text("Weights of main").tap()
        expect(weight(page, "a").locator("[type=range]")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("[...document.querySelectorAll('.scroll')].every(e => e.scrollWidth <= e.clientWidth)")
        row(page, "a").get_by_role("button", name="Maint").tap()
        page.get_by_role("dialog").locator("button.main").tap()
        expect(cell(page, "a", "Status")).to_contain_text("MAINT")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def contrast(page: Page, selector: str) -> float:
    """Return by how much text stands out from what is behind it (WCAG 2.1, 1.4.3)."""
    found: float = page.evaluate(
        """selector => {
          const light = (colour) => {
            const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => {
              const share = part / 255;
              return share <= .03928 ? share / 12.92 : ((share + .055) / 1.055) ** 2.4;
            });
            return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2];
          };
          const text = document.querySelector(selector);
          let behind = text;
          while (/, 0\\)|transparent/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
          const pair = [light(getComputedStyle(text).color), light(getComputedStyle(behind).backgroundColor)];
          return (Math.max(...pair) + .05) / (Math.min(...pair) + .05);
        }""",
        selector,
    )
    return found


@pytest.mark.parametrize("dark", [False, True])
def test_dark_and_light_are_both_readable(browser: Browser, here: Site, dark: bool) -> None:
    here.tell("set server main/a state maint")
    with opened(browser, here, dark=dark) as made:
        page = made.page
        row(page, "b").locator(".open").check()
        back = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, back[4:-1].split(","))) < 200) is dark
        for selector in ("h1", "a", "tr[id='main/a'] .pill", "tr[id='main/b'] .pill", "td:not(.nil)", "dt", "footer"):
            assert contrast(page, selector) >= 4.5, selector


def test_one_slow_answer_does_not_silence_it_for_long(browser: Browser, here: Site) -> None:
    """It leaves a busy proxy in peace for twenty times as long as an answer takes, but for ten seconds at most."""
    held: list[Route] = []
    with tab(browser) as made:
        page = made.page
        page.clock.install()
        page.goto(here.address)
        page.route("**/*tables*", lambda route: held.append(route))  # noqa: PLW0108 # playwright marks what it calls
        with page.expect_request("**/*tables*"):
            page.clock.fast_forward(2_000)
        page.clock.fast_forward(5_000)  # so long does it take
        here.tell("set weight main/a 40")
        held.pop().continue_()
        expect(cell(page, "a", "Weight")).to_have_text("40 36.4 %")
        page.unroute("**/*tables*")
        with page.expect_request("**/*tables*"):
            page.clock.fast_forward(10_000)


def test_without_script_it_does_the_same(browser: Browser, here: Site) -> None:
    with opened(browser, here, script=False) as made:
        page = made.page
        expect(page.locator(".js").first).to_be_hidden()
        expect(page.get_by_role("button", name="Maint")).to_have_count(0)
        # The page is loaded again each second; what is ticked must be sent before that.
        page.goto(f"{here.address};norefresh")
        row(page, "a").locator("[name=s]").check()
        page.locator("#main select").select_option("maint")
        page.locator("#main").get_by_role("button", name="Apply").click()
        expect(page.locator("#said")).to_have_text("Action processed successfully.")
        expect(cell(page, "a", "Status")).to_contain_text("MAINT")
        assert page.url.endswith("/haproxy?stats;st=DONE;norefresh")
        page.get_by_text("Weights of main").click()
        weight(page, "b").locator("[name=w]").fill("5")
        page.locator("#main").get_by_role("button", name="Set weights").click()
        expect(cell(page, "b", "Weight")).to_have_text("5 100.0 %")
        page.goto(here.address)
        for _ in range(2):  # again and again
            page.wait_for_event("load")


def test_a_search_and_its_links(browser: Browser, here: Site) -> None:
    with opened(browser, here) as made:
        page = made.page
        expect(page.locator("section.proxy")).to_have_count(2)
        page.get_by_role("searchbox").fill("main")
        page.keyboard.press("Enter")
        expect(page.locator("section.proxy")).to_have_count(1)
        page.wait_for_event("requestfinished", lambda request: "tables" in request.url)
        expect(page.locator("section.proxy")).to_have_count(1)
        expect(page.get_by_role("searchbox")).to_have_value("main")
        page.get_by_text("Hide servers that are down").click()
        expect(page.locator("section.proxy")).to_have_count(1)
        page.get_by_role("link", name="CSV").click()
        expect(page.locator("body")).to_have_text(re.compile(r"^\s*# pxname,svname,"))
        made.complaints.clear()  # of a text the browser wants an icon


def test_a_proxy_that_is_gone_and_comes_back(browser: Browser, here: Site, tmp_path: Path) -> None:
    with tab(browser) as made:
        made.page.goto(here.address)
        made.page.route("**/*tables*", lambda route: route.abort())
        expect(made.page.locator("#said")).to_contain_text("No answer from the proxy since")
        made.page.unroute("**/*tables*")
        expect(made.page.locator("#said")).to_be_empty()
        made.complaints.clear()  # the browser itself tells of the requests that got no answer


def test_only_who_knows_the_password(browser: Browser, tmp_path: Path) -> None:
    with site(tmp_path, "stats auth admin:secret") as here:
        with tab(browser, user=("admin", "secret")) as made:
            made.page.goto(here.address)
            row(made.page, "a").get_by_role("button", name="Drain").click()
            made.page.get_by_role("dialog").locator("button.main").click()
            expect(cell(made.page, "a", "Status")).to_contain_text("DRAIN")
        with tab(browser, user=("admin", "wrong")) as made:
            answer = made.page.goto(here.address)
            assert answer is not None
            assert answer.status == 401
            made.complaints.clear()


@contextmanager
def elsewhere(browser: Browser, body: str) -> Iterator[Page]:
    """Show `body` as the page of another site."""
    with tab(browser) as made:
        made.page.route("http://evil.example/", lambda route: route.fulfill(body=body, content_type="text/html"))
        made.page.goto("http://evil.example/")
        yield made.page
        made.complaints.clear()
        made.requests.clear()


def test_nobody_else_s_page_can_click_here(browser: Browser, here: Site) -> None:
    fields = '<input name="s" value="a"><input name="action" value="maint"><input name="b" value="main">'
    with elsewhere(
        browser, f'<form method="post" action="{here.address}">{fields}<button>Win!</button></form>'
    ) as page:
        page.get_by_role("button", name="Win!").click()
        expect(page.locator("#said")).to_have_text("Action denied.")
    assert here.made.stats.row("a")["status"] == "no check"


def test_nobody_else_s_page_can_show_it_in_a_frame(browser: Browser, here: Site) -> None:
    with elsewhere(browser, f'<iframe src="{here.address}"></iframe>') as page:
        assert 'id="said"' not in page.frames[1].content()
        assert page.frames[1].url.startswith("chrome-error:")


def test_what_others_say_runs_nothing(browser: Browser, tmp_path: Path) -> None:
    """What an agent says of its server, and the description."""
    said = "down#<img src=x onerror=alert(1)>\n"
    with named_server(said) as agent, named_server("a") as a:
        servers = f"server a 127.0.0.1:{a} agent-check agent-port {agent} agent-inter 100ms"
        port = free_port()
        rest = REST.format(port=port, more="stats show-desc <script>alert(1)</script>")
        with proxy("wproxy", tmp_path, servers, rest=rest) as made, tab(browser) as shown:
            page = shown.page
            page.on("dialog", lambda dialog: shown.complaints.append("an alert"))
            made.stats.wait_for_status("a", "DOWN (agent)")
            page.goto(f"http://127.0.0.1:{port}/haproxy?stats")
            expect(page.locator("header p")).to_have_text("<script>alert(1)</script>")
            row(page, "a").locator(".open").check()
            expect(page.locator("tr[id='main/a'] + tr.details dl").last).to_contain_text("<img src=x onerror=alert(1)>")
            # As the log has it, in which it must not end a line or its quotes, either.
            expect(page.locator("tr[id='main/a'] + tr.details ol")).to_contain_text(
                "<3C>img src=x onerror=alert(1)<3E>"
            )
            page.wait_for_event("response", lambda response: "tables" in response.url)
            assert page.locator("main img").count() == 0
