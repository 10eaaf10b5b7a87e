"""Refresh: a sensor and a schedule that notice what changed, and a job to observe all sources.

They compare content, not events: a table is joined again if what it would be made from now differs
from what it was made from last.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import dagster as dg
import msgspec
from dagster import DagsterEventType

from second_opinion_assets.assets.features import JOINED_KEY, MANIFEST_FINGERPRINT
from second_opinion_assets.assets.sources import (
    DATA_VERSION_TAG,
    STAMP,
    data_version,
    entry_events,
    entry_version,
    observation_events,
    source_files,
    ENTRIES_KEY,
)
from second_opinion_assets.join.errors import JoinError
from second_opinion_assets.join.files import FileDigest
from second_opinion_assets.join.manifest import Manifest, TableSpec
from second_opinion_assets.join.provenance import fingerprint
from second_opinion_assets.join.source_files import SourceFile, Stamp
from second_opinion_assets.join.watch import Waiting, Watcher
from second_opinion_assets.settings import Settings

MAX_NOTES = 20
