"""docs/utility-server.md: every example is carried out, in its order, and every setting, trick and route stands there."""

import json
import re
import shlex
from itertools import pairwise
from pathlib import Path

from protocols.ieee2030_5.desk import admin
from protocols.ieee2030_5.desk.mischief import TRICKS
from protocols.ieee2030_5.desk.records import Settings
from tests.protocols.ieee2030_5.desk.talk import Talk

PAGE = (Path(__file__).parents[3] / "docs/utility-server.md").read_text()
EXAMPLES = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


def test_every_example_does_what_it_says() -> None:
    """One server, from the first example to the last; the order is the page's."""
    talk = Talk()
    for example in EXAMPLES:
        method, path, body = spoken(example)
        status, answer = talk.tell(method, path, body)
        assert status < 300, (example, answer)
    assert len(EXAMPLES) > 30


def spoken(example: str) -> tuple[str, str, bytes]:
    """Method, path and body of what curl would send."""
    words = shlex.split(example)
    options = dict(pairwise(words))
    assert (words[0], options["-H"]) == ("curl", "@auth")
    (path,) = (word.removeprefix("$ADMIN") for word in words if word.startswith("$ADMIN"))
    body = options.get("-d", "")
    if body:
        json.loads(body)
    return options.get("-X", "POST" if body else "GET"), path, body.encode()


def test_every_setting_and_every_trick_stands_there() -> None:
    """The seed is drawn once and nobody's to set."""
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert set(Settings.__slots__) - {"seed"} <= named
    assert named >= TRICKS


def test_every_route_is_shown() -> None:
    """By the table at the head of the module, which lists them; what the page shows must be among them."""
    listed = set(re.findall(r"(/[a-zN/]+) (?:GET|POST|DELETE)", admin.__doc__ or ""))
    shown = {re.sub(r"/\d+", "/N", spoken(one)[1].partition("?")[0]) for one in EXAMPLES}
    assert shown <= listed
    assert listed - shown <= {"/fsas/N", "/curves/N", "/controls", "/mirrors/N", "/mirrors/N/values"}
