import numpy as np
import pytest
import torch

from course_lib.data.pixels import as_images, dequantise


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_binary_is_strictly_above_the_threshold_and_grey_is_the_level():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 8, 32)
    grey, binary = as_images(levels, "grey", 127), as_images(levels, "binary", 127)
    assert grey.shape == binary.shape == (1, 1, 8, 32)
    assert grey.dtype == binary.dtype == torch.float32
    assert torch.equal(grey.flatten(), torch.arange(256.0))
    assert torch.equal(binary, (grey >= 128).float())


def test_every_level_keeps_its_own_unit_interval():
    # float32 has few digits left above 128: enough noise finds the sums that would round up
    x = torch.arange(256.0).repeat(20_000, 1)
    y = dequantise(x, seeded())
    assert (x + torch.rand(x.shape, generator=seeded()) >= x + 1).any()
    assert torch.equal(y.floor(), x)


def test_the_noise_is_uniform_on_one_grey_level():
    x = torch.full((200_001,), 7.0, dtype=torch.float64)
    noise = dequantise(x, seeded()) - x
    place = torch.arange(1, len(x) + 1) / len(x)
    # Kolmogorov-Smirnov: 1.95 / sqrt(n) is exceeded by chance once in a thousand seeds
    assert (noise.sort().values - place).abs().max() < 1.95 / len(x) ** 0.5


def test_the_noise_depends_on_the_generator_alone():
    x = torch.zeros(3, 1, 5, 4)
    first = dequantise(x, seeded(1))
    torch.manual_seed(99)
    assert torch.equal(first, dequantise(x, seeded(1)))
    assert not torch.equal(first, dequantise(x, seeded(2)))
    assert torch.equal(x, torch.zeros(3, 1, 5, 4))


def test_dequantised_nats_bound_the_discrete_nats():
    # a triangular density on [0, 3): E_u log p(x + u) <= log of its mass on [x, x + 1)
    x = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)
    y = dequantise(x.repeat(50_000, 1), seeded())
    log_mass = (((x + 1) ** 2 - x**2) / 9).log()
    assert ((2 * y / 9).log().mean(0) < log_mass).all()


@pytest.mark.parametrize("bad", [0.5, float("nan")])
def test_levels_that_are_not_whole(bad):
    with pytest.raises(ValueError, match=r"^x: expected whole grey levels"):
        dequantise(torch.tensor([1.0, bad]), seeded())


def test_arguments_of_the_wrong_kind():
    with pytest.raises(TypeError, match=r"^x: expected a floating-point tensor"):
        dequantise(torch.arange(3), seeded())
    with pytest.raises(TypeError, match=r"^generator: expected a torch.Generator, got int"):
        dequantise(torch.zeros(3), 0)
