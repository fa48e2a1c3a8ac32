from collections.abc import Sequence

from cassandra.policies import RetryPolicy

class BoundStatement:
    is_idempotent: bool
    retry_policy: RetryPolicy | None
    consistency_level: int

class PreparedStatement:
    def bind(self, values: Sequence[object]) -> BoundStatement: ...
