"""The stream processors: one small file each, `faust -A streams.NAME worker`."""
