import pytest

from tests.local.terminal import Terminal


@pytest.mark.stack
def test_the_demo_keeps_its_promises(terminal: Terminal) -> None:
    demo = terminal.run("demo")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "4 of 4 files attached, byte for byte" in demo.stdout
    assert "names no task" in demo.stdout
    assert "send files from a page of their own" in demo.stdout
    assert "things that a sound client does not do: none" in demo.stdout
