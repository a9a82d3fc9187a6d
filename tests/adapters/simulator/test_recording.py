"""The record: seconds and writes, in memory and as CSV."""

from pathlib import Path

from adapters.simulator.recording import Recorder
from adapters.simulator.registers import BASE, Refusal
from adapters.simulator.site import advance, write
from tests.adapters.simulator.situations import site


def test_rows_in_memory_and_in_files(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run")
    now, seconds = advance(site(10.0), 12.0)
    recorder.passed(seconds)
    point = next(p for p in now.image("old").points if p.key == (123, "WMaxLimPct"))
    outcome = write(now, "old", BASE + point.offset, [2550])
    assert not isinstance(outcome, Refusal)
    recorder.applied(outcome[1])

    dump = recorder.dump(-1.0)
    assert dump["meter"] == [[11.0, -12000.0], [12.0, -12000.0]]
    assert dump["writes"] == [[12.0, "old", 123, "WMaxLimPct", 25.5]]
    assert [11.0, "old", 103, "W", 5000.0] in dump["samples"]
    assert recorder.dump(11.0)["meter"] == [[12.0, -12000.0]]

    files = {p.name: p.read_text().splitlines() for p in (tmp_path / "run").iterdir()}
    assert files["meter.csv"] == ["t_s,w", "11.0,-12000.0", "12.0,-12000.0"]
    assert files["writes.csv"] == ["t_s,device,model,point,value", "12.0,old,123,WMaxLimPct,25.5"]
    assert "11.0,meter,203,W,-12000.0" in files["samples.csv"]


def test_memory_alone_needs_no_folder() -> None:
    recorder = Recorder()
    recorder.passed(advance(site(), 3.0)[1])
    assert len(recorder.meter) == 3
