"""How the program starts: what must be settled before numpy and pyarrow are imported."""

import gc
import sys
import traceback
from os import environ  # noqa: TID251 (environment variables are no files)
from types import TracebackType

from second_opinion_assets.cli.no_pandas import do_without_pandas
from second_opinion_assets.cli.outermost import one_line_at_the_end, refuse_small_limits
from second_opinion_assets.storage.interrupts import leave_when_interrupted, raise_when_interrupted
from second_opinion_assets.storage.streams import hold_standard_descriptors


def _tell_bug(kind: type[BaseException], bug: BaseException, trace: TracebackType | None) -> None:
    """Print the traceback of a bug, which may quote a name that does things to a terminal."""
    from second_opinion_assets.contract.printable import printable  # noqa: PLC0415 (seldom)

    sys.stderr.write(printable("".join(traceback.format_exception(kind, bug, trace))))


def run() -> None:
    """Start the program, in a process that is its own."""
    sys.excepthook = _tell_bug
    leave_when_interrupted()  # nothing is begun while libraries are imported
    hold_standard_descriptors()
    with one_line_at_the_end():
        refuse_small_limits()
        do_without_pandas()
        environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's other threads spin, for nothing
        environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # returns what is not needed
        gc.disable()  # a join makes no cycles; looking for them costs a tenth of its time
        from second_opinion_assets.cli.main import main  # noqa: PLC0415 (settled first)

        raise_when_interrupted()
        try:
            main()
        finally:
            leave_when_interrupted()
