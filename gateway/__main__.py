"""``python -m gateway`` is the command ``osed``."""

from gateway.cli.app import main

main()
