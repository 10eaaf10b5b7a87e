"""Feature tables: reading them in blocks of rows, writing them with columns at the end.

One module a form of file. A block can be had as JSON objects or as an Arrow table, so any form
of input goes to any form of output.
"""

from second_opinion_assets.tables.forms import (
    TABLE_SUFFIXES,
    open_table,
    open_writer,
    refuse_unknown_form,
)

__all__ = ["TABLE_SUFFIXES", "open_table", "open_writer", "refuse_unknown_form"]
