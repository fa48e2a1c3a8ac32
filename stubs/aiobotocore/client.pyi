from typing import Any

class AioBaseClient:
    async def _make_api_call(self, operation_name: str, api_params: Any) -> Any: ...
