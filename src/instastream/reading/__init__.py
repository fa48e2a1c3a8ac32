"""What readers see, from what this process keeps in memory and what has just changed."""
