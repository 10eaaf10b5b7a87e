"""What a run is asked for: one table, or neighbours in the manifest that share a run.

By its tags a run is found again from each of its tables. Whether to ask belongs to `tries`.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import dagster as dg
import msgspec

from second_opinion_assets.graph.names import CONTENT_TAG
from second_opinion_assets.graph.pages import pages

PARTITION_TAG = "dagster/partition"
RUN_KEY_TAG = "dagster/run_key"
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
_TABLE_TAG = ".dagster/second_opinion_"  # by its first part the UI hides it
_PAGE_TAGS = 500


class Due(NamedTuple):
    """A table that is to be joined.

    Attributes:
        table_id: the table.
        content: tells what it would be made from, and which join that would replace.
        place: its number in the manifest.
    """

    table_id: str
    content: str
    place: int

    @property
    def tag(self) -> str:
        """What its runs are found by."""
        return _hash(f"{self.table_id}:{self.content}")


class Try(NamedTuple):
    """A table to ask for, and how often that was done for the same content."""

    due: Due
    number: int


def requests(tries: Iterable[Try], most_tables: int) -> Iterator[dg.RunRequest]:
    """Yield the runs to ask for, each at most once for what it is made from.

    With every further try fewer tables share a run, so that one of which the process dies does not
    keep its neighbours from being joined.

    Args:
        tries: the tables, in the order of their places.
        most_tables: how many share a run.
    """
    group: list[Try] = []
    for each in tries:
        if group and not (
            each.number == group[-1].number
            and each.due.place == group[-1].due.place + 1
            and len(group) < most_tables >> each.number
        ):
            yield _request(group)
            group = []
        group.append(each)
    if group:
        yield _request(group)


def asked_before(run: dg.DagsterRun) -> dg.RunRequest:
    """Return the request that a run was made for."""
    ours = (CONTENT_TAG, *RANGE_TAGS)
    return dg.RunRequest(
        run.tags[RUN_KEY_TAG],
        partition_key=run.tags.get(PARTITION_TAG),
        tags={n: v for n, v in run.tags.items() if n in ours or n.startswith(_TABLE_TAG)},
    )


def runs_by_tag(instance: dg.DagsterInstance, tags: Sequence[str]) -> dict[str, list[dg.RunRecord]]:
    """Return the runs that were asked for, by the tags of their tables, latest first."""
    groups: dict[str, set[str]] = {}
    for page in pages(tags, _PAGE_TAGS):
        of_page = {f"{_TABLE_TAG}{tag}": tag for tag in page}
        for name, values in instance.get_run_tags(list(of_page)):
            groups[of_page[name]] = values
    contents = dict.fromkeys([*tags, *(each for values in groups.values() for each in values)])
    found: dict[str, list[dg.RunRecord]] = {}
    for page in pages(list(contents), _PAGE_TAGS):
        for record in instance.get_run_records(dg.RunsFilter(tags={CONTENT_TAG: page})):
            found.setdefault(record.dagster_run.tags[CONTENT_TAG], []).append(record)
    return {tag: _latest_first(found, [tag, *groups.get(tag, ())]) for tag in tags}


def _latest_first(
    found: Mapping[str, list[dg.RunRecord]], contents: Iterable[str]
) -> list[dg.RunRecord]:
    records = [record for content in contents for record in found.get(content, ())]
    return sorted(records, key=lambda record: record.storage_id, reverse=True)


def _request(group: Sequence[Try]) -> dg.RunRequest:
    first, number = group[0].due, group[0].number
    if len(group) == 1:
        key = f"{first.table_id}:{first.content}:{number}"
        return dg.RunRequest(key, partition_key=first.table_id, tags={CONTENT_TAG: first.tag})
    tags = [each.due.tag for each in group]
    together = _hash(msgspec.json.encode(tags).decode())
    ends = (first.table_id, group[-1].due.table_id)
    return dg.RunRequest(
        f"tables:{together}:{number}",
        tags={
            CONTENT_TAG: together,
            **dict(zip(RANGE_TAGS, ends, strict=True)),
            **{f"{_TABLE_TAG}{tag}": together for tag in tags},
        },
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
