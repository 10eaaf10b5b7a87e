"""What is said of a scorer of whose keys few were found."""

from __future__ import annotations

import unicodedata

from second_opinion_assets.contract.tally import FEW_KEYS_FOUND, ScorerTally

# Marks that join the letter before them, format and control characters, and other white space.
_UNSEEN = frozenset({"Mn", "Me", "Cf", "Cc", "Co", "Zs", "Zl", "Zp"})


def few_keys_found(tally: ScorerTally) -> bool:
    """Return whether so few of a scorer's keys were found that the keys are in doubt."""
    return tally.keys_found < FEW_KEYS_FOUND


def key_hint(tally: ScorerTally) -> str:
    """Return one line on a scorer with few keys found and what would find more."""
    found = tally.scores_loaded - tally.unmatched_keys
    line = f"{tally.competitor}: {found} of {tally.scores_loaded} keys found in the feature table"
    if tally.remedy is None:
        samples = [sample.key for sample in tally.missing if sample.key][:1] + tally.unmatched[:1]
        pair = f", such as {' and '.join(map(shown_key, samples))}" if len(samples) > 1 else ""
        return f"{line}; no reading of the keys finds more{pair}: name key_column, score_key_field"
    return f"{line}; {tally.remedy} would find {tally.remedy.keys_found}"


def shown_key(key: str) -> str:
    """Return a key in quotes, with escapes for what does not show or looks like something else."""
    return "".join(map(_shown_character, repr(key)))


def _shown_character(character: str) -> str:
    if character.isascii() or unicodedata.category(character) not in _UNSEEN:
        return character
    return character.encode("unicode_escape").decode()
