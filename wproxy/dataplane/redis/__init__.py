"""mode redis: a client's commands go to the servers they belong to, over connections that all clients share.

    client ─▶ RedisConnection ─▶ RequestParser ─▶ Router ─▶ Link (one per server and protocol) ─▶ server
                  ▲   queue of Slots, in the client's order      │ queue of those who wait, in the link's order
                  └──────────── Slot.answer ◀── ReplySplitter ◀──┘

A slot is a place in the order of one client's replies. The link answers slots in the order of its server's replies; the
connection writes the prefix of its slots that have been answered. A `Conversation` is what the connection remembers:
database, transaction, watched keys, subscriptions; those have connections of their own (`dedicated`).
"""
