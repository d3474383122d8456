"""Which bucket, at which endpoint, with which credentials."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deeplake.errors import CredentialsError, ModuleNotInstalledException

# Names that boto3's users know -> obstore's.
_OPTIONS = {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
    "endpoint_url": "endpoint",
    "aws_region": "region",
    "region": "region",
    "region_name": "region",
}
_OTHERS = ("anon", "profile_name", "virtual_hosted_style", "credential_provider", "timeout",
           "connect_timeout", "answer_timeout", "max_retries", "allow_http", "config")  # fmt: skip
CONNECT_TIMEOUT = 2.5
TIMEOUT = 60.0
ANSWER_TIMEOUT = 7.0
"""Seconds for the first answer; a silent server is called so within ten."""
MAX_RETRIES = 5
RETRY_SECONDS = 6.0
"""No try begins later than this after the first: where nobody answers, it is said within ten seconds."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Makes obstore's store of a bucket; holds plain values, so that it can be pickled.

    ``creds`` may have ``aws_access_key_id``, ``aws_secret_access_key``, ``aws_session_token``,
    ``endpoint_url``, ``aws_region`` (or ``region``); ``profile_name``: a profile of the shared
    configuration of AWS (needs boto3); ``anon``: True sends no credentials; ``credential_provider``: a
    function without arguments that returns ``access_key_id``, ``secret_access_key``, ``token`` and
    ``expires_at`` (an aware datetime), called again when they expire; ``virtual_hosted_style``: True
    puts the bucket into the host's name; ``connect_timeout``, ``answer_timeout`` and ``timeout``:
    seconds; ``max_retries``.

    Attributes:
        bucket: Its name.
        prefix: Folder in it, without slashes around it.
        options: Options of obstore's store.
        profile: Profile of the shared configuration, or empty.
        provider: Function that gives credentials.
        connect_timeout, timeout: Seconds to connect, and for a request.
        answer_timeout: Seconds for the first answer of the server, and between two parts of it.
        max_retries: Of each request, after connections that failed and answers 429 and 5xx.
    """

    bucket: str
    prefix: str
    options: Mapping[str, Any] = field(repr=False)
    profile: str = ""
    provider: Callable[[], Mapping[str, Any]] | None = None
    connect_timeout: float = CONNECT_TIMEOUT
    timeout: float = TIMEOUT
    answer_timeout: float = ANSWER_TIMEOUT
    max_retries: int = MAX_RETRIES

    @classmethod
    def of(cls, bucket: str, prefix: str, creds: Mapping[str, Any] | str | None) -> Bucket:
        """What a user passed as ``creds``, checked.

        Raises:
            CredentialsError: Unknown or unfit entries; values are never shown.
        """
        if isinstance(creds, str):
            if creds != "ENV":
                raise CredentialsError(
                    "creds of an S3 path is a dict, or 'ENV' for those of the environment; not a str"
                )
            creds = None
        given = dict(creds or {})
        unknown = sorted(set(given) - set(_OPTIONS) - set(_OTHERS))
        if unknown:
            raise CredentialsError(
                f"creds of an S3 path has unknown keys {', '.join(map(repr, unknown))}; known are "
                f"{', '.join(sorted({*_OPTIONS, *_OTHERS}))}"
            )
        options = {_OPTIONS[key]: str(given[key]) for key in _OPTIONS if given.get(key) is not None}
        if ("access_key_id" in options) != ("secret_access_key" in options):
            raise CredentialsError(
                "creds of an S3 path needs both aws_access_key_id and aws_secret_access_key"
            )
        if given.get("anon"):
            options["skip_signature"] = "true"
        if given.get("virtual_hosted_style"):
            options["virtual_hosted_style_request"] = "true"
        return cls(
            bucket,
            prefix,
            options,
            profile=given.get("profile_name") or "",
            provider=given.get("credential_provider"),
            connect_timeout=float(given.get("connect_timeout") or CONNECT_TIMEOUT),
            timeout=float(given.get("timeout") or TIMEOUT),
            answer_timeout=float(given.get("answer_timeout") or ANSWER_TIMEOUT),
            max_retries=int(given.get("max_retries", MAX_RETRIES)),
        )

    def __call__(self) -> Any:
        """Obstore's store."""
        from obstore.store import S3Store

        options: dict[str, Any] = dict(self.options)
        if not _has_keys(options):
            options.update(_from_environment())
        endpoint = options.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get(
            "AWS_ENDPOINT_URL", ""
        )  # fmt: skip
        if endpoint:
            options["endpoint"] = endpoint
        client: Any = {
            "connect_timeout": timedelta(seconds=self.connect_timeout),
            "read_timeout": timedelta(seconds=self.answer_timeout),
            "timeout": timedelta(seconds=self.timeout),
        }
        if endpoint.startswith("http://"):
            client["allow_http"] = True
        provider: Any = self.provider
        if self.profile:
            provider = _from_profile(self.profile)
        elif provider is None and not _has_keys(options):
            provider = _from_files()
            if provider is not None and "region" not in options and provider.region:
                options["region"] = provider.region
        return S3Store(
            self.bucket,
            prefix=self.prefix or None,
            client_options=client,
            retry_config={
                "max_retries": self.max_retries,
                "retry_timeout": timedelta(seconds=RETRY_SECONDS),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=5),
                    "base": 2,
                },
            },
            credential_provider=provider,
            **options,
        )


def _has_keys(options: Mapping[str, Any]) -> bool:
    return "access_key_id" in options or "skip_signature" in options


def _from_environment() -> dict[str, str]:
    """The region that the environment names by the name that obstore does not look at."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return {"region": region} if region else {}


def _from_files() -> Profile | None:
    """A provider for the profile that AWS's own files and environment say is the one to use.

    obstore looks at the environment and the machine's role, and not at these files.
    """
    if "AWS_ACCESS_KEY_ID" in os.environ or "AWS_WEB_IDENTITY_TOKEN_FILE" in os.environ:
        return None
    files = (
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials",
        os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config",
    )
    if not any(Path(file).expanduser().is_file() for file in files):
        return None
    name = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    if name:
        return _from_profile(name)
    if find_spec("boto3") is None:
        return None
    import boto3

    # By its name: a session without one would ask the machine for a role where the files have nothing.
    if "default" not in boto3.Session().available_profiles:
        return None
    found = _from_profile("default")
    return found if found.has_credentials else None


class Profile:
    """Credentials of a profile of AWS's configuration, as obstore asks for them.

    Attributes:
        region: Its region, or None.
    """

    def __init__(self, name: str, session: Any) -> None:
        self.region = session.region_name
        self._name = name
        self._found = session.get_credentials()

    @property
    def has_credentials(self) -> bool:
        """Whether it has any."""
        return self._found is not None

    def __call__(self) -> Mapping[str, Any]:
        """What obstore asks for.

        Raises:
            CredentialsError: There are none.
        """
        if self._found is None:
            raise CredentialsError(
                f"the profile {self._name!r} of the AWS configuration has no credentials"
            )
        frozen = self._found.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + timedelta(minutes=10),
        }


def _from_profile(name: str) -> Profile:
    """A provider for a profile; boto3 knows all the ways in which one gives credentials."""
    try:
        import boto3
    except ImportError as error:
        raise ModuleNotInstalledException(
            "creds with profile_name needs boto3: pip install boto3"
        ) from error
    from botocore.exceptions import ProfileNotFound
    from botocore.session import get_session

    try:
        session = boto3.Session(profile_name=name)
    except ProfileNotFound as error:
        known = ", ".join(map(repr, get_session().available_profiles)) or "none"
        raise CredentialsError(
            f"the AWS configuration has no profile {name!r}; there are {known}: correct "
            "profile_name, or run `aws configure`"
        ) from error
    return Profile(name, session)


__all__ = ["Bucket"]
