"""The same job done by others, each in a process of its own.

A rival is started with what to make as JSON, reads `photograph TAB folder` lines, writes a WebP for
each variant into the folder, and answers each line with the CPU seconds it took.
"""
