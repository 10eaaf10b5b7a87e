"""Two joins of one output at once, a hundred times; in a third of them one is killed.

`python faults/pairs.py [PAIRS [SEED]]`. The two join different scores. Both must end well, the one
after the other, unless it is killed; the table must be one of the two, with its own audit. Prints
lines of JSON: how many pairs, and what was lost.
"""

import json
import random
import sys
import tempfile
import time
from pathlib import Path

from outputs import Outputs

ROWS = 20_000
MOST_SECONDS_APART = 0.4


def main(pairs: int, seed: int) -> int:
    """Start every pair, and return how often something was lost."""
    print(f"seed {seed}", flush=True)
    chance = random.Random(seed)
    lost: list[str] = []
    waited = 0
    with tempfile.TemporaryDirectory(prefix="pairs-") as name:
        kinds = [
            Outputs(Path(name) / suffix[1:], suffix, ROWS, "audit.json")
            for suffix in (".jsonl", ".parquet")
        ]
        tables = [(outputs.join(0).table, outputs.join(1).table) for outputs in kinds]
        for number in range(pairs):
            outputs = kinds[number % 2]
            said, damage = at_once(outputs, chance, kills=number % 3 == 0)
            waited += "waiting" in said
            damage = damage or outputs.damage(tables[number % 2])
            lost += [damage] if damage else []
        for outputs in kinds:
            outputs.join(0)
            lost += [f"left behind: {left}" for left in outputs.leftovers()]
    print(json.dumps({"pairs": pairs, "waited": waited, "lost": len(lost), "what": lost[:5]}))
    return len(lost)


def at_once(outputs: Outputs, chance: random.Random, *, kills: bool) -> tuple[str, str]:
    """Start two joins; return what they said, and the failure of one that was not killed."""
    first = outputs.start(0)
    time.sleep(chance.uniform(0, MOST_SECONDS_APART))
    second = outputs.start(1)
    victim = chance.choice((first, second)) if kills else None
    if victim:
        time.sleep(chance.uniform(0, 3 * MOST_SECONDS_APART))
        victim.kill()
    said = {process: process.communicate()[1] for process in (first, second)}
    failed = [text for process, text in said.items() if process.returncode and process != victim]
    return "".join(said.values()), "".join(failed)


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    sys.exit(bool(main(*[*numbers, *[100, 1][len(numbers) :]])))
