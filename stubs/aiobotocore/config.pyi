from collections.abc import Mapping

class AioConfig:
    def __init__(
        self,
        *,
        signature_version: str = ...,
        s3: Mapping[str, str] = ...,
        connect_timeout: float = ...,
        read_timeout: float = ...,
        retries: Mapping[str, object] = ...,
        request_checksum_calculation: str = ...,
        response_checksum_validation: str = ...,
    ) -> None: ...
    def merge(self, other_config: AioConfig) -> AioConfig: ...
