class Graph:
    @classmethod
    def Static_Power_Law(
        cls,
        n: int,
        m: int,
        exponent_out: float,
        exponent_in: float = ...,
        allowed_edge_types: str = ...,
    ) -> Graph: ...
