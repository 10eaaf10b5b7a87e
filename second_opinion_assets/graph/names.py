"""The names that Dagster knows the graph by: of assets, checks, metadata, tags, groups and jobs.

Names stand here, so that a module can speak of another one's asset without importing it. Metadata
that is written and never read again is named where it is written.
"""

import dagster as dg

Metadata = dict[str, dg.MetadataValue]
"""What an event, an asset or a check shows in the UI, by name."""

FEATURES_KEY = dg.AssetKey("feature_tables")
ENTRIES_KEY = dg.AssetKey("manifest_entries")
SIDECARS_PREFIX = "scorer_sidecars"
JOINED_KEY = dg.AssetKey("second_opinion_features")
AGREEMENT_KEY = dg.AssetKey("second_opinion_agreement")
REPORT_KEY = dg.AssetKey("second_opinion_report")

SOURCES_GROUP = "sources"
JOINED_GROUP = "second_opinion"
OWNERS = ["team:video-quality"]
ROLE_TAG = "second_opinion/role"

PROMOTION_GATE = "promotion_gate"
COVERAGE = "coverage"
ROWS_KEPT = "rows_kept"
KEYS_MATCH = "keys_match"
SCORES_VARY = "scores_vary"
USABLE_SCORES = "usable_scores"
SCORES_IN_RANGE = "scores_in_range"
LICENCE = "licence"
MANIFEST_USABLE = "manifest_usable"
OPINIONS_AGREE = "opinions_agree"
ALL_JOINED = "every_table_joined"
PROVENANCE_HOLDS = "provenance_holds"

JOIN_JOB = "join_tables"
OBSERVE_JOB = "observe_sources"
REFRESH_SENSOR = "refresh_after_scorer_runs"
EVIDENCE_SENSOR = "evidence_after_joins"
NIGHTLY_SCHEDULE = "nightly_refresh"
PURGE_JOB = "remove_old_history"
PURGE_SCHEDULE = "nightly_purge"

CONTENT_TAG = "second_opinion/content"
MANIFEST_TAG = "second_opinion/manifest"
DATA_VERSION_TAG = "dagster/data_version"
COLUMN_SCHEMA = "dagster/column_schema"
PARTITION_ROWS = "dagster/partition_row_count"

MANIFEST = "manifest"
STAMP = "stamp"
TRANSIENT = "transient"
FAILED_TABLES = "failed_tables"
TRANSIENT_TABLES = "transient_tables"
SEAL = "seal"
INPUT_ROWS = "input_rows"
OUTPUT_ROWS = "output_rows"
OUTPUT = "output"
SUMMARY = "summary"
COUNTS = "counts"
DRIFT = "drift"
ATTEMPT = "failed_attempt"
RUN_PROVENANCE = "run_provenance"
ATTEMPT_SUMMARY = f"{ATTEMPT}/{SUMMARY}"
MANIFEST_FINGERPRINT = "manifest_fingerprint"
AGREEMENT_JSON = "agreement_json"
REPORT_HTML = "report_html"
