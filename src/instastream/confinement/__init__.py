"""What a process that reads hostile files may do: next to nothing."""
