"""The statistics page: the lines of `show stat` as HTML, and in the forms that the stats socket has."""

from wproxy.observe.page.document import Heading, html, policy, tables
from wproxy.observe.page.rows import Wanted
from wproxy.observe.page.table import Reader
from wproxy.observe.page.texts import text

__all__ = ["Heading", "Reader", "Wanted", "html", "policy", "tables", "text"]
