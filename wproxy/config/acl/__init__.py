"""Conditions on what is known of a connection: the language of `acl`, `if` and `unless` (manual, chapter 7)."""
