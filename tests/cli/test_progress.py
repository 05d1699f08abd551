"""The bar of a long run, and what Ctrl-C does before and while there is something to keep."""

import signal

import pytest

from arkwright.cli.progress import Progress, bar


def test_the_bar_says_how_long_the_rest_takes_at_the_pace_so_far():
    assert bar("week", 0.0, 0.0) == f"week  {'░' * 24}   0%"
    assert bar("week", 0.25, 10.0) == f"week  {'█' * 6}{'░' * 18}  25%  30 s left"
    assert bar("year", 0.1, 60.0).endswith(" 10%  9 min left")
    assert bar("year", 1.2, 60.0).endswith("100%  0 s left")


def test_nothing_is_shown_where_nobody_looks(capsys):
    with Progress("week") as progress:
        progress.told(0.5)
    assert capsys.readouterr() == ("", "")


def test_ctrl_c_while_a_run_tells_ends_it_at_its_next_word():
    with Progress("week") as progress:
        progress.told(0.1)
        signal.raise_signal(signal.SIGINT)
        assert progress.is_stopped
        with pytest.raises(KeyboardInterrupt):
            progress.told(0.2)


def test_ctrl_c_before_a_run_has_told_anything_interrupts_at_once():
    with Progress("week") as progress:
        progress.begin("another")
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_pressed_twice_it_interrupts_wherever_it_falls():
    with Progress("week") as progress:
        progress.told(0.1)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_afterwards_ctrl_c_means_what_it_did_before():
    before = signal.getsignal(signal.SIGINT)
    with Progress("week"):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
