# %% [markdown]
# # Problem set 3 · PixelVAE
#
# **Slide 4 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** You write the pieces of lecture 3: kernels that hide later pixels, the shifts of the two
# stacks, the gate, an autoregressive layer that sees z, its sampler, and the bound of a hierarchy. At the end your functions train a PixelVAE on digits and
# drive the lecture's figures.
#
# | no. | exercise | points | difficulty | minutes | slide |
# |---|---|---|---|---|---|
# | 1 | `masked_kernels`: masks A and B | 5 | ●●○○○ | 15 | 4 |
# | 2 | `shifts`: what makes the two stacks causal | 4 | ●○○○○ | 10 | 4 |
# | 3 | `gated`: a gate with a context | 4 | ●●○○○ | 10 | 4 |
# | 4 | `pixel_logits`: causal in x, not in z | 6 | ●●●○○ | 25 | 4 |
# | 5 | `sample_pixels`: one pixel after the other | 6 | ●●●○○ | 20 | 4 |
# | 6 | `hierarchical_elbo`: z with a z of its own | 5 | ●●●○○ | 20 | 4 |
# | 7 | costs, and a z that is not used, on paper | 6 | ●●●○○ | 25 | 4 |
#
# **How it works.** Replace each `raise NotImplementedError(...)` by your code. The cell below it draws a picture. The cell after that checks your function and, if
# something is wrong, says what it looks like. The graded cell runs the same check on other inputs. No exercise needs your answer to another one, and you may run the
# whole notebook at any time. Run it once from the top before you hand it in. You may call the library's public functions, but not `course_lib.checks`.
#
# **Conventions.** Logarithms are natural, so everything is in nats. Images are (batch, height, width), and pixels come in **raster order**: row after row, from
# left to right. `log_scale` is the logarithm of the *standard deviation*. Results keep the dtype of the inputs, float32 or float64; each example's result depends
# on that example alone, and a batch of one is a batch. Values stay finite for large inputs. Do not change a tensor that was passed in. Where the docstring asks for
# gradients, they must pass.

# %% grade="locked" grade_id="setup"
import torch
from torch import Tensor

from course_lib.checks import pixel_vae as check
from course_lib.checks.ask import ask
from course_lib.checks.report import skip_unfinished

# %%
from course_lib.data import digits
from course_lib.distributions import mlp
from course_lib.exact.receptive_field import count_seen, seen_pixels, two_stacks
from course_lib.figures import pixel_vae as figures
from course_lib.figures.images import Picture, tile
from course_lib.figures.style import KL, P, Q, new_figure
from course_lib.training import cosine, fit

# %% [markdown]
# ## Exercise 1 · Masks A and B
#
# 5 points · ●●○○○ · 15 minutes · slide 4
#
# A PixelCNN hides a part of each kernel, so that the output at a pixel depends on earlier pixels only. Both masks show the rows above the centre and, in the
# centre's own row, what lies to the left. Mask A, of the first layer, hides the centre. Mask B, of all later layers, shows it. PyTorch's `conv2d` does not flip the
# kernel: `weight[0]` looks at the highest row.


# %% grade="solution" grade_id="masked_kernels"
def masked_kernels(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return a kernel under mask A and under mask B.

    Gradients must reach the weights that a mask shows.

    Args:
        weight: (size, size) the kernel, its size odd; 1 is allowed.

    Returns:
        (a, b), each (size, size): the weights, with zeros where the mask hides.
    """
    ### BEGIN SOLUTION
    size = len(weight)
    place = torch.arange(size * size).view(size, size)  # raster order
    centre = size * size // 2
    return weight * (place < centre), weight * (place <= centre)
    ### END SOLUTION


# %% [markdown]
# **Try it.** Both masks, from a kernel of ones. The centre is marked.

# %% tags=["raises-exception"]
with skip_unfinished():
    canvas, panels = new_figure(columns=2, width=5.0, height=2.4)
    for panel, mask, name in zip(panels, masked_kernels(torch.ones(5, 5)), "AB", strict=True):
        panel.imshow(mask, cmap="Blues", vmin=0, vmax=1.5)
        panel.plot(2, 2, "*", color="black")
        panel.set(title=f"mask {name}: {mask.sum():.0f} weights", xlabel="column", ylabel="row")
    display(Picture(canvas, "masks A and B of size 5; they differ at the centre only"))

# %% tags=["raises-exception"]
check.masked_kernels(masked_kernels)

# %% grade="test" grade_id="test_masked_kernels" points=5
# Graded: the same properties on other inputs.
check.masked_kernels(masked_kernels, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.masked_kernels(masked_kernels, seed=3067, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2 · The shifts of the two stacks
#
# 4 points · ●○○○○ · 10 minutes · slide 4
#
# One masked stack has a blind spot. Two stacks do not. The vertical stack looks at whole rows, its own included, so its input is moved **down** by one row first.
# The horizontal stack looks at its own row up to and including the pixel itself, so its input is moved **right** by one column. Zeros enter, and the last row or column leaves.


# %% grade="solution" grade_id="shifts"
def shifts(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return images moved down by one row, and images moved right by one column.

    Gradients must reach x.

    Args:
        x: (batch, height, width) images; a batch of one, one row and one column are allowed.

    Returns:
        (down, right), each of the shape of x, with zeros where the image has moved away.
    """
    ### BEGIN SOLUTION
    pad = torch.nn.functional.pad
    return pad(x, (0, 0, 1, -1)), pad(x, (1, -1))
    ### END SOLUTION


# %% [markdown]
# **Try it.** Two stacks of eight layers with your shifts. How many of the 58 earlier pixels does the pixel in row 6, column 4 see, and how many others?


# %% tags=["raises-exception"]
def down(x: Tensor) -> Tensor:
    return shifts(x[None])[0][0]  # one image as a batch of one


def right(x: Tensor) -> Tensor:
    return shifts(x[None])[1][0]


with skip_unfinished():
    network = two_stacks("ABBBBBBB", 3, down, right)
    seen = seen_pixels(network, (9, 9), row=6, column=4)
    print(count_seen(seen, row=6, column=4))
    canvas, (axes,) = new_figure(width=3.0, height=2.8)
    axes.imshow(seen, cmap="Blues", vmin=0, vmax=1.5)
    axes.plot(4, 6, "*", color="black")
    axes.set(xlabel="column", ylabel="row")
    display(Picture(canvas, "the pixels that the one marked by a star sees through two stacks"))

# %% tags=["raises-exception"]
check.shifts(shifts)

# %% grade="test" grade_id="test_shifts" points=4
# Graded: the same properties on other inputs.
check.shifts(shifts, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.shifts(shifts, seed=5527, input_scale=3.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3 · A gate with a context
#
# 4 points · ●●○○○ · 10 minutes · slide 4
#
# The gated PixelCNN replaces the ReLU by a product. A layer makes 2n feature maps f. The context, made of z, adds one number c to each of them at every pixel. The
# first n become the value, the last n the gate:
#
# $$\tanh(f_1 + c_1)\; \sigma(f_2 + c_2).$$


# %% grade="solution" grade_id="gated"
def gated(features: Tensor, context: Tensor) -> Tensor:
    """Return the gated activation of feature maps, given a context.

    Gradients must reach both.

    Args:
        features: (batch, 2 n, height, width); a batch of one is allowed.
        context: (batch, 2 n), one number for each feature map.

    Returns:
        (batch, n, height, width), between -1 and 1, finite also for features of 1000.
    """
    ### BEGIN SOLUTION
    value, gate = (features + context[:, :, None, None]).chunk(2, dim=1)
    return value.tanh() * gate.sigmoid()
    ### END SOLUTION


# %% [markdown]
# **Try it.** One value from -4 to 4 through a gate that a context closes, leaves half open, or opens.

# %% tags=["raises-exception"]
with skip_unfinished():
    value = torch.linspace(-4, 4, 81)
    features = torch.stack([value, torch.zeros(81)])[None, :, None]  # (1, 2, 1, 81)
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    for c, dashes, colour in ((-3.0, ":", KL), (0.0, "--", Q), (3.0, "-", P)):
        output = gated(features, torch.tensor([[0.0, c]]))
        axes.plot(
            value, output[0, 0, 0], dashes, color=colour, label=f"context of the gate {c:+.0f}"
        )
    axes.set(xlabel="value before tanh", ylabel="output")
    axes.legend(frameon=False)
    display(Picture(canvas, "the same tanh three times, scaled by how far the gate is open"))

# %% tags=["raises-exception"]
check.gated(gated)

# %% grade="test" grade_id="test_gated" points=4
# Graded: the same properties on other inputs.
check.gated(gated, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.gated(gated, seed=8713, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4 · Causal in x, not in z
#
# 6 points · ●●●○○ · 25 minutes · slide 4
#
# The smallest PixelVAE decoder has one autoregressive layer. A network turns z into a map with the resolution of x, and the logits are the sum of two convolutions:
#
# $$l = (\text{kernel under mask A}) * x + w_z * z_{map}, \qquad p(x \mid z) = \prod_i p(x_i \mid x_{<i}, z), \quad p(x_i = 1 \mid x_{<i}, z) = \sigma(l_i).$$
#
# Pixels outside the image count as zero. The check adds up the probabilities of all 512 images of 3x3 pixels. A mistake about z would pass that test, so it has
# another test.


# %% grade="solution" grade_id="pixel_logits"
def pixel_logits(x: Tensor, z_map: Tensor, kernel: Tensor, z_weight: Tensor) -> Tensor:
    """Return the logits of all pixels of p(x|z), computed in one pass.

    Gradients must reach all four arguments.

    Args:
        x: (batch, height, width) pixels, 0 or 1; a batch of one is allowed.
        z_map: (batch, height, width) what the decoder has made of z.
        kernel: (size, size) weights for x, not masked yet, size odd.
        z_weight: (size, size) weights for z_map, as large as the kernel.

    Returns:
        (batch, height, width) logits. That of pixel i depends on pixels of x before i.
    """
    ### BEGIN SOLUTION
    size = len(kernel)
    before = torch.arange(size * size).view(size, size) < size * size // 2
    weight = torch.stack([kernel * before, z_weight])[None]  # (1, 2, size, size)
    both = torch.stack([x, z_map], dim=1)  # (batch, 2, height, width)
    return torch.nn.functional.conv2d(both, weight, padding="same")[:, 0]
    ### END SOLUTION


# %% [markdown]
# **Try it.** How the 9 logits of a 3x3 image depend on its 9 pixels of x, and on the 9 places of z_map. Which matrix must have an empty diagonal?

# %% tags=["raises-exception"]
with skip_unfinished():
    x, z = torch.zeros(1, 3, 3), torch.zeros(1, 3, 3)
    kernel, z_weight = torch.ones(3, 3), torch.ones(3, 3)
    slopes = torch.autograd.functional.jacobian(
        lambda x, z: pixel_logits(x, z, kernel, z_weight), (x, z)
    )
    canvas, panels = new_figure(columns=2, width=5.4, height=2.6)
    for panel, slope, name in zip(panels, slopes, ("pixel of x", "place of z_map"), strict=True):
        panel.imshow(slope.reshape(9, 9), cmap="Blues", vmin=0, vmax=1.5)
        panel.set(xlabel=name, ylabel="logit")
    display(Picture(canvas, "the dependence on x is strictly lower triangular, that on z is not"))

# %% tags=["raises-exception"]
check.pixel_logits(pixel_logits)

# %% grade="test" grade_id="test_pixel_logits" points=6
# Graded: the same properties on other inputs.
check.pixel_logits(pixel_logits, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.pixel_logits(pixel_logits, seed=2969, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5 · One pixel after the other
#
# 6 points · ●●●○○ · 20 minutes · slide 4
#
# Draw from the model of exercise 4. The noise is given: one uniform number for each pixel, and $x_i = 1$ if $u_i < \sigma(l_i)$. So the same noise always gives the
# same image. Pixels come in raster order, and each must know those drawn before. (Your `pixel_logits` may help, but write what you need here: this
# exercise is graded without it.)


# %% grade="solution" grade_id="sample_pixels"
def sample_pixels(uniforms: Tensor, z_map: Tensor, kernel: Tensor, z_weight: Tensor) -> Tensor:
    """Return the images that given noise decides, drawn pixel after pixel.

    Args:
        uniforms: (batch, height, width) numbers in [0, 1); a batch of one is allowed.
        z_map: (batch, height, width) what the decoder has made of z.
        kernel: (size, size) weights for x, not masked yet, size odd.
        z_weight: (size, size) weights for z_map.

    Returns:
        (batch, height, width) zeros and ones, in the dtype of the uniforms.
    """
    ### BEGIN SOLUTION
    convolve = torch.nn.functional.conv2d
    weight = torch.stack([kernel, z_weight])[None]  # no mask: pixels not drawn yet are zero
    x = torch.zeros_like(uniforms)
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            logits = convolve(torch.stack([x, z_map], dim=1), weight, padding="same")[:, 0]
            on = uniforms[:, row, column] < logits[:, row, column].sigmoid()
            x[:, row, column] = on.to(x.dtype)
    return x
    ### END SOLUTION


# %% [markdown]
# **Try it.** The same noise, and a kernel that makes neighbours agree: weakly at the left, strongly at the right.

# %% tags=["raises-exception"]
with skip_unfinished():
    torch.manual_seed(0)
    noise, none = torch.rand(8, 16, 16), torch.zeros(8, 16, 16)
    pull = torch.tensor([[0.5, 1.0, 0.5], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    images = [
        sample_pixels(noise, none - 1.5 * s, s * pull, torch.eye(3) / 3) for s in (0.0, 1.0, 2.0)
    ]
    rows = torch.cat(images)[:, None]
    display(tile(rows, columns=8, zoom=4, alt="8 images in each row; lower rows are smoother"))

# %% tags=["raises-exception"]
check.sample_pixels(sample_pixels)

# %% grade="test" grade_id="test_sample_pixels" points=6
# Graded: the same properties on other inputs.
check.sample_pixels(sample_pixels, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.sample_pixels(sample_pixels, seed=7019, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6 · A z with a z of its own
#
# 5 points · ●●●○○ · 20 minutes · slide 4
#
# In the hierarchy $p(x \mid z_1)\, p(z_1 \mid z_2)\, p(z_2)$, the prior of $z_1$ is a VAE's decoder. With the posterior $q(z_1 \mid x)\, q(z_2 \mid z_1)$ the bound is
#
# $$L(x) = E_q\left[\log p(x \mid z_1) - KL(q(z_1 \mid x), p(z_1 \mid z_2)) - KL(q(z_2 \mid z_1), p(z_2))\right], \qquad p(z_2) = N(0, I).$$
#
# You get one draw's $\log p(x|z_1)$ and the parameters of three diagonal Gaussians. For two of them, with $m_q, s_q$ and $m_p, s_p$,
#
# $$KL(q, p) = \sum_j \left[ \log \frac{s_p}{s_q} + \frac{s_q^2 + (m_q - m_p)^2}{2 s_p^2} - \frac12 \right].$$


# %% grade="solution" grade_id="hierarchical_elbo"
def hierarchical_elbo(
    log_px: Tensor, q1: Tensor, p1: Tensor, q2: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the bound of a hierarchy and its two KL terms, one value per example.

    Gradients must reach all four arguments.

    Args:
        log_px: (batch,) log p(x|z1), in nats; a batch of one is allowed.
        q1: (batch, 2, dim1) parameters of q(z1|x): q1[:, 0] is mu, q1[:, 1] is log_scale.
        p1: (batch, 2, dim1) parameters of p(z1|z2), likewise.
        q2: (batch, 2, dim2) parameters of q(z2|z1), likewise; dim2 may differ from dim1.

    Returns:
        (elbo, kl_z1, kl_z2), each (batch,) and in nats.
    """

    ### BEGIN SOLUTION
    def kl(q: Tensor, p: Tensor) -> Tensor:
        (mu_q, log_q), (mu_p, log_p) = q.unbind(1), p.unbind(1)
        squares = (2 * log_q).exp() + (mu_q - mu_p) ** 2
        return (log_p - log_q + squares / (2 * (2 * log_p).exp()) - 0.5).sum(-1)

    kl_z1, kl_z2 = kl(q1, p1), kl(q2, torch.zeros_like(q2))
    return log_px - kl_z1 - kl_z2, kl_z1, kl_z2
    ### END SOLUTION


# %% [markdown]
# **Try it.** One dimension. The prior's mean moves away from the posterior's: a wide posterior minds less than a narrow prior does.

# %% tags=["raises-exception"]
with skip_unfinished():
    distance = torch.linspace(-3, 3, 61)
    zero = torch.zeros(61)
    canvas, (axes,) = new_figure(width=6.0, height=2.6)
    for width, dashes in ((0.5, "-"), (1.0, "--"), (2.0, ":")):
        q1 = torch.stack([zero, zero], 1)[..., None]  # (61, 2, 1)
        p1 = torch.stack([distance, zero + torch.tensor(width).log()], 1)[..., None]
        _, kl_z1, _ = hierarchical_elbo(zero, q1, p1, 0 * q1)
        axes.plot(distance, kl_z1, dashes, color=KL, label=f"standard deviation of p {width}")
    axes.set(xlabel="mean of p(z₁|z₂)", ylabel="KL of z₁, nats")
    axes.legend(frameon=False)
    display(
        Picture(canvas, "KL of z1 against the mean of its prior, for three widths of the prior")
    )

# %% tags=["raises-exception"]
check.hierarchical_elbo(hierarchical_elbo)

# %% grade="test" grade_id="test_hierarchical_elbo" points=5
# Graded: the same properties on other inputs.
check.hierarchical_elbo(hierarchical_elbo, seed=1, ask=ask)
### BEGIN HIDDEN TESTS
check.hierarchical_elbo(hierarchical_elbo, seed=6101, input_scale=2.0, ask=ask)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 7 · What it costs, and who uses z
#
# 6 points · ●●●○○ · 25 minutes · slide 4
#
# **(a)** Images have n pixels. A PixelCNN has L masked layers with K weights each. A VAE has an encoder of C layers with E weights in all, and a decoder of D layers with W weights
# in all. A PixelVAE has the same encoder and decoder, and after them one masked layer with K weights. For each of the three, give the number of layers that must run one after the
# other to draw **one image** with the plain loop, the same number for the loss of **one image** in training, and the number of weights. Leave the prior out. (3 points)
#
# **(b)** Suppose that the pixels alone, without z, can represent $p_{data}$. Show that
# $E_{p_{data}}[L(x)] = E_{p_{data}}[\log p(x)] - E_{p_{data}} KL(q(z|x), p(z|x))$ then reaches its maximum at a model with $I_q(x; z) = 0$. Say why a VAE whose pixels are independent
# given z cannot do the same. (3 points)

# %% [markdown] grade="written" grade_id="costs" points=6
# **(a)** In training all pixels are known, so one pass computes all conditionals. In sampling each pixel must wait for all earlier ones.
#
# | | layers in sequence, one image drawn | layers in sequence, one loss | weights |
# |---|---|---|---|
# | PixelCNN | nL | L | LK |
# | PixelVAE | D + n | C + D + 1 | E + W + K |
# | VAE | D | C + D | E + W |
#
# z is drawn once, and its map stays: the D layers of the decoder are paid for once, not n times.
#
# **(b)** The KL is not negative and $E_{p_{data}} \log p(x) \le -H(p_{data})$, so $E[L] \le -H(p_{data})$. Let the decoder ignore z: p(x|z) = p_data(x). Then p(x) = p_data(x) and, by Bayes' rule,
# p(z|x) = p(z). With q(z|x) = p(z) the KL is zero and the bound reaches $-H(p_{data})$, its maximum. q(z|x) is the same for every x, so $I_q(x; z) = 0$. The objective cannot tell this model
# from one that uses z and reaches the same value; and if the KL to the true posterior cannot be brought to zero when z is used, it prefers this one.
# In a VAE with independent pixels, p(x) without z is a product of independent pixels. If the pixels of the data depend on each other, that product is not p_data, and the value
# above cannot be reached: dependence between the pixels can come from z only.
#
# ---
# **Mark scheme**
#
# | points | for | common losses |
# |---|---|---|
# | 1 | (a) sampling: nL, D + n, D | n (D + 1) for PixelVAE: half a point |
# | 1 | (a) training: all pixels in one pass, for all three | n passes for the loss of a PixelCNN |
# | 1 | (a) weights: the encoder counted for both models with z | encoder forgotten: half a point |
# | 1 | (b) the upper bound -H(p_data), from KL >= 0 twice | only one of the two KLs |
# | 1 | (b) p(z given x) = p(z), so q = p(z) has no gap, and I_q = 0 | "the KL term vanishes" without the posterior: half a point |
# | 1 | (b) independent pixels cannot represent dependent data without z | "a VAE is weaker", without the product |
#
# **Three answers and their marks**
#
# *6 points.* The model answer, or the table and: "Both KLs are >= 0, so no bound passes -H. A decoder p(x|z) = p_data(x) makes x and z independent, hence p(z|x) = p(z), and q = p(z) reaches -H with
# no information. If the pixels are independent given z and z says nothing, they are independent, and the data are not."
#
# *4 points.* The table is right but for n (D + 1) layers of PixelVAE (half lost) and a missing encoder (half lost). (b) shows that q(z|x) = p(z) gives no gap, and names the product of
# independent pixels, but never says why no other model can have a larger bound (1 lost).
#
# *2 points.* (a) sampling is right; the loss of a PixelCNN "takes n passes too" (1 lost); the weights are right. (b) "The decoder is so strong that it does not need z, so the KL becomes zero":
# a description of what happens, not a reason (0 of 3).

# %% [markdown]
# ## All together · a PixelVAE of your own
#
# Nothing below is graded. The class holds networks and no formula: the logits come from your `pixel_logits`, the bound from your `hierarchical_elbo`.


# %% grade="locked" grade_id="your_pixelvae"
class YourPixelVAE(torch.nn.Module):
    """A PixelVAE on binary 8x8 digits with one masked layer and two latents, of 8 and 4 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.q1, self.q2 = mlp(64, (128,), 16, flatten=3), mlp(8, (64,), 8)
        self.p1, self.decoder = mlp(4, (64,), 16), mlp(8, (128, 128), 64)
        self.kernel = torch.nn.Parameter(torch.zeros(5, 5))
        self.z_weight = torch.nn.Parameter(torch.zeros(5, 5))
        with torch.no_grad():
            self.z_weight[2, 2] = 1

    def z_map(self, z1: Tensor) -> Tensor:
        """Return the map of z, (batch, 8, 8)."""
        return self.decoder(z1).reshape(-1, 8, 8)

    def terms(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the bound and both KL terms from one draw, by your functions."""
        q1 = self.q1(x).reshape(-1, 2, 8)
        z1 = q1[:, 0] + q1[:, 1].exp() * torch.randn_like(q1[:, 0])
        q2 = self.q2(z1).reshape(-1, 2, 4)
        z2 = q2[:, 0] + q2[:, 1].exp() * torch.randn_like(q2[:, 0])
        logits = pixel_logits(x[:, 0], self.z_map(z1), self.kernel, self.z_weight)
        cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits
        log_px = -cross_entropy(logits, x[:, 0], reduction="none").sum((1, 2))
        return hierarchical_elbo(log_px, q1, self.p1(z2).reshape(-1, 2, 8), q2)

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        """Return what training minimises: the mean of the negative bound over the batch."""
        return {"model": -self.terms(batch)[0].mean()}

    @torch.no_grad()
    def draw(self, z: Tensor, noise: Tensor) -> Tensor:
        """Return the images that both latents' noise z, (n, 4 + 8), and the pixels' decide."""
        mu, log_scale = self.p1(z[:, :4]).reshape(-1, 2, 8).unbind(1)
        z_map = self.z_map(mu + log_scale.exp() * z[:, 4:])
        return sample_pixels(noise[:, 0], z_map, self.kernel, self.z_weight)[:, None]


# %% tags=["raises-exception"]
splits = digits.load("binary")
torch.set_num_threads(1)  # for networks this small a second core only gets in the way
STEPS = 1500
yours = None
with skip_unfinished():
    torch.manual_seed(0)
    model = YourPixelVAE()
    model.losses(splits.train.x[:2])  # an unfinished exercise shows here
    options = {"batch_size": 50, "learning_rate": cosine(3e-3, STEPS), "seed": 0}
    fit(model, splits.train.x, steps=STEPS, **options, checkpoint="checkpoints")
    yours = model

# %% tags=["raises-exception"]
with skip_unfinished():
    if yours is not None:
        torch.manual_seed(0)
        frequency = (splits.train.x.sum(0) + 1) / (len(splits.train.x) + 2)
        coins = torch.distributions.Bernoulli(frequency).log_prob(splits.test.x).sum((1, 2, 3))
        with torch.no_grad():
            terms = torch.stack([torch.stack(yours.terms(splits.test.x)) for _ in range(20)])
        elbo, kl_z1, kl_z2 = terms.mean((0, 2))
        print(f"test ELBO {elbo:.2f} nats per image, KL of z1 {kl_z1:.2f}, of z2 {kl_z2:.2f}")
        print(f"independent pixels, exact: {coins.mean():.2f} nats per image")

# %% [markdown]
# Your bound against the log-likelihood of independent pixels: how much did z and the neighbours explain together? Are both latents
# in use? A latent whose KL is near zero says nothing about x: the bound does not ask for its use, as in exercise 7 (b). $z_2$ can only make the prior of $z_1$
# better, so it has the least reason to be used.
#
# ## All together · the figures of the lecture
#
# First: hold the latents and draw the noise of the pixels anew, then the other way round, with your sampler and your model.

# %% tags=["raises-exception"]
with skip_unfinished():
    if yours is not None:
        torch.manual_seed(0)
        z, noise = torch.randn(16, 12), torch.rand(16, 1, 8, 8)
        display(figures.two_noises({"yours": yours.draw}, z, noise))

# %% [markdown]
# Then the mask painter. The field is painted with your masks and shifts; the library's field is dashed. As long as they coincide, so do you and the library.


# %%
def your_kernel(kind: str, size: int) -> Tensor:
    return masked_kernels(torch.ones(size, size, dtype=torch.double))["AB".index(kind)]


figures.mask_painter(your_kernel, down, right)
