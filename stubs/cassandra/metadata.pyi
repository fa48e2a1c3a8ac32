class Murmur3Token:
    value: int
    @classmethod
    def from_key(cls, key: bytes) -> Murmur3Token: ...
