"""`arkwright report`: writes a page, and drawings where asked."""

from arkwright.cli import main

TEXT = "factory: odd\nsites: {here: {country: NO, halls: {h1: {system: dgx-h100, nodes: 8}}}}\n"


def test_a_page_and_its_drawings(tmp_path, capsys):
    file, out = tmp_path / "odd.yaml", tmp_path / "odd.html"
    file.write_text(TEXT)
    words = ["report", str(file), "-o", str(out), "--start", "2026-12-01"]
    assert main([*words, "--drawings", str(tmp_path / "svg")]) == 0
    assert f"wrote {out}: odd: 64 GPUs at 1 site" in capsys.readouterr().out
    assert out.read_text("utf-8").startswith("<!doctype html>")
    assert "from 2026-12-01" in out.read_text("utf-8")
    names = {path.name for path in (tmp_path / "svg").iterdir()}
    assert {"hall-here-h1.svg", "here-schedule.svg", "rack-dgx-h100.svg"} <= names


def test_a_broken_file_writes_nothing(tmp_path, capsys):
    file, out = tmp_path / "odd.yaml", tmp_path / "odd.html"
    file.write_text(TEXT.replace("dgx-h100", "dgx-h101"))
    assert main(["report", str(file), "-o", str(out)]) == 2
    assert "did you mean dgx-h100" in capsys.readouterr().err
    assert not out.exists()
