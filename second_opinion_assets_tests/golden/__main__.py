"""`python -m second_opinion_assets_tests.golden`: write the golden files anew.

Joined tables may differ from their golden files only under another JOIN_VERSION: without one,
tables that were joined before would keep their old bytes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from second_opinion_assets_tests.golden.make import (
    EXPECTED,
    TABLES,
    VERSIONS,
    expected,
    file_name,
    make_outputs,
    versions,
)


def main() -> None:
    """Write every golden file, and say which changed."""
    EXPECTED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        outputs = make_outputs(Path(folder))
    known = json.loads(expected(VERSIONS)) if (EXPECTED / VERSIONS).exists() else {}
    changed = [
        name
        for name, text in outputs.items()
        if not (EXPECTED / file_name(name)).exists() or expected(name) != text
    ]
    tables = [name for name in changed if name in TABLES and (EXPECTED / file_name(name)).exists()]
    if tables and known == versions():
        sys.exit(f"{', '.join(tables)} changed: give JOIN_VERSION another value first")
    for name in changed:
        (EXPECTED / file_name(name)).write_bytes(outputs[name].encode())
    (EXPECTED / VERSIONS).write_text(json.dumps(versions(), indent=2) + "\n")
    sys.stdout.write("".join(f"changed: {name}\n" for name in changed) or "nothing changed\n")


if __name__ == "__main__":
    main()
