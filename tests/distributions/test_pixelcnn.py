import itertools

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from course_lib.distributions import ConditionalPixelCNN, FeatureMap
from course_lib.distributions.masked_convolution import MaskedConv2d
from course_lib.distributions.pixelcnn_sampling import sample_pixels
from course_lib.exact import identities

pytestmark = pytest.mark.usefixtures("fixed_seed")

SHAPES = [(1, 3, 3), (1, 2, 5), (2, 2, 2), (3, 1, 3), (1, 4, 1)]


def moved(module, scale=0.7):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(scale * torch.randn_like(parameter))
    return module


def pixelcnn(shape, layers=2, features=8, z=2, **options):
    return moved(
        ConditionalPixelCNN(shape, features, layers, context_features=z, **options)
    ).double()


def bits(*shape):
    return torch.bernoulli(torch.full(shape, 0.5, dtype=torch.float64))


def given(brick, z):
    """The brick's logits as a function of images, each with the same z."""
    return lambda x: brick(z).conditionals(x).logits


def in_order(shape):
    """The place of every entry in raster order, the channels of a pixel one after the other."""
    channels, height, width = shape
    return torch.arange(channels * height * width).view(height, width, channels).permute(2, 0, 1)


@pytest.mark.parametrize("layers", [0, 1, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_probabilities_of_all_images_sum_to_one_for_every_z(shape, layers):
    brick = pixelcnn(shape, layers)
    for z in (None, *torch.randn(3, 2, *shape[1:], dtype=torch.float64)):
        found = identities.probabilities_of_all_images_sum_to_one(given(brick, z), shape)
        assert found.residual < 1e-12, found


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("shape", [*SHAPES, (1, 9, 6), (2, 3, 4)])
def test_a_pixel_sees_all_pixels_before_it_and_none_from_itself_on(shape, train):
    brick = pixelcnn(shape, layers=4, features=24, half_width=3, dropout=0.2).train(train)
    z = torch.randn(2, *shape[1:], dtype=torch.float64)
    nothing_later, all_before = identities.pixels_follow_their_order(
        given(brick, z), bits(40, *shape)
    )
    assert nothing_later.holds, nothing_later
    assert all_before.holds, all_before


def test_there_is_no_blind_spot_where_a_single_stack_has_one():
    """The same reach and depth: one stack of masked 3x3 windows, and the two stacks."""

    def one_stack(x):
        masks = [torch.tensor([[1.0, 1, 1], [1, own, 0], [0, 0, 0]]) for own in (0.0, 1.0, 1.0)]
        for mask in masks:
            kernel = (mask * torch.rand(3, 3)).double()[None, None]
            x = torch.nn.functional.conv2d(x, kernel, padding=1)
        return x

    x = bits(12, 1, 4, 7)
    nothing_later, with_blind_spot = identities.pixels_follow_their_order(one_stack, x)
    brick = pixelcnn((1, 4, 7), layers=3, z=0)
    _, without = identities.pixels_follow_their_order(given(brick, None), x)
    assert nothing_later.holds
    assert without.left > with_blind_spot.left
    # the pixel to the upper right is reached in as many steps as there are rows in between
    corner = (
        torch.autograd.functional.jacobian(lambda x: given(brick, None)(x)[:, 0, 1, 0].sum(), x)
        .abs()[:, 0, 0]
        .amax(0)
    )
    assert (corner[:5] > 0).all()


@pytest.mark.parametrize("layers", [1, 3])
def test_the_logit_of_a_pixel_depends_on_z_at_the_pixel_itself(layers):
    brick, x = pixelcnn((1, 3, 4), layers), bits(20, 1, 3, 4)
    z = torch.randn(20, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    logits = given(brick, z)(x).flatten(1)
    for i in range(12):
        slope = torch.autograd.grad(logits[:, i].sum(), z, retain_graph=True)[0]
        assert slope.abs().amax((0, 1)).flatten()[i] > 0
        assert slope.abs().amax((0, 1)).flatten()[i + 1 :].sum() == 0


def test_z_steers_every_gated_layer_and_not_the_output_alone():
    brick, x = pixelcnn((1, 3, 4), layers=2), bits(20, 1, 3, 4)
    z = torch.randn(20, 2, 3, 4, dtype=torch.float64)
    starts = [0, *itertools.accumulate(brick.network.sizes)]
    for start, end in itertools.pairwise(starts):
        before = brick.network.from_z.weight.detach().clone()
        with torch.no_grad():
            brick.network.from_z.weight.zero_()
            brick.network.from_z.weight[start:end] = before[start:end]
            apart = (given(brick, z)(x) - given(brick, None)(x)).abs().amax()
            brick.network.from_z.weight.copy_(before)
        assert apart > 1e-3


def test_channels_of_a_pixel_come_in_the_order_of_the_image():
    brick, x = pixelcnn((3, 1, 2), layers=3, features=24, z=0), bits(30, 3, 1, 2)
    x.requires_grad_()
    logits, place = given(brick, None)(x), in_order((3, 1, 2))
    for channel, column in itertools.product(range(3), range(2)):
        slope = torch.autograd.grad(logits[:, channel, 0, column].sum(), x, retain_graph=True)[0]
        sees = slope.abs().amax(0) > 0
        assert torch.equal(sees, place < place[channel, 0, column])


def test_log_prob_is_the_sum_over_pixels_of_their_own_conditionals():
    brick, x = pixelcnn((2, 3, 4)), bits(5, 2, 3, 4)
    z = torch.randn(5, 2, 3, 4, dtype=torch.float64)
    expected = torch.zeros(5).double()
    for channel, row, column in itertools.product(range(2), range(3), range(4)):
        past = torch.where(in_order((2, 3, 4)) < in_order((2, 3, 4))[channel, row, column], x, 0.0)
        logit = given(brick, z)(past)[:, channel, row, column]
        expected -= binary_cross_entropy_with_logits(
            logit, x[:, channel, row, column], reduction="none"
        )
    torch.testing.assert_close(brick(z).log_prob(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layers", [0, 1, 3])
@pytest.mark.parametrize("shape", [(1, 5, 3), (2, 3, 4), (3, 4, 2)])
def test_drawing_with_stored_features_gives_the_logits_of_the_full_pass(shape, layers):
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        network = pixelcnn(shape, layers, features=6).network.to(dtype)
        for z in (None, torch.randn(7, 2, *shape[1:], dtype=dtype)):
            with torch.no_grad():
                x, logits = sample_pixels(network, 7, z)
                full = network(x, z)
            torch.testing.assert_close(logits, full, rtol=tolerance, atol=tolerance)
            assert torch.equal(x, x.square())


def test_a_sample_is_scored_as_it_was_recorded():
    brick = pixelcnn((2, 4, 3))
    p = brick(torch.randn(5, 2, 4, 3, dtype=torch.float64))
    x, log_prob = p.sample_and_log_prob((4,))
    assert x.shape == (4, 5, 2, 4, 3)
    torch.testing.assert_close(p.log_prob(x), log_prob, rtol=1e-12, atol=1e-12)
    assert p.sample().shape == (5, 2, 4, 3)
    assert not p.sample().requires_grad


@pytest.mark.parametrize("z_used", [True, False])
def test_samples_have_the_frequencies_of_all_images(z_used):
    brick = pixelcnn((1, 2, 3))
    z = torch.randn(2, 2, 3, dtype=torch.float64) if z_used else None
    images = torch.tensor(list(itertools.product((0.0, 1.0), repeat=6))).double().view(-1, 1, 2, 3)
    probability = brick(z).log_prob(images).exp().detach()
    n, weights = 20_000, 2 ** torch.arange(5, -1, -1).double()
    code = (brick(z).sample((n,)).flatten(1) @ weights).long()
    frequency = torch.bincount(code, minlength=64) / n
    error = (probability * (1 - probability) / n).sqrt()
    assert ((frequency - probability).abs() < 5 * error + 1e-9).all()


def test_two_images_of_a_batch_are_drawn_apart():
    brick = ConditionalPixelCNN((1, 3, 4), 8, 2, context_features=2)
    for x in (brick().sample((50,)), brick(torch.zeros(50, 2, 3, 4)).sample()):
        assert len(x.flatten(1).unique(dim=0)) > 40


@pytest.mark.parametrize("layers", [0, 2])
def test_leading_sample_dimensions_of_z_and_x_broadcast(layers):
    brick, x = pixelcnn((1, 3, 4), layers), bits(5, 1, 3, 4)
    z = torch.randn(7, 5, 2, 3, 4, dtype=torch.float64)
    apart = torch.stack([brick(one).log_prob(x) for one in z])
    torch.testing.assert_close(brick(z).log_prob(x), apart, rtol=1e-12, atol=1e-12)
    each = torch.stack([brick(one).log_prob(image) for one, image in zip(z[0], x, strict=True)])
    torch.testing.assert_close(apart[0], each, rtol=1e-12, atol=1e-12)
    many = bits(3, 5, 1, 3, 4)
    torch.testing.assert_close(
        brick(z[0]).log_prob(many), torch.stack([brick(z[0]).log_prob(one) for one in many])
    )
    torch.testing.assert_close(
        brick().log_prob(many), torch.stack([brick().log_prob(one) for one in many])
    )
    crossed = brick(z[0]).log_prob(many[:, :1])
    torch.testing.assert_close(
        crossed, torch.stack([brick(one).log_prob(many[:, 0]) for one in z[0]], 1)
    )
    one_z_many_x = brick(z[0, 0]).log_prob(many)
    torch.testing.assert_close(one_z_many_x[1, 2], brick(z[0, 0]).log_prob(many[1, 2]))
    assert brick(z[:, :1]).log_prob(x).shape == (7, 5)


def test_at_the_start_pixels_are_independent_of_each_other_and_of_z():
    brick = ConditionalPixelCNN((1, 3, 4), 8, 2, context_features=2)
    logits = brick(torch.randn(5, 2, 3, 4)).conditionals(bits(5, 1, 3, 4).float()).logits
    assert torch.equal(logits, torch.zeros_like(logits))


@pytest.mark.parametrize("layers", [0, 1])
def test_every_place_has_a_bias_of_its_own(layers):
    """Without it, the gain from a z that knows where things are would be overrated."""
    brick = pixelcnn((1, 5, 9), layers, z=0, half_width=1)
    with torch.no_grad():
        brick.network.bias.zero_()
    empty = given(brick, None)(torch.zeros(1, 1, 5, 9).double())[0, 0]
    assert len(empty[3, 3:6].unique()) == 3  # no border in sight
    brick = ConditionalPixelCNN((1, 5, 9), 4, layers)
    brick().log_prob(bits(3, 1, 5, 9).float()).sum().backward()
    assert (brick.network.bias.grad != 0).all()


def test_without_z_the_net_is_that_with_z_set_to_zero():
    brick, x = pixelcnn((1, 3, 4)), bits(5, 1, 3, 4)
    zero = brick(torch.zeros(5, 2, 3, 4).double()).log_prob(x)
    torch.testing.assert_close(brick().log_prob(x), zero, rtol=1e-13, atol=1e-13)


def test_masks_hold_after_an_optimiser_step():
    brick = pixelcnn((2, 2, 2), layers=2)
    optimiser = torch.optim.Adam(brick.parameters(), lr=0.1, weight_decay=0.1)
    (-brick().log_prob(bits(9, 2, 2, 2))).mean().backward()
    with torch.no_grad():
        for layer in brick.modules():
            if isinstance(layer, MaskedConv2d):
                layer.weight.grad += torch.randn_like(layer.weight)
    optimiser.step()
    found = identities.probabilities_of_all_images_sum_to_one(given(brick, None), (2, 2, 2))
    assert found.residual < 1e-12


def test_dropout_is_noise_in_training_only():
    brick, x = pixelcnn((1, 3, 4), dropout=0.5), bits(5, 1, 3, 4)
    assert not torch.equal(brick().log_prob(x), brick().log_prob(x))
    brick.eval()
    assert torch.equal(brick().log_prob(x), brick().log_prob(x))


def test_features_pass_a_layer_that_has_nothing_to_add_and_the_image_does_not():
    network = pixelcnn((1, 3, 4), layers=2, z=0).network
    first, second = network.layers
    for layer, inputs in ((first, 1), (second, 8)):
        with torch.no_grad():
            layer.output.weight.zero_()
            layer.output.bias.zero_()
        left, above = torch.randn(5, inputs, 3, 4).double(), torch.randn(5, 16, 3, 4).double()
        after, said = layer.step(layer.columns(left), above, above)
        assert torch.equal(after, left if layer is second else torch.zeros_like(after))
        assert not said.any()


def test_a_layer_sees_the_pixel_itself_in_features_and_not_in_the_image():
    """Mask B further up: without it a layer could not build on what the last one found here."""
    for layer, inputs in zip(pixelcnn((1, 3, 4), z=0).network.layers, (1, 8), strict=True):
        left = torch.randn(5, inputs, 3, 4, dtype=torch.float64, requires_grad=True)
        said = layer.step(layer.columns(left), *torch.zeros(2, 5, 16, 3, 4).double())[1]
        slope = torch.autograd.grad(said[..., 1, 2].sum(), left)[0].abs().amax((0, 1))
        assert bool(slope[1, 2] > 0) is not layer.first
        assert slope[1, 1] > 0
        assert slope[1, 3] == slope[0].sum() == slope[2].sum() == 0


def test_a_decoder_makes_the_feature_map_from_a_vector():
    decoder = moved(FeatureMap(3, (8,), 2, (3, 5)))
    brick = ConditionalPixelCNN((1, 3, 5), 4, 1, context_features=2, decoder=decoder)
    moved(brick)
    z, x = torch.randn(7, 6, 3), bits(6, 1, 3, 5).float()
    torch.testing.assert_close(
        brick(z).log_prob(x), torch.stack([brick(one).log_prob(x) for one in z])
    )
    places = decoder(z[0]).std((0, 1))
    assert (places > 0).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (4, 2)])
def test_a_feature_map_has_the_size_that_was_asked_for(size):
    assert FeatureMap(2, (), 3, size)(torch.zeros(4, 2)).shape == (4, 3, *size)


@pytest.mark.parametrize("device", ["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def test_everything_is_on_the_device_of_the_parameters(device):
    brick = pixelcnn((2, 2, 3), layers=2).to(device)
    p = brick(torch.randn(4, 2, 2, 3, dtype=torch.float64, device=device))
    x, log_prob = p.sample_and_log_prob()
    assert {x.device.type, log_prob.device.type} == {device}
    torch.testing.assert_close(p.log_prob(x), log_prob)


def test_no_tensor_is_made_on_a_device_of_its_own():
    brick = ConditionalPixelCNN((2, 2, 3), 4, 2, context_features=2).to("meta")
    z, x = torch.empty(5, 2, 2, 3, device="meta"), torch.empty(5, 2, 2, 3, device="meta")
    assert brick(z).log_prob(x).device.type == "meta"
    assert brick(z).sample().device.type == "meta"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((3, 4), 8, 2), r"event_shape: expected \(channels, height, width\), got \(3, 4\)"),
        (((1, 0, 4), 8, 2), "event_shape: expected a positive integer"),
        (((1, 3, 4), 0, 2), "features: expected a positive integer, got 0"),
        (((1, 3, 4), 8, -1), "layers: expected an integer of at least 0, got -1"),
        (((3, 3, 4), 2, 1), "features: expected at least one for each of 3 channels, got 2"),
    ],
)
def test_wrong_sizes_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConditionalPixelCNN(*arguments)


@pytest.mark.parametrize("shape", [(5, 2, 4, 3), (5, 1, 3, 4), (2, 3), (7,)])
def test_a_z_that_is_no_feature_map_of_the_image_is_refused(shape):
    with pytest.raises(ValueError, match=r"context: expected a feature map \(..., 2, 3, 4\)"):
        pixelcnn((1, 3, 4))(torch.zeros(shape).double())


def test_a_z_is_refused_by_a_net_without_one():
    with pytest.raises(ValueError, match="context: expected None, for the net has no z"):
        pixelcnn((1, 3, 4), z=0)(torch.zeros(5, 2, 3, 4).double())


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.zeros(5, 1, 4, 3).double(), ValueError, r"x: expected shape \(batch, 1, 3, 4\)"),
        (torch.zeros(0, 1, 3, 4).double(), ValueError, "x: expected at least one example"),
        (torch.full((5, 1, 3, 4), 0.5).double(), ValueError, "expected entries 0 and 1"),
        (torch.full((5, 1, 3, 4), float("nan")).double(), ValueError, "x: expected finite values"),
        (torch.zeros(5, 1, 3, 4), TypeError, "x: expected torch.float64"),
        (torch.zeros(5, 1, 3, 4).long(), TypeError, "x: expected a floating-point tensor"),
    ],
)
def test_batches_of_something_else_are_refused(x, error, message):
    with pytest.raises(error, match=message):
        pixelcnn((1, 3, 4)).check_event(x, "x")


@pytest.mark.parametrize("layers", [0, 2])
def test_given_noise_makes_the_images_of_the_plain_loop(layers):
    brick = pixelcnn((2, 3, 4), layers)
    z = torch.randn(5, 2, 3, 4, dtype=torch.float64)
    noise = torch.rand(5, 2, 3, 4, dtype=torch.float64)
    x = torch.zeros_like(noise)
    for entry in in_order((2, 3, 4)).flatten().argsort():
        p = brick(z).conditionals(x).logits.sigmoid().flatten(1)[:, entry]
        x.view(5, -1)[:, entry] = (noise.flatten(1)[:, entry] < p).double()
    assert torch.equal(brick(z).sample_from(noise), x)


def test_noise_broadcasts_over_z_and_uniform_noise_gives_a_sample():
    brick = pixelcnn((1, 2, 2), layers=1, z=2)
    z = torch.randn(3, 2, 2, 2, dtype=torch.float64)
    noise = torch.rand(4000, 3, 1, 2, 2, dtype=torch.float64)
    found, drawn = brick(z).sample_from(noise), brick(z).sample((4000,))
    assert found.shape == noise.shape
    assert torch.allclose(found.mean(0), drawn.mean(0), atol=0.05)
    assert torch.equal(found[7], brick(z).sample_from(noise[7]))


def test_noise_of_another_shape_is_refused():
    brick = pixelcnn((1, 2, 2), layers=1, z=2)
    z = torch.randn(3, 2, 2, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"uniforms: expected shape \(..., 3, 1, 2, 2\)"):
        brick(z).sample_from(torch.rand(2, 1, 2, 2))
    with pytest.raises(ValueError, match="uniforms: expected shape"):
        brick(z).sample_from(torch.rand(2, 2))
