from __future__ import annotations

from wproxy.config.acl.scope import Scope


def test_a_scope_alone_knows_no_names_and_no_files() -> None:
    alone = Scope("f")
    assert (dict(alone.backends), alone.frontends, alone.read("x")) == ({}, frozenset(), "")
    alone.warn("nothing happens")
