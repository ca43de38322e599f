"""What the statistics columns mean: tags, type and description of HAProxy's typed and json formats.

The table is HAProxy's whole list, whether or not a column is filled here. Source: management manual, section 9.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from wproxy.records import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """Three letters (origin, nature, scope), a type (u32, s32, u64, str) and a sentence.

    `tags_of` holds the letters of one kind of line, F, S or B, where it differs.
    """

    tags: str
    type: str
    description: str
    tags_of: Mapping[str, str] = field(default_factory=dict)

    def tags_for(self, kind: str) -> str:
        """Return the letters for a line of `kind`."""
        return self.tags_of.get(kind, self.tags)


MEANINGS: Mapping[str, Meaning] = {
    "pxname": Meaning("KNS", "str", "Proxy name"),
    "svname": Meaning("KNS", "str", "Server name"),
    "qcur": Meaning("MGP", "u32", "Number of current queued connections"),
    "qmax": Meaning("MMP", "u32", "Highest value of queued connections encountered since process started"),
    "scur": Meaning("MGP", "u32", "Number of current sessions on the frontend, backend or server"),
    "smax": Meaning("MMP", "u32", "Highest value of current sessions encountered since process started"),
    "slim": Meaning("CLP", "u32", "Frontend/listener/server's maxconn, backend's fullconn"),
    "stot": Meaning("MCP", "u64", "Total number of sessions since process started"),
    "bin": Meaning("MCP", "u64", "Total number of request bytes since process started"),
    "bout": Meaning("MCP", "u64", "Total number of response bytes since process started"),
    "dreq": Meaning("MCP", "u64", "Total number of denied requests since process started"),
    "dresp": Meaning("MCP", "u64", "Total number of denied responses since process started"),
    "ereq": Meaning("MCP", "u64", "Total number of invalid requests since process started"),
    "econ": Meaning("MCP", "u64", "Total number of failed connections to server since the worker process started"),
    "eresp": Meaning("MCP", "u64", "Total number of invalid responses since the worker process started"),
    "wretr": Meaning("MCP", "u64", "Total number of server connection retries since the worker process started"),
    "wredis": Meaning(
        "MCP", "u64", "Total number of server redispatches due to connection failures since the worker process started"
    ),
    "status": Meaning(
        "SGP", "str", "Frontend/listen status: OPEN/WAITING/FULL/STOP; backend: UP/DOWN; server: last check status"
    ),
    "weight": Meaning(
        "MaP", "u32", "Server's effective weight, or sum of active servers' effective weights for a backend"
    ),
    "act": Meaning("SGP", "u32", "Total number of active UP servers with a non-zero weight", {"B": "MGP"}),
    "bck": Meaning("SGP", "u32", "Total number of backup UP servers with a non-zero weight", {"B": "MGP"}),
    "chkfail": Meaning(
        "MCP",
        "u64",
        "Total number of failed individual health checks per server/backend, since the worker process started",
    ),
    "chkdown": Meaning(
        "MCP",
        "u64",
        "Total number of failed checks causing UP to DOWN server transitions, per server/backend, since the "
        "worker process started",
    ),
    "lastchg": Meaning("MAP", "u32", "How long ago the last server state changed, in seconds"),
    "downtime": Meaning("MCP", "u32", "Total time spent in DOWN state, for server or backend"),
    "qlimit": Meaning(
        "CGS", "u32", "Limit on the number of connections in queue, for servers only (maxqueue argument)"
    ),
    "pid": Meaning("KGP", "u32", "Relative worker process number (1)"),
    "iid": Meaning("KGS", "u32", "Frontend or Backend numeric identifier ('id' setting)"),
    "sid": Meaning("KGS", "u32", "Server numeric identifier ('id' setting)"),
    "throttle": Meaning(
        "MaP",
        "u32",
        "Throttling ratio applied to a server's maxconn and weight during the slowstart period (0 to 100%)",
    ),
    "lbtot": Meaning(
        "MCP",
        "u64",
        "Total number of requests routed by load balancing since the worker process started (ignores queue "
        "pop and stickiness)",
    ),
    "tracked": Meaning("CNS", "str", "Name of the other server this server tracks for its state"),
    "type": Meaning("CGS", "u32", "Type of the object (Listener, Frontend, Backend, Server)"),
    "rate": Meaning(
        "MRP",
        "u32",
        "Total number of sessions processed by this object over the last second (sessions for "
        "listeners/frontends, requests for backends/servers)",
        {"B": "MGP"},
    ),
    "rate_lim": Meaning(
        "CLP",
        "u32",
        "Limit on the number of sessions accepted in a second (frontend only, 'rate-limit sessions' setting)",
    ),
    "rate_max": Meaning(
        "MMP", "u32", "Highest value of sessions per second observed since the worker process started", {"B": "MGP"}
    ),
    "check_status": Meaning(
        "MOP",
        "str",
        "Status report of the server's latest health check, prefixed with '*' if a check is currently in progress",
    ),
    "check_code": Meaning("MOP", "u32", "HTTP/SMTP/LDAP status code reported by the latest server health check"),
    "check_duration": Meaning("MDP", "u64", "Total duration of the latest server health check, in milliseconds"),
    "hrsp_1xx": Meaning(
        "MCP",
        "u64",
        "Total number of HTTP responses with status 100-199 returned by this object since the worker process started",
    ),
    "hrsp_2xx": Meaning(
        "MCP",
        "u64",
        "Total number of HTTP responses with status 200-299 returned by this object since the worker process started",
    ),
    "hrsp_3xx": Meaning(
        "MCP",
        "u64",
        "Total number of HTTP responses with status 300-399 returned by this object since the worker process started",
    ),
    "hrsp_4xx": Meaning(
        "MCP",
        "u64",
        "Total number of HTTP responses with status 400-499 returned by this object since the worker process started",
    ),
    "hrsp_5xx": Meaning(
        "MCP",
        "u64",
        "Total number of HTTP responses with status 500-599 returned by this object since the worker process started",
    ),
    "hrsp_other": Meaning(
        "MCP",
        "u64",
        "Total number of HTTP responses with status <100, >599 returned by this object since the worker "
        "process started (error -1 included)",
    ),
    "hanafail": Meaning(
        "MCP",
        "u64",
        "Total number of failed checks caused by an 'on-error' directive after an 'observe' condition matched",
    ),
    "req_rate": Meaning("MRP", "u32", "Number of HTTP requests processed over the last second on this object"),
    "req_rate_max": Meaning("MMP", "u32", "Highest value of http requests observed since the worker process started"),
    "req_tot": Meaning(
        "MCP", "u64", "Total number of HTTP requests processed by this object since the worker process started"
    ),
    "cli_abrt": Meaning(
        "MCP", "u64", "Total number of requests or connections aborted by the client since the worker process started"
    ),
    "srv_abrt": Meaning(
        "MCP", "u64", "Total number of requests or connections aborted by the server since the worker process started"
    ),
    "comp_in": Meaning(
        "MCP",
        "u64",
        "Total number of bytes submitted to the HTTP compressor for this object since the worker process started",
    ),
    "comp_out": Meaning(
        "MCP",
        "u64",
        "Total number of bytes emitted by the HTTP compressor for this object since the worker process started",
    ),
    "comp_byp": Meaning(
        "MCP",
        "u64",
        "Total number of bytes that bypassed HTTP compression for this object since the worker process "
        "started (CPU/memory/bandwidth limitation)",
    ),
    "comp_rsp": Meaning(
        "MCP",
        "u64",
        "Total number of HTTP responses that were compressed for this object since the worker process started",
    ),
    "lastsess": Meaning(
        "MAP", "s32", "How long ago some traffic was seen on this object on this worker process, in seconds"
    ),
    "last_chk": Meaning(
        "MOP", "str", "Short description of the latest health check report for this server (see also check_desc)"
    ),
    "last_agt": Meaning(
        "MOP", "str", "Short description of the latest agent check report for this server (see also agent_desc)"
    ),
    "qtime": Meaning(
        "MaP", "u32", "Time spent in the queue, in milliseconds, averaged over the 1024 last requests (backend/server)"
    ),
    "ctime": Meaning(
        "MaP",
        "u32",
        "Time spent waiting for a connection to complete, in milliseconds, averaged over the 1024 last "
        "requests (backend/server)",
    ),
    "rtime": Meaning(
        "MaP",
        "u32",
        "Time spent waiting for a server response, in milliseconds, averaged over the 1024 last requests "
        "(backend/server)",
    ),
    "ttime": Meaning(
        "MaP",
        "u32",
        "Total request+response time (request+queue+connect+response+processing), in milliseconds, averaged "
        "over the 1024 last requests (backend/server)",
    ),
    "agent_status": Meaning(
        "MOP",
        "str",
        "Status report of the server's latest agent check, prefixed with '*' if a check is currently in progress",
    ),
    "agent_code": Meaning("MOP", "u32", "Status code reported by the latest server agent check"),
    "agent_duration": Meaning("MDP", "u64", "Total duration of the latest server agent check, in milliseconds"),
    "check_desc": Meaning("MOP", "str", "Textual description of the latest health check report for this server"),
    "agent_desc": Meaning("MOP", "str", "Textual description of the latest agent check report for this server"),
    "check_rise": Meaning(
        "CGS", "u32", "Number of successful health checks before declaring a server UP (server 'rise' setting)"
    ),
    "check_fall": Meaning(
        "CGS", "u32", "Number of failed health checks before declaring a server DOWN (server 'fall' setting)"
    ),
    "check_health": Meaning("CGS", "u32", "Current server health check level (0..fall-1=DOWN, fall..rise-1=UP)"),
    "agent_rise": Meaning(
        "CGS", "u32", "Number of successful agent checks before declaring a server UP (server 'rise' setting)"
    ),
    "agent_fall": Meaning(
        "CGS", "u32", "Number of failed agent checks before declaring a server DOWN (server 'fall' setting)"
    ),
    "agent_health": Meaning("CGS", "u32", "Current server agent check level (0..fall-1=DOWN, fall..rise-1=UP)"),
    "addr": Meaning(
        "CGS", "str", "Server's address:port, shown only if show-legends is set, or at levels oper/admin for the CLI"
    ),
    "cookie": Meaning(
        "CNS",
        "str",
        "Backend's cookie name or Server's cookie value, shown only if show-legends is set, or at levels "
        "oper/admin for the CLI",
    ),
    "mode": Meaning("CGS", "str", "'mode' setting (tcp/http/health/cli)"),
    "algo": Meaning(
        "CGS",
        "str",
        "Backend's load balancing algorithm, shown only if show-legends is set, or at levels oper/admin for the CLI",
    ),
    "conn_rate": Meaning(
        "MRP", "u32", "Number of new connections accepted over the last second on the frontend for this worker process"
    ),
    "conn_rate_max": Meaning(
        "MMP", "u32", "Highest value of connections per second observed since the worker process started"
    ),
    "conn_tot": Meaning(
        "MCP", "u64", "Total number of new connections accepted on this frontend since the worker process started"
    ),
    "intercepted": Meaning(
        "MCP",
        "u64",
        "Total number of HTTP requests intercepted on the frontend (redirects/stats/services) since the "
        "worker process started",
    ),
    "dcon": Meaning(
        "MCP",
        "u64",
        "Total number of incoming connections blocked on a listener/frontend by a tcp-request connection rule"
        " since the worker process started",
    ),
    "dses": Meaning(
        "MCP",
        "u64",
        "Total number of incoming sessions blocked on a listener/frontend by a tcp-request connection rule "
        "since the worker process started",
    ),
    "wrew": Meaning("MCP", "u64", "Total number of failed HTTP header rewrites since the worker process started"),
    "connect": Meaning(
        "MCP",
        "u64",
        "Total number of outgoing connection attempts on this backend/server since the worker process started",
    ),
    "reuse": Meaning(
        "MCP", "u64", "Total number of reused connection on this backend/server since the worker process started"
    ),
    "cache_lookups": Meaning(
        "MCP",
        "u64",
        "Total number of HTTP requests looked up in the cache on this frontend/backend since the worker "
        "process started",
    ),
    "cache_hits": Meaning(
        "MCP",
        "u64",
        "Total number of HTTP requests not found in the cache on this frontend/backend since the worker "
        "process started",
    ),
    "srv_icur": Meaning("MGP", "u32", "Current number of idle connections available for reuse on this server"),
    "src_ilim": Meaning(
        "CLP",
        "u32",
        "Limit on the number of available idle connections on this server (server 'pool_max_conn' directive)",
    ),
    "qtime_max": Meaning("MMP", "u32", "Maximum observed time spent in the queue, in milliseconds (backend/server)"),
    "ctime_max": Meaning(
        "MMP",
        "u32",
        "Maximum observed time spent waiting for a connection to complete, in milliseconds (backend/server)",
    ),
    "rtime_max": Meaning(
        "MMP", "u32", "Maximum observed time spent waiting for a server response, in milliseconds (backend/server)"
    ),
    "ttime_max": Meaning(
        "MMP",
        "u32",
        "Maximum observed total request+response time (request+queue+connect+response+processing), in "
        "milliseconds (backend/server)",
    ),
    "eint": Meaning("MCP", "u64", "Total number of internal errors since process started"),
    "idle_conn_cur": Meaning("MGP", "u32", "Current number of unsafe idle connections"),
    "safe_conn_cur": Meaning("MGP", "u32", "Current number of safe idle connections"),
    "used_conn_cur": Meaning("MGP", "u32", "Current number of connections in use"),
    "need_conn_est": Meaning("MGP", "u32", "Estimated needed number of connections"),
    "uweight": Meaning("MaP", "u32", "Server's user weight, or sum of active servers' user weights for a backend"),
    "agg_server_status": Meaning("MGP", "u32", "Backend's aggregated gauge of servers' status"),
    "agg_server_check_status": Meaning("MGP", "u32", "Backend's aggregated gauge of servers' state check status"),
    "agg_check_status": Meaning("MGP", "u32", "Backend's aggregated gauge of servers' state check status"),
    "ssl_sess": Meaning("MCP", "u64", "Total number of ssl sessions established"),
    "ssl_reused_sess": Meaning("MCP", "u64", "Total number of ssl sessions reused"),
    "ssl_failed_handshake": Meaning("MCP", "u64", "Total number of failed handshake"),
    "h2_headers_rcvd": Meaning("MCP", "u64", "Total number of received HEADERS frames"),
    "h2_data_rcvd": Meaning("MCP", "u64", "Total number of received DATA frames"),
    "h2_settings_rcvd": Meaning("MCP", "u64", "Total number of received SETTINGS frames"),
    "h2_rst_stream_rcvd": Meaning("MCP", "u64", "Total number of received RST_STREAM frames"),
    "h2_goaway_rcvd": Meaning("MCP", "u64", "Total number of received GOAWAY frames"),
    "h2_detected_conn_protocol_errors": Meaning("MCP", "u64", "Total number of connection protocol errors"),
    "h2_detected_strm_protocol_errors": Meaning("MCP", "u64", "Total number of stream protocol errors"),
    "h2_rst_stream_resp": Meaning("MCP", "u64", "Total number of RST_STREAM sent on detected error"),
    "h2_goaway_resp": Meaning("MCP", "u64", "Total number of GOAWAY sent on detected error"),
    "h2_open_connections": Meaning("MGP", "u64", "Count of currently open connections"),
    "h2_backend_open_streams": Meaning("MGP", "u64", "Count of currently open streams"),
    "h2_total_connections": Meaning("MCP", "u64", "Total number of connections"),
    "h2_backend_total_streams": Meaning("MCP", "u64", "Total number of streams"),
    "h1_open_connections": Meaning("MGP", "u64", "Count of currently open connections"),
    "h1_open_streams": Meaning("MGP", "u64", "Count of currently open streams"),
    "h1_total_connections": Meaning("MCP", "u64", "Total number of connections"),
    "h1_total_streams": Meaning("MCP", "u64", "Total number of streams"),
    "h1_bytes_in": Meaning("MCP", "u64", "Total number of bytes received"),
    "h1_bytes_out": Meaning("MCP", "u64", "Total number of bytes send"),
    "h1_spliced_bytes_in": Meaning("MCP", "u64", "Total number of bytes received using kernel splicing"),
    "h1_spliced_bytes_out": Meaning("MCP", "u64", "Total number of bytes sendusing kernel splicing"),
}
