from __future__ import annotations

import json

from wproxy.observe import schema


def test_it_is_one_line_of_json_that_names_every_form() -> None:
    text = schema.text()
    assert text.count("\n") == 1
    assert [each["title"] for each in json.loads(text)["oneOf"]] == ["Info", "Stat", "Error"]
