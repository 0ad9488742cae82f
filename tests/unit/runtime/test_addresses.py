import pytest

from sagewright.runtime import addresses


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Addresses something listens on."""
    listening: set[str] = set()
    monkeypatch.setattr(addresses, "can_bind", lambda address, port: address not in listening)
    return listening


def test_the_same_seed_gets_the_same_address(busy: set[str]) -> None:
    first = addresses.allocate("/data/work/a", ())
    assert addresses.allocate("/data/work/a", ()) == first
    assert addresses.allocate("/data/work/b", ()) != first
    assert first.startswith("127.")
    assert not first.startswith(("127.0.", "127.255."))


def test_taken_and_busy_ones_are_passed_over(busy: set[str]) -> None:
    first = addresses.allocate("a", ())
    busy.add(first)
    second = addresses.allocate("a", ())
    third = addresses.allocate("a", {second})
    assert len({first, second, third}) == 3


def test_a_port_taken_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "can_bind", lambda address, port: False)
    with pytest.raises(OSError, match="port 8080"):
        addresses.allocate("a", ())
