# %% [markdown]
# # 1 · The ELBO gap
#
# **Slides 3, 6 and 7 of Lecture 12, "Variants and Combinations of Basic Models", of [CS236](https://deepgenerativemodels.github.io/).** The slides are on the course's site, in its
# list of lectures. You do not need them open: every formula is repeated here with its slide number.
#
# A VAE is trained by a lower bound on log p(x). **What does the bound leave out, how much is that on real data, and can a more flexible posterior win it back?**
#
# | section | you will |
# |---|---|
# | 1 | see a VAE as an infinite mixture |
# | 2 | watch log p(x) = ELBO + gap hold to rounding, in two worlds where everything is known |
# | 3 | close the gap by hand, then let a flow do it |
# | 4 | meet a bug that a correct log-determinant hides |
# | 5 | tighten the bound without touching q |
# | 6 | measure the gap of a VAE on digits, exactly, and find out what causes it |
#
# About 45 minutes to read, a minute to run. You need Gaussians, KL divergence and a little PyTorch. At each **Q**, commit to an answer before you run the next cell; the answer
# is folded up below that cell. Logarithms are natural, so their unit is the **nat**; one nat is 1.44 bits.

# %%
import torch

from course_lib.data import digits
from course_lib.distributions import DiagonalGaussian, Planar, constrain_planar
from course_lib.evaluation import evaluate, gap_terms, mean_and_error, plain_elbo, quadrature_world
from course_lib.exact import identities, tables
from course_lib.exact.grid import Grid
from course_lib.exact.linear_gaussian import LinearGaussian
from course_lib.exact.two_peaks import WORLD
from course_lib.figures import elbo_gap as figures
from course_lib.figures.closing_table import closing_table
from course_lib.figures.images import tile
from course_lib.models import VAE, FlowPosteriorVAE
from course_lib.training import cosine, fit

SEED = 0  # try another: every sentence of this page should still be true
_ = (
    torch.manual_seed(SEED),
    torch.set_num_threads(1),
)  # small networks gain nothing from a second core

# %% [markdown]
# ## 1 · An infinite mixture
#
# Draw z from N(0, 1), then x from a Gaussian whose mean depends on z. Every z is one component; there are infinitely
# many of them, and the density of x adds them up (slide 3):
#
# $$p(x) = \int p(z)\, p(x \mid z)\, dz, \qquad p(z) = N(0, 1), \quad p(x \mid z) = N(0.8\, z^2,\ 0.6^2).$$
#
# Each piece is as simple as can be. Is the sum?

# %%
figures.mixture(components=12)

# %% [markdown]
# The sum is skewed, with a long tail to the right: no single Gaussian looks like that. This is what a VAE buys with
# simple pieces. The pieces p(z), p(x|z) and q(z|x) are what this course calls **bricks**: each can be exchanged for another.
#
# **Q1.** We observe x = 1.5. Which values of z are likely to have produced it: one region, or two?

# %%
figures.posterior(x=1.5)

# %% [markdown]
# <details><summary><b>Answer to Q1</b></summary>
#
# Two. The mean of x is 0.8 z², so z and -z explain x equally well, and the **posterior** p(z|x) has two peaks.
#
# </details>
#
# A VAE's encoder answers with one Gaussian q(z|x). Something may get lost, and the next section says exactly how much.
#
# ## 2 · The bound, and what it leaves out
#
# Take any density q(z). Multiply and divide inside the logarithm, and average over q (slide 6):
#
# $$\log p(x) = E_q\!\left[\log \frac{p(x, z)}{q(z)}\right] + E_q\!\left[\log \frac{q(z)}{p(z \mid x)}\right]
# = \underbrace{L(x)}_{\text{ELBO}} + \underbrace{KL(q(z),\, p(z \mid x))}_{\text{gap}\ \ge\ 0}$$
#
# The left side does not know q. So raising the ELBO *by changing q* lowers the gap, nat for nat. No inequality was used: this is an
# equality, and a computer can check it.

# %%
x = torch.tensor([[1.5]], dtype=torch.double)
q = DiagonalGaussian(torch.tensor([[0.9]]).double(), torch.tensor([[-0.5]]).double())
on_grid = identities.log_prob_is_elbo_plus_gap(WORLD, x, q.log_prob)
print(on_grid)

# %% [markdown]
# *Left* and *right* are the two sides of the equation, *residual* is how far they are apart. That was a world with one latent dimension, where integrals are sums over a fine
# grid. Here is one with closed forms: p(z) = N(0, I) in three dimensions and x = Wz + b + noise in five. We take **any** Gaussian q, with full covariance, nowhere near the
# posterior.

# %%
linear = LinearGaussian.random(x_dim=5, z_dim=3, noise_scale=0.7, seed=SEED)
x_linear = linear.sample(4, torch.Generator().manual_seed(SEED + 1))
root = torch.randn(3, 3, dtype=torch.double)
q_mean, q_cov = torch.randn(4, 3, dtype=torch.double), (root @ root.T).expand(4, 3, 3)
closed = identities.log_prob_is_elbo_plus_gap_linear_gaussian(linear, x_linear, q_mean, q_cov)
print(closed)

# %% [markdown]
# **Q2.** Which q has gap zero? And if q must have *independent* dimensions, is its best variance equal to the
# posterior's own marginal variance, or smaller?

# %%
posterior = linear.posterior(x_linear)
mean, variance = linear.best_mean_field(x_linear)
covariance = posterior.covariance_matrix
measured_gap = linear.gap(x_linear, mean, torch.diag_embed(variance))
print("gap of the posterior itself  ", linear.gap(x_linear, posterior.mean, covariance).numpy())
print("gap of the best independent q", measured_gap.numpy().round(4))
print("its closed form              ", round(linear.mean_field_gap(), 4))
print("variance of the posterior    ", covariance[0].diagonal().numpy().round(4))
print("variance of the best q       ", variance.reshape(-1, 3)[0].numpy().round(4))

# %% [markdown]
# <details><summary><b>Answer to Q2</b></summary>
#
# Only the posterior itself has gap zero. The best independent q is **too narrow**: its variance is 1/Λᵢᵢ, with Λ the
# posterior's precision matrix, and its gap is ½(Σ log Λᵢᵢ - log|Λ|), known before any training. The KL punishes q for being
# where the posterior is not, so q hides inside.
#
# </details>
#
# So much for one x. Over a data set, training maximises the average of log p(x) over the data. That average is
# $-KL(p_{data}, p) - H(p_{data})$ (slide 12): up to the entropy of the data, which no model can change, maximum likelihood
# *is* minimising a KL. The ELBO of a VAE is that, less the average gap. A table of six values of x shows it:

# %%
p_data, p_model = tables.random(6, seed=SEED), tables.random(6, seed=SEED + 1)
constant = identities.likelihood_is_kl_plus_entropy(p_data, p_model)
print(constant)

# %% [markdown]
# ## 3 · Close the gap by hand
#
# Below, q is a Gaussian. The two bars on the right always add up to log p(x): that is section 2's equation.
#
# **Q3.** Move q's mean and log scale until the gap is as small as you can get it. Write the number down. Where does
# the best Gaussian sit: between the peaks, or on one of them? Then put the mean back to 0 and log σ to -0.2, where the planar
# layers of this figure were fitted, and choose 1, 2 and 4 of them.

# %%
figures.explorable()

# %% [markdown]
# <details><summary><b>Answer to Q3</b></summary>
#
# The best Gaussian sits on one peak, gives up the other, and still leaves 0.75 nats (0.79 with the coarser steps of a web page): nearly all of
# it is log 2 = 0.69, the price of ignoring half of the mass. The wide Gaussian at mean 0 and log σ = -0.2 leaves 0.85. From there 1, 2 and 4 planar
# layers leave 0.62, 0.03 and 0.002. This is the picture of slide 7, with numbers. From another Gaussian the same layers do worse: they were fitted to
# push this one.
#
# </details>
#
# What is a planar layer?
#
# ## 4 · One planar layer
#
# Still easy to sample, still with a known density (slide 6): draw z' ~ q', push it through f, and divide the density by how
# much f stretches,
#
# $$\log q(z) = \log q'(z') - \log\left|\det \tfrac{\partial f}{\partial z'}\right|, \qquad f(z') = z' + \hat u \tanh(w^\top z' + b).$$
#
# The determinant of a planar layer costs one dot product: $1 + (1 - \tanh^2)\, w^\top \hat u$. Does the formula agree with
# the Jacobian that automatic differentiation finds? (`layer.shared` holds u, w and b in one vector; a new layer is the identity, so we give it random ones.)

# %%
layer = Planar(2).double()
torch.nn.init.normal_(layer.shared)
z = torch.randn(50, 2, dtype=torch.double)
jacobian = identities.log_det_matches_jacobian(layer, z)
print(jacobian)

# %% [markdown]
# It does. But f must also be **invertible**: if f folds, several z' land on the same z, the density of z is the *sum* over all of them, and the formula counts one. That needs
# $w^\top u \ge -1$; the layer therefore replaces u by $\hat u = u + [\log(1 + e^{w^\top u}) - 1 - w^\top u]\; w / \|w\|^2$.
#
# **Q4.** Suppose we forget the hat, and w·u = -3.75. Will the check above notice? Will the ELBO still be a lower bound?
#
# To see it, take one dimension, the base N(0, 3²), and as the target a density that is normalised already, N(0, 1): log Z = 0, so no ELBO may be above 0.

# %% tags=["breaks-an-identity"]
w, u = torch.tensor([1.0]).double(), torch.tensor([-3.75]).double()
points = torch.linspace(-9, 9, 200, dtype=torch.double)[:, None]
for name, direction in {"u": u, "û": constrain_planar(u, w)}.items():
    f = identities.planar_without_constraint(direction, w, torch.tensor(0.2))
    print(f"{name}: w.u = {torch.dot(w, direction):+.2f}")
    print(identities.log_det_matches_jacobian(f, points))
    print(identities.pushed_elbo_is_a_bound(f, base_scale=3.0))
    print(identities.pull_back_mass(f, Grid(-30, 30, 6001)), "\n")

# %% [markdown]
# <details><summary><b>Answer to Q4</b></summary>
#
# The derivative is perfectly right, so a comparison with the Jacobian notices nothing. But the "ELBO" of the folding map is +0.26, above log Z = 0: a bound that is no bound,
# and training would run straight into it.
#
# The last line is the same fault seen from the other side. Used as a *density model*, from x to the base (slide 5), f gives $p(f(z))\,|\det|$ a mass of 2.9 instead of 1: on
# average 2.9 z land on one point. Its logarithm is how far the false ELBO could climb.
#
# </details>
#
# A correct derivative does not make a density; only an integral can tell. Remember this when you test your own.
#
# ## 5 · Tighten the bound without touching q
#
# Average k importance weights *inside* the logarithm (slide 6; Burda et al., 2016):
#
# $$L_k(x) = E \log \frac1k \sum_{j=1}^k \frac{p(x, z_j)}{q(z_j \mid x)}, \qquad
#   L = L_1 \le L_2 \le \dots \le \log p(x).$$
#
# With three values of z the expectation is a finite sum over all k-tuples, so the claim can be checked exactly. (Of a chain, *left* is the first member and *right* the last.)

# %%
p_zx = tables.random((3, 4), seed=SEED + 2)
q_z_given_x = tables.random((3, 4), seed=SEED + 3, normalise="z")
monotone = identities.importance_bound_is_monotone(p_zx, q_z_given_x, k_max=6)
print(monotone)

# %% [markdown]
# **Q5.** In the linear-Gaussian world of section 2, take q to be the prior N(0, I). How many samples until the bound is within a quarter of a
# nat of log p(x): ten, a hundred, a thousand?

# %%
generator = torch.Generator().manual_seed(SEED + 4)
prior = torch.distributions.MultivariateNormal(torch.zeros(3).double(), torch.eye(3).double())
bounds = {
    k: linear.importance_bound(x_linear[:1].expand(400, 5), k, prior, generator)
    for k in (1, 3, 10, 30, 100, 300, 1000)
}
figures.bound_in_k(bounds, linear.log_prob(x_linear[:1]).item())

# %% [markdown]
# <details><summary><b>Answer to Q5</b></summary>
#
# The right panel answers it for this x. How many it takes depends on how far the posterior is from the prior: for some x ten are enough, for others hundreds are not. One
# sample alone misses several nats.
#
# </details>
#
# The error bars are two standard errors over 400 repetitions. L_k remains a **lower bound** at every k: in this course it is never called log p(x).
#
# ## 6 · The gap of a VAE on digits
#
# Now real data: the 8x8 digits of scikit-learn, pixels on or off, 1297 to train, 200 to validate, 300 to test.
# The VAE gets only **two** latent dimensions, for one reason: log p(x) can then be integrated on a grid, and
# the gap is a measured number instead of a difference of two bounds.

# %%
splits = digits.load("binary")
test, train = splits.test.x[:100], splits.train.x[:100]  # the images whose gap we shall measure
tile(test[:32], columns=16, zoom=5, alt="32 binary 8x8 digits of the test part, white on black")

# %%
STEPS = 2000
torch.manual_seed(SEED)
vae = VAE.build(x_shape=(1, 8, 8), z_dim=2, hidden=(128, 128))
history = fit(
    vae,
    splits.train.x,
    steps=STEPS,
    learning_rate=cosine(2e-3, STEPS),
    validation=splits.validation.x,
    checkpoint="checkpoints",
)

# %% [markdown]
# **Q6.** The next cell prints the ELBO and the importance bound with k = 300 on test images. Where will the exact log p(x) lie: below both, between them, or above?

# %%
result = evaluate(vae, test, k=300)
world = quadrature_world(vae, Grid(-8, 8, 161, dim=2))
exact, exact_train = world.log_prob(test), world.log_prob(train)
elbo = plain_elbo(vae, vae.posterior(test), test)
print("ELBO                   ", mean_and_error(elbo))
print("importance bound, k=300", mean_and_error(result.importance_bound))
print("log p(x), by quadrature", mean_and_error(exact), "nats per image ± one standard error")
print("gap, log p(x) - ELBO   ", mean_and_error(exact - elbo))
print("still missing at k=300 ", mean_and_error(exact - result.importance_bound))

# %% [markdown]
# <details><summary><b>Answer to Q6</b></summary>
#
# Above both: they are lower bounds on it. How much 300 samples still miss is in the last line; a value below zero is noise of the estimated bound, within its error.
#
# </details>
#
# Each ± here is one standard error over the 100 images: what other images would change. The grid refines itself wherever an image's posterior is too narrow for it. So the gap of
# *this* encoder is known. Slide 6 blames the family: "q is often too simple". Is it to blame?
#
# ### Two causes
#
# Let q* be the **best member of the family for this one image**, found by climbing the ELBO with the decoder frozen and no encoder in between. Then (Cremer et al., 2018)
#
# $$\log p(x) - L[q] = \underbrace{\log p(x) - L[q^*]}_{\text{approximation: the family's}} + \underbrace{L[q^*] - L[q]}_{\text{amortisation: the encoder's}}.$$
#
# The second part is the price of answering for every image with one network instead of one fit per image.
#
# **Q7.** Which of the two is larger for our Gaussian encoder? And on which images will the encoder do better: those it was trained on, or new ones?

# %%
on_test = gap_terms(vae, test, exact, "Gaussian", seed=SEED)
on_train = gap_terms(vae, train, exact_train, "Gaussian", seed=SEED)

# %%
print("nats per image         approximation   amortisation    (mean ± one standard error)")
for name, gap in {"training images": on_train, "test images": on_test}.items():
    parts = mean_and_error(gap.approximation), mean_and_error(gap.amortisation)
    print(f"{name:22s} {parts[0]!s:>13s} {parts[1]!s:>14s}")
    print(f"{'   share of the gap':22s} {(gap.approximation.mean() / gap.total.mean()):13.0%}")
    print(f"{'   fits not converged':22s} {int((~gap.converged).sum()):13d}")
unseen = on_test.amortisation.mean() - on_train.amortisation.mean()
print(f"amortisation on unseen images exceeds that on seen ones by {unseen:.2f} nats")

# %% [markdown]
# <details><summary><b>Answer to Q7</b></summary>
#
# On test images most of the gap is amortisation: the family is the smaller culprit. On training images the encoder does better. What the family leaves changes far
# less from training to test images.
#
# </details>
#
# Keep three things apart. *Approximation* and *amortisation* are defined for any image. That amortisation is larger on images the encoder has not seen is a matter of
# **generalisation**, which is neither: a perfect fit to the training images would leave it.
#
# ### What a flexible family can win
#
# If every image has the best q of its family, only the approximation part is left, and a better family can only lower that. So we fit, to each test image by itself, a Gaussian with full covariance, a Gaussian pushed through eight planar
# layers, and one pushed through two IAF layers. An **inverse autoregressive flow** shifts and scales each $z'_i$ by functions of $z'_1, \dots, z'_{i-1}$: its Jacobian is
# triangular, so its log-determinant is a sum of log scales (slide 6; Kingma et al., 2016).
#
# **Q8.** Rank the four. How much of the Gaussian's approximation gap will the best flow win back: a tenth, half, nearly all?

# %%
families = ("full Gaussian", "planar", "IAF")
fits = {"Gaussian": on_test}
fits |= {family: gap_terms(vae, test, exact, family, seed=SEED) for family in families}
for family in families:
    gain = fits["Gaussian"].approximation - fits[family].approximation
    won = mean_and_error(gain)
    print(f"{family:14s} wins {won.value:.3f} ± {won.error:.3f} nats per image over the Gaussian")
figures.approximation({family: gap.approximation for family, gap in fits.items()})

# %% [markdown]
# <details><summary><b>Answer to Q8</b></summary>
#
# The printed lines give what each family wins. They are differences image by image, so their errors are much smaller than the error bars suggest. Compare them with the height of
# the Gaussian's bar: the best flow wins more than half of it, and not nearly all. Two families whose difference is within
# its error are not ranked by these 100 images.
#
# </details>
#
# Two cautions. The decoder was trained together with a *Gaussian* q, and a VAE bends its posteriors towards the family that it is trained with: this comparison favours
# the Gaussian. And a climb may end in a local optimum, so what a family leaves is at most what we measured.
#
# ### What the cases look like
#
# Here are the three test images with the largest gap. Blue is the true posterior, orange are draws: first the encoder's q, then the best q of three families.

# %%
draws = {"encoder's q": vae.posterior(test).sample((300,))}
draws |= {f"best {f}": fits[f].best.sample((300,)) for f in ("Gaussian", "planar", "IAF")}


def show(places: torch.Tensor):
    chosen = {name: cloud[:, places] for name, cloud in draws.items()}
    return figures.latent_plane(chosen, world, test[places])


show((exact - elbo).topk(3).indices)

# %% [markdown]
# Compare the first two orange columns: where the encoder's q lies in the wrong place and the best Gaussian does not, the encoder is to blame and not the family. The *shape* of q
# should matter most where the true posterior is least like a Gaussian. Here are the three images for which $KL(p(z|x), N)$ is largest, with N the Gaussian of the same mean and covariance.

# %%
show(world.distance_from_gaussian(test).topk(3).indices)

# %% [markdown]
# An image that can be read in two ways has a posterior with two peaks, or a bent one. A Gaussian must choose a peak, or cover the valley between them as in section 3; a flow *can*
# reach both. But $KL(q, p)$ punishes being where p is not, so nothing pulls q towards a peak that it has not found: look whether yours did.
#
# ### An encoder for a flow
#
# In a VAE, q comes from an encoder after all. So train new encoders for the same frozen decoder, one of each family; log p(x) stays what it is. The encoder's output steers the
# flow's parameters (slide 7). Any brick fits into `posterior`.

# %%
vae.likelihood.requires_grad_(False)
sizes = {"x_shape": (1, 8, 8), "z_dim": 2, "hidden": (128, 128)}
build = {
    "Gaussian": lambda: VAE.build(**sizes),
    "planar": lambda: FlowPosteriorVAE.build(**sizes, flow="planar", layers=8),
    "IAF": lambda: FlowPosteriorVAE.build(**sizes, flow="iaf", layers=2, flow_hidden=(16,)),
}


# %%
def train_encoder(family: str, seed: int) -> VAE:
    torch.manual_seed(seed)
    model = build[family]()
    model.likelihood = vae.likelihood
    options = {"learning_rate": cosine(3e-3, 800), "seed": seed, "checkpoint": "checkpoints"}
    fit(model, splits.train.x, steps=800, label=f"{family} encoder, seed {seed}", **options)
    return model


encoders = {family: [train_encoder(family, SEED + i) for i in range(2)] for family in build}

# %%
held_out = {
    family: [(exact - plain_elbo(m, m.posterior(test), test)).mean().item() for m in models]
    for family, models in encoders.items()
}
best = {family: fits[family].approximation.mean().item() for family in build}
figures.encoders(held_out, best)

# %% [markdown]
# The bars are what the family must leave, the dots what encoders leave on images they have not seen. The dots lie far above the bars, whatever the family: most of what is between them is the
# encoder's part. Dots also differ by more than their bars do, because an encoder of another family is another network, and it generalises in its own way; that can help or hurt, and a bar does not
# say which. (The Gaussian's dots need not repeat the gap measured above: these encoders were trained anew, with fewer steps.) Where the dots of two families overlap, two seeds cannot
# rank them; and other numbers of layers or steps would change the picture.
#
# ## What the lecture claims, and what was measured
#
# *This run* is what you see above. *Three seeds* is measured apart, with more training; there ± is half the range over the seeds, and a sampling error, if given, is one standard
# error over the images.

# %%
per_image = "{:.2f} nats per image".format
closing_table(
    [
        (
            "log p = ELBO + gap, for any q (slide 6)",
            f"residual {closed.residual:.0e}",
            ("bound_identity", "largest residual, float64"),
        ),
        (
            "q is often too simple, so the bound is loose (slide 6): best Gaussian of each image",
            per_image(best["Gaussian"]),
            ("flow_posterior_gap", "approximation, Gaussian, mean"),
        ),
        (
            "a flow tightens it (slide 7): best q through eight planar layers",
            per_image(best["planar"]),
            ("flow_posterior_gap", "approximation, planar, mean"),
        ),
        (
            "not on the slides: what a Gaussian encoder adds on unseen images",
            per_image(on_test.amortisation.mean()),
            ("flow_posterior_gap", "amortisation, Gaussian, mean"),
            "holds, with this condition: the encoder has not seen the images",
        ),
    ]
)

# %% [markdown]
# The lecture is right about the bound, and right about flows. Two things it does not say: on images that the encoder has not seen most of the gap belongs to the encoder and not to the
# family; and a smaller gap is not a better model, for log p(x) never changed in this section. When decoder and posterior are trained together, both change at once.
#
# ## Exercises
#
# 1. Show that the approximation gap is never negative, and that the amortisation gap is not either if the encoder's q belongs to the family. Which of the two can come out
#    negative when it is *measured*, and why?
# 2. In section 3's figure, find the Gaussian with the smallest *other* KL, $KL(p(z|x), q)$: which mean and scale must it have? What is its ELBO?
# 3. Give the linear-Gaussian world a W with orthogonal columns. What is `linear.mean_field_gap()`, and why does a VAE that is trained as a whole tend to end up there?
#
# <details><summary><b>Answers</b></summary>
#
# 1. The first is a KL. The second is a maximum over the family minus the value of one of its members. Measured, the second can be negative: the climb to q* may end in a local optimum
#    below the encoder's q, and both bounds are averages over draws.
# 2. The Gaussian with the posterior's own mean and variance: mean 0 and standard deviation 1.17, log σ = 0.16. It covers both peaks and the valley; its ELBO is -4.02, a gap of
#    2.33 nats where the best Gaussian leaves 0.75.
# 3. Zero: then Λ = I + WᵀW/σ² is diagonal and the posterior's dimensions are independent. Training raises the ELBO, so among decoders with the same p(x) it prefers one
#    whose posteriors the family can match; rotating z changes W but not p(x).
#
# </details>
#
# **Next:** [problem set 1](../assignments/ps1_elbo_gap/ps1_elbo_gap.ipynb), where you write the pieces and plug them into the figure of section 3; then
# [lecture 2, autoregressive flows](02_autoregressive_flows.ipynb).
#
# **Papers.** Kingma, Welling (2014), arXiv:1312.6114. Rezende, Mohamed (2015), arXiv:1505.05770. Kingma, Salimans, Jozefowicz, Chen,
# Sutskever, Welling (2016), arXiv:1606.04934. Burda, Grosse, Salakhutdinov (2016), arXiv:1509.00519. Cremer, Li, Duvenaud (2018),
# arXiv:1801.03558, who split the gap in two.
