"""Photographs for the demo, the tests and the benches; LICENSES.md names their authors."""
