from __future__ import annotations

import pytest

from wproxy.policy.checks.postgresql import Authentication, startup
from wproxy.policy.checks.steps import Judgement
from wproxy.policy.checks.verdict import CheckStatus

OK = Judgement(True, "PostgreSQL server is ok")
UNKNOWN = Judgement(False, "PostgreSQL unknown error", status=CheckStatus.L7STS)
ERROR = b'E\0\0\0\x4dSFATAL\0VFATAL\0C28000\0Mrole "bob" does not exist\0\0'


def test_startup() -> None:
    assert startup("bob") == b"\0\0\0\x12\0\3\0\0user\0bob\0\0"


@pytest.mark.parametrize(
    ("data", "ended", "judgement"),
    [
        (b"R\0\0\0\x08\0\0\0\0", False, OK),
        (b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0", False, OK),
        (b"R\0\0\0\x08\0\0\0", False, None),
        (b"R\0\0\0\x08\0\0\0", True, UNKNOWN),
        (b"R\0\0\0\x08\0\0\0\1", False, UNKNOWN),
        (b"R\0\0\1\x08\0\0\0\0", False, UNKNOWN),
        (b"garbage..", False, UNKNOWN),
        (ERROR, False, Judgement(False, "FATAL")),
        (ERROR[:9], False, None),
        (ERROR[:9], True, Judgement(False, "FAT")),
        (b"E", False, None),
        (b"E", True, Judgement(False)),
        (b"E\0\0\0\5a", False, Judgement(False)),
        (b"ERROR: no", False, Judgement(False, " no")),
    ],
)
def test_authentication(data: bytes, ended: bool, judgement: Judgement | None) -> None:
    assert Authentication().judge(data, ended) == judgement
