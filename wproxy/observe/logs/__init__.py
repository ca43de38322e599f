"""Log lines: what stands in front of the text, the variables of its format, and which sessions are worth a line.

    session ─▶ SessionLog ─▶ Template of Variables ─▶ text ─▶ Outputs ─▶ Header + text ─▶ send (dataplane.log_sender)
    notice  ──────────────────────────────────────────▶ text ─┘

All is precompiled from the configuration; nothing is formatted unless a line is due.
"""
