"""Videos for the demo and the tests; LICENSES.md names whose photographs they show."""
