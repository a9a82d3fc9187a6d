"""The command ``osed``, used as from a shell but in this process."""

import pytest

from gateway.cli.app import main


def osed(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command."""
    code = 0
    try:
        main([str(one) for one in arguments])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    told = capsys.readouterr()
    return code, told.out, told.err
