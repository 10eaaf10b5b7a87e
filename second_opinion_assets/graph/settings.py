"""What a deployment chooses, for the graph and for the whole process.

The only reader of environment variables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import environ  # noqa: TID251 (environment variables are no files)

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage import confinement
from second_opinion_assets.storage.limits import USUAL_LIMITS, Limits, limits_of, set_limits
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.output_lock import LOCK_TIMEOUT_S

DEFAULT_MANIFEST = "config/smoke.json"
_COUNT = re.compile(r"[1-9][0-9]{0,3}")
TABLES_PER_RUN = 50
"""See *Many tables* in docs/operations.md."""


class SettingsError(JoinError):
    """An environment variable has a value that it cannot have."""


@dataclass(frozen=True)
class Settings:
    """Which manifest the graph is made from, and how it refreshes.

    Attributes:
        manifest: ``SECOND_OPINION_MANIFEST``, by default the smoke manifest.
        base_dir: ``SECOND_OPINION_BASE_DIR``, what the manifest's paths are relative to;
            None for the manifest's own folder.
        report_dir: ``SECOND_OPINION_REPORT_DIR``, where the report on all tables goes; None for
            the folder that all joined tables share.
        automation: ``SECOND_OPINION_AUTOMATION``, whether sensor and schedule start switched on.
        settle_seconds: ``SECOND_OPINION_SETTLE_SECONDS``, how long a file must have been still.
        interval_seconds: ``SECOND_OPINION_INTERVAL_SECONDS``, least time between two looks.
        lock_timeout_seconds: ``SECOND_OPINION_LOCK_TIMEOUT_SECONDS``, how long a run waits for
            another one that writes the same table.
        nightly_cron: ``SECOND_OPINION_NIGHTLY_CRON``, when the nightly refresh looks.
        tables_per_run: ``SECOND_OPINION_TABLES_PER_RUN``, how many tables share a run; fewer let
            several workers have something to do.
        keep_days: ``SECOND_OPINION_KEEP_DAYS``, for how many days history is kept that nothing
            needs any more; 0 for ever.
        kept_dir: a folder in ``DAGSTER_HOME``, where a copy of the last usable manifest is kept;
            None where there is no such home.
        confine_to: ``SECOND_OPINION_CONFINE_TO``, the folders that all files must lie below,
            written as those of ``PATH`` are; none for no bounds.
        limits: ``SECOND_OPINION_LIMITS``, the most that is taken of an input, where that is
            another than by default.
    """

    manifest: Location
    base_dir: Location | None = None
    report_dir: Location | None = None
    automation: bool = False
    settle_seconds: float = 10.0
    interval_seconds: int = 30
    lock_timeout_seconds: float = LOCK_TIMEOUT_S
    nightly_cron: str = "0 3 * * *"
    tables_per_run: int = TABLES_PER_RUN
    keep_days: float = 30.0
    kept_dir: Location | None = None
    confine_to: tuple[str, ...] = ()
    limits: Limits = USUAL_LIMITS

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = environ) -> Settings:
        """Read the settings; an empty variable is as good as none.

        Raises:
            SettingsError: a variable that is not one of its values.
        """

        def read(name: str, default: str) -> str:
            return environment.get(f"SECOND_OPINION_{name}") or default

        base_dir = read("BASE_DIR", "")
        report_dir = read("REPORT_DIR", "")
        home = environment.get("DAGSTER_HOME")
        automation = read("AUTOMATION", "off")
        if automation not in {"on", "off"}:
            msg = f"SECOND_OPINION_AUTOMATION is {automation!r}, expected on or off"
            raise SettingsError(msg)
        return cls(
            manifest=Location(read("MANIFEST", DEFAULT_MANIFEST)),
            base_dir=Location(base_dir) if base_dir else None,
            report_dir=Location(report_dir) if report_dir else None,
            automation=automation == "on",
            settle_seconds=_seconds("SETTLE_SECONDS", read("SETTLE_SECONDS", "10")),
            interval_seconds=round(_seconds("INTERVAL_SECONDS", read("INTERVAL_SECONDS", "30"))),
            lock_timeout_seconds=_seconds(
                "LOCK_TIMEOUT_SECONDS", read("LOCK_TIMEOUT_SECONDS", str(LOCK_TIMEOUT_S))
            ),
            nightly_cron=read("NIGHTLY_CRON", "0 3 * * *"),
            tables_per_run=_count("TABLES_PER_RUN", read("TABLES_PER_RUN", str(TABLES_PER_RUN))),
            keep_days=_number("KEEP_DAYS", read("KEEP_DAYS", "30"), "days"),
            kept_dir=Location(home) / "second_opinion" if home else None,
            confine_to=tuple(confinement.folders_of(read("CONFINE_TO", ""))),
            limits=_limits(read("LIMITS", "")),
        )

    @property
    def agreements_per_run(self) -> int:
        """How many agreements share a run.

        Fewer than of the joins, so that a backfill of both runs one after the other: within one run
        a table that fails to join would keep the agreement of all others from being made.
        """
        return (self.tables_per_run + 1) // 2

    def apply(self) -> None:
        """Set what holds for the whole process, before any other file is touched.

        Raises:
            JoinError: a setting that cannot be.
        """
        kept = (str(self.kept_dir),) if self.confine_to and self.kept_dir else ()
        confinement.confine_to((*self.confine_to, *kept))
        set_limits(self.limits)


def _limits(text: str) -> Limits:
    try:
        return limits_of([text])
    except JoinError as error:
        msg = f"SECOND_OPINION_LIMITS: {error}"
        raise SettingsError(msg) from None


def _seconds(name: str, text: str) -> float:
    return _number(name, text, "seconds")


def _number(name: str, text: str, unit: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        msg = f"SECOND_OPINION_{name} is {text!r}, expected a number of {unit}"
        raise SettingsError(msg)
    return number


def _count(name: str, text: str) -> int:
    if not _COUNT.fullmatch(text):
        msg = f"SECOND_OPINION_{name} is {text!r}, expected a whole number from 1 to 9999"
        raise SettingsError(msg)
    return int(text)
