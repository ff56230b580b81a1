"""Buckets as web addresses: where an object of S3 or of a server like it lies, and how a request for it is signed.

Everything is taken from the places that other programs look at: ``AWS_ENDPOINT_URL_S3`` or ``AWS_ENDPOINT_URL`` name
a server other than Amazon's, ``AWS_REGION`` or ``AWS_DEFAULT_REGION`` the region; keys come from ``AWS_ACCESS_KEY_ID``
and ``AWS_SECRET_ACCESS_KEY`` (``AWS_SESSION_TOKEN``), or from the profile ``AWS_PROFILE`` of ``~/.aws/credentials``.
Without keys, or with ``AWS_NO_SIGN_REQUEST``, requests are not signed, as public buckets need.

References
----------
AWS Signature Version 4, https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import configparser
import datetime
import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

DEFAULT_REGION = "us-east-1"
NO_BODY = hashlib.sha256(b"").hexdigest()
_SAFE = "-_.~"


@dataclass(frozen=True)
class Keys:
    """Credentials of S3."""

    access: str
    secret: str
    token: str = ""


@dataclass(frozen=True)
class Bucket:
    """A bucket and the server that holds it.

    Attributes
    ----------
    name
        Of the bucket.
    endpoint
        Address of the server, without a slash at its end; empty for Amazon's.
    region
        Empty where it is not known.
    """

    name: str
    endpoint: str = ""
    region: str = ""

    @classmethod
    def from_environment(cls, name: str) -> Bucket:
        """The bucket of a name where the environment says that it lies."""
        named = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
        return cls(name, named.rstrip("/"), region)

    def url(self, key: str) -> str:
        """Web address of a key."""
        if self.endpoint:
            start = f"{self.endpoint}/{self.name}"
        else:
            place = f"s3.{self.region}" if self.region else "s3"
            dotted = "." in self.name  # no certificate is for such a host
            host = f"{place}.amazonaws.com/{self.name}" if dotted else f"{self.name}.{place}.amazonaws.com"
            start = f"https://{host}"
        return f"{start}/{quote(key, safe=f'/{_SAFE}')}"


def find_keys() -> Keys | None:
    """Credentials from the environment or the user's file, None if there are none or they are not wanted."""
    if os.environ.get("AWS_NO_SIGN_REQUEST", "").lower() in ("1", "yes", "true"):
        return None
    access, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if access and secret:
        return Keys(access, secret, os.environ.get("AWS_SESSION_TOKEN", ""))
    file = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or Path.home() / ".aws" / "credentials")
    profiles = configparser.RawConfigParser()
    try:
        profiles.read(file, encoding="utf-8")
        one = dict(profiles[os.environ.get("AWS_PROFILE") or "default"])
    except (configparser.Error, KeyError, UnicodeDecodeError, OSError):
        return None
    access, secret = one.get("aws_access_key_id"), one.get("aws_secret_access_key")
    return Keys(access, secret, one.get("aws_session_token", "")) if access and secret else None


def signed(
    url: str, headers: Mapping[str, str], keys: Keys, region: str, now: datetime.datetime | None = None
) -> dict[str, str]:
    """Headers of a GET request, with those that sign it.

    Parameters
    ----------
    url
        As it is asked for.
    headers
        Others that are sent.
    keys, region
        Whose, and where.
    now
        In UTC; by default the present.
    """
    parts = urlsplit(url)
    stamp = (now or datetime.datetime.now(datetime.UTC)).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region or DEFAULT_REGION}/s3/aws4_request"
    sent = {**headers, "x-amz-content-sha256": NO_BODY, "x-amz-date": stamp}
    if keys.token:
        sent["x-amz-security-token"] = keys.token
    covered = {name.lower(): value.strip() for name, value in {**sent, "host": parts.netloc}.items()}
    names = ";".join(sorted(covered))
    query = "&".join(
        f"{quote(name, safe=_SAFE)}={quote(value, safe=_SAFE)}"
        for name, value in sorted(parse_qsl(parts.query, keep_blank_values=True))
    )
    lines = [f"{name}:{covered[name]}" for name in sorted(covered)]
    request = "\n".join(["GET", parts.path or "/", query, *lines, "", names, NO_BODY])
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{keys.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    who = f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope},SignedHeaders={names},Signature={signature}"
    return {**sent, "Authorization": who}
