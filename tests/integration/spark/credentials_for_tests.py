"""What a job's own module gives Spark's workers: a provider of credentials, which finds them where it likes."""

from __future__ import annotations

import os

from dynamics_portal import EnvironmentCredentialProvider, StaticCredentialProvider


def provider() -> EnvironmentCredentialProvider:
    return EnvironmentCredentialProvider()


def wrong() -> StaticCredentialProvider:
    return StaticCredentialProvider(
        tenant_id=os.environ["DYNAMICS_TENANT_ID"], client_id=os.environ["DYNAMICS_CLIENT_ID"], client_secret="wrong"
    )
