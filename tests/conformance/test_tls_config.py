"""`-c` on lines about TLS and the files that they name: valid for both programs, or an error of both."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.certificates import Request, authority, for_host, issue
from tests.support.programs import WPROXY, need

# What a `bind` line says, what a `server` line says, what the global section says.
BINDS = (
    "ssl crt a.pem", "ssl crt mismatch.pem", "ssl crt nokey.pem", "ssl crt beside.pem", "ssl crt encrypted.pem",
    "ssl crt junk.pem", "ssl crt none.pem", "ssl crt empty", "ssl crt folder", "ssl", "crt a.pem", "crt none.pem",
    "ssl crt a.pem crt none.pem", "ssl crt expired.pem", "ssl crt bundle", "ssl crt cert.crt",
    "ssl crt a.pem alpn", "ssl crt a.pem alpn h2,http/1.1",
    "ssl crt a.pem ssl-min-ver TLSv9", "ssl crt a.pem ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2",
    "ssl crt a.pem ssl-min-ver TLSv1.0", "ssl crt a.pem ssl-max-ver TLSv1.1", "ssl crt a.pem no-tlsv12",
    "ssl crt a.pem no-tlsv12 no-tlsv13", "ssl crt a.pem force-tlsv12 no-tlsv13", "ssl crt a.pem no-sslv3 no-tlsv10",
    "ssl crt a.pem ciphers X", "ssl crt a.pem ciphers HIGH:!aNULL", "ssl crt a.pem ciphersuites X",
    "ssl crt a.pem ciphersuites TLS_AES_128_GCM_SHA256", "ssl crt a.pem curves X", "ssl crt a.pem curves X25519:P-256",
    "ssl crt a.pem ecdhe prime256v1", "ssl crt a.pem verify required", "ssl crt a.pem verify maybe",
    "ssl crt a.pem verify required ca-file ca.pem", "ssl crt a.pem verify optional ca-file none.pem",
    "ssl crt a.pem verify required ca-file junk.pem", "ssl crt a.pem verify required ca-file ca.pem crl-file none.pem",
    "ssl crt-list list", "ssl crt-list none", "ssl crt-list damaged", "ssl crt-list empty.list", "ssl crt-list",
    "ssl crt a.pem strict-sni no-tls-tickets prefer-client-ciphers allow-0rtt",
)  # fmt: skip
SERVERS = (
    "ssl", "ssl verify none", "ssl verify required", "ssl ca-file ca.pem", "ssl ca-file none.pem",
    "ssl ca-file junk.pem", "ssl ca-file @system-ca", "ca-file none.pem", "verify none", "ssl verify optional",
    "ssl verify none sni", "ssl verify none sni str(a", "ssl verify none sni nonsense(a)",
    "ssl verify none sni str(a.example)", "ssl verify none sni ssl_fc_sni", "sni str(a)",
    "ssl verify none crt client.pem", "ssl verify none crt none.pem", "ssl verify none crt nokey.pem",
    "check check-ssl", "check check-ssl verify none", "ssl verify none check no-check-ssl", "ssl verify none alpn h2",
    "ssl verify none check-sni a check-alpn b check", "ssl verify none ssl-max-ver TLSv1.2 ciphers HIGH",
    "ssl verify none ciphers X", "ssl verify none verifyhost", "ssl verify none no-ssl-reuse",
)  # fmt: skip
GLOBALS = (
    "ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets", "ssl-default-bind-options", "ssl-server-verify none",
    "ssl-default-bind-options no-such-thing", "ssl-server-verify maybe", "tune.ssl.default-dh-param 2048",
    "tune.ssl.default-dh-param 512", "ssl-default-bind-ciphers HIGH", "ssl-load-extra-files none",
    "ssl-load-extra-files key bundle", "ssl-load-extra-files nonsense", "ssl-load-extra-del-ext", "ca-base", "crt-base",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    ca, a, b = authority(), for_host("a.example"), for_host("b.example")
    a.write(made / "a.pem")
    ca.write_certificate(made / "ca.pem")
    issue(Request("client"), ca).write(made / "client.pem")
    issue(Request("old.example", begins=-9, ends=-3)).write(made / "expired.pem")
    (made / "mismatch.pem").write_bytes(a.pem + b.key_pem())
    (made / "encrypted.pem").write_bytes(a.pem + a.key_pem("secret"))
    a.write_certificate(made / "nokey.pem")
    a.write_certificate(made / "beside.pem")
    (made / "beside.pem.key").write_bytes(a.key_pem())
    a.write_certificate(made / "cert.crt")
    (made / "cert.key").write_bytes(a.key_pem())
    (made / "list").write_text("# comment\na.pem one.example !two.example\nbeside.pem\n")
    (made / "damaged").write_text("a.pem\nnone.pem\n")
    (made / "empty.list").write_text("# nothing\n")
    (made / "junk.pem").write_text("hello\n")
    for name in ("empty", "folder"):
        (made / name).mkdir()
    a.write(made / "folder" / "a.pem")
    b.write_certificate(made / "folder" / "b.pem")
    (made / "folder" / "b.pem.key").write_bytes(b.key_pem())
    a.write(made / "bundle.ecdsa")
    for_host("a.example", kind="rsa").write(made / "bundle.rsa")
    return made


def codes(folder: Path, bind: str, server: str, settings: str) -> tuple[int, int]:
    text = (
        f"global\n {settings}\ndefaults\n mode tcp\n timeout connect 1s\n timeout client 1s\n timeout server 1s\n"
        f"listen main\n bind 127.0.0.1:4443 {bind}\n server s 127.0.0.1:1 {server}\n"
    )
    (folder / "case.cfg").write_text(text)
    found = []
    for command in ([need("haproxy")], WPROXY):
        # Of an encrypted key HAProxy asks at the terminal, where there is one.
        run = subprocess.run(
            ["setsid", *command, "-c", "-f", "case.cfg"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
        )
        assert b"Traceback" not in run.stderr
        found.append(run.returncode)
    return found[0], found[1]


@pytest.mark.parametrize("words", BINDS)
def test_binds(folder: Path, words: str) -> None:
    theirs, ours = codes(folder, words, "", "")
    assert ours == theirs


@pytest.mark.parametrize("words", SERVERS)
def test_servers(folder: Path, words: str) -> None:
    theirs, ours = codes(folder, "", words, "")
    assert ours == theirs


@pytest.mark.parametrize("words", GLOBALS)
def test_the_global_section(folder: Path, words: str) -> None:
    theirs, ours = codes(folder, "ssl crt cert.crt" if "del-ext" in words else "ssl crt a.pem", "", words)
    assert ours == theirs
