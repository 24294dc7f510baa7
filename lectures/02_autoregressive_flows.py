# %% [markdown]
# # 2 · Autoregressive flows
#
# **Slide 5 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** How does a density survive a change of variables, and why is an autoregressive model
# already a flow? "Slide 5" means the deck of that lecture ("Variants and Combinations of Basic Models"), which the course's site lists on its syllabus page; each formula is
# repeated here.
#
# | section | you will |
# |---|---|
# | 1 | see probability keep its area when a variable changes |
# | 2 | turn a determinant into a sum with a triangular Jacobian |
# | 3 | build a masked autoregressive flow, and find out what the order of the dimensions costs |
# | 4 | read the same network backwards: an inverse autoregressive flow |
# | 5 | exchange a base distribution for a layer, and see nothing change |
# | 6 | see why affine layers blur sharp gaps, and bend them with a monotone network |
# | 7 | fit flows to digits, with every term and unit accounted for |
# | 8 | time both directions |
#
# About 45 minutes to read, a minute to run. You need [lecture 1](01_elbo_gap.ipynb) only for the word IAF. At each **Q**, commit to an answer before you run the next
# cell; the answer is folded below it.

# %%
import math
import time
import timeit
from functools import partial

import torch
from torch.nn.functional import one_hot

from course_lib.data import digits, toys
from course_lib.data.digits import dequantise
from course_lib.distributions import (
    AffineAutoregressive,
    Inverse,
    Logit,
    MaskedMLP,
    StandardGaussian,
)
from course_lib.evaluation import mean_and_error
from course_lib.exact import banana, identities
from course_lib.exact.grid import Grid
from course_lib.figures import autoregressive_flows as figures
from course_lib.figures.closing_table import closing_table
from course_lib.figures.images import tile
from course_lib.measured import measured
from course_lib.models import AutoregressiveFlow, NeuralAutoregressiveFlow
from course_lib.models.flow_model import FlowModel
from course_lib.training import cosine, fit

torch.set_num_threads(1)  # for networks this small a second core only gets in the way
SEED = 0
_ = torch.manual_seed(SEED)

# %% [markdown]
# ## 1 · Area is what stays
#
# Draw z from N(0, 1) and move it to x = f(z), with f increasing. A strip of width dz and height p(z) holds the probability p(z) dz. After the move the strip is
# f'(z) dz wide and holds the same probability, so its height must be p(z) / f'(z). With z = f⁻¹(x) this is slide 5 in one dimension:
#
# $$p_X(x) = p_Z\big(f^{-1}(x)\big)\, \left|\det \frac{\partial f^{-1}(x)}{\partial x}\right|.$$


# %%
def stretch(z):
    return z + 2 * torch.tanh(z), torch.log1p(2 / torch.cosh(z).square()).sum(-1)


figures.area(stretch)

# %% [markdown]
# The numbers above the strips are areas. Where f is steep, in the middle, the yellow strip becomes three times as wide and a third as high. Every map in this course returns two things,
# x and log |det ∂f/∂z|, the **log-determinant**. Whether the second fits the first can be asked of automatic differentiation.
#
# **Q1.** Measure x in millimetres instead of centimetres: f(z) = 10 z. By how much does log p(x) change? And for a point with 64 coordinates?

# %%
z = torch.linspace(-3, 3, 13, dtype=torch.double)[:, None]
print(identities.log_det_matches_jacobian(stretch, z))
normal = torch.distributions.Normal(0.0, 1.0)
millimetres = torch.distributions.Normal(0.0, 10.0)
change = millimetres.log_prob(torch.tensor(10.0)) - normal.log_prob(torch.tensor(1.0))
print(f"change of log p: {change:.3f} nats for one coordinate, {64 * change:.1f} nats for 64")

# %% [markdown]
# The first line is an identity of the lecture, executed: its two sides, *left* and *right*, and the largest difference between them, the *residual*.
#
# <details><summary><b>Answer to Q1</b></summary>
#
# By -log 10 for each coordinate, so by -147 nats for 64 of them. (A *nat* is the unit of a natural logarithm: 1 nat = 1.44 bits.) Nothing about the model became worse: a log-density has units.
# Two log-densities can be compared only if x is measured in the same unit; section 7 depends on that.
#
# </details>
#
# ## 2 · A determinant that is a sum
#
# In d dimensions a determinant costs about d³ operations, unless the matrix is triangular. Let x₁ = z₁, and let x₂ be a Gaussian whose mean depends on x₁:
#
# $$x_2 = \underbrace{0.8\,(x_1^2 - 1)}_{\mu_2(x_1)} + \underbrace{0.5}_{\sigma_2}\, z_2, \qquad
#   \frac{\partial x}{\partial z} = \begin{pmatrix} 1 & 0 \\ 1.6\, x_1 & 0.5 \end{pmatrix}.$$
#
# x₁ ignores z₂, so the matrix is triangular and its determinant is the product of its diagonal. The term 1.6 x₁ plays no part.


# %%
def banana_map(z):
    x_1, mu_2 = z[:, 0], 0.8 * (z[:, 0].square() - 1)
    return torch.stack((x_1, mu_2 + 0.5 * z[:, 1]), 1), torch.full_like(mu_2, math.log(0.5))


def banana_inverse(x):
    mu_2 = 0.8 * (x[:, 0].square() - 1)
    return torch.stack((x[:, 0], (x[:, 1] - mu_2) / 0.5), 1), torch.full_like(mu_2, -math.log(0.5))


jacobian = identities.log_det_matches_jacobian(banana_map, torch.randn(50, 2).double())
mass = identities.pull_back_mass(banana_inverse, Grid((-6.5, -8), (6.5, 40), 801, dim=2))
print(jacobian, mass, sep="\n")

# %% [markdown]
# In the second line f is the inverse: the density N(f(x); 0, I) |det ∂f/∂x|, integrated over all x, is one. Now read the map again: x₁ is drawn first, then x₂ from a Gaussian given x₁. That is how an **autoregressive model** draws, and it holds for any number of dimensions:
#
# $$x_i = \mu_i(x_{<i}) + \sigma_i(x_{<i})\, z_i, \qquad \log|\det \partial x / \partial z| = \sum_i \log\sigma_i(x_{<i}).$$
#
# An autoregressive model with Gaussian conditionals *is* a flow (slide 5). Nothing has to be added to it.
#
# ## 3 · One network, many conditionals
#
# All the μᵢ and σᵢ should come from one network, yet output i may look at x₁, …, xᵢ₋₁ only. MADE (Germain et al., 2015) multiplies each weight matrix by a **mask** of zeros and ones.
# Every unit gets a degree: how many dimensions it may look at. A unit listens only to units whose degree is not higher than its own, and an output only to hidden units with a strictly lower degree.
#
# **Q2.** In the product of the masks below, which column and which row will be empty, and why?

# %%
figures.masks(MaskedMLP(4, (6, 6), outputs_per_dim=1))

# %% [markdown]
# <details><summary><b>Answer to Q2</b></summary>
#
# Column 4: nothing comes after the last dimension, so nobody may look at it. Row 1: the first dimension looks at nobody; its μ and σ are numbers, the biases. All other entries below the diagonal
# are positive, so no permitted dependency is lost; the diagonal and everything above it is empty.
#
# </details>
#
# A masked network that returns μ and log σ, used as above, is one layer of a **masked autoregressive flow**, MAF (Papamakarios et al., 2017). Give it random weights and an order that is not 1, 2, 3, …

# %%
order = torch.tensor([2, 0, 4, 1, 3])  # the place of each dimension in the order
layer = AffineAutoregressive(5, (32,), order=order).double()
for parameter in layer.parameters():
    torch.nn.init.normal_(parameter, std=0.4)
points = torch.randn(50, 5, dtype=torch.double)
matrix = torch.autograd.functional.jacobian(lambda x: layer.inverse(x)[0], points[0])
first = order.argsort()
print(identities.log_det_matches_jacobian(layer.inverse, points))
figures.jacobians({"∂z/∂x": matrix, "sorted by the order": matrix[first][:, first]})

# %% [markdown]
# In the order of the layer the Jacobian is triangular. Does it matter which order that is? Take the banana of section 2, whose density we know, and one layer of each order. The network can be as wide as we like;
# what is fixed is that each conditional is a Gaussian.
#
# **Q3.** Which order can be exact, and what is the price of the other: nothing, a tenth of a nat, or more than half a nat?


# %%
def train(build, x, steps=500, rate=5e-3):
    torch.manual_seed(SEED)
    model = build()
    schedule = cosine(rate, steps)
    fit(model, x, steps=steps, batch_size=256, learning_rate=schedule, seed=SEED, progress=False)
    return model


def kl(density, model, n=10_000):
    test = density.sample(n, torch.Generator().manual_seed(SEED + 1))
    with torch.no_grad():
        return mean_and_error(density.log_prob(test) - model.log_prob(test))


# %%
def affine(*orders):
    maps = [AffineAutoregressive(2, (64, 64), order=torch.tensor(order)) for order in orders]
    return FlowModel(StandardGaussian(2), maps)


x = banana.sample(50_000, torch.Generator().manual_seed(SEED))
orders = {"x₁ first": [(0, 1)], "x₂ first": [(1, 0)], "both orders": [(0, 1), (1, 0)]}
bananas = {name: train(partial(affine, *places), x) for name, places in orders.items()}
for name, model in bananas.items():
    print(f"{name:12s} KL(banana, model): {kl(banana, model)}")
print(
    f"no single layer with x₂ first gets below {banana.best_affine_kl((1, 0)):.4f}, by quadrature"
)
figures.plane({"the banana": banana} | bananas, window=(-4, 4, -3, 5))

# %% [markdown]
# <details><summary><b>Answer to Q3</b></summary>
#
# x₁ first is exact, up to training: both conditionals are Gaussians. Given x₂, however, x₁ lies on the left or on the right arm, and a Gaussian must cover the space between. The best means and variances
# there are leave 0.63 nats, and no width of the network changes that. (After ± stands one standard error over the test points; a KL estimated from points may fall slightly below its floor.)
#
# </details>
#
# Two layers with opposite orders repair it, for one of them is right. In pictures and tables nobody knows the right order; so a MAF stacks several layers and turns the order round in between, or draws it at random.
#
# ## 4 · One pass, or d passes
#
# To know the density of a given x, all $\mu_i(x_{<i})$ can be computed at once: x is there, and one pass of the network gives every conditional. To draw a sample, x₂ has to wait for x₁,
# x₃ for both, and so on.
#
# **Q4.** How many passes of the network does the plain loop below need for an image of 28x28 pixels? And the log-density of that image?


# %%
def plain_sample(layer, z):
    x = torch.zeros_like(z)
    for i in layer.sequence.tolist():  # one pass of the network for each dimension
        mu, log_scale = layer.conditioner(x)
        x[:, i] = mu[:, i] + log_scale[:, i].exp() * z[:, i]
    return x


z = torch.randn(1000, 5, dtype=torch.double)
layer.requires_grad_(False)
difference = (plain_sample(layer, z) - layer(z)[0]).abs().max()
print(f"largest difference from the library's sampler: {difference:.0e}")
print(*identities.maf_and_iaf_are_inverses(layer, Inverse(layer), z), sep="\n")

# %% [markdown]
# <details><summary><b>Answer to Q4</b></summary>
#
# 784 passes for a sample, one pass for the density.
#
# </details>
#
# The residuals say more. Use the fast direction of the *same* network to draw: start from noise, subtract μ, divide by σ. This is an **inverse autoregressive flow**, IAF (Kingma et al., 2016).
# In a MAF, μ and σ are functions of the *data* before i; in an IAF, of the *noise* before i. With the same parameters they undo each other, and their fast directions are opposite.
#
# | flow | density of a given x | a sample, with its density |
# |---|---|---|
# | MAF | one pass | d passes |
# | IAF | d passes | one pass |
#
# So MAF fits data by maximum likelihood, and IAF serves as the posterior q(z|x) of a VAE, which only ever needs the density of its own samples.
# Maximum likelihood can fit an IAF, too, at d passes for each density, and in the plane that is two. With networks as wide as we like a layer of either is the same model: $z_{<i}$ and $x_{<i}$
# determine each other, so what is Gaussian given the one is Gaussian given the other. They differ in the functions that their networks must learn; the closing table has both.
#
# ## 5 · An autoregressive prior is just another layer
#
# Now slide 5's remark. Put an autoregressive prior $p(z) = \prod_i p(z_i \mid z_{<i})$ under a flow f instead of white noise. If its conditionals are Gaussians, z itself is an affine
# autoregressive function of white noise (slide 5). So this model should be the flow f with one more MAF layer on N(0, I): not a similar model, the *same* one. Two pieces of code, one sum of conditionals and one layer, must then agree at every point. (A *brick* is this course's word for a distribution that fits into a model; a flow's brick holds its base and its layers.)


# %%
def prior_or_layer(flow: FlowModel, x: torch.Tensor):
    first, *others = flow.double().brick.transforms
    prior = identities.autoregressive_gaussian(first.conditioner)
    return identities.autoregressive_prior_is_a_layer(prior, first, others, x)


moons = toys.two_moons()
x = moons.sample(150_000, torch.Generator().manual_seed(SEED))
torch.manual_seed(SEED)
fresh = AutoregressiveFlow.build(2, layers=5, hidden=(64, 64))
for parameter in fresh.parameters():  # as built, every layer is the identity: too easy a test
    torch.nn.init.normal_(parameter, std=0.3)
before = prior_or_layer(fresh, x[:2000].double())
print("random weights: ", before)

# %% [markdown]
# **Q5.** Train it on the two moons. Which will have the higher likelihood afterwards: the flow of five layers, or four layers over the autoregressive prior?

# %%
flow = train(lambda: AutoregressiveFlow.build(2, layers=5, hidden=(64, 64)).start_at(x), x, 600)
print("KL(moons, flow):", kl(moons, flow))
after = prior_or_layer(flow, x[:2000].double())
print("after training: ", after)
first = flow.brick.transforms[0]
log_prior = identities.autoregressive_gaussian(first.conditioner)
q = torch.distributions.Normal(torch.zeros(2).double(), torch.ones(2).double() / 2)
z = q.sample((1000,))
inverse_posterior = identities.autoregressive_prior_is_an_inverse_posterior
print(inverse_posterior(log_prior, first, z, q.log_prob(z).sum(-1)))

# %% [markdown]
# <details><summary><b>Answer to Q5</b></summary>
#
# Neither: they are one density, before and after training, to the last bits of float64. An autoregressive prior *can* help a model, but as much as one more layer would, because it is one.
#
# </details>
#
# In a VAE the remark has a second reading, the last line above. Move the layer from the prior to the other side of the KL, and it becomes an IAF layer at the end of the posterior; the integrand of the KL does not notice
# (Chen et al., 2017).
#
# Here is the first reading as a picture: your trained flow, layer by layer. The switch recomputes samples and density by the other piece of code.
#
# **Q6.** First count layers up from 0; the sixth only scales and shifts. Does each layer bring the cloud closer to the moons? Then try the switch at every depth.

# %%
figures.layer_by_layer(flow.brick.transforms)

# %% [markdown]
# <details><summary><b>Answer to Q6</b></summary>
#
# Not necessarily; read the KL after each step. Maximum likelihood judges only the end of the stack, and nothing asks the clouds on the way to look like data. The switch moves part of log p(x) from the
# log-determinants to the base, and changes neither the sum, nor a sample, nor a pixel of the density.
#
# </details>
#
# ## 6 · Gaps that affine layers fill
#
# One affine layer makes every conditional a single Gaussian bump. Three rings ask for six bumps along the vertical line x₁ = 0, and a checkerboard for sharp edges. More affine layers help,
# slowly. A **neural autoregressive flow**, NAF (Huang et al., 2018), replaces $(x_i - \mu_i)/\sigma_i$ by an increasing function with K sigmoid units, whose parameters come from $x_{<i}$:
#
# $$z_i = \operatorname{logit} \sum_{k=1}^K w_k\, \sigma(a_k x_i + b_k), \qquad a_k > 0, \quad w_k > 0, \quad \sum_k w_k = 1.$$
#
# Below is such a function alone, fitted to $p(x_2 \mid x_1)$ of the rings. With one unit it is a straight line, and the density is one Gaussian.
#
# **Q7.** How many units does it take for six bumps? Drag the slider, watch the slope in the middle panel, then cut the rings elsewhere.

# %%
figures.monotone_network()

# %% [markdown]
# <details><summary><b>Answer to Q7</b></summary>
#
# About one unit for each bump: with six units the KL has fallen to a few hundredths of a nat. Each unit is a step of f, steep at a bump and nearly flat between two bumps. The slope is
# never zero, so f is invertible; between the rings it falls to a millionth, and there the density is tiny but positive. The cut at 2.5 meets only one ring and needs two units.
#
# </details>
#
# Now train it. The three flows below see the same points for the same number of steps.

# %%
FLOWS = {
    "1 affine layer": lambda: AutoregressiveFlow.build(2, 1, (64, 64)),
    "5 affine layers": lambda: AutoregressiveFlow.build(2, 5, (64, 64)),
    "1 neural layer": lambda: NeuralAutoregressiveFlow.build(2, 1, (64, 64), units=16),
}
DENSITIES = {"rings": toys.rings(), "checkerboard": toys.Checkerboard()}
fitted = {}
for name, density in DENSITIES.items():
    x = density.sample(200_000, torch.Generator().manual_seed(SEED))
    fitted[name] = {flow: train(build, x, 800) for flow, build in FLOWS.items()}

# %%
kl_of = {
    (name, flow): kl(DENSITIES[name], model)
    for name, models in fitted.items()
    for flow, model in models.items()
}
for (name, flow_name), divergence in kl_of.items():
    print(f"{name:13s} {flow_name:16s} KL(data, model): {divergence}")
figures.plane(*({name: DENSITIES[name]} | models for name, models in fitted.items()))

# %%
figures.conditionals({"three rings": DENSITIES["rings"]} | fitted["rings"], x_1=0.0)

# %% [markdown]
# On the vertical line one affine layer has one bump, whatever its network says. Five of them bend it, and still leave mass between the rings; the neural layer has the bumps. On each density one neural
# layer is far ahead of one affine layer. A caution: every map here is continuous with a continuous inverse, so its density is positive everywhere and *no* flow can make a true hole. What differs is how little probability
# the bridges carry. The vertical edges of the checkerboard are another matter: there the *conditioner* has to jump.
#
# ## 7 · Digits, with every unit
#
# The 8x8 digits have grey levels 0, …, 16. A density would put a spike on each level and reach any likelihood, so noise u, uniform on [0, 1), is added to each pixel. A logarithm is concave, so averaging it over u gives a lower bound (Theis et al., 2016):
#
# $$E_u \log p(x + u) \;\le\; \log \int_{[0,1)^{64}} p(x + u)\, du = \log P(x).$$
#
# So -log p(x + u), averaged over u and **in units of one grey level**, is an upper bound on the nats of the discrete image.

# %%
splits = digits.load("grey")
generator = torch.Generator().manual_seed(SEED)
train_y = torch.cat([dequantise(splits.train.x, generator) for _ in range(40)])  # 40 draws of u
validation = dequantise(splits.validation.x, generator)
test = torch.cat([dequantise(splits.test.x, generator) for _ in range(3)])
LEVELS, ALPHA, D = 17, 1e-3, 64
noisy = train_y[:, 0, 3, 4]  # one pixel in the middle
figures.pixel(
    splits.train.x[:, 0, 3, 4], noisy, torch.logit(ALPHA + (1 - 2 * ALPHA) * noisy / LEVELS)
)

# %% [markdown]
# Then the **logit** takes [0, 17) to the whole real line, after a margin α keeps 0 and 17 away from infinity. With s = α + (1 - 2α) y / 17 the density of y = x + u in grey levels is
#
# $$\log p(y) = \underbrace{\log p(\operatorname{logit} s)}_{\text{the model's}} \underbrace{- \sum_i \log s_i(1 - s_i)}_{\text{slope of the logit}}
# + \underbrace{d \log(1 - 2\alpha)}_{\text{margin}} \underbrace{- d \log 17}_{\text{unit}}.$$
#
# **Q8.** Which of the last three terms is largest in size? Which could you forget without noticing that anything is wrong?


# %%
def bookkeeping(y, log_prob_of_logit):
    s = ALPHA + (1 - 2 * ALPHA) * y.flatten(1) / LEVELS
    return {
        "log-density of the logits": log_prob_of_logit(torch.logit(s)),
        "slope of the logit": -(s.log() + torch.log1p(-s)).sum(1),
        "margin, 64 log(1 - 2α)": torch.full((len(y),), D * math.log(1 - 2 * ALPHA)),
        "unit, -64 log 17": torch.full((len(y),), -D * math.log(LEVELS)),
    }


# %%
logit = Logit(LEVELS, ALPHA)
logits = logit(train_y.flatten(1))[0]
gaussian = torch.distributions.MultivariateNormal(logits.mean(0), logits.T.cov())
terms = bookkeeping(test, gaussian.log_prob)
log_p = sum(terms.values())
for name, term in (terms | {"sum: log p(y)": log_p}).items():
    print(f"{name:28s} {term.mean():+10.3f} nats per image")
z, log_det = logit(test.flatten(1))
difference = (log_p - gaussian.log_prob(z) - log_det).abs().max() / log_p.abs().mean()
print(f"difference from the library's Logit: {difference:.0e} of the sum, in float32")

# %% [markdown]
# <details><summary><b>Answer to Q8</b></summary>
#
# The slope of the logit: most pixels are black or nearly so, where the logit is steep. The unit comes close, with 181 nats, and of the other sign. The margin is an eighth of a nat, and nobody would miss it. But forget the *unit*, and the
# sum is still a perfectly good log-density, of pixels measured in [0, 1]: 181 nats "better", and not to be compared with anything on this page. The noise has a term as well, minus the log-density of u. Here it is log 1 = 0; for pixels
# in [0, 1] u would be uniform on [0, 1/17), its term would be -log 17 per pixel, and the sum would be the same as above.
#
# </details>
#
# That Gaussian of the logits is the first baseline. The second knows no dependence at all, but each pixel's own histogram exactly; its likelihood is discrete, so a flow's bound may be compared with it.


# %%
def per_image(nats):  # the three draws of u are averaged first: 300 images are 300 examples
    return mean_and_error(nats.reshape(3, -1).mean(0))


counts = one_hot(splits.train.x.long().flatten(1), LEVELS).sum(0) + 1  # (64, 17), add one
histogram = (counts / counts.sum(-1, keepdim=True)).log()
level = splits.test.x.long().flatten(1)
independent = mean_and_error(-histogram[torch.arange(D), level].sum(1))
print("independent histograms:    ", independent)
print("one Gaussian of the logits:", per_image(-log_p))

# %% [markdown]
# **Q9.** Two MAFs with five layers each. The second bends every pixel by itself first, with 16 sigmoid units per pixel and no dependence (**learned marginals**). Guess how many nats that is worth.

# %%
STEPS = 400
SETTINGS = {"layers": 5, "order": "random", "levels": LEVELS, "alpha": ALPHA}


def fit_digits(units: int) -> AutoregressiveFlow:
    torch.manual_seed(SEED)
    model = AutoregressiveFlow.build((1, 8, 8), **SETTINGS, marginal_units=units)
    options = {"validation": validation, "seed": SEED, "checkpoint": "checkpoints"}
    schedule = cosine(3e-3, STEPS)
    fit(model.start_at(train_y), train_y, steps=STEPS, learning_rate=schedule, **options)
    return model


mafs = {"MAF": fit_digits(0), "MAF, learned marginals": fit_digits(16)}

# %%
torch.manual_seed(SEED)
nats, rows = {}, [splits.test.x[:16]]
with torch.no_grad():
    for name, model in mafs.items():
        nats[name] = per_image(-model.log_prob(test))
        rows.append(model.sample(16).clamp(0, LEVELS - 1e-3).floor())
        print(f"{name:24s} {nats[name]} nats per image, an upper bound")
print("three seeds, NAF:       ", measured("flow_digits", "NAF, 2 layers, random"))
tile(torch.cat(rows) / 16, 16, zoom=5, alt="16 test digits, then 16 samples of each MAF")

# %% [markdown]
# <details><summary><b>Answer to Q9</b></summary>
#
# Several nats: as much as everything that five layers gained over one Gaussian. Affine layers spend their capacity on the odd shape of every single pixel, many of which are nearly always 0; once that is taken off, they can
# attend to how pixels depend on each other. A NAF, whose layers bend by themselves, comes out a little lower still.
#
# </details>
#
# Both MAFs are below both baselines. A likelihood is not a picture, though. From the top: test digits, samples of the MAF, samples of the MAF with learned marginals.
#
# ## 8 · What the two directions cost
#
# A MAF layer with 128 hidden units, 100 points, more and more dimensions. The cost of a sample is divided by that of a density. An IAF is the same pair of functions with the names exchanged, so its ratio is the reciprocal.
# The plain loop is that of section 4. The library's sampler computes each hidden unit once, as soon as all its inputs are known.
#
# **Q10.** Where do MAF's and IAF's lines cross? And by which factor will the plain loop be slower than a density at d = 64?


# %%
def cost(number, action, *inputs):
    run = partial(action, *inputs)
    return min(timeit.repeat(run, timer=time.process_time, number=number, repeat=5)) / number


DIMS = (1, 2, 4, 8, 16, 32, 64)
loop, library = [], []
for d in DIMS:
    layer, z = AffineAutoregressive(d, (128, 128)).requires_grad_(False), torch.randn(100, d)
    one_pass = cost(20, layer.inverse, z)
    loop.append(cost(64 // d, plain_sample, layer, z) / one_pass)
    library.append(cost(64 // d, layer, z) / one_pass)

# %%
inverted = {"IAF, plain loop": [1 / r for r in loop], "IAF, library": [1 / r for r in library]}
cheaper = [d for d, a, b in zip(DIMS, library, loop, strict=True) if a < b]
print("plain loop:", "  ".join(f"d={d}: {r:.1f}" for d, r in zip(DIMS, loop, strict=True)))
print("library:   ", "  ".join(f"d={d}: {r:.1f}" for d, r in zip(DIMS, library, strict=True)))
print("the library's sampler is cheaper than the plain loop at d =", cheaper)
ratios = {"MAF, plain loop": loop, "MAF, library": library} | inverted
figures.costs(DIMS, ratios, "cost of a sample / cost of a density")

# %% [markdown]
# <details><summary><b>Answer to Q10</b></summary>
#
# The lines come closest where d is 1 or 2: with one dimension, each direction is one pass. From there they part roughly in proportion to d, up to a factor of the order of 64: d passes against one. The library's sampler does all d visits with
# the arithmetic of about one pass, but it still takes d small steps, one after the other. With a few dimensions the two loops cost about the same; at d = 64 the library's wins, and is still far from one pass.
#
# </details>
#
# So neither flow is the cheaper one. MAF is cheap where densities of given points are asked for, IAF where samples are, and the factor between them grows with d. Coupling layers (Dinh et al., 2015 and 2017) are cheap both ways, because half of the
# dimensions wait for nobody; they pay in flexibility per layer. [Lecture 6](06_flow_gan.ipynb), on FlowGAN, uses them.
#
# ## What the lecture claims, what we measured

# %%
closing_table(
    [
        (
            "the change of variables is exact",
            f"mass off by {mass.residual:.0e}",
            None,
            "holds exactly",
        ),
        (
            "an autoregressive prior is one more MAF layer",
            f"residual {after.residual:.0e}",
            ("flow_digits", "AR prior = MAF layer, after training"),
            "holds exactly",
        ),
        ("MAF fits real images: digits", f"{nats['MAF']}", ("flow_digits", "MAF, random orders")),
        (
            "the same with learned marginals",
            f"{nats['MAF, learned marginals']}",
            ("flow_digits", "MAF, random, learned marginals"),
            "holds",
        ),
        (
            "affine layers fit any density: rings",
            f"KL {kl_of['rings', '5 affine layers']}",
            ("flow_densities", "rings, MAF"),
        ),
        (
            "IAF by maximum likelihood, in d passes: rings",
            "not run here",
            ("flow_densities", "rings, IAF"),
            "close to MAF: with wide networks they are one family",
        ),
        (
            "neural layers are more flexible: rings",
            f"KL {kl_of['rings', '1 neural layer']}",
            None,
            "holds: one neural layer against one affine layer, same steps",
        ),
        ("... and digits", "not run here", ("flow_digits", "NAF, 2 layers, random"), "holds"),
        (
            "MAF: density in one pass, a sample in d",
            f"{loop[-1]:.0f} times the cost at d = 64",
            None,
            "holds for the plain loop",
        ),
    ]
)

# %% [markdown]
# The slide is right to the last bit about the change of variables and about the prior. What it does not say: an "autoregressive prior" adds no more than a layer; how far a MAF gets depends on the order and on the marginals, which have nothing to do
# with autoregression; and a likelihood without its unit means nothing.
#
# ## Exercises
#
# 1. In section 3, give the layer with x₂ first a network ten times as wide. Then replace it by a neural layer with the same order (`NeuralAutoregressive` from `course_lib.distributions`). Predict both numbers first.
#
# <details><summary><b>Answer</b></summary>
#
# The wide affine layer stays at its floor of 0.63 nats: the floor is over all conditional means and variances. The neural layer gets close to zero: its conditionals may have two bumps.
#
# </details>
#
# 2. Any autoregressive model of *real* numbers is a flow: let $F_i$ be the distribution function of $x_i$ given $x_{<i}$ and show that $z_i = \Phi^{-1}(F_i(x_i))$ is white noise, Φ being that of N(0, 1). Why does this fail for binary pixels?
#
# <details><summary><b>Answer</b></summary>
#
# Given $x_{<i}$, $F_i(x_i)$ is uniform, so zᵢ is N(0, 1) whatever came before, and the zᵢ are independent. Each zᵢ grows in xᵢ and depends on nothing after it, so the map is invertible and triangular. For a binary pixel F has jumps: many z
# belong to one x, and there is no inverse. Dequantisation fills the jumps.
#
# </details>
#
# 3. Change α from 0.001 to 0.05 in section 7 and run the Gaussian baseline again. All units are accounted for, so the bound should not change. Does it?
#
# <details><summary><b>Answer</b></summary>
#
# It becomes worse by several nats. The bookkeeping is right for every α, but the model is another one: with a wide margin a Gaussian in logit space has much of its mass outside [0, 17], where no image is. Black pixels form a sharp
# edge in logit space, too.
#
# </details>
#
# **Next:** [problem set 2](../assignments/ps2_autoregressive_flows/ps2_autoregressive_flows.ipynb), where you write the pieces and plug them into the two explorables above; then [lecture 3](03_pixel_vae.ipynb), where an autoregressive model
# of pixels meets a latent variable.
#
# **Papers.** Dinh, Krueger, Bengio (2015), NICE, arXiv:1410.8516. Germain, Gregor, Murray, Larochelle (2015), MADE, arXiv:1502.03509. Theis, van den Oord, Bethge (2016), arXiv:1511.01844, on dequantisation. Kingma, Salimans, Jozefowicz,
# Chen, Sutskever, Welling (2016), IAF, arXiv:1606.04934. Dinh, Sohl-Dickstein, Bengio (2017), RealNVP, arXiv:1605.08803. Chen, Kingma, Salimans, Duan, Dhariwal, Schulman, Sutskever, Abbeel (2017), arXiv:1611.02731.
# Papamakarios, Pavlakou, Murray (2017), MAF, arXiv:1705.07057. Huang, Krueger, Lacoste, Courville (2018), NAF, arXiv:1804.00779.
