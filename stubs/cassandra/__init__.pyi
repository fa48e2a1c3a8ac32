class ConsistencyLevel:
    LOCAL_QUORUM: int
    LOCAL_SERIAL: int

class DriverException(Exception): ...
