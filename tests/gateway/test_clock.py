"""The gateway's clocks: one look at all of them, or at those that somebody has to do with."""

from gateway.clock import SystemClock
from grid_functions.model.instants import ClockQuality, UpstreamTime


def ahead(by_s: float) -> UpstreamTime:
    return UpstreamTime(by_s, ClockQuality.SYNCHRONISED)


def test_a_look_shows_every_upstream_that_is_followed() -> None:
    clock = SystemClock()
    clock.follow({"a": lambda mono_s: ahead(mono_s + 1.0), "b": lambda mono_s: ahead(mono_s + 2.0)})
    now = clock.now()
    assert now.upstream == {"a": ahead(now.mono_s + 1.0), "b": ahead(now.mono_s + 2.0)}


def test_a_part_shows_its_own_upstreams_and_asks_no_other() -> None:
    def refuse(mono_s: float) -> UpstreamTime:
        raise AssertionError("asked for the time of an upstream that was not looked at")

    clock = SystemClock()
    clock.follow({"a": lambda mono_s: ahead(mono_s + 1.0), "b": refuse})
    now = clock.showing("a").now()
    assert now.upstream == {"a": ahead(now.mono_s + 1.0)}
    assert clock.showing().now().upstream == {}


def test_a_part_follows_what_the_whole_follows_later() -> None:
    clock = SystemClock()
    part = clock.showing("a", "b")
    assert part.now().upstream == {}
    clock.follow({"a": lambda mono_s: ahead(7.0)})
    assert part.now().upstream == {"a": ahead(7.0)}
    clock.follow({"b": lambda mono_s: ahead(8.0)})
    assert part.now().upstream == {"b": ahead(8.0)}
