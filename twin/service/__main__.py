"""``python -m twin.service`` is the command line ``twin``."""

from twin.service.cli import main

main()
