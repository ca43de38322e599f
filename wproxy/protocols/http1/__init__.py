"""HTTP/1.x as bytes: heads in and out, and where a body ends (RFC 9110, RFC 9112).

bytes ──▶ heads.parse_request ──▶ RequestHead ──▶ RequestHead.to_bytes ──▶ bytes
                 │                    └─▶ its length ──▶ a Body: where it ends
                 └── Fault: an answer with this status, then the end
"""
