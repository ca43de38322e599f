"""mode http: clients, their exchanges one after the other, servers' connections that many clients share in turn.

client ──▶ ClientConnection ──▶ Exchange ──▶ ServerConnection ──▶ server
              one request           │              ▲
              at a time             └── Search ────┘ a place on a server, and a connection from its Pool or a new one
"""
