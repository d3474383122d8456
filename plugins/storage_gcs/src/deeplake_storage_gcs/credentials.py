"""Which bucket, at which endpoint, with which credentials."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from deeplake.errors import CredentialsError, GCSDefaultCredsNotFoundError

SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
CONNECT_TIMEOUT = 2.5
TIMEOUT = 60.0
ANSWER_TIMEOUT = 7.0
"""Seconds for the first answer; a silent server is called so within ten."""
MAX_RETRIES = 5
RETRY_SECONDS = 6.0
"""No try begins later than this after the first: where nobody answers, it is said within ten seconds."""

_DEFAULT = ("google_default", "cache", "ENV")
_KNOWN = ("endpoint_url", "gcs_oauth_token", "project_id", "project", "token", "timeout",
          "connect_timeout", "answer_timeout", "max_retries")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bucket:
    """Makes the clients of a bucket; holds plain values, so that it can be pickled.

    ``creds`` is one of:

    * None, ``"google_default"``, ``"cache"`` or ``"ENV"``: the application's default credentials;
    * ``"anon"``: none, for public buckets;
    * a path to the JSON file of a service account, or its contents as a dict;
    * a dict with ``gcs_oauth_token`` (an access token), or ``token``: any of the above; and maybe
      ``project_id``, ``endpoint_url`` (an emulator), ``connect_timeout``, ``answer_timeout`` and
      ``timeout`` (seconds), ``max_retries``.

    Attributes:
        bucket: Its name.
        prefix: Folder in it, without slashes around it.
        kind: ``"default"``, ``"anonymous"``, ``"account"`` or ``"token"``.
        account: What the file of a service account has in it.
        access_token: An OAuth token.
        project: Project, or empty.
        endpoint: Address of an emulator, or empty.
        connect_timeout, timeout: Seconds to connect, and for a request.
        answer_timeout: Seconds for the first answer of the server, and between two parts of it.
        max_retries: Of each request.
    """

    bucket: str
    prefix: str
    kind: str
    account: Mapping[str, Any] = field(default_factory=dict, repr=False)
    access_token: str = field(default="", repr=False)
    project: str = ""
    endpoint: str = ""
    connect_timeout: float = CONNECT_TIMEOUT
    timeout: float = TIMEOUT
    answer_timeout: float = ANSWER_TIMEOUT
    max_retries: int = MAX_RETRIES

    @classmethod
    def of(cls, bucket: str, prefix: str, creds: Mapping[str, Any] | str | None) -> Bucket:
        """What a user passed as ``creds``, checked.

        Raises:
            CredentialsError: Of no form that is known; values are never shown.
        """
        if isinstance(creds, Mapping) and creds.get("type") != "service_account":
            given = dict(creds)
            unknown = sorted(set(given) - set(_KNOWN))
            if unknown:
                raise CredentialsError(
                    f"creds of a GCS path has unknown keys {', '.join(map(repr, unknown))}; known are "
                    f"{', '.join(_KNOWN)}, or pass the contents of a service account's file"
                )
            found = cls._identity(bucket, prefix, given.get("token"), given.get("gcs_oauth_token"))
            return cls(
                bucket,
                prefix,
                found.kind,
                found.account,
                found.access_token,
                str(given.get("project_id") or given.get("project") or found.project),
                str(given.get("endpoint_url") or ""),
                float(given.get("connect_timeout") or CONNECT_TIMEOUT),
                float(given.get("timeout") or TIMEOUT),
                float(given.get("answer_timeout") or ANSWER_TIMEOUT),
                int(given.get("max_retries", MAX_RETRIES)),
            )
        return cls._identity(bucket, prefix, creds, None)

    @classmethod
    def _identity(cls, bucket: str, prefix: str, given: Any, access_token: Any) -> Bucket:
        if access_token:
            return cls(bucket, prefix, "token", access_token=str(access_token))
        if given is None or given in _DEFAULT:
            return cls(bucket, prefix, "default")
        if given == "anon":
            return cls(bucket, prefix, "anonymous")
        if given == "browser":
            raise CredentialsError(
                "creds='browser' is not supported: run `gcloud auth application-default login` once, "
                "and pass nothing"
            )
        if isinstance(given, Mapping):
            account = dict(given)
        elif isinstance(given, (str, Path)):
            account = _read(Path(given).expanduser())
        else:
            raise CredentialsError(
                f"creds of a GCS path is a path, a dict or a name, not a {type(given).__name__}"
            )
        if account.get("type") != "service_account":
            raise CredentialsError(
                "what was given as credentials is not the file of a service account (its 'type' is "
                f"{account.get('type')!r})"
            )
        return cls(bucket, prefix, "account", account, project=str(account.get("project_id") or ""))

    @property
    def temporary(self) -> bool:
        """Whether the credentials are a token that ends by itself."""
        return self.kind == "token"

    def google(self) -> Any:
        """Credentials as Google's libraries take them; None for none.

        Raises:
            GCSDefaultCredsNotFoundError: The environment has none.
        """
        import google.auth
        import google.auth.exceptions
        import google.oauth2.credentials
        from google.oauth2 import service_account

        if self.kind == "anonymous":
            return None
        if self.kind == "token":
            return google.oauth2.credentials.Credentials(self.access_token)  # type: ignore[no-untyped-call]
        if self.kind == "account":
            try:
                return service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
                    dict(self.account), scopes=[SCOPE]
                )
            except ValueError as error:
                raise CredentialsError(
                    f"the file of the service account is not complete: {error}"
                ) from error
        try:
            found, _ = google.auth.default(scopes=[SCOPE])
        except google.auth.exceptions.DefaultCredentialsError as error:
            raise GCSDefaultCredsNotFoundError(
                "no Google credentials were found: run `gcloud auth application-default login`, set "
                "GOOGLE_APPLICATION_CREDENTIALS, pass creds=, or creds='anon' for a public bucket"
            ) from error
        return found

    def __call__(self) -> Any:
        """Obstore's store, for reading and signing."""
        from obstore.store import GCSStore

        options: dict[str, Any] = {}
        client: Any = {
            "connect_timeout": timedelta(seconds=self.connect_timeout),
            "read_timeout": timedelta(seconds=self.answer_timeout),
            "timeout": timedelta(seconds=self.timeout),
        }
        if self.endpoint:
            # Without this, obstore would ask the network's metadata server for a token.
            emulator = {
                "gcs_base_url": self.endpoint, "disable_oauth": True, "client_email": "",
                "private_key": "", "private_key_id": "",
            }  # fmt: skip
            options["service_account_key"] = json.dumps(emulator)
            client["allow_http"] = self.endpoint.startswith("http://")
        elif self.kind == "anonymous":
            options["skip_signature"] = True
        elif self.kind == "account":
            self.google()  # says what is missing
            options["service_account_key"] = json.dumps(dict(self.account))
        else:
            from obstore.auth.google import GoogleCredentialProvider

            options["credential_provider"] = GoogleCredentialProvider(credentials=self.google())
        return GCSStore(
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
            **options,
        )

    def writer(self) -> Any:
        """Google's own bucket, for writing: it sends conditions that every server honours."""
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage

        known = self.google() if not self.endpoint else None
        client = storage.Client(
            project=self.project or "unknown",
            credentials=known or AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": self.endpoint} if self.endpoint else None,
        )
        return client.bucket(self.bucket)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CredentialsError(f"there is no file of credentials {str(path)!r}") from error
    except (OSError, ValueError) as error:
        raise CredentialsError(f"the file of credentials {str(path)!r} cannot be read") from error
    if not isinstance(found, dict):
        raise CredentialsError(f"the file of credentials {str(path)!r} holds no JSON object")
    return found


__all__ = ["Bucket"]
