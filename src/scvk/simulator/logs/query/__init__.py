"""The query language of log entries: `compile_query(text)` gives a predicate on entries.

    resource.type = "container" and (text_log contains~ "error" or not severity < "warning")

`tokens` cuts the text, `grammar` builds clauses, `fields` fetches values, `matching` compares them.
"""

from scvk.simulator.logs.query.grammar import Predicate, compile_query
from scvk.simulator.logs.query.tokens import QueryError

__all__ = ["Predicate", "QueryError", "compile_query"]
