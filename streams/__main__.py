"""`python -m streams` is the command `faust`; whoever stops it while it loads sees no traceback."""

import runpy
import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the worker listens to it
runpy.run_module("faust", run_name="__main__", alter_sys=True)
