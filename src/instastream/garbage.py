"""How often a long-running process looks for cycles of objects that refer to each other."""

import gc

OBJECTS = 50_000  # made between two looks: those of tens of requests, or of a batch of events


def collect_rarely() -> None:
    """Look at what is made from now on, and only where much of it has stayed.

    What waits in a worker's batches, or is cached for readers, would be looked at each time.
    """
    gc.collect()
    gc.freeze()  # what is imported stays
    gc.set_threshold(OBJECTS)
