"""A bucket of each kind of store, and S3's alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from second_opinion_assets_tests.stores.bucket import Bucket, bucket_at


@pytest.fixture
def bucket(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Return an S3 bucket with the files of a join."""
    with bucket_at("s3", moto, monkeypatch) as bucket:
        yield bucket


@pytest.fixture(params=["s3", "az"])
def any_bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Return a bucket of each kind of store that can be served here, one after the other."""
    url = request.getfixturevalue({"s3": "moto", "az": "azurite"}[request.param])
    with bucket_at(request.param, url, monkeypatch) as bucket:
        for name in bucket.names():
            if name not in {"features.jsonl", "scores.jsonl"}:
                bucket.store.delete(f"work/{name}")
        yield bucket
