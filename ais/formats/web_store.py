"""The keys of a Zarr store behind a web address: ``https://host/TS_001.zarr`` or ``s3://bucket/TS_001.zarr``.

A server may be slow, hang, break off or send more than it was asked for: no request takes longer or brings more than is
said here, and what cannot be read gives one sentence. Requests that failed on the way are made again, a few times.
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ais.errors import AisError
from ais.formats.s3_address import Bucket, find_keys, signed
from ais.formats.zarr_codecs import decode

if TYPE_CHECKING:
    import urllib3

CONNECT_S = 10.0
SILENCE_S = 20.0
"""No byte for so long, and the server is given up."""
WHOLE_S = 120.0
"""For one key, with all that is asked again."""
TRIES = 3
PAUSE_S = 0.3
CONNECTIONS = 8
PART_BYTES = 1 << 16
MOST_SKIPPED = 1 << 28
"""Bytes before the wanted ones that a server that knows no ranges may send."""
BUSY = (429, 500, 502, 503, 504)
MOVED = (301, 307, 400)


class _BrokenError(Exception):
    """A request failed on the way; it may be made again."""


@dataclass(frozen=True)
class _Wish:
    """What is asked for: `count` bytes of a key from `start` on (None: the last ones), or all if at most `count`.

    `signs` is whether with the user's keys, if there are any.
    """

    key: str
    count: int
    start: int | None = 0
    whole: bool = False
    signs: bool = True

    @property
    def range(self) -> str:
        """The header of a part."""
        return f"bytes=-{self.count}" if self.start is None else f"bytes={self.start}-{self.start + self.count - 1}"


class WebStore:
    """Keys below an address; any number of threads may read at once.

    Parameters
    ----------
    address
        ``https://``, ``http://`` or ``s3://``, without a slash at its end.
    """

    def __init__(self, address: str) -> None:
        self._name = self._start = address
        self._bucket: Bucket | None = None
        if address.lower().startswith("s3:"):
            name, _, self._start = address.partition("://")[2].partition("/")
            self._bucket = Bucket.from_environment(name)
        self._keys = None if self._bucket is None else find_keys()
        try:
            self._pool = _pool(self._url(_Wish("", 0)))
        except ValueError as error:
            raise _no_address(address) from error
        self._given = self._denied = False

    @property
    def refused(self) -> bool:
        """Whether a key was refused and none was ever given: then it is not known whether there is anything."""
        return self._denied and not self._given

    def get(self, key: str, limit: int) -> bytes | None:
        """All bytes of a key, or None if there is none; an AisError if there are more than `limit`."""
        return self._ask(_Wish(key, limit, whole=True))

    def part(self, key: str, start: int | None, count: int) -> bytes | None:
        """`count` bytes from `start` on, or the last ones if `start` is None; fewer where the value ends earlier."""
        return self._ask(_Wish(key, count, start)) if count > 0 else b""

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _url(self, wish: _Wish) -> str:
        whole = "/".join(part for part in (self._start, wish.key) if part)
        return whole if self._bucket is None else self._bucket.url(whole)

    def _ask(self, wish: _Wish) -> bytes | None:
        deadline = time.monotonic() + WHOLE_S
        for attempt in range(TRIES):
            try:
                return self._answer(wish, deadline)
            except _BrokenError as error:
                pause = PAUSE_S * 3**attempt
                if attempt == TRIES - 1 or time.monotonic() + pause > deadline:
                    raise AisError(f"{self._name} cannot be read: {error}.") from error
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _answer(self, wish: _Wish, deadline: float) -> bytes | None:
        response = self._request(wish)
        try:
            status = response.status
            if status in (200, 206):
                data = self._body(response, wish, deadline)
                self._given = True
                if not wish.signs:
                    self._keys = None  # a public bucket that does not know them
                return data
            if status in BUSY:
                raise _BrokenError(f"the server is busy or broken (it answers {status})")
            if status == 416:  # a range of a value without bytes
                return b""
            again = self._other_way(response, wish)
            if again is None:
                if status not in (401, 403, 404, 410) and wish.signs:
                    raise AisError(f"{self._name} cannot be read: the server answers {status}.")
                self._denied |= status in (401, 403)  # where lists are not public, what is not there is refused
                return None
        finally:
            response.close()
        return self._answer(again, deadline)

    def _other_way(self, response: urllib3.BaseHTTPResponse, wish: _Wish) -> _Wish | None:
        """How asking once more may help: elsewhere, or without keys that are not known there."""
        if self._bucket is None:
            return None
        region = response.headers.get("x-amz-bucket-region", "")
        if response.status in MOVED and region and region != self._bucket.region:
            self._bucket = replace(self._bucket, region=region)
            return wish
        return replace(wish, signs=False) if response.status == 403 and self._keys and wish.signs else None

    def _request(self, wish: _Wish) -> urllib3.BaseHTTPResponse:
        from urllib3 import Retry, Timeout
        from urllib3.exceptions import HTTPError, LocationParseError, MaxRetryError

        url = self._url(wish)
        headers = {"Accept-Encoding": "identity", "User-Agent": "ais"}
        if not wish.whole:
            headers["Range"] = wish.range
        if self._keys is not None and self._bucket is not None and wish.signs:
            headers = signed(url, headers, self._keys, self._bucket.region)
        try:
            return self._pool.request(
                "GET",
                url,
                headers=headers,
                preload_content=False,
                decode_content=False,
                timeout=Timeout(connect=CONNECT_S, read=SILENCE_S),
                retries=Retry(
                    total=None,
                    connect=0,
                    read=0,
                    redirect=0 if self._bucket else 5,
                    status=0,
                    other=0,
                    raise_on_redirect=self._bucket is None,
                ),
            )
        except MaxRetryError as error:
            raise _failure(error.reason or error, self._name) from error
        except (LocationParseError, UnicodeError) as error:
            raise _no_address(self._name) from error
        except HTTPError as error:
            raise _failure(error, self._name) from error

    def _body(self, response: urllib3.BaseHTTPResponse, wish: _Wish, deadline: float) -> bytes:
        """The bytes that were asked for, and no more, also of a server that sends others."""
        said = response.headers.get("Content-Length", "")
        size = int(said) if said.isdecimal() else None
        if wish.whole:
            if size is not None and size > wish.count:
                raise self._too_large(wish, size)
            data = b"".join(self._pieces(response, wish.count + 1, deadline))
            if len(data) > wish.count:
                raise self._too_large(wish, len(data))
            return self._unpacked(response, data, wish)
        if response.status == 206:
            data = b"".join(self._pieces(response, wish.count + 1, deadline))
            if len(data) > wish.count:
                raise AisError(f"{self._name} cannot be read: the server sends more than it was asked for.")
            return data
        # All of it, from a server that knows no ranges.
        most = MOST_SKIPPED if wish.start is None else wish.start + wish.count
        if most > MOST_SKIPPED or (wish.start is None and (size or 0) > MOST_SKIPPED):
            raise AisError(f"{self._name} is on a server that sends no parts of files: copy it to this computer.")
        data = b"".join(self._pieces(response, most, deadline))
        return data[-wish.count :] if wish.start is None else data[wish.start :]

    def _pieces(self, response: urllib3.BaseHTTPResponse, most: int, deadline: float) -> Iterator[bytes]:
        """What comes, up to `most` bytes in all."""
        from urllib3.exceptions import HTTPError

        try:
            while most > 0:
                # What has come by now: a server that sends byte after byte must not keep us for ever.
                piece = response.read1(min(PART_BYTES, most))
                if not piece:
                    return
                most -= len(piece)
                yield piece
                if time.monotonic() > deadline:
                    raise AisError(f"{self._name} cannot be read: the server takes longer than {WHOLE_S:g} seconds.")
        except HTTPError as error:
            raise _failure(error, self._name) from error

    def _unpacked(self, response: urllib3.BaseHTTPResponse, data: bytes, wish: _Wish) -> bytes:
        packing = response.headers.get("Content-Encoding", "identity").strip().lower()
        if packing in ("", "identity"):
            return data
        try:
            return decode({"x-gzip": "gzip", "deflate": "zlib"}.get(packing, packing), data, wish.count)
        except (ValueError, RuntimeError, KeyError) as error:
            raise AisError(f"{self._name} cannot be read: the server packs {wish.key} in an unknown way.") from error

    def _too_large(self, wish: _Wish, size: int) -> AisError:
        return AisError(f"{self._name} is damaged: its {wish.key} of {size:,} bytes is larger than it can be.")


def _no_address(name: str) -> AisError:
    return AisError(f"{name} cannot be read: it is no address.")


def _failure(error: BaseException, name: str) -> Exception:
    """What to raise of an error of the connection."""
    from urllib3.exceptions import (
        ConnectTimeoutError,
        NameResolutionError,
        NewConnectionError,
        ReadTimeoutError,
        SSLError,
    )

    match error:
        case ConnectTimeoutError() if not isinstance(error, NewConnectionError):
            words = f"the server cannot be reached within {CONNECT_S:g} seconds"
        case ReadTimeoutError():
            words = f"the server has been silent for {SILENCE_S:g} seconds"
        case NameResolutionError():
            words = "there is no server of this name, or no connection"
        case NewConnectionError():
            words = "the server refuses the connection or cannot be reached"
        case SSLError():
            words = f"the connection is not secure ({str(error).splitlines()[0][:120]})"
        case _:
            return _BrokenError("the connection broke off")
    return AisError(f"{name} cannot be read: {words}.")


def _pool(url: str) -> urllib3.PoolManager:
    """Connections to the server of an address, through the proxy that the system names for it."""
    import urllib3

    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme, "")
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy if "://" in proxy else f"http://{proxy}", maxsize=CONNECTIONS)
    return urllib3.PoolManager(maxsize=CONNECTIONS)
