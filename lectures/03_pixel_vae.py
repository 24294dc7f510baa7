# %% [markdown]
# # 3 · PixelVAE
#
# **Slide 4 of Lecture 12 of [CS236](https://deepgenerativemodels.github.io/).** A VAE draws all pixels at once, independently given z. A PixelCNN draws them one after the other
# and has no z. PixelVAE does both. What should z explain, and what should the pixels explain to each other?
#
# | section | you will |
# |---|---|
# | 1 | turn a convolution into a probability by hiding pixels from it |
# | 2 | find the pixels that it cannot see, and give them back |
# | 3 | let z in without breaking the probability |
# | 4 | train both parents and the child on digits |
# | 5 | hold z and redraw the pixels, hold the pixels and redraw z |
# | 6 | give z a better prior, then a z of its own |
# | 7, 8 | test the slide's other two claims: features, and price |
#
# About 50 minutes to read, a minute to run. You need lecture 1, convolutions and a little PyTorch. At each **Q**, commit to an answer before you run the next
# cell; answers are folded. "Slide 4" means the deck of that lecture ("Variants and Combinations of Basic Models"): the course's site lists all
# decks on its syllabus page. You do not need it open: each formula is repeated here.

# %%
from itertools import product
from time import process_time

import torch
from torch.nn.functional import conv2d

from course_lib.data import digits
from course_lib.distributions import ConditionalPixelCNN
from course_lib.evaluation import evaluate, information_terms, linear_probe, mean_and_error
from course_lib.exact import identities, receptive_field
from course_lib.figures import pixel_vae as figures
from course_lib.figures.closing_table import closing_table
from course_lib.figures.images import tile
from course_lib.models import VAE, HierarchicalPixelVAE, PixelCNN, PixelVAE
from course_lib.models.density import DensityModel
from course_lib.models.pixelvae import latent_prior
from course_lib.training import cosine, fit

torch.set_num_threads(1)  # for networks this small a second core only gets in the way
SEED = 0

# %% [markdown]
# ## 1 · One pixel after the other
#
# Any distribution over images is a product of conditionals, one for each pixel in raster order (slide 4):
#
# $$p(x) = \prod_i p(x_i \mid x_1, \dots, x_{i-1}).$$
#
# A **PixelCNN** computes all the conditionals in one pass of a convolutional network. The price: the output at pixel i may look
# at earlier pixels only, so the kernels are masked. Mask A, in the first layer, hides the pixel itself. Mask B, in all
# later layers, shows it, because by then the features at i are made of earlier pixels.


# %%
def masked_kernel(kind: str, size: int) -> torch.Tensor:
    kernel = torch.ones(size, size, dtype=torch.double)
    centre = size // 2
    kernel[centre, centre + (kind == "B") :] = 0  # A hides the pixel itself, B shows it
    kernel[centre + 1 :] = 0  # rows below
    return kernel


print("A:", *masked_kernel("A", 3).int().tolist(), sep="\n  ")
print("B:", *masked_kernel("B", 3).int().tolist(), sep="\n  ")

# %% [markdown]
# Is the product of the outputs really a probability? There is a test that no argument about masks can replace: a
# binary image of 3x3 pixels has only 512 values, so add up p(x) over all of them.
#
# **Q1.** The first network below uses mask A and then mask B. The second uses B in both layers, so that each pixel sees
# itself. Its outputs are still numbers between 0 and 1. Do they still add up to one?


# %%
def random_network(kinds: str):
    draw = torch.Generator().manual_seed(SEED)
    weights = [3 * torch.randn(3, 3, generator=draw) * masked_kernel(k, 3) for k in kinds]

    def logits(x: torch.Tensor) -> torch.Tensor:
        for weight in weights:
            x = 2 * conv2d(x, weight[None, None], padding="same").tanh()
        return x  # (n, 1, 3, 3)

    return logits


# %%
probabilities_sum_to_one = identities.probabilities_of_all_images_sum_to_one
normalised = probabilities_sum_to_one(random_network("AB"), (1, 3, 3))
leaking = probabilities_sum_to_one(random_network("BB"), (1, 3, 3))
print(normalised)
print(f"B in both layers: the 512 numbers add up to {leaking.left:.4f}")

# %% [markdown]
# <details><summary><b>Answer to Q1</b></summary>
#
# No. With mask A first the sum is one to rounding, whatever the weights. With B everywhere it is another number: a pixel that is told its own
# value can give it any probability it likes, and "likelihoods" of that kind are worth nothing. Training would not complain. The loss would only
# fall faster.
#
# </details>
#
# (Left and right are the two sides of an identity.) The sum runs over all images, so it catches every leak, wherever it is. We trust a model of 64
# pixels because the same code passes this test on nine.
#
# ## 2 · The blind spot
#
# A mask may hide too little; it may also hide too much. The pixel in row 6, column 4 of a 9x9 image has 6·9 + 4 = 58 earlier
# pixels. Stack eight masked layers of 3x3, set every allowed weight to one, and ask automatic differentiation which pixels
# reach the output. With positive weights nothing can cancel: a derivative of zero means that there is no path.
#
# **Q2.** Eight layers reach eight pixels far, the whole image. Are all 58 seen?

# %%
x = torch.ones(1, 1, 9, 9, dtype=torch.double, requires_grad=True)
features = x
for kind in "ABBBBBBB":
    features = conv2d(features, masked_kernel(kind, 3)[None, None], padding="same")
(slope,) = torch.autograd.grad(features[0, 0, 6, 4], x)
seen_by_one_stack = int((slope != 0).sum())
print(f"pixels before (6, 4): {6 * 9 + 4}, pixels that reach it: {seen_by_one_stack}")

# %% [markdown]
# Which ones are missing? The picture shows the same count for any masks, kernel size, depth and pixel. Leave *two
# stacks* for later.

# %%
figures.mask_painter()

# %% [markdown]
# <details><summary><b>Answer to Q2</b></summary>
#
# 52 of 58. On its way up by one row, a path through 3x3 kernels moves at most one column to the right, and within a row it cannot move right at all. So
# it never reaches a pixel that lies further to the right than it lies above. These pixels form a wedge, the **blind spot**. More layers
# do not help; larger kernels make the wedge smaller. With *A everywhere* a hole opens next to the pixel itself.
#
# </details>
#
# The cure is two stacks (van den Oord et al., 2016). The **vertical** stack v looks at whole rows. Its input is moved down by one row, so that
# it knows only what lies above the pixel. The **horizontal** stack h looks to the left in the pixel's own row, and adds what the vertical
# stack has found:
#
# $$v^{l+1} = W_v * v^l, \qquad h^{l+1} = W_h * h^l + W_1\, v^{l+1}.$$

# %%
stacks = receptive_field.two_stacks("ABBBBBBB", size=3)
seen = receptive_field.seen_pixels(stacks, (9, 9), row=6, column=4)
print(receptive_field.count_seen(seen, row=6, column=4))

torch.manual_seed(SEED)
gated = ConditionalPixelCNN((1, 5, 5), features=8, layers=4).double().network
torch.nn.init.normal_(gated.head[-1].weight)  # it starts at zero: no pixel sees another
images = torch.bernoulli(torch.full((40, 1, 5, 5), 0.5)).double()
for one in identities.pixels_follow_their_order(gated, images):
    print(one)

# %% [markdown]
# 58 of 58: go back to the picture and switch to *two stacks*. The library's network has two stacks too, with gates and skip connections; it was asked
# with random weights and its whole Jacobian. No logit depends on its own pixel or a later one, and each depends on all the earlier ones: 25·24/2 = 300 pairs.
#
# ## 3 · A feature map called z
#
# Now add a latent. On slide 4, z is a **feature map with the resolution of x**, and it enters every conditional:
#
# $$p(x, z) = p(z) \prod_i p(x_i \mid x_1, \dots, x_{i-1}, z).$$
#
# (In practice z is a small vector, and a decoder turns it into that map.) So the network gets z as further channels beside x.
#
# **Q3.** The channel of x must be masked. Must the channels of z be masked too? Does the sum stay one either way, and
# does $z_i$ reach the logit of its own pixel i?

# %%
draw = torch.Generator().manual_seed(SEED)
w_x, w_z, w_out = torch.randn(3, 1, 1, 3, 3, generator=draw, dtype=torch.double)
z = torch.randn(1, 1, 3, 3, generator=draw, dtype=torch.double).requires_grad_()


def logits_given_z(x: torch.Tensor, mask_of_z: torch.Tensor) -> torch.Tensor:
    from_x = conv2d(x, w_x * masked_kernel("A", 3), padding="same")
    from_z = conv2d(z, w_z * mask_of_z, padding="same")
    return conv2d((from_x + from_z).tanh(), w_out * masked_kernel("B", 3), padding="same")


# %%
for name, mask in ("unmasked", torch.ones(3, 3)), ("masked with A", masked_kernel("A", 3)):
    print("z", name)
    print("  ", probabilities_sum_to_one(lambda x, m=mask: logits_given_z(x, m), (1, 3, 3)))
    logits = logits_given_z(torch.zeros(1, 1, 3, 3, dtype=torch.double), mask)
    slope = torch.autograd.grad(logits[0, 0, 1, 1], z)[0]
    print(f"   d logit / d z at the same pixel: {slope[0, 0, 1, 1]:.3f}")

# %% [markdown]
# <details><summary><b>Answer to Q3</b></summary>
#
# No mask for z. The order is an order of the pixels of x, and z is known before the first of them is drawn. Both versions add up to one, so
# no test of the probability finds the mistake. But with mask A the derivative at the same pixel is exactly zero: the one place
# where z could say most about $x_i$ is cut off. In the library z enters every layer by an unmasked 1x1 convolution.
#
# </details>
#
# A mistake that leaves the model valid and only makes it worse is the hardest kind to find. It needs a test of its own, like
# this derivative.
#
# ## 4 · Two parents and a child
#
# Now real data: the 8x8 digits of scikit-learn, pixels on or off; 1297 to train, 200 to validate, 300 to test.

# %%
splits = digits.load("binary")
tile(splits.test.x[:32], columns=16, zoom=5, alt="32 binary 8x8 digits of the test part")

# %% [markdown]
# PixelVAE with **zero** autoregressive layers is a VAE: its pixels are independent given z. With one layer, each pixel also
# sees its neighbours. All else is the same: encoder, decoder, eight latent dimensions, steps, batches. So both are one class with
# another number of layers. The KL's weight rises from 0 to 1 over the first 600 steps (warm-up; Bowman et al., 2016), so that z is in use before it costs
# anything.

# %%
STEPS = 1700
settings = {"steps": STEPS, "batch_size": 50, "learning_rate": cosine(3e-3, STEPS), "seed": SEED}


def build(layers: int) -> PixelVAE:
    torch.manual_seed(SEED)
    sizes = {"features": 16, "dropout": 0.2, "warm_up": 600}
    return PixelVAE.build((1, 8, 8), z_dim=8, hidden=(128,), layers=layers, **sizes)


def train(model: PixelVAE | PixelCNN):
    held_out = splits.validation.x
    fit(model, splits.train.x, validation=held_out, checkpoint="checkpoints", **settings)
    return model


# %% [markdown]
# The other parent must be chosen with care. Compare PixelVAE with just any PixelCNN, and the difference may come from
# something else that one of them has, such as a learned bias for each place: that alone can be worth several nats. (Logarithms are natural here; 1 nat = 1.44 bits.)
# The honest baseline is the **same net with z := 0**. Its likelihood is exact. A last baseline treats the pixels as
# independent coins.
#
# **Q4.** Rank the three: the VAE, PixelVAE with one layer, and its twin with z := 0. One layer sees two pixels far.

# %%
vae, pixelvae = train(build(layers=0)), train(build(layers=1))
twin = train(PixelCNN(build(layers=1).likelihood))
frequency = (splits.train.x.sum(0) + 1) / (len(splits.train.x) + 2)
coins = torch.distributions.Bernoulli(frequency).log_prob(splits.test.x).sum((1, 2, 3))

# %%
K = 100
with torch.no_grad():
    exact = {"independent pixels": coins, "twin, z := 0": twin.log_prob(splits.test.x)}
of_vae, of_pixelvae = (evaluate(m, splits.test.x, k=K, seed=SEED) for m in (vae, pixelvae))
bounds = {"VAE": of_vae.importance_bound, "PixelVAE": of_pixelvae.importance_bound}
figures.ladder(
    {name: mean_and_error(-log_p) for name, log_p in exact.items()},
    {name: mean_and_error(-bound) for name, bound in bounds.items()},
    k=K,
)

# %%
for name, log_p in {"twin": exact["twin, z := 0"], "VAE": bounds["VAE"]}.items():
    lead = mean_and_error(bounds["PixelVAE"] - log_p)
    print(f"PixelVAE leads its parent, the {name}, by {lead} nats per image")

# %% [markdown]
# <details><summary><b>Answer to Q4</b></summary>
#
# PixelVAE, then the VAE, then the twin. The two lines above are differences on the same 300 images, ± one standard error over the images. They
# have different force. The twin's number is exact and PixelVAE's is a lower bound on log p(x), so PixelVAE is better by **at least** that much. The VAE's
# number is a bound as well: there, a bound is compared with a bound. With k = 300 (closing table) the order stays.
#
# </details>
#
# One layer cannot see a whole digit, and eight numbers cannot say where every edge is. Together they do better than
# either alone. This is slide 4's first claim, at the size of a laptop.
#
# ## 5 · What z explains, and what it leaves to the pixels
#
# The KL of the ELBO is what the code costs. Averaged over the data it has two parts (slide 15): what z knows
# about x, and what the prior gets wrong about the codes as a whole,
#
# $$E_{p_{data}}\, KL(q(z \mid x), p(z)) = I_q(x; z) + KL(q(z), p(z)).$$
#
# **Q5.** Does z carry more information in the VAE or in PixelVAE?

# %%
for name, model in {"VAE": vae, "PixelVAE": pixelvae}.items():
    found = information_terms(model, splits.train.x, samples=4, seed=SEED)
    print(
        f"{name:8s} KL {found.rate} = I_q {found.information} + KL(q(z), p(z)) {found.marginal_kl}"
    )

# %% [markdown]
# <details><summary><b>Answer to Q5</b></summary>
#
# In the VAE: there, z is the only way in which pixels can agree. In PixelVAE, what a pixel's neighbours already tell need not be paid for in
# the code, so training takes it out of z. (From 1297 images I_q cannot be measured above log 1297 = 7.17 nats.)
#
# </details>
#
# A sample of PixelVAE has two sources of chance: z, and one uniform number $u_i$ for each pixel, which is on if $u_i < p(x_i = 1 \mid x_{<i}, z)$. So hold
# one of them and draw the other anew. If z decided everything, samples with the same z would be equal.
#
# **Q6.** How much of the variance of a sample is due to z alone: a tenth, a half, nine tenths? More in the VAE or in PixelVAE?

# %%
torch.manual_seed(SEED)
z, noise = torch.randn(40, 8), torch.rand(40, 1, 8, 8)
samplers = {
    name: lambda z, noise, model=model: model.likelihood(z).sample_from(noise)
    for name, model in {"VAE": vae, "PixelVAE": pixelvae}.items()
}
figures.two_noises(samplers, z, noise)

# %% [markdown]
# <details><summary><b>Answer to Q6</b></summary>
#
# About a half, in both: read the bars. The average of samples with one z is a blurred digit; the average of samples with one noise is hardly a shape. z decides
# which digit, and roughly where its strokes are. "Both together" is what neither decides alone: the same noise turns a pixel on under one z and off under
# another. The two models differ in kind more than in amount: the VAE's pixels flip independently, and its samples with one z differ by specks; PixelVAE's
# pixels flip in agreement with those before them.
#
# </details>
#
# The bars are an analysis of variance over all 40·40 pairs, $Var(x) = Var_z(E[x|z]) + Var_u(E[x|u]) + \text{rest}$, summed over the pixels. How do
# things change when the pixels get more layers to speak to each other?
#
# **Q7.** From zero to four layers: which falls more, the twin's -log p or PixelVAE's? What happens to KL and I_q?

# %%
figures.depth_explorable()

# %% [markdown]
# <details><summary><b>Answer to Q7</b></summary>
#
# The twin gains by far the most, for it has nothing else. PixelVAE gains most from its first layer, and less from each further one; with one layer it is
# ahead of the twin with four. On the average of the seeds KL and I_q fall with depth: what the pixels can tell each other leaves z. That is the division of labour that this lecture asks for.
#
# </details>
#
# These models were trained beforehand (dots are seeds, ± is half their range). A decoder that is strong
# enough to need no z at all can take everything out of it: the subject of [lecture 8](08_information_preference.ipynb).
#
# ## 6 · A better prior, and a z of its own
#
# Of the two parts of the KL only one depends on the prior: KL(q(z), p(z)). I_q belongs to the encoder. Slide 4 therefore makes the
# prior **autoregressive** as well, $p(z) = \prod_j p(z_j \mid z_{<j})$. With Gaussian conditionals that is a MAF, the subject of
# lecture 2. To see its effect we need not train all anew: freeze encoder and decoder, draw codes z ~ q(z|x) for the training images, and
# fit a new prior to them by maximum likelihood.

# %%
torch.manual_seed(SEED)
_ = pixelvae.requires_grad_(False)
train_z, validation_z = (
    pixelvae.posterior(part.x).sample((10,)).flatten(0, 1)
    for part in (splits.train, splits.validation)
)
FLOOR = {"steps": 600, "learning_rate": cosine(3e-3, 600), "validation": validation_z, "seed": SEED}
prior = latent_prior("autoregressive", z_dim=8)
history = fit(DensityModel(prior), train_z, **FLOOR)
with_maf = PixelVAE(prior, pixelvae.likelihood, pixelvae.posterior)

# %% [markdown]
# Or let the prior be a model with a latent of its own, the **hierarchy** of slide 4: $p(x \mid z_1)\, p(z_1 \mid z_2)\, p(z_2)$. Its bound has one more KL,
#
# $$L(x) = E_q \log p(x \mid z_1) - E_q KL(q(z_1 \mid x), p(z_1 \mid z_2)) - E_q KL(q(z_2 \mid z_1), p(z_2)).$$
#
# Seen from $z_1$, the upper floors are a VAE whose data are the codes, and the bricks of the one model fit into the other. So the same recipe works. (The paper
# infers z₂ from x; the library infers it from z₁.)

# %%
torch.manual_seed(SEED)
hierarchy = HierarchicalPixelVAE.build((1, 8, 8), z1_dim=8, z2_dim=4, hidden=(128,))
upper_floors = VAE(hierarchy.prior, hierarchy.z1_prior, hierarchy.z2_posterior)
history = fit(upper_floors, train_z, **FLOOR)
hierarchy.likelihood, hierarchy.posterior = pixelvae.likelihood, pixelvae.posterior

# %%
of_maf, of_hierarchy = (
    evaluate(model, splits.test.x, k=K, seed=SEED) for model in (with_maf, hierarchy)
)
floors = {"N(0, I)": of_pixelvae, "autoregressive": of_maf, "z1 given z2": of_hierarchy}
for name, found in floors.items():
    kl, bound = mean_and_error(found.kl), mean_and_error(found.importance_bound)
    print(f"{name:15s} KL {kl}   importance bound {bound} nats per image")
for name, model in {"N(0, I)": pixelvae, "autoregressive": with_maf}.items():
    found = information_terms(model, splits.test.x, samples=4, seed=SEED)
    print(f"{name:15s} I_q {found.information}   KL(q(z), p(z)) {found.marginal_kl} nats")

# %% [markdown]
# Encoder and decoder are the same in all rows, and so is the reconstruction: what the KL loses, the ELBO gains, on images that
# no prior has seen. I_q does not move; all of the gain is KL(q(z), p(z)). Autoregressive prior and second latent do the same job. Trained
# together from the start, encoder and decoder adapt to the better prior, and the closing table has those numbers too.
#
# In the paper z₁ is itself a coarse **map**, and its prior is a PixelCNN with Gaussian conditionals over the map's places: masked convolutions twice, for
# the pixels and for z. `PixelVAE.build(..., z_dim=(2, 2, 2), prior="pixelcnn")` is such a model, with two numbers for each quarter of the image and no z₂ above. Its prior is
# a flow, too: an affine autoregressive layer (lecture 2) whose mean and scale are those convolutions.
#
# ## 7 · Does it learn features?
#
# Slide 4 says that PixelVAE "learns features", where a PixelCNN has no code at all. A usual test is a **linear probe**: how
# well does a linear classifier that gets only the mean of q(z|x) name the digit?
#
# **Q8.** Rank four inputs to that classifier: PixelVAE's z, the VAE's z, the z of an encoder that was never trained, and the 64 raw
# pixels.


# %%
@torch.no_grad()
def probe(read) -> float:
    train, test = splits.train, splits.test
    return linear_probe(read(train.x), train.label, read(test.x), test.label).accuracy


encoders = {"PixelVAE": pixelvae, "VAE": vae, "untrained": build(layers=1)}
probes = {name: probe(lambda x, m=m: m.posterior(x).mean) for name, m in encoders.items()}
probes["64 pixels"] = probe(lambda x: x)
for name, accuracy in probes.items():
    print(f"{name:10s} {accuracy:.1%} of 300 test images")

# %% [markdown]
# <details><summary><b>Answer to Q8</b></summary>
#
# The untrained encoder is last, and yet names half of the digits or more: any eight numbers made of the pixels keep something of the class. That is why it must be the
# null. Training adds a lot. But the raw pixels beat both codes, and over three seeds (closing table) PixelVAE's code is no better than the VAE's: what the autoregressive
# layer says of x, z need not say. So the claim holds against the untrained encoder, and not against the other two.
#
# </details>
#
# When you read that a model "learns representations", ask for the number of an encoder that has learnt nothing.
#
# ## 8 · Is it cheaper?
#
# "Cheaper" may mean the time of a training step, the number of autoregressive layers, or the time of a sample. Let the rival be a PixelCNN with
# four layers of the same width. A VAE draws all pixels in one pass. Both others need one pass for each pixel, whatever their depth.

# %%
batch, rivals = splits.train.x[:50], {"VAE": build(0), "PixelVAE, one layer": build(1)}
rivals["PixelCNN, four layers"] = PixelCNN(build(4).likelihood)  # z := 0
seconds = {name: [] for name in rivals}
for _, (name, model) in product(range(25), rivals.items()):  # in turn: noise falls on all
    began = process_time()
    model.losses(batch)["model"].backward()
    seconds[name].append(process_time() - began)
cost = {name: sorted(times)[12] for name, times in seconds.items()}  # medians
for name, passes in zip(rivals, (1, 64, 64), strict=True):
    ratio = cost[name] / cost["PixelVAE, one layer"]
    print(f"{name:22s} training step x {ratio:.2f}, a sample takes {passes} passes in sequence")

# %% [markdown]
# One layer costs less than four: shallower and cheaper to train. Sampling stays sequential: 64 passes, where a VAE
# needs one. But the passes need not be whole. The plain loop below runs the network on the entire image for each
# pixel and throws nearly all of it away. The library stores each layer's features and computes only the new pixel.


# %%
@torch.no_grad()
def plain_loop(noise: torch.Tensor) -> torch.Tensor:
    x = torch.zeros_like(noise)
    for row, column in product(range(8), range(8)):
        p = twin.brick.network(x)[..., row, column].sigmoid()
        x[..., row, column] = (noise[..., row, column] < p).float()
    return x


# %%
noise = torch.rand(200, 1, 8, 8, generator=torch.Generator().manual_seed(SEED))
clock, drawn = [process_time()], []
for sampler in (plain_loop, twin.brick().sample_from):
    drawn.append(sampler(noise))
    clock.append(process_time())
saved = (clock[1] - clock[0]) / (clock[2] - clock[1])
print(f"pixels that differ between the two: {int((drawn[0] != drawn[1]).sum())} of {noise.numel()}")
print(f"the plain loop takes {saved:.1f} times as long as stored features")

# %% [markdown]
# The same noise gives the same images, so nothing but time was saved. The saving grows with the image: the cost of the plain loop rises
# with the square of the number of pixels, that of stored features with the number itself.
#
# ## What the lecture claims, what we measured

# %%
closing_table(
    [
        (
            "masked convolutions give a probability: 512 images sum to one (slide 4)",
            f"residual {normalised.residual:.0e}",
            None,
            "holds exactly",
        ),
        (
            "two stacks see all earlier pixels, one stack does not (slide 4)",
            f"58 and {seen_by_one_stack} of 58",
            None,
            "holds exactly",
        ),
        (
            "state-of-the-art likelihood (slide 4): PixelVAE, one layer, -log p at most",
            mean_and_error(-bounds["PixelVAE"]),
            ("pixelvae_parents", "L = 1, importance bound k = 300"),
        ),
        (
            "its parent PixelCNN, z := 0, exact",
            mean_and_error(-exact["twin, z := 0"]),
            ("pixelvae_parents", "L = 1, z := 0 (PixelCNN), exact -log p"),
            "its baseline",
        ),
        (
            "its parent VAE, at most",
            mean_and_error(-bounds["VAE"]),
            ("pixelvae_parents", "L = 0 (VAE), importance bound k = 300"),
            "its baseline",
        ),
        (
            "autoregressive prior (slide 4), at most",
            mean_and_error(-of_maf.importance_bound),
            ("pixelvae_parents", "L = 1, autoregressive prior, importance bound k = 300"),
            "holds: better than N(0, I)",
        ),
        (
            "hierarchy p(x|z1) p(z1|z2) (slide 4), at most",
            mean_and_error(-of_hierarchy.importance_bound),
            ("pixelvae_parents", "L = 1, z1 from z2 (4 numbers), importance bound k = 300"),
            "holds: better than N(0, I)",
        ),
        (
            "a PixelCNN over a map of z as prior (slide 4), at most",
            "",
            ("pixelvae_maps", "PixelCNN, importance bound k = 300"),
        ),
        (
            "N(0, I) over the same map, at most",
            "",
            ("pixelvae_maps", "N(0, I), importance bound k = 300"),
            "its baseline",
        ),
        (
            "PixelVAE, its net and weight decay chosen on validation, at most",
            "",
            ("pixelvae_chosen", "PixelVAE, importance bound k = 300"),
        ),
        (
            "that net with z := 0, exact",
            "",
            ("pixelvae_chosen", "z := 0 (PixelCNN), exact -log p"),
            "its baseline",
        ),
        (
            "models without z: PixelCNN of its own best size, exact",
            "",
            ("pixelcnn_digits", "PixelCNN, exact -log p"),
        ),
        (
            "an RNN over rows whose pixels see each other, exact",
            "",
            ("pixelcnn_digits", "RNN with MADE, exact -log p"),
            "behind the PixelVAE whose net was chosen",
        ),
        (
            "learns features (slide 4): linear probe of PixelVAE's z",
            f"{probes['PixelVAE']:.2f}",
            ("pixelvae_features", "PixelVAE, L = 1, linear probe"),
            "holds, with this condition: against an untrained encoder and a PixelCNN, not against a VAE",
        ),
        (
            "of the VAE's z",
            f"{probes['VAE']:.2f}",
            ("pixelvae_features", "VAE, linear probe"),
            "no worse than PixelVAE's",
        ),
        (
            "of an untrained encoder's z",
            f"{probes['untrained']:.2f}",
            ("pixelvae_features", "null: untrained encoder, linear probe"),
            "the null",
        ),
        (
            "of a PixelCNN's features, averaged over the pixels: 16 numbers",
            "",
            ("pixelvae_features", "PixelCNN, L = 4, linear probe of its features"),
            "worse than PixelVAE's z",
        ),
        (
            "of the 64 pixels",
            f"{probes['64 pixels']:.2f}",
            ("pixelvae_features", "64 pixels, linear probe"),
            "better than any code of 8 numbers",
        ),
        (
            "cheaper than a PixelCNN (slide 4): training step, one layer",
            "x 1",
            ("pixelvae_features", "PixelVAE, L = 1, ms a step"),
            "holds, with this condition: for training; a sample takes 64 passes in sequence in both",
        ),
        (
            "training step of a PixelCNN with four layers",
            f"x {cost['PixelCNN, four layers'] / cost['PixelVAE, one layer']:.1f}",
            ("pixelvae_features", "PixelCNN, L = 4, ms a step"),
            "its baseline",
        ),
    ]
)

# %% [markdown]
# The first claim holds at equal net: PixelVAE beats both of its parents. Models without z whose size and regularisation were chosen for them come close
# to that small PixelVAE or pass it (the two rows before the features); one whose net was chosen with the same care is ahead of all of them. The second holds against an encoder that learnt
# nothing and against a PixelCNN's own features; the VAE's code does as well, and the raw pixels do better. The third holds for training, not for the number of
# sequential passes.
#
# ## Exercises
#
# **1.** A 5x5 kernel, one masked stack, eight layers: how large is the blind spot of pixel (6, 4) on 9x9? Work it out on paper, then ask the painter.
#
# <details><summary><b>Answer</b></summary>
#
# A layer moves at most two columns to the right, on its way up by one row or by two. Row 5 is reached up to column 6, so 7 and 8 are missed. Row 4 is reached up to column
# 8, for it may be reached in two layers. 2 pixels are missed, 56 of 58 are seen.
#
# </details>
#
# **2.** Give PixelVAE no warm-up (`"warm_up": 0`) and train again, with one layer and with four. What do KL and bound say?
#
# <details><summary><b>Answer</b></summary>
#
# Look at the KL first. A z that costs from the first step on, before it is of any help, is used less or not at all, and the more so the stronger the decoder. The bound may
# hardly tell: the pixels explain each other instead. So a bound does not say whether z is in use; KL, I_q and the probe do.
#
# </details>
#
# **3.** Train the twin on transposed images (`splits.train.x.mT`, `splits.validation.x.mT`) and score it on transposed test images. Does its exact likelihood change? Should it?
#
# <details><summary><b>Answer</b></summary>
#
# The product rule holds in any order, so every order *can* represent the same p(x). But a net that sees two pixels far has other neighbours when it
# runs down the columns, so it learns another p(x), and its likelihood differs. The order is a choice of the model, as it is for a MAF.
#
# </details>
#
# **Next:** [problem set 3](../assignments/ps3_pixel_vae/ps3_pixel_vae.ipynb), where you write the masks, the shifts, the gate and the sampler,
# and plug them into the explorables above. [Lecture 4](04_multimodal.ipynb) asks how one z can explain two views.
#
# **Papers.** van den Oord, Kalchbrenner, Kavukcuoglu (2016), Pixel recurrent neural networks, arXiv:1601.06759 (masks A and B). van den Oord, Kalchbrenner, Vinyals, Espeholt, Graves,
# Kavukcuoglu (2016), arXiv:1606.05328 (gated PixelCNN, two stacks). Gulrajani, Kumar, Ahmed, Taiga, Visin, Vazquez, Courville (2017), PixelVAE, arXiv:1611.05013. Chen, Kingma, Salimans, Duan, Dhariwal, Schulman,
# Sutskever, Abbeel (2017), Variational lossy autoencoder, arXiv:1611.02731 (what z keeps when the decoder is autoregressive). Bowman, Vilnis, Vinyals, Dai, Jozefowicz, Bengio (2016), arXiv:1511.06349 (warm-up).
