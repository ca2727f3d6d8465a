"""`python -m host.cli`, for where `host` is another program."""

from host.cli import main

main()
