"""The real servers without Docker, root or Java on the machine: installed, run, supervised."""
