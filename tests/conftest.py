import pytest


@pytest.fixture
def fixed_seed():
    """Let a test draw the same random numbers on every run, and leave the global state alone."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
