import os
import socket

import pytest

from course_lib.data import digits, mnist


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    """No loader may open a connection: any socket is an error."""

    def refuse(*args, **kwargs):
        raise AssertionError("a loader opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


@pytest.fixture
def sample_only(monkeypatch):
    """MNIST as on a machine where no full set is configured."""
    monkeypatch.delenv("COURSE_MNIST", raising=False)


@pytest.fixture
def full_mnist():
    folder = os.environ.get("COURSE_MNIST")
    if not folder:
        pytest.skip("COURSE_MNIST names no folder with the full MNIST")
    return folder


@pytest.fixture(params=["digits", "mnist"])
def loader(request, sample_only):
    return {"digits": digits, "mnist": mnist}[request.param]
