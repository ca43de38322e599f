from __future__ import annotations

import json

from wproxy.observe import typed


def test_a_line() -> None:
    assert typed.line(4, "scur", "MGP", "u32", 7) == "4.scur.1:MGP:u32:7"


def test_an_item_with_what_it_is_about() -> None:
    text = typed.json_item(1, "svname", "KNS", "str", 'a"b', '"objType":"Server",')
    assert json.loads(text) == {
        "objType": "Server",
        "field": {"pos": 1, "name": "svname"},
        "processNum": 1,
        "tags": {"origin": "Key", "nature": "Name", "scope": "Service"},
        "value": {"type": "str", "value": 'a"b'},
    }
