from contextlib import AbstractAsyncContextManager
from typing import Any

from aiobotocore.config import AioConfig

class AioSession:
    def get_config_variable(self, logical_name: str) -> str | None: ...
    def create_client(
        self,
        service_name: str,
        *,
        region_name: str | None = ...,
        endpoint_url: str | None = ...,
        aws_access_key_id: str | None = ...,
        aws_secret_access_key: str | None = ...,
        aws_session_token: str | None = ...,
        config: AioConfig | None = ...,
    ) -> AbstractAsyncContextManager[Any]: ...

def get_session() -> AioSession: ...
