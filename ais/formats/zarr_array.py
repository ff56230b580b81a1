"""A Zarr array read box by box: chunks are unpacked when they are asked for, and some are kept."""

from __future__ import annotations

import itertools
import math
import os
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from ais.errors import AisError
from ais.formats.volume import Array
from ais.formats.zarr_codecs import decode
from ais.formats.zarr_metadata import ArrayMetadata
from ais.formats.zarr_store import Store

KEPT_BYTES = 1 << 28
MOST_KEPT_BYTES = 3 << 29
KEPT_TABLES = 64
SLACK_BYTES = 1 << 16
THREADS = 4
ABSENT = (1 << 64) - 1

_DAMAGE = (ValueError, RuntimeError, MemoryError, EOFError, struct.error, OverflowError)


class ZarrArray:
    """An array in a store, read by ranges along its own axes; any number of threads may read at once.

    Parameters
    ----------
    store
        Where it lies.
    key
        Its group in the store; empty for the root.
    metadata
        What it says of itself.
    name
        How errors call it.
    """

    def __init__(self, store: Store, key: str, metadata: ArrayMetadata, name: str) -> None:
        self.metadata = metadata
        self.dtype = metadata.packing.dtype.newbyteorder("=")
        self._store = store
        self._prefix = f"{key}/" if key else ""
        self._name = name
        self._closed = False
        self._pool = ThreadPoolExecutor(THREADS if (os.cpu_count() or 1) > 1 else 2, "zarr")
        counts = [-(-n // chunk) for n, chunk in zip(metadata.shape, metadata.chunks, strict=True)]
        # Slices come one after the other: chunks across one of them, in any direction, should all be kept.
        layer = math.prod(counts) // max(1, min(counts)) * metadata.chunk_bytes
        self._chunks = _Kept(min(max(layer + 2 * metadata.chunk_bytes, KEPT_BYTES), MOST_KEPT_BYTES))
        self._tables = _Kept(KEPT_TABLES)

    def read(self, spans: Sequence[range]) -> Array:
        """Voxels of a range of step 1 along each axis, in native byte order, as a fresh array.

        Raises
        ------
        AisError
            If a chunk is damaged or cannot be read, or the array has been closed.
        """
        out = np.empty([len(span) for span in spans], self.dtype)
        if not out.size:
            return out
        grid = [
            range(span[0] // chunk, span[-1] // chunk + 1)
            for span, chunk in zip(spans, self.metadata.chunks, strict=True)
        ]
        indices = itertools.product(*grid)
        while batch := list(itertools.islice(indices, THREADS)):
            if self._closed:
                raise AisError(f"{self._name} has been closed.")
            chunks = [self._chunk(batch[0])] if len(batch) == 1 else self._several(batch)
            for index, chunk in zip(batch, chunks, strict=True):
                self._paste(out, spans, index, chunk)
        return out

    def close(self) -> None:
        """Release what is kept; reading is no longer possible."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._chunks.clear()
        self._store.close()

    def _several(self, batch: list[tuple[int, ...]]) -> list[Array | None]:
        try:
            return list(self._pool.map(self._chunk, batch))
        except RuntimeError as error:  # the pool takes no more work
            if not self._closed:
                raise
            raise AisError(f"{self._name} has been closed.") from error

    def _paste(self, out: Array, spans: Sequence[range], index: tuple[int, ...], chunk: Array | None) -> None:
        target, source = [], []
        for span, number, extent in zip(spans, index, self.metadata.chunks, strict=True):
            first, last = max(span[0], number * extent), min(span[-1], (number + 1) * extent - 1)
            target.append(slice(first - span[0], last + 1 - span[0]))
            source.append(slice(first - number * extent, last + 1 - number * extent))
        out[tuple(target)] = self.metadata.fill if chunk is None else chunk[tuple(source)]

    def _chunk(self, index: tuple[int, ...]) -> Array | None:
        """A chunk as it is stored, or None if it is not."""
        found: Array | None = self._chunks.get(index, lambda: self._load(index), _bytes_of)
        return found

    def _load(self, index: tuple[int, ...]) -> Array | None:
        facts = self.metadata
        data = self._packed_in_shard(index) if facts.sharded else self._store.get(self._key(index), self._limit)
        if data is None:
            return None
        slack = facts.chunk_bytes + SLACK_BYTES
        try:
            for number, codec in enumerate(reversed(facts.packing.codecs)):
                last = number == len(facts.packing.codecs) - 1
                data = decode(codec, data, facts.chunk_bytes if last and codec != "crc32c" else slack)
            order = facts.packing.order
            flat = np.frombuffer(data, facts.packing.dtype)
            return flat.reshape([facts.chunks[axis] for axis in order]).transpose(np.argsort(order))
        except _DAMAGE as error:
            where = self._key(index)
            raise AisError(f"{self._name} is damaged: its chunk {where} cannot be unpacked.") from error

    @property
    def _limit(self) -> int:
        """Bytes that a packed chunk can have: packing makes noise a little longer."""
        return self.metadata.chunk_bytes + self.metadata.chunk_bytes // 8 + SLACK_BYTES

    def _key(self, index: Sequence[int]) -> str:
        facts = self.metadata
        numbers = [n * c // s for n, c, s in zip(index, facts.chunks, facts.shards, strict=True)]
        return f"{self._prefix}{facts.key_start}{facts.separator.join(map(str, numbers))}"

    def _packed_in_shard(self, index: tuple[int, ...]) -> bytes | None:
        facts = self.metadata
        key = self._key(index)
        table: Array | None = self._tables.get(key, lambda: self._table(key), lambda _: 1)
        if table is None:
            return None
        counts = [shard // chunk for shard, chunk in zip(facts.shards, facts.chunks, strict=True)]
        start, count = (int(n) for n in table[tuple(n % c for n, c in zip(index, counts, strict=True))])
        if start == count == ABSENT:
            return None
        data = self._store.part(key, start, count) if start < 1 << 62 and count <= self._limit else b""
        if data is None or len(data) != count:
            raise AisError(f"{self._name} is damaged: its shard {key} is shorter than its table says.")
        return data

    def _table(self, key: str) -> Array | None:
        """Start and length of each chunk in a shard, or None if there is no such shard."""
        facts = self.metadata
        counts = [shard // chunk for shard, chunk in zip(facts.shards, facts.chunks, strict=True)]
        size = 16 * math.prod(counts)
        stored = size + 4 * len(facts.index_codecs)
        data = self._store.part(key, 0 if facts.index_first else None, stored)
        if data is None:
            return None
        if len(data) != stored:
            raise AisError(f"{self._name} is damaged: its shard {key} is shorter than its table.")
        return np.frombuffer(data[:size], "<u8").reshape(*counts, 2)


class _Kept:
    """The values last asked for, up to a total size; each is made once, however many threads ask for it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._values: OrderedDict[Any, Future[Any]] = OrderedDict()
        self._sizes: dict[Any, int] = {}

    def get(self, key: Any, make: Callable[[], Any], size_of: Callable[[Any], int]) -> Any:
        with self._lock:
            found = self._values.get(key)
            if found is not None:
                self._values.move_to_end(key)
            else:
                mine = self._values[key] = Future()
        if found is not None:
            return found.result()
        try:
            value = make()
        except BaseException as error:
            with self._lock:
                self._values.pop(key, None)
            mine.set_exception(error)
            raise
        mine.set_result(value)
        with self._lock:
            if key in self._values:
                self._sizes[key] = size_of(value)
            while sum(self._sizes.values()) > self._limit and len(self._sizes) > 1:
                oldest = next(known for known in self._values if known in self._sizes)
                del self._values[oldest], self._sizes[oldest]
        return value

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._sizes.clear()


def _bytes_of(chunk: Array | None) -> int:
    return 64 if chunk is None else chunk.nbytes
