"""Bytes as programs compress them."""

from __future__ import annotations

import pyarrow as pa


def zstd(data: bytes) -> bytes:
    """Return bytes as one frame of zstd that does not tell their number, as of a stream."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    compressed: bytes = sink.getvalue().to_pybytes()
    return compressed
