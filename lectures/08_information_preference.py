# %% [markdown]
# # 8 · Information preference
#
# **Slides 16-18 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** Lecture 7 showed that the ELBO matches two joint distributions. A model can match them
# perfectly and leave z unused. Why does a good decoder make z useless, and how do you pay for information?
# "Slide 16" means the deck "Variants and Combinations of Basic Models", which the CS236 site lists on its syllabus page. You do not need it open.
#
# | section | you will |
# |---|---|
# | 1 | see two solutions with one ELBO: one knows everything about x, one knows nothing |
# | 2 | walk through the flat valley between them, and meet a decoder that has a preference |
# | 3 | train three models with nearly equal bounds and very different z |
# | 4 | find out how each measure of the use of z can mislead |
# | 5 | define the remedies exactly |
# | 6 | pay for information: InfoVAE and its two weights |
# | 7 | pay for the information of a code: InfoGAN |
# | 8 | charge for information: the beta-VAE, rate and distortion |
#
# About 50 minutes to read, about a minute to run. You need lecture 7. At each **Q**, commit to an answer before you run the next cell; the answers are
# folded. Logarithms are natural, so every number is in *nats* (1 nat = 1.44 bits).

# %%
from itertools import pairwise

import torch

from course_lib.data import mnist
from course_lib.distributions import (
    ConditionalAutoregressiveBernoulli,
    ConditionalGaussian,
    StandardGaussian,
    mlp,
)
from course_lib.evaluation import (
    active_units,
    evaluate,
    information_terms,
    latent_shuffle_cost,
    mean_and_error,
)
from course_lib.exact import identities, tables
from course_lib.exact.preference import K, valley
from course_lib.figures import information_preference as figures
from course_lib.figures.closing_table import closing_table
from course_lib.figures.information_preference.trained import trained as packed
from course_lib.measured import measured
from course_lib.models import BetaVAE, InfoVAE
from course_lib.models.density import DensityModel
from course_lib.objectives import free_bits
from course_lib.training import cosine, fit

torch.set_num_threads(1)  # for networks this small a second core only gets in the way
SEED = 0

# %% [markdown]
# ## 1 · Two solutions, one ELBO
#
# Lecture 7 wrote the average ELBO as $-KL(q(z,x), p(z,x)) - H(p_{data})$, where $q(z,x) = p_{data}(x)\, q(z|x)$ and $p(z,x) = p(z)\, p(x|z)$. It is largest, $-H(p_{data})$, where the
# two joints are equal. Slide 16 asks: what does that say about z? In the world of this section, x and z take 8 values each. Here are two models.
#
# - **Informative:** q(z|x) puts all mass on z = x, and p(x|z) reads x off z.
# - **Independent:** q(z|x) = p(z) for every x, and p(x|z) = p_data(x) for every z. The decoder does all the work and ignores z.

# %%
p_data = torch.full((K,), 1 / K).double()
informative = valley(p_data, torch.eye(K), share=1.0)
independent = valley(p_data, torch.eye(K), share=0.0)
print(f"-H(p_data) = {-tables.entropy(p_data):.6f}")
for name, world in (("informative", informative), ("independent", independent)):
    elbo = (p_data * tables.elbo(world.p_zx, world.q_z_given_x)).sum()
    known = tables.mutual_information(world.q_zx).clamp(min=0)
    print(f"{name}: E[ELBO] = {elbo:.6f}, I(x; z) = {known:.4f} nats")

# %% [markdown]
# Both reach the maximum. The **mutual information** I(x; z) = KL(q(z,x), q(z) q(x)) tells them apart: it is log 8 in one model and zero in the other. The ELBO has no term for
# it. That is the *information preference* problem of slide 16, also called posterior collapse: if p(x|z) is flexible enough to be p_data(x) by itself, nothing
# in the objective asks for a useful z.
#
# **Q1.** Is this an accident of uniform data? For which p_data does the independent model reach the maximum?

# %%
uneven = torch.tensor([0.5, 0.3, 0.1, 0.06, 0.04])
alone, knowing = identities.information_preference(uneven, p_z=[0.2, 0.7, 0.1])
print(alone, knowing, sep="\n")

# %% [markdown]
# <details><summary><b>Answer to Q1</b></summary>
#
# For every p_data, and every prior: with q(z|x) = p(z) and p(x|z) = p_data(x) both joints are p_data(x) p(z). The only condition is that the family of decoders contains
# p_data. An autoregressive decoder such as a PixelCNN can come close.
#
# </details>
#
# ## 2 · The valley between them
#
# Between the two models lies a path. Let the encoder use the code with probability t and a draw from the prior otherwise, and let the decoder follow by Bayes' rule:
#
# $$q_t(z|x) = (1 - t)\, p(z) + t\, 1[z = x], \qquad p_t(x|z) = p_{data}(x)\, q_t(z|x) / p(z).$$
#
# **Q2.** What is the ELBO at t = 0.25, 0.5, 0.75? Higher than at the ends, lower, or the same?

# %%
for share in (0.0, 0.25, 0.5, 0.75, 1.0):
    world = valley(p_data, torch.eye(K), share)
    elbo = (p_data * tables.elbo(world.p_zx, world.q_z_given_x)).sum()
    known = tables.mutual_information(world.q_zx).clamp(min=0)
    print(f"t = {share:4.2f}: E[ELBO] = {elbo:.6f}, I(x; z) = {known:.4f} nats")

# %% [markdown]
# <details><summary><b>Answer to Q2</b></summary>
#
# The same. The aggregate of q_t is p(z) for every t, and the decoder inverts the encoder, so the joints agree along the whole path.
#
# </details>
#
# The maximum is not two points but a **flat valley** (upside down). Which of its points training finds depends on everything but the ELBO: initialisation, step size, which part of
# the network learns faster. Now hold the decoder fixed at one point c of the path, as a decoder of limited flexibility would be.
#
# **Q3.** With the decoder held at c = 0.6, which t is best? Move both sliders.

# %%
figures.preference_path()

# %% [markdown]
# <details><summary><b>Answer to Q3</b></summary>
#
# t = c, for every c. The encoder should use z exactly as much as this decoder does: more costs rate that the decoder cannot turn into likelihood, less gives away
# likelihood that it could have.
#
# </details>
#
# So a limited decoder has an opinion about z, and a flexible one has none. "Make the decoder weaker" is one remedy for an unused z, and it costs likelihood on real data.
#
# ## 3 · Equal bounds, different z
#
# Does this happen to trained networks? We take MNIST, reduced to 7x7 binary pixels so that training is fast. The decoder is a masked autoregressive network (MADE) over
# all 49 pixels that also sees z. A collapse needs a decoder that can do without z, so the first row to look at is the same network **without** z, whose likelihood is exact.


# %%
def small(part: torch.Tensor) -> torch.Tensor:
    return (torch.nn.functional.avg_pool2d(part, 4) > 127).float()


def bricks(log_scale: float = 0.0) -> tuple:
    """Prior, decoder and encoder; the encoder starts with its log-scales moved by log_scale."""
    network = mlp(49, (100,), 8, flatten=3)
    with torch.no_grad():
        network[-1].bias[4:] += log_scale
    decoder = ConditionalAutoregressiveBernoulli((1, 7, 7), (500,), context_dim=4)
    return StandardGaussian(4), decoder, ConditionalGaussian(network, 4)


# %%
splits = mnist.load("grey")
train, test = small(splits.train.x), small(splits.test.x)
STEPS = 800


def trained(make, label: str) -> torch.nn.Module:
    torch.manual_seed(SEED)
    model, rate = make(), cosine(6e-3, STEPS)
    where = {"checkpoint": "checkpoints", "label": label}
    fit(model, train, steps=STEPS, learning_rate=rate, seed=SEED, **where)
    return model.eval()


# %%
without = trained(
    lambda: DensityModel(ConditionalAutoregressiveBernoulli((1, 7, 7), (500,))), "no z"
)
models = {
    "ELBO": trained(lambda: BetaVAE(*bricks()), "ELBO"),
    "free bits 0.5": trained(lambda: BetaVAE(*bricks(), free_bits=0.5), "free bits 0.5"),
    "free bits 1": trained(lambda: BetaVAE(*bricks(), free_bits=1.0), "free bits 1"),
}

# %% [markdown]
# *Free bits* is a change of the training objective that section 5 defines; the models are the same. We compare the importance bound with k = 64, which is closer to log p(x) than the
# ELBO, and the information $I_q$ between each test image and its z. It is estimated with the aggregate posterior over all 500 test images.
#
# **Q4.** How far apart will the three bounds be? And the three values of $I_q$?

# %%
with torch.no_grad():
    print(f"no z            log p(x) {mean_and_error(without.log_prob(test))}, exact")
use = {}
for name, model in models.items():
    bound = evaluate(model, test, k=64).importance_bound
    use[name] = information_terms(model, test, samples=4)
    print(f"{name:15s} log p(x) at least {mean_and_error(bound)}, I_q {use[name].information}")

# %% [markdown]
# <details><summary><b>Answer to Q4</b></summary>
#
# The bounds differ by a small fraction of a nat. $I_q$ rises several times over. The likelihood cannot tell these models apart, and what you would call "the representation" is
# almost absent in the first.
#
# </details>
#
# The same with a wider decoder, five times as many steps, and three seeds. One more remedy takes part, warm-up, which section 5 explains.

# %%
bounds = []
print("                -log p(x) at most   I_q")
for name in ("ELBO", "free bits 0.5", "warm-up", "free bits 1"):
    bounds.append(measured("information_preference", f"{name}, -log p(x) at most"))
    known = measured("information_preference", f"{name}, I_q")
    print(f"{name:15s} {bounds[-1].spread:19s} {known.spread}")
print(f"no z            {measured('information_preference', 'no z, -log p(x)').spread}, exact")
spread = max(bound.mean for bound in bounds) - min(bound.mean for bound in bounds)
print(f"largest bound minus smallest: {spread:.3f} nats")

# %%
for name in ("ELBO", "free bits 1"):
    print(f"{name:15s} -ELBO {measured('information_preference', f'{name}, -ELBO').spread}")

# %% [markdown]
# The bounds hardly differ, and $I_q$ grows several times over. The ELBO itself falls a little where z carries most. The importance bound takes back
# the part of the gap that a Gaussian q leaves (lecture 1), so compare likelihoods by the first table.
#
# ## 4 · How to measure the use of z, and how each measure misleads
#
# Five numbers are in use. The **rate** KL(q(z|x), p(z)). The **information** $I_q$ over all N examples. The same on **minibatches**. The **cost of a wrong z**: what log p(x|z) loses when z
# comes from another image. And **active units**: dimensions of z whose mean varies over images by more than 0.01.
#
# To see them disagree we need a model with a large rate. We train with the whole rate replaced by an MMD between q(z) and p(z), which compares draws of both by a kernel (section 6 says which objective that
# is): once from the usual start, and once with an encoder that starts narrow, at widths near 0.05.

# %%
mmd = {"alpha": 1.0, "lambda_": 1000.0}
models["MMD"] = trained(lambda: InfoVAE(*bricks(), **mmd), "MMD")
models["MMD, narrow"] = trained(lambda: InfoVAE(*bricks(-3.0), **mmd), "MMD narrow")

# %% [markdown]
# **Q5.** The table prints all five numbers. In which row is the rate about twice the information? In which column do very different models get the same number?

# %%
print("                rate    I_q  KL(q(z),p)  I_q, batches of 50  wrong z  active units")
for name, model in models.items():
    use[name] = terms = information_terms(model, test, samples=4)
    parts = [information_terms(model, x, samples=4).information.value for x in test.split(50)]
    row = terms.rate.value, terms.information.value, terms.marginal_kl.value
    wrong = latent_shuffle_cost(model, test).mean()
    units = active_units(model.posterior(test).mean)
    numbers = "{:6.2f} {:6.2f} {:11.2f}".format(*row) + f" {sum(parts) / len(parts):19.2f}"
    print(f"{name:13s} {numbers} {wrong:8.2f} {units:8d} of 4")
print(
    f"ceilings: log 500 = {torch.tensor(500.0).log():.2f}, log 50 = {torch.tensor(50.0).log():.2f}"
)

# %% [markdown]
# <details><summary><b>Answer to Q5</b></summary>
#
# In the row of the narrow MMD model: about half of its rate is mismatch of q(z) and not information. Active units gives the first three models one number, although their
# information differs several times over. And in the last row the estimate from batches of 50 has run into its ceiling, log 50.
#
# </details>
#
# Each measure has its failure:
#
# - The **rate** is $I_q$ + KL(q(z), p(z)). A large rate can be mostly mismatch (lecture 7).
# - **$I_q$ from batches of B** has the ceiling log B. A value near log B says how large the batch was. Even with all examples the ceiling is log N, so print it.
# - **Active units** counts what the encoder moves, however little. It does not say how much x can be read off z.
# - The **cost of a wrong z** has no ceiling and no fixed scale. It is zero exactly if the decoder ignores z, which is the question here, but a sharp decoder makes it large at the same $I_q$.
#
# Report $I_q$ with its ceiling, and the cost of a wrong z beside it.
#
# ## 5 · Remedies, defined exactly
#
# The word "free bits" names at least three algorithms. Let $KL_{bj}$ be the KL of example b in dimension j, and λ the floor. Kingma et al. (2016) use the first:
#
# $$\sum_j \max\Big(\lambda, \frac1B \sum_b KL_{bj}\Big), \quad \frac1B \sum_b \sum_j \max(\lambda, KL_{bj}), \quad \max\Big(\lambda, \frac1B \sum_{b,j} KL_{bj}\Big).$$
#
# **Q6.** For the table of KLs below and λ = 0.5, which entries get a gradient in each version?

# %%
kl = torch.tensor([[0.1, 0.9, 2.0], [0.3, 0.3, 3.0]], requires_grad=True)
versions = {
    "floor under the batch mean": free_bits(kl, 0.5),
    "floor under each example": kl.clamp(min=0.5).mean(0).sum(),
    "floor under the sum": kl.sum(1).mean().clamp(min=0.5),
}
for name, cost in versions.items():
    (gradient,) = torch.autograd.grad(cost, kl)
    print(f"{name:27s} cost {cost:.2f}, B x gradient {(len(kl) * gradient).tolist()}")

# %% [markdown]
# <details><summary><b>Answer to Q6</b></summary>
#
# First version: dimension 1 is below the floor on average, so none of its entries gets a gradient; the others all do. Second: every entry below 0.5 is free on its own, also the 0.3 of
# dimension 2. Third: the sum is far above the floor, so nothing is free.
#
# </details>
#
# Three costs, three gradients. The cost with a floor is a training objective and no bound: at evaluation the plain KL returns. The other remedies:
#
# - **Warm-up** multiplies the KL by a weight that rises from 0 to 1 during training. It ends at the ELBO, so it only chooses where in the valley training starts to settle.
# - **Delta-VAE** (Razavi et al., 2019) picks families for which the rate cannot be small. If q(z|x) has a fixed width s in each dimension and p(z) = N(0, 1), for
#   example, no mean brings the KL of a dimension below $-\log s + (s^2 - 1)/2$.
# - **A weaker decoder**, by a smaller receptive field or dropout of x, makes z necessary, as in section 2.
#
# ## 6 · Paying for information: InfoVAE
#
# Slide 17 puts the information into the objective. InfoVAE (Zhao, Song, Ermon, 2019) also weighs the mismatch of q(z):
#
# $$\alpha\, I_q(x; z) - \lambda\, KL(q(z), p(z)) - E_{q(z)} KL(q(x|z), p(x|z)).$$
#
# $I_q$ cannot be computed from one example, but the rate can. Inserting $I_q = E[\text{rate}] - KL(q(z), p(z))$ gives what is trained:
#
# $$E[\log p(x|z)] - (1 - \alpha)\, E[\text{rate}] - (\alpha + \lambda - 1)\, KL(q(z), p(z)) + H(p_{data}).$$

# %%
p_zx = tables.random((7, 5), seed=SEED + 1)
data, q = tables.random(5, seed=SEED + 2), tables.random((7, 5), seed=SEED + 3, normalise="z")
for alpha, lambda_ in ((0.0, 1.0), (1.0, 10.0), (-0.5, 1.5), (0.3, 2.0), (-3.0, 4.0)):
    family = identities.info_vae_is_matching(p_zx, data, q, alpha, lambda_)
    print(f"({alpha:4.1f}, {lambda_:4.1f}) residual {family.residual:.0e}")
known_settings = identities.info_vae_known_settings(p_zx, data, q)
print(*known_settings, sep="\n")

# %% [markdown]
# So the two weights contain the systems of slides 15 to 18: the **ELBO** is (0, 1). A **beta-VAE** is (1 - β, β). Weights (1, λ) leave no rate at all, as in the **adversarial autoencoder**. A positive α
# pays for information and a beta-VAE with β > 1 charges for it: opposite remedies in one family.
#
# **Q7.** In the figure, the decoder can follow the code up to its limit c. It opens with a prior that leans to one side, and the ELBO leaves z unused. Choose the prior that fits the code: the ELBO
# now finds every t up to c equally good. What do α = 0.25, 0.5, 1 choose, and what does α = -1 with λ = 2? Then let the prior lean again and raise λ.

# %%
figures.priced_information()

# %% [markdown]
# <details><summary><b>Answer to Q7</b></summary>
#
# A positive α picks the informative end of the valley and then goes beyond c, paying with a decoder that does not fit. A negative α picks t = 0: the beta-VAE leaves z unused although
# using it would cost nothing. If the prior leans, using z moves q(z) off the prior, and a large λ pulls t back.
#
# </details>
#
# On the valley, any α > 0 is enough, however small. Beyond it, α is a price, and the dots show what it buys. InfoGAN, the subject of section 7, rewards the information of the *other* joint; on the
# valley both joints agree, so its α moves the same dots.
#
# One claim about this family is common: "with an MMD in place of the KL, the model always uses z". The two MMD models of section 4 test it. They have one objective, α = 1 and λ = 1000, with no
# rate in it, and they differ in the start of the encoder only.

# %%
for name in ("MMD", "MMD, narrow"):
    print(f"{name:12s} {use[name]}")
    print(
        f"{'':12s} log p(x) at least {mean_and_error(evaluate(models[name], test, k=64).importance_bound)}"
    )

# %% [markdown]
# The start decides. By the formula above, α = 1 does reward information, so the first model is far from optimal, and training left it there. A likely reason is in the right panel of section 2: at
# t = 0 the information is flat, so a model that ignores z feels no pull towards using it, whatever its price. From a narrow start z is in use from the first step, and it remains in use, with a far lower
# bound on log p(x).
#
# ## 7 · The information of a code: InfoGAN
#
# InfoGAN (Chen et al., 2016) pays for information in a model without an encoder (slide 17). Its joint is the **generative** one: draw a code, here called z, generate x, and let a recogniser q(z|x) read the code
# back. With $I_p$ the information under p(z) p(x|z),
#
# $$I_p(x; z) - E_{p(x)} KL(p(z|x), q(z|x)) = H(z) + E_{p(z)\, p(x|z)}[\log q(z|x)].$$
#
# The right side needs samples of the model and no density of x. It is a lower bound on $I_p$, and what is missing is the recogniser's error.

# %%
code = identities.information_is_bound_plus_gap(p_zx, q)
print(code)
under_p, under_q = tables.mutual_information(p_zx), tables.mutual_information(data * q)
print(f"I_p = {under_p:.4f} and I_q = {under_q:.4f} nats: two joints, two numbers")

# %% [markdown]
# **Q8.** Somebody trains the recogniser on real images instead of samples. What is wrong?
#
# <details><summary><b>Answer</b></summary>
#
# A real image has no code. The bound is an average over pairs (z, x) of the model: z must be drawn first, and x generated from it. After training one may *apply* the recogniser to real images,
# and hope.
#
# </details>
#
# That hope is the claim of the paper: a code of ten categories finds the ten classes of digits without labels. We measure it on real test images, where each category gets the digit that fits best in
# training. Below it are two controls that are often left out: the same game whose generator is not paid for the code, and K-means with ten clusters in the pixels.

# %%
accuracies = {
    "InfoGAN": measured("info_gan", "InfoGAN, accuracy"),
    "not paid": measured("info_gan", "control: generator not paid, accuracy"),
    "K-means": measured("info_gan", "floor: K-means, accuracy"),
    "untrained": measured("info_gan", "floor: untrained q(c|x), accuracy"),
}
for name, share in accuracies.items():
    print(f"{name:10s} accuracy {share.spread}")
bound = measured("info_gan", "bound on I(c; x), of log 10 = 2.303").mean
print(f"bound on I(c; x): {bound:.3f} nats, at most log 10 = {torch.tensor(10.0).log():.3f}")

# %% [markdown]
# The code is read back almost without error, so it carries nearly all of log 10. The row "not paid" is the same game in which the recogniser still learns,
# but the generator gets nothing for the code: its categories are digits much less often, so it is the reward that does it. K-means in the pixels of these small images finds the digits about as well. A code with full information need not mean what we would like it to mean.
#
# ## 8 · Charging for information: the beta-VAE
#
# A beta-VAE weighs the rate by β (slide 18). By the family above with (1 - β, β),
#
# $$\begin{aligned}
# E[\log p(x|z)] - \beta\, E[\text{rate}] = {}& -(\beta - 1)\, I_q - \beta\, KL(q(z), p(z)) \\
# & - E_{q(z)} KL(q(x|z), p(x|z)) - H(p_{data}).
# \end{aligned}$$

# %%
for beta in (0.3, 1.0, 4.0):
    slide_18 = identities.beta_vae_is_matching(p_zx, data, q, beta)
    print(f"beta {beta:3.1f}: residual {slide_18.residual:.0e}")

# %% [markdown]
# For β > 1 every nat of information costs β - 1, so in the valley only t = 0 is left. For β < 1 information is rewarded, and the mismatch of q(z) is forgiven in part. Write **D** for the
# distortion $-E[\log p(x|z)]$ and **R** for the rate. The objective is -(D + βR), so training at β finds the point of the (R, D) curve where a line of slope -β touches it.
#
# The models of the figure were trained beforehand: one VAE for each β, on the 8x8 digits of lecture 1. The slider counts in powers of ten, and the text below the figure says which β that is.
#
# **Q9.** Move β from 10 down to 0.25. Where do the reconstructions stop being all alike? Where do the two curves part?

# %%
figures.rate_distortion()

# %% [markdown]
# <details><summary><b>Answer to Q9</b></summary>
#
# At the largest β the rate is zero and every reconstruction is the average digit. As β falls, the images separate. The curves part at small β: the finer the code, the more of it is fitted to the
# 1297 training images. There the readout also shows $I_q$ near its ceiling, the logarithm of the number of images.
#
# </details>
#
# The slope can be tested without a derivative. If two models minimise D + βR at β₁ < β₂, each is at least as good as the other at its own β. It follows that the chord between them has a slope between -β₂
# and -β₁.

# %%
grid, inside = packed(), []
betas, r, d = 10 ** grid["log_betas"], grid["train_rate"], grid["train_distortion"]
for i, (low, high) in enumerate(pairwise(betas)):
    if r[i] - r[i + 1] > 0.5:  # at rate zero there is no slope
        steepness = (d[i + 1] - d[i]) / (r[i] - r[i + 1])
        inside.append(low <= steepness <= high)
        place = "" if inside[-1] else ", outside"
        print(f"β from {low:4.2f} to {high:4.2f}: -ΔD/ΔR = {steepness:.2f}{place}")

# %% [markdown]
# The steepness rises with β, as it must for a convex curve, and each chord should lie between its two β. Where one does not, training has not found the minimum: these are networks, and no theorem says that they do.
#
# ## What the lecture claims, what we measured

# %%
closing_table(
    [
        (
            "z independent of x is an optimum too, if p(x|z) is flexible (slide 16): I_q under the ELBO",
            f"{use['ELBO'].information} nats",
            ("information_preference", "ELBO, I_q"),
        ),
        (
            "and so is an informative z, at nearly the same likelihood: I_q with free bits 1",
            f"{use['free bits 1'].information} nats",
            ("information_preference", "free bits 1, I_q"),
        ),
        (
            "ELBO, beta-VAE and adversarial autoencoder are settings of (α, λ) (slides 17, 18)",
            f"residual {max(r.residual for r in known_settings):.0e}",
            ("family_identity", "InfoVAE = ELBO, beta-VAE, AAE, residual"),
        ),
        (
            "InfoGAN's bound on I_p lacks E KL(p(z|x), q(z|x)) (slide 17)",
            f"residual {code.residual:.0e}",
            ("family_identity", "InfoGAN: gap of the bound - E KL(p(z|x), q(z|x))"),
        ),
        (
            "a code with information finds the classes (slide 17): accuracy",
            "measured beforehand",
            ("info_gan", "InfoGAN, accuracy"),
        ),
        (
            "a beta-VAE weighs information by -(β - 1) (slide 18)",
            f"residual {slide_18.residual:.0e}",
            ("family_identity", "beta-VAE, beta 0.3, 1 and 4, residual"),
        ),
        (
            "dD/dR = -β (slide 18): ratio at β = 1",
            f"{sum(inside)} of {len(inside)} chords inside",
            ("rate_distortion", "beta 1, -(dD/dR) / beta"),
        ),
        (
            "an MMD on q(z) makes the model use z (often said; not on the slides): I_q from two starts",
            f"{use['MMD'].information.value:.2f} and {use['MMD, narrow'].information.value:.2f} nats",
            None,
            "does not hold: the start of the encoder decides",
        ),
    ]
)

# %% [markdown]
# The algebra of slides 16 to 18 is exact. What it says about training is a warning: the ELBO of a flexible decoder has no opinion about z, so something else decides. If you want information, pay for it, say what
# you pay, and measure what you got with more than one number.
#
# ## Exercises
#
# **1.** Let p(x|z) be flexible and β = 2. What is the best I_q, and which term of slide 18 says so?
#
# <details><summary><b>Answer</b></summary>
#
# Zero. At the independent solution all three terms are zero, and no term can be positive: -(β - 1) I_q is negative for every other value of I_q.
#
# </details>
#
# **2.** A paper reports "mutual information 3.9 nats" for four models with rates 9.6, 20, 28 and 69 nats, estimated on batches of 50. What do you conclude?
#
# <details><summary><b>Answer</b></summary>
#
# Nothing about the four models: log 50 = 3.91 is the ceiling, and all four have reached it.
#
# </details>
#
# **3.** Show that $H(p_{data}) - D \le I_q \le R$, where D is the distortion and R the average rate.
#
# <details><summary><b>Answer</b></summary>
#
# $R = I_q + KL(q(z), p(z)) \ge I_q$. For the other side, $-D = E[\log p(x|z)] = E[\log q(x|z)] - E_{q(z)} KL(q(x|z), p(x|z)) \le E[\log q(x|z)] = I_q - H(p_{data})$. (Alemi et al., 2018)
#
# </details>
#
# **Next:** [problem set 8](../assignments/ps8_information_preference/ps8_information_preference.ipynb), where you write the valley, the measures of use, and the objectives that put a price on information.
# [Lecture 9](09_combine.ipynb) puts all models into one table and asks what "best" means.
#
# **Papers.** Chen, Kingma, Salimans, Duan, Dhariwal, Schulman, Sutskever, Abbeel (2017), Variational lossy autoencoder, arXiv:1611.02731. Zhao, Song, Ermon (2019), arXiv:1706.02262. Kingma, Salimans, Jozefowicz, Chen,
# Sutskever, Welling (2016), arXiv:1606.04934. Razavi, van den Oord, Poole, Vinyals (2019), arXiv:1901.03416. Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel (2016), InfoGAN, arXiv:1606.03657. Higgins et al. (2017),
# beta-VAE, ICLR. Alemi, Poole, Fischer, Dillon, Saurous, Murphy (2018), arXiv:1711.00464. Hoffman, Johnson (2016), ELBO surgery, NeurIPS workshop on advances in approximate Bayesian inference.
