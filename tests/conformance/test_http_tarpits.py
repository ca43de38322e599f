"""`http-request tarpit`: clients whose time is wasted before they are turned away."""

from __future__ import annotations

import asyncio

from tests.support.http_beside import GET, Act, Case, Talk, compare, compare_logs, report, says

POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"


def leaves(after_s: float, *, half: bool) -> Act:
    async def act(talk: Talk) -> None:
        await talk.say(GET)
        await asyncio.sleep(after_s)
        if half:
            talk.half_close()
            await talk.hear_to_end()
        else:
            talk.close()

    return act


def test_tarpits() -> None:
    rule, short = "http-request tarpit", "timeout tarpit 300ms"
    cases = [
        Case("once", says(GET), lines=(short, rule)),
        Case("twice", says(GET + GET), lines=(short, rule)),
        Case("a body", says(POST + GET), lines=(short, rule)),
        Case("half a body", says(POST[:-1]), lines=(short, rule)),
        Case("a status", says(GET), lines=(short, f"{rule} deny_status 429")),
        Case("an answer", says(GET), lines=(short, f"{rule} status 403 content-type text/plain string no")),
        Case("by a condition", says(GET), lines=(short, f"{rule} if {{ path /no }}")),
        Case("as long as connecting", says(GET), lines=("timeout connect 200ms", rule)),
        Case("longer than its client may wait", says(GET), lines=("timeout tarpit 2s", "timeout client 300ms", rule)),
        Case("half closed", leaves(0.1, half=True), lines=(short, rule)),
        Case("its client leaves", leaves(0.1, half=False), lines=(short, rule)),
    ]
    differing = compare(cases)
    assert not differing, report(differing)
    different = compare_logs(cases)
    assert not different, report(different)
