"""One Redis server of the demo's embedded default: `python -m admin.demo.fake_redis HOST PORT`."""

from __future__ import annotations

import signal
import sys
from threading import Thread
from types import FrameType

from fakeredis import TcpFakeServer


def main() -> int:
    """Serve until SIGTERM."""
    try:
        server = TcpFakeServer((sys.argv[1], int(sys.argv[2])))
    except OSError as error:
        sys.stderr.write(f"fakeredis: {sys.argv[1]}:{sys.argv[2]}: {error.strerror}\n")
        return 1

    def stop(_: int, __: FrameType | None) -> None:
        # shutdown() waits for serve_forever(), which this very thread runs.
        Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    with server:
        server.serve_forever(poll_interval=0.1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
