"""Lists in pages: s, l and a, with `all` and `results` exact. Source: IEEE 2030.5-2018, clause 6.7.2."""

import pytest

from tests.protocols.ieee2030_5.desk.talk import NOON, Talk, add_control, with_alice


@pytest.fixture
def talk() -> Talk:
    """Five controls of a minute each, from 12:10, 12:20 ... 12:50."""
    talk = with_alice()
    for count in range(1, 6):
        add_control(talk, start_s=NOON + 600 * count, duration_s=60)
    return talk


def page(talk: Talk, query: str) -> tuple[str | None, str | None, list[int]]:
    found = talk.get(f"/derp/1/derc{query}")
    starts = talk.texts(f"/derp/1/derc{query}", "//s:interval/s:start")
    return found.get("all"), found.get("results"), [(int(start) - NOON) // 600 for start in starts]


@pytest.mark.parametrize(
    ("query", "results", "items"),
    [
        ("", "1", [1]),  # without l it is one item
        ("?s=2", "1", [3]),
        ("?l=2", "2", [1, 2]),
        ("?s=3&l=10", "2", [4, 5]),
        ("?s=1&l=3", "3", [2, 3, 4]),
        ("?l=0", "0", []),
        ("?s=5&l=10", "0", []),  # just past the end
        ("?s=4294967295", "0", []),
        ("?l=4294967295", "5", [1, 2, 3, 4, 5]),
        ("?x=1&y", "1", [1]),  # names of others are passed over
    ],
)
def test_a_page_has_what_was_asked_and_says_how_much(talk: Talk, query: str, results: str, items: list[int]) -> None:
    assert page(talk, query) == ("5", results, items)


def test_after_a_time_only_later_items_count(talk: Talk) -> None:
    assert page(talk, f"?l=9&a={NOON + 1200}") == ("3", "3", [3, 4, 5])
    assert page(talk, f"?s=1&l=9&a={NOON + 1200}") == ("3", "2", [4, 5])


@pytest.mark.parametrize(
    "query",
    [
        "s=-1",
        "l=-1",
        "a=-1",
        "s=x",
        "l=",
        "l=1.0",
        "l=0x10",
        "l=%20",
        "l=1&l=2",
        "l=4294967296",
        "s=99999999999999999999",
        "l=١",
    ],
)
@pytest.mark.parametrize(
    "path", ["/edev", "/edev/1/fsa", "/edev/1/fsa/1/derp", "/derp/1/derc", "/rsps/1/rsp", "/mup", "/edev/1/lel"]
)
def test_a_query_that_is_no_number_is_400(talk: Talk, path: str, query: str) -> None:
    assert talk.ask("GET", f"{path}?{query}").status == 400


def test_a_flood_of_query_parameters_is_400(talk: Talk) -> None:
    assert talk.ask("GET", "/edev?" + "&".join(f"x{one}=1" for one in range(1000))).status == 400


def test_no_page_is_longer_than_the_cap_and_reading_on_gets_all() -> None:
    talk = with_alice()
    for count in range(501):
        add_control(talk, start_s=NOON + 60 * count, duration_s=60)
    first, rest = page(talk, "?l=1000"), page(talk, "?s=500&l=1000")
    assert (first[0], first[1], rest[1]) == ("501", "500", "1")


def test_every_list_is_empty_past_its_end(talk: Talk) -> None:
    for path in (
        "/edev",
        "/edev/1/fsa",
        "/edev/1/fsa/1/derp",
        "/edev/1/der",
        "/rsps",
        "/rsps/1/rsp",
        "/mup",
        "/edev/1/lel",
        "/derp/1/dc",
    ):
        found = talk.get(f"{path}?s=100&l=10")
        assert found.get("results") == "0"
        assert len(found) == 0
