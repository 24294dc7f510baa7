# %% [markdown]
# # 0 · The map
#
# **Slides 2 and 19 of Lecture 12, "Variants and Combinations of Basic Models", of [CS236](https://deepgenerativemodels.github.io/).** The slides are on the course's site, in its
# list of lectures. You do not need them open.
#
# VAE, PixelVAE, flow posterior, adversarial autoencoder, InfoVAE: dozens of names. **What is a generative model made of, so that so many of them are one small choice away from each
# other?**
#
# | section | you will |
# |---|---|
# | 1 | see the four choices behind most of the names |
# | 2 | build any combination, named or not, and train three of them with the same lines |
# | 3 | place what does not fit into the grid |
# | 4 | learn the notation, and how to use a question and a check |
#
# About 20 minutes to read, half a minute to run. You need a little PyTorch and the idea of a latent variable. The lectures can be read in any order after lecture 1.

# %%
import time

import torch

from course_lib.data import digits
from course_lib.evaluation import evaluate, mean_and_error
from course_lib.exact import identities, tables
from course_lib.figures import map as figures
from course_lib.figures.images import tile
from course_lib.models import combine
from course_lib.models.combine import COMPARISONS, LIKELIHOODS, POSTERIORS, PRIORS
from course_lib.training import fit

SEED = 0  # try another: every sentence of this page should still be true
_ = torch.manual_seed(SEED), torch.set_num_threads(1)

# %% [markdown]
# ## 1 · Four choices
#
# A model with a latent variable has two joint distributions over data x and latent z. One *generates*: draw z, then x. The other *infers*: take x from the data, then guess z (slide 13):
#
# $$p(z, x) = p(z)\, p(x \mid z), \qquad q(z, x) = p_{data}(x)\, q(z \mid x).$$
#
# Three of the four pieces are networks that we may choose: the **prior** p(z), the **likelihood** p(x|z) and the **posterior** q(z|x). In this course they are called **bricks**. The
# fourth choice is how the two joints are **compared**, for training makes them alike. Choose below; KL, JSD and MMD are three ways to compare two distributions, planar flow and IAF bend a Gaussian (lecture 1), and a PixelCNN draws one pixel after the other (lecture 3).

# %% tags=["start-page"]
figures.grid_of_bricks()

# %% [markdown]
# The figure opens at the plain VAE: each brick is the simplest, and the joints are compared by a KL divergence. Every name in the lecture's grid is *one or two boxes* away from it.
#
# **Q1.** Change only the likelihood, then only the prior, then both. What do the three models have in common, and what would you expect each to be good at?

# %%
combinations = len(PRIORS) * len(LIKELIHOODS) * len(POSTERIORS) * len(COMPARISONS)
print(f"{combinations} combinations, {len(figures.SYSTEMS)} with a name in the lecture:")

# %% tags=["start-page"]
figures.named_systems()

# %% [markdown]
# <details><summary><b>Answer to Q1</b></summary>
#
# All three are autoregressive somewhere: in the pixels, in the latent dimensions, or in both. A PixelCNN likelihood leaves local detail to the pixels and keeps z for the rest
# ([lecture 3](03_pixel_vae.ipynb)). An autoregressive prior does not change what an image looks like given z; it changes which z are drawn, so that they are those which data lead to.
#
# </details>
#
# Most boxes of the grid are empty: nobody gave the combination a name. That does not mean that it is a bad model, and it does not mean that it is hard to build.
#
# ## 2 · The same five lines
#
# The bricks do not know each other. A brick is called with what it depends on and returns a distribution; a comparison only asks distributions for samples and densities. So one function
# builds every cell, and one loop trains it.
#
# **Q2.** Which of these three should reach the best bound on log p(x) on digits it has not seen, after ten seconds each: the plain VAE, the one with a PixelCNN, or one that nobody has
# named?

# %%
splits = digits.load("binary")
choices = {
    "VAE": {},
    "PixelVAE": {"likelihood": "pixelcnn"},
    "nameless": {"prior": "autoregressive", "likelihood": "pixelcnn", "posterior": "iaf"},
}
models, seconds = {}, {}
for name, choice in choices.items():
    began = time.perf_counter()
    torch.manual_seed(SEED)
    models[name] = combine((1, 8, 8), 8, (128,), **choice)
    fit(models[name], splits.train.x, steps=600, label=name, checkpoint="checkpoints")
    seconds[name] = time.perf_counter() - began

# %%
print("nats per image         importance bound on log p(x), k = 50      training")
for name, model in models.items():
    bound = mean_and_error(evaluate(model, splits.test.x, k=50).importance_bound)
    print(f"{name:22s} {bound!s:>20s} {seconds[name]:32.0f} s")

# %% [markdown]
# <details><summary><b>Answer to Q2</b></summary>
#
# The two models with a PixelCNN are ahead of the VAE, and they are slower: neighbouring pixels of a digit depend on each other, which independent pixels can say only through z. What
# another prior and another posterior add is small next to that, at this budget. A ± is one standard error over the images.
#
# </details>
#
# "Importance bound" says which number this is: log p(x) of a model with a latent is not known exactly, and every figure in this course says whether it is exact or a bound. Here are samples,
# a row for each model.

# %%
torch.manual_seed(SEED)
rows = torch.cat([model.eval().sample(16) for model in models.values()])
tile(
    rows, columns=16, zoom=5, alt="16 samples of each model: VAE, PixelVAE, nameless; one row each"
)

# %% [markdown]
# Samples are the natural thing to look at, and a poor thing to measure by: sixteen images say little about what is missing. [Lecture 7](07_joint_matching.ipynb) measures it.
#
# **Q3.** One cell of the grid cannot be trained: a PixelCNN with a critic that looks at x. Why?

# %%
try:
    combine((1, 8, 8), 8, likelihood="pixelcnn", comparison="jsd_x")
except ValueError as error:
    print(error)

# %% [markdown]
# <details><summary><b>Answer to Q3</b></summary>
#
# A critic tells the generator which way to move its *sample*. A PixelCNN draws each pixel from a distribution that depends on the pixels drawn before; there is no derivative of a drawn bit.
# A VAE with independent pixels gets round this by passing the gradient of each pixel's mean, in one step; through a chain of 64 draws that is no longer a good approximation.
#
# </details>
#
# ### Why a comparison is a choice at all
#
# If the two joints were equal, every comparison would be zero. They never are, and then it matters which one you ask. On two tables whose every entry is known, the number that
# the ELBO leaves is exactly the KL between the joints, up to the entropy of the data (slide 13):
#
# $$E_{p_{data}}[L(x)] = -KL(q(z, x),\, p(z, x)) - H(p_{data}).$$

# %%
p_zx = tables.random((4, 6), seed=SEED)
q_zx = tables.random((4, 6), seed=SEED + 1)
p_data, q_given_x = q_zx.sum(0), q_zx / q_zx.sum(0)
print(identities.elbo_is_joint_matching(p_zx, p_data, q_given_x))

# %% [markdown]
# The residual is rounding. Every identity of the lecture is executed like this one, in a world where everything is known, before a network is trained. [Lecture 7](07_joint_matching.ipynb)
# takes this equation apart line by line.

# %% [markdown] tags=["start-page"]
# ## 3 · What the grid leaves out
#
# Five kinds of model in the lecture are not a cell of this grid, because they change the question and not the bricks:
#
# | what changes | model | lecture |
# |---|---|---|
# | no latent at all: p(x) is exact | PixelCNN, autoregressive flows | [2](02_autoregressive_flows.ipynb), [3](03_pixel_vae.ipynb) |
# | x is two things, or a thing and a label | multimodal and semi-supervised VAE | [4](04_multimodal.ipynb) |
# | x is a sequence, with a latent for each step | variational RNN | [5](05_variational_rnn.ipynb) |
# | a flow as the generator of a GAN: KL and JSD on one model | FlowGAN | [6](06_flow_gan.ipynb) |
# | no posterior: only a code can be read back | InfoGAN | [8](08_information_preference.ipynb) |
#
# They are made of the same bricks. The multimodal VAE has one likelihood per modality and a posterior for every subset; the variational RNN is a VAE at each step whose prior
# remembers; a FlowGAN's generator is the flow of lecture 2.

# %% [markdown]
# ## 4 · How to read this course
#
# **Notation.** The letters are the slides'. Logarithms are natural and their unit is the **nat**. Sums go over the entries of one x or z, so that a number is *per image*; averages over images come last.
#
# | symbol | meaning |
# |---|---|
# | $p_{data}(x)$, $p(z)$, $p(x \mid z)$ | data, prior, likelihood |
# | $q(z \mid x)$, $q(z) = E_{p_{data}} q(z \mid x)$ | posterior that is learned, and its average, the *aggregate posterior* |
# | $L(x)$ | the ELBO, a lower bound on log p(x); the difference is the *gap* |
# | $I_q(x; z)$ | how much z tells about x under q |
# | KL, JSD, MMD | three ways to compare two distributions |
#
# **Questions.** At each **Q**, commit to an answer before you run the next cell. The answer is folded up below it. A wrong guess is worth more than a right answer that you read.
#
# **Explorables.** A figure with sliders is drawn once and follows your hand. Tab moves between its controls and arrow keys change them; in a notebook each slider has a number box, too.
#
# **Closing tables.** Each lecture ends with what the slides claim, what the notebook's own run gave, what three seeds gave with more training, and a verdict: *holds exactly*; *holds, with
# this condition*; or *not shown here, because*.
#
# **Problem sets.** Each function has a check below it. A check says what is wrong, what it got, what it expected and why; it tries the usual mistakes and names yours if it is
# one of them. Here is a check at work, on an answer that is wrong in a common way.

# %%
from course_lib.checks import elbo_gap as check


def gaussian_log_prob(x, mu, log_scale):
    """Return log N(x; mu, exp(log_scale)^2), summed over the last dimension; here by mistake averaged."""
    return torch.distributions.Normal(mu, log_scale.exp()).log_prob(x).mean(-1)


try:
    check.gaussian_log_prob(gaussian_log_prob)
except AssertionError as message:
    print(message)

# %% [markdown]
# Put `sum` in the place of `mean` and run the cell again.
#
# ## Exercises
#
# 1. In the grid of section 1, find two cells that are the *same* model for a special value of a weight. What is the value?
# 2. Build one nameless combination with `combine` that includes an `mmd` comparison and train it like the three above. Before you run it: will its bound be above or below the VAE's?
# 3. Where in the grid would you put a plain autoencoder, which has no prior? What does it lack as a generative model?
#
# <details><summary><b>Answers</b></summary>
#
# 1. "beta KL" at beta = 1 is the VAE. So are "KL and JSD in x" and "KL and JSD in z" at weight 0, and MMD with $\alpha = 0$ and $\lambda = 1$ (lecture 8).
# 2. Below or level, if training goes well for both: the VAE is trained for this very bound, the other also for something else. Its z may tell more about x; the bound does not pay for that.
# 3. Nowhere: without a p(z) there is no joint p(z, x), nothing to draw z from, and so no samples. An adversarial autoencoder adds exactly this.
#
# </details>
#
# **Next:** [lecture 1, the ELBO gap](01_elbo_gap.ipynb). [Lecture 9](09_combine.ipynb), the last one, returns to this grid: with all models in one table, and menus that train any box of it.
#
# **Papers.** Kingma, Welling (2014), arXiv:1312.6114. Goodfellow and others (2014), arXiv:1406.2661. Zhao, Song, Ermon (2018), arXiv:1806.06514, who compare joints in one family.
