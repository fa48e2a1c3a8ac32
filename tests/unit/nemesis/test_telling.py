"""What many rounds came to, told by fault."""

from msgspec.structs import replace

from instastream.load.checks.violations import Violation
from instastream.load.reporting.reports import Spread
from instastream.load.reporting.spreads import Spreads
from tests.nemesis.playing import Outcome
from tests.nemesis.schedule import rounds
from tests.nemesis.telling import told

KILL, PAUSE = rounds(1, ["kill-api", "pause-api"])


def load(*, ok: int, failed: int) -> Spread:
    return replace(Spreads().all(), count=ok + failed, ok=ok, failed=failed)


def test_the_rounds_of_a_fault_are_told_together() -> None:
    broken = Violation("lag", "A worker lags.", {})
    outcomes = [
        Outcome(round=KILL, violations=[], recovery_s=2.0, took_s=1, load=load(ok=9, failed=1)),
        Outcome(round=PAUSE, violations=[broken], took_s=1, load=None),
        Outcome(round=KILL, violations=[], recovery_s=4.0, took_s=1, load=load(ok=10, failed=0)),
    ]
    kill, pause = told(outcomes)
    assert (kill.fault, kill.runs, kill.violations) == ("kill-api", 2, 0)
    assert (kill.recovery_s, kill.recovery_s_max) == (3.0, 4.0)
    assert (kill.operations, kill.ok, kill.failed) == (20, 19, 1)
    assert (pause.runs, pause.violations, pause.recovery_s) == (1, 1, 0.0)
