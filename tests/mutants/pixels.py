"""Plausible mistakes in the PixelCNN, the PixelVAE and its hierarchy."""

from __future__ import annotations

from mutant import mutants_of

BRICK = "distributions/test_pixelcnn.py"
LATENT = "distributions/test_affine_pixels.py"
MODELS = "models/test_pixel_models.py"
IDENTITY = "exact/test_pixel_identity.py"
FIELD = "exact/test_receptive_field.py"
FIGURES = "figures/test_pixel_vae.py"

PIXELS = [
    *mutants_of(
        "distributions/masked_convolution.py",
        BRICK,
        (
            "pixels: mask B at the image",
            "channel_mask(groups_in, twice, strict=first)",
            "channel_mask(groups_in, twice, strict=False)",
        ),
        (
            "pixels: mask A everywhere, a hole in the receptive field",
            "channel_mask(groups_in, twice, strict=first)",
            "channel_mask(groups_in, twice, strict=True)",
        ),
        ("pixels: A and B swapped", "strict=first)", "strict=not first)"),
        (
            "pixels: mask applied once, at the start",
            "conv2d(x, self.weight * self.mask, self.bias)",
            "conv2d(x, self.weight, self.bias)",
        ),
        (
            "pixels: mask on the gradient only",
            "conv2d(x, self.weight * self.mask, self.bias)",
            "conv2d(x, self.weight * self.mask + (self.weight * (1 - self.mask)).detach(),"
            " self.bias)",
        ),
        (
            "pixels: vertical stack sees its own row",
            "self.top = half_width + 1 if first else half_width",
            "self.top = half_width",
        ),
        (
            "pixels: vertical stack one row too far up",
            "self.top = half_width + 1 if first else half_width",
            "self.top = half_width + 1",
        ),
        (
            "pixels: one column to the right",
            "return pad(left, (self.half_width, 0))",
            "return pad(left, (self.half_width - 1, 1))",
        ),
        (
            "pixels: image added to the features",
            "(residual if self.first else residual + left",
            "(residual + left",
        ),
        (
            "pixels: no residual",
            "residual + left[..., self.half_width :]), skip",
            "residual), skip",
        ),
        (
            "pixels: residual one pixel to the left",
            "left[..., self.half_width :]",
            "left[..., self.half_width - 1 : -1]",
        ),
        (
            "pixels: rows above not linked",
            "add(add(self.horizontal(left), above), condition)",
            "add(self.horizontal(left), condition + 0 * above)",
        ),
        (
            "pixels: z added to the output alone",
            "add(add(self.horizontal(left), above), condition)",
            "add(self.horizontal(left), above) + 0 * condition[:1]",
        ),
        (
            "pixels: groups of the gate's halves mixed up",
            "groups.repeat(2)",
            "groups.repeat_interleave(2)",
        ),
        (
            "pixels: groups unmasked in the 1x1 layer",
            "channel_mask(groups, twice, strict=False)",
            "channel_mask(groups * 0, twice, strict=False)",
        ),
        (
            "pixels: draws of z paired with the wrong images",
            "(many.unflatten(0, (-1, len(few))) + few).flatten(0, 1)",
            "many + few.repeat_interleave(len(many) // len(few), 0)",
        ),
        (
            "pixels: no dropout",
            "nn.Dropout(dropout)",
            "nn.Dropout(0.0)",
        ),
    ),
    *mutants_of(
        "distributions/pixel_network.py",
        BRICK,
        (
            "pixels: z masked with A",
            "condition + self.from_z(z)",
            "condition + self.from_z(torch.nn.functional.pad(z, (1, 0))[..., :-1])",
        ),
        (
            "pixels: no bias of the place",
            "        condition = self.from_place(self.place)\n",
            "        condition = self.from_place(0 * self.place)\n",
        ),
        (
            "pixels: no bias of the pixel",
            "logits = self.head(skip) + self.bias\n",
            "logits = self.head(skip) + self.bias[..., :1, :1]\n",
        ),
        (
            "pixels: channels in reverse",
            "image, hidden = torch.arange(channels),",
            "image, hidden = torch.arange(channels).flip(0),",
        ),
        (
            "pixels: last layer not at zero",
            "        nn.init.zeros_(last.weight)\n",
            "",
        ),
        (
            "pixels: gate left out between rows",
            "gate(above) if i else above",
            "above[:, ::2] if i else above",
        ),
        (
            "pixels: last layer's word only",
            "skip = add(skip, said)\n        logits",
            "skip = said\n        logits",
        ),
    ),
    *mutants_of(
        "distributions/pixelcnn.py",
        BRICK,
        (
            "pixels: x not repeated for many draws",
            "if batch[len(batch) - value.dim() + 3 :] != value.shape[:-3]:",
            "if False:",
        ),
        (
            "pixels: recorded logits of another image",
            "IndependentBernoulli(logits.reshape(shape), 3).log_prob(x)",
            "IndependentBernoulli(logits.reshape(shape), 3).log_prob(x.flip(0))",
        ),
    ),
    *mutants_of(
        "distributions/pixelcnn_sampling.py",
        BRICK,
        (
            "pixels: stale logits",
            "logits[:, channel, row, column] = logit\n",
            "logits[:, channel, row, column] = logit\n"
            "                logit = logits[:, channel, row, column - 1]\n",
        ),
        (
            "pixels: drawn in column order",
            "put_row(row, x[:, :, row])",
            "put_row(row, x[:, :, :, row % x.shape[3]].mean(2, keepdim=True))",
        ),
        ("pixels: row not stored", "memories[0].put_row(row, x[:, :, row])", "pass"),
        (
            "pixels: pixel not stored",
            "memories[0].put_pixel(column, x[:, :, row, column])",
            "pass",
        ),
        (
            "pixels: one row too high in the memory",
            "row + self.layer.top, half_width:-half_width",
            "row + self.layer.top - 1, half_width:-half_width",
        ),
        (
            "pixels: features stored one pixel late",
            "self.left[:, :, 0, column + self.layer.half_width] = features",
            "self.left[:, :, 0, min(column + self.layer.half_width + 1, self.left.shape[3] - 1)]"
            " = features",
        ),
        (
            "pixels: condition of the first row",
            "c[:, :, row : row + 1, column",
            "c[:, :, :1, column",
        ),
        (
            "pixels: one bit for the whole batch",
            "torch.bernoulli(probability)",
            "torch.bernoulli(probability[:1]).expand(n)",
        ),
        (
            "pixels: rounded, not drawn",
            "torch.bernoulli(probability)",
            "(probability > 0.5).to(x)",
        ),
        (
            "pixels: given noise on the wrong side",
            "uniforms[:, channel, row, column] < probability",
            "uniforms[:, channel, row, column] > 1 - probability",
        ),
        (
            "pixels: the same noise for every row",
            "uniforms[:, channel, row, column]",
            "uniforms[:, channel, 0, column]",
        ),
    ),
    *mutants_of(
        "models/pixelvae.py",
        MODELS,
        (
            "pixelvae: one order in the prior",
            "forwards if k % 2 == 0 else forwards.flip(0)",
            "forwards",
        ),
        (
            "pixelvae: autoregressive prior left out",
            "return Flow(StandardGaussian(dim), maps if len(z_shape) == 1",
            "return Flow(StandardGaussian(dim), [] if len(z_shape) == 1",
        ),
        (
            "pixelvae: layers fixed",
            "ConditionalPixelCNN(x_shape, features, layers, ",
            "ConditionalPixelCNN(x_shape, features, 1, ",
        ),
        (
            "pixelvae: reconstruction is the encoder's mean of bits",
            ".sample()).sample()",
            ".sample()).conditionals(x).mean",
        ),
        (
            "pixelvae: latent PixelCNN left out",
            "else [*maps, Reshape(z_shape)])",
            "else [Reshape(z_shape)])",
        ),
        (
            "pixelvae: map read column by column",
            "AffinePixels(z_shape, max",
            "AffinePixels((z_shape[0], z_shape[2], z_shape[1]), max",
        ),
    ),
    *mutants_of(
        "distributions/transforms/affine_pixels.py",
        LATENT,
        (
            "latent pixelcnn: log-determinant of the other direction",
            "(-log_scale).exp(), -log_scale.sum(-1)",
            "(-log_scale).exp(), log_scale.sum(-1)",
        ),
        (
            "latent pixelcnn: scale multiplied in the density",
            "(x - mu) * (-log_scale).exp()",
            "(x - mu) * log_scale.exp()",
        ),
        (
            "latent pixelcnn: channels drawn plane by plane",
            "places.permute(1, 2, 0).flatten()",
            "places.flatten()",
        ),
        (
            "latent pixelcnn: drawn column by column",
            "places.permute(1, 2, 0)",
            "places.permute(2, 1, 0)",
        ),
        (
            "latent pixelcnn: all places drawn from the first pass",
            "mu, log_scale = self.conditioner(x)\n            x",
            "mu, log_scale = self.conditioner(0 * x)\n            x",
        ),
        (
            "latent pixelcnn: log-determinant of a sample with the other sign",
            "return x, log_scale.sum(-1)",
            "return x, -log_scale.sum(-1)",
        ),
        (
            "latent pixelcnn: mean and scale interleaved",
            "outputs.reshape(*x.shape[:-1], 2, -1).unbind(-2)",
            "outputs.reshape(*x.shape[:-1], -1, 2).unbind(-1)",
        ),
    ),
    *mutants_of(
        "distributions/pixel_network.py",
        LATENT,
        (
            "latent pixelcnn: both numbers of a channel in the mask of the next",
            "channel_mask(hidden, image.repeat(outputs), strict=False)",
            "channel_mask(hidden, image.repeat_interleave(outputs), strict=False)",
        ),
    ),
    *mutants_of(
        "distributions/feature_map.py",
        MODELS,
        (
            "latent map: upsampled before its batch is restored",
            "full.reshape(*z.shape[:-3], *full.shape[1:])",
            "full.unflatten(0, z.shape[:-3][::-1]).transpose(0, len(z.shape) - 4)",
        ),
        (
            "latent map: turned",
            "coarse = self.network(z.reshape(-1, *self.z_shape))",
            "coarse = self.network(z.reshape(-1, *self.z_shape).mT)",
        ),
    ),
    *mutants_of(
        "models/warm_up.py",
        MODELS,
        (
            "warm-up: in validation, too",
            "return self.training and self.over > 0",
            "return self.over > 0",
        ),
        ("warm-up: without an end", ".clamp(max=1.0)", ""),
        ("warm-up: never advances", "self.steps += 1", "self.steps += 0"),
        ("warm-up: starts at zero", "self.steps / self.over", "(self.steps - 1) / self.over"),
        (
            "warm-up: forgotten by a checkpoint",
            "dtype=torch.int64))",
            "dtype=torch.int64), persistent=False)",
        ),
    ),
    *mutants_of(
        "models/hierarchical_pixelvae.py",
        MODELS,
        (
            "hierarchy: KL of z1 with z2 from the prior",
            "self.z1_prior(z2).log_prob(z1)\n        reconstruction",
            "self.z1_prior(self.prior().sample(z1.shape[:2])).log_prob(z1)\n        reconstruction",
        ),
        (
            "hierarchy: KL of z1 left out",
            "means[0] - means[1] - means[2]",
            "means[0] - means[2]",
        ),
        (
            "hierarchy: KL of z2 added",
            "means[0] - means[1] - means[2]",
            "means[0] - means[1] + means[2]",
        ),
        (
            "hierarchy: KL of z1 reversed",
            "kl_z1 = log_q - self.z1_prior(z2).log_prob(z1)",
            "kl_z1 = self.z1_prior(z2).log_prob(z1) - log_q",
        ),
        (
            "hierarchy: z1 detached below z2",
            "self.z2_posterior(z1), self.prior())",
            "self.z2_posterior(z1.detach()), self.prior())",
        ),
        (
            "hierarchy: p(z2) left out of the weights",
            " + self.prior().log_prob(z2)\n",
            "\n",
        ),
        ("hierarchy: q(z2|z1) left out of the weights", " - log_q1 - log_q2)", " - log_q1)"),
        ("hierarchy: missing log k", ".logsumexp(0) - math.log(k)", ".logsumexp(0)"),
        (
            "hierarchy: z2 does not steer z1",
            "context_dim=width)],",
            ")],",
        ),
        (
            "hierarchy: samples skip p(z1|z2)",
            "self.z1_prior(self.prior().sample((n,))).sample()",
            "self.z1_prior(0 * self.prior().sample((n,))).sample()",
        ),
        (
            "hierarchy: the loss ascends",
            "-(pieces.reconstruction - self.warm_up() * kl).mean()",
            "(pieces.reconstruction - self.warm_up() * kl).mean()",
        ),
    ),
    *mutants_of(
        "exact/identities/pixels.py",
        IDENTITY,
        (
            "identity 18: own pixel allowed",
            "slopes.triu(), slopes.tril(-1)",
            "slopes.triu(1), slopes.tril(-1)",
        ),
        (
            "identity 18: planes before pixels",
            "slopes.permute(1, 2, 0, 4, 5, 3).reshape",
            "slopes.reshape",
        ),
        (
            "identity 18: positive and negative slopes cancel",
            "line.abs().amax(0)",
            "line.sum(0).abs()",
        ),
        (
            "identity 18: a pair must be connected in every image",
            "line.abs().amax(0)",
            "line.abs().amin(0)",
        ),
        (
            "identity 18: zeros left out of the probability",
            "torch.where(images > 0, logits, -logits).sigmoid().log()",
            "(images * logits.sigmoid().log())",
        ),
    ),
    *mutants_of(
        "exact/receptive_field.py",
        FIELD,
        ("field: A and B swapped", '(kind == "B")', '(kind == "A")'),
        ("field: rows below shown", "kernel[centre + 1 :] = 0", "kernel[centre + 2 :] = 0"),
        ("field: moved up", "(0, 0, 1, -1)", "(0, 0, -1, 1)"),
        ("field: moved left", "pad(x, (1, -1))", "pad(x, (-1, 1))"),
        ("field: vertical stack sees below", "vertical[centre + 1 :] = 0", "pass"),
        (
            "field: horizontal stack sees to the right",
            "horizontal[centre, : centre + 1] = 1",
            "horizontal[centre] = 1",
        ),
        (
            "field: rows above not linked",
            "_convolve(left, horizontal) + above",
            "_convolve(left, horizontal)",
        ),
        ("field: first row of the rows above not moved", "if layer == 0:", "if layer < 0:"),
        ("field: row and column swapped", "output[row, column], x", "output[column, row], x"),
        ("field: own pixel is earlier", "row * shape[1] + column", "row * shape[1] + column + 1"),
        ("field: illegal not counted", "(seen & ~before)", "(seen & before)"),
    ),
    *mutants_of(
        "figures/pixel_vae/mask_painter.py",
        FIGURES,
        (
            "painter: axes transposed",
            "marks.set_data(columns.numpy(), rows.numpy())",
            "marks.set_data(rows.numpy(), columns.numpy())",
        ),
        (
            "painter: blind spot in another colour",
            "(before & ~seen, BLIND)",
            "(before & ~seen, SEEN)",
        ),
        (
            "painter: the reader's shifts not used",
            "stack, self.kernel, self.shifts)",
            "stack, self.kernel)",
        ),
        (
            "painter: the library's field always dashed",
            "if self.own else ([], [])",
            "if True else ([], [])",
        ),
        ("painter: depth ignored", "first + later * (layers - 1)", "first + later * 7"),
    ),
    *mutants_of(
        "figures/pixel_vae/two_noises.py",
        FIGURES,
        (
            "two noises: z and noise swapped",
            "pairs[draw - 1] if held == SAME_Z",
            "pairs[draw - 1] if held != SAME_Z",
        ),
        ("two noises: sources paired, not crossed", "z.repeat_interleave(m, 0)", "z.repeat(m, 1)"),
        (
            "two noises: average of those shown",
            "chosen.mean(0, keepdim=True)",
            "chosen[:16].mean(0, keepdim=True)",
        ),
        (
            "two noises: bars of another model",
            "shares = self.shares[model]\n",
            "shares = next(iter(self.shares.values()))\n",
        ),
    ),
    *mutants_of(
        "figures/pixel_vae/depth.py",
        FIGURES,
        (
            "depth: samples of another depth",
            "self.depths[layers].samples",
            "self.depths[1].samples",
        ),
        (
            "depth: KL in place of the information",
            'self._series(axes, "information"',
            'self._series(axes, "kl"',
        ),
    ),
    *mutants_of(
        "evaluation/variance.py",
        "evaluation/test_variance.py",
        ("variance: biased by what takes both", "/ (m - 1) - both / n", "/ (m - 1)"),
        (
            "variance: rows and columns swapped",
            "(of_rows, of_columns, both)",
            "(of_columns, of_rows, both)",
        ),
        ("variance: wrong degrees of freedom", "((m - 1) * (n - 1))", "(m * n - 1)"),
        ("variance: not centred", "centred - centred.mean((0, 1))", "centred"),
    ),
]
