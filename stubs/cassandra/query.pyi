from collections.abc import Sequence

class BoundStatement:
    is_idempotent: bool

class PreparedStatement:
    def bind(self, values: Sequence[object]) -> BoundStatement: ...
