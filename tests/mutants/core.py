"""Mistakes in bricks, bounds, models, training and evaluation."""

from mutant import mutants_of

AFFINE = "distributions/test_affine_autoregressive.py"
PLANAR = "distributions/test_planar.py"
PUSHFORWARD = "distributions/test_pushforward.py"
GAUSSIAN = "distributions/test_gaussian.py"
BERNOULLI = "distributions/test_bernoulli.py"
NETWORKS = "distributions/test_networks.py"
BOUNDS = "objectives/test_bounds.py"
VAE = "models/test_vae.py"
FLOW_VAE = "models/test_flow_posterior_vae.py"
TRAINING = "test_training.py"
EVALUATION = "evaluation/test_held_out.py"
PROGRESS = "test_progress.py"

CORE = [
    *mutants_of(
        "distributions/transforms/affine.py",
        AFFINE,
        (
            "MAF: log-det with the wrong sign",
            "log_det = log_det + log_scale",
            "log_det = log_det - log_scale",
        ),
        (
            "IAF: log-det with the wrong sign",
            "log_slope.exp(), log_slope",
            "log_slope.exp(), log_scale",
        ),
        (
            "MAF: scale taken for its logarithm",
            "torch.addcmul(mu, log_scale.exp(), z",
            "torch.addcmul(mu, log_scale, z",
        ),
        ("IAF: exp(a) for exp(-a)", "(x - mu) * log_slope.exp()", "(x - mu) * log_scale.exp()"),
        ("MAF: log-det averaged", "log_slope.sum(-1)", "log_slope.mean(-1)"),
        (
            "MAF: density's scale without a bound",
            "return mu, softclip(raw, self.bound)",
            "return mu, raw",
        ),
    ),
    *mutants_of(
        "distributions/transforms/base.py",
        AFFINE,
        ("MAF: scale without a bound", "raw / (1 + raw.abs() / bound)", "raw"),
    ),
    *mutants_of(
        "distributions/networks.py",
        NETWORKS,
        ("MADE: >= in the last mask", "[:, None] > degrees[-1]", "[:, None] >= degrees[-1]"),
        ("MADE: > in the hidden masks", "after[:, None] >= before", "after[:, None] > before"),
        ("MADE: order ignored by the input", "[order + 1, *", "[torch.arange(dim) + 1, *"),
        ("MADE: order ignored by the output", "(order + 1)[:", "(torch.arange(dim) + 1)[:"),
        ("MADE: mask not applied", "self.weight * self.mask", "self.weight"),
        ("MADE: first dimension blind to the context", "0 if context_dim else 1", "1"),
        ("MADE: last layer starts at random", "nn.init.zeros_(self.layers[-1].weight)", "pass"),
        ("MADE: narrow layers see the first inputs", "* levels // n", "% levels"),
    ),
    *mutants_of(
        "distributions/transforms/planar.py",
        PLANAR,
        ("planar: u-hat omitted", "z + constrain_planar(u, w) * torch.tanh", "z + u * torch.tanh"),
        (
            "planar: derivative of tanh",
            "4 * torch.sigmoid(2 * t) * torch.sigmoid(-2 * t)",
            "1 - torch.tanh(t)",
        ),
        ("planar: m(a) without its -1", "softplus(w_u) - 1 - w_u", "softplus(w_u) - w_u"),
        ("planar: not divided by |w|^2", "* w / w.square().sum(-1, keepdim=True)", "* w"),
        (
            "planar: log-det of the raw u",
            "softplus((w * u).sum(-1))\n    return",
            "1 + (w * u).sum(-1)\n    return",
        ),
        ("planar: wrong gradient of the inverse", "t + (step - step.detach())", "t"),
        ("planar: inverse imprecise where steep", "torch.where(w_u > 1,", "torch.where(w_u > 1e9,"),
        ("planar: inverse log-det unsigned", "-_planar_log_det(t", "_planar_log_det(t"),
        ("planar: starts away from the identity", "math.log(math.e - 1) * w", "0.1 * w"),
    ),
    *mutants_of(
        "distributions/flow.py",
        PUSHFORWARD,
        ("flow: log-det added to log q", "x, log_prob - log_det", "x, log_prob + log_det"),
        (
            "flow: q0's density at z_K",
            "x, log_prob - log_det",
            "x, self.base.log_prob(x) - log_det",
        ),
        ("flow: log-det left out", "x, log_prob - log_det", "x, log_prob"),
        (
            "flow: density with log-det's sign",
            "base.log_prob(value) + total",
            "base.log_prob(value) - total",
        ),
        ("flow: maps inverted in sampling's order", "reversed(self.transforms)", "self.transforms"),
        (
            "flow: context not passed to the inverse",
            "inverse(value, self.context)",
            "inverse(value)",
        ),
        ("flow: one noise for all contexts", "and not base.batch_shape", "and False"),
        (
            "flow: encoder bypassed by the maps",
            "list(self.transforms), features)",
            "list(self.transforms), features.detach())",
        ),
    ),
    *mutants_of(
        "distributions/gaussian.py",
        GAUSSIAN,
        (
            "Gaussian: missing log 2 pi",
            "(standardised.square() + LOG_2PI) - self.log_scale)\n",
            "standardised.square() - self.log_scale)\n",
        ),
        (
            "Gaussian: log scale used as scale",
            "self.log_scale.exp(), noise",
            "self.log_scale, noise",
        ),
        ("Gaussian: variance used as scale", "self.log_scale.exp(), noise", "self.variance, noise"),
        (
            "Gaussian: mean for sum",
            "value.sum(self._event_axes)",
            "value.mean(self._event_axes)",
        ),
        ("Gaussian: KL swapped", "    log_ratio = p", "    q, p = p, q\n    log_ratio = p"),
        ("Gaussian: KL without its -1", "standardised.square() - 1)", "standardised.square())"),
        (
            "Gaussian: one noise for all dimensions",
            "torch.randn(shape,",
            "torch.ones(shape) * torch.randn((*shape[:-1], 1),",
        ),
        (
            "Gaussian: one noise for the batch",
            "torch.randn(shape,",
            "torch.ones(shape) * torch.randn((*shape[:-2], 1, shape[-1]),",
        ),
        ("Gaussian: uniform noise", "torch.randn(shape", "torch.rand(shape"),
        (
            "Gaussian: sample detached",
            "self._push(self._noise(sample_shape))",
            "self._push(self._noise(sample_shape)).detach()",
        ),
        (
            "Gaussian: log scale first",
            "mu, log_scale = map(self.as_events",
            "log_scale, mu = map(self.as_events",
        ),
    ),
    *mutants_of(
        "distributions/bernoulli.py",
        BERNOULLI,
        (
            "Bernoulli: mean over pixels",
            "-terms.sum(self._event_axes)",
            "-terms.mean(self._event_axes)",
        ),
        ("Bernoulli: wrong sign", "return -terms.", "return terms."),
        ("Bernoulli: sigmoid twice", "self.mean.expand(self", "self.mean.sigmoid().expand(self"),
    ),
    *mutants_of(
        "distributions/base.py",
        BERNOULLI,
        ("checks: NaN accepted", "if known_true(value.isfinite().logical_not().any())", "if False"),
        ("checks: transposed images accepted", " or value.shape[-n:] != self.event_shape", ""),
    ),
    *mutants_of(
        "objectives/bounds.py",
        BOUNDS,
        ("importance bound: missing -log k", "logsumexp(0) - math.log(k)", "logsumexp(0)"),
        ("importance bound: over the batch", "logsumexp(0) - math", "logsumexp(1)[:1] - math"),
        ("importance bound: mean of logarithms", "logsumexp(0) - math.log(k)", "mean(0)"),
        ("importance bound: overflow", "logsumexp(0) -", "exp().sum(0).log() -"),
        ("importance bound: prior left out", " + prior.log_prob(z) - log_q", " - log_q"),
        ("importance bound: log q added", "prior.log_prob(z) - log_q", "prior.log_prob(z) + log_q"),
        ("ELBO: KL added", "Elbo(reconstruction - kl,", "Elbo(reconstruction + kl,"),
        ("ELBO: sum over samples", "return value.mean(0)", "return value.sum(0)"),
        ("ELBO: mean over the batch", "return value.mean(0)", "return value.mean()"),
        (
            "KL of a flow: sign of the log-det",
            "- p.log_prob(z) - log_det",
            "- p.log_prob(z) + log_det",
        ),
        ("KL of a flow: prior at z'", "p.log_prob(z_base) - p.log_prob(z) - log_det", "-log_det"),
        ("KL of a flow: that of its base", "base_kl + _mean", "base_kl + 0 * _mean"),
        (
            "KL by samples: direction",
            "_mean(log_q - p.log_prob(z)",
            "_mean(p.log_prob(z) - log_q",
        ),
        ("KL by samples: density left out", "_mean(log_q - p.log_prob(z)", "_mean(-p.log_prob(z)"),
    ),
    *mutants_of(
        "models/combine.py",
        "models/test_combine.py",
        (
            "combine: every prior is N(0, I)",
            "latent_prior(prior, z_dim)",
            'latent_prior("standard", z_dim)',
        ),
        ("combine: options forgotten", "(*bricks, **options)", "(*bricks)"),
        (
            "combine: the critic of z sees x",
            'x_shape if comparison == "jsd_x" else z_dim',
            "x_shape",
        ),
        ("combine: one flow for another", "hidden, posterior))", 'hidden, "planar"))'),
    ),
    *mutants_of(
        "models/vae.py",
        VAE,
        (
            "VAE: the loss ascends",
            "-bound.weighed(weight).mean()",
            "bound.weighed(weight).mean()",
        ),
        ("VAE: summed over the batch", "weighed(weight).mean()", "weighed(weight).sum()"),
        ("VAE: samples are means", "sample((n,))).sample()", "sample((n,))).mean"),
        (
            "VAE: decoder not mirrored into pixels",
            "numbers_per_entry * math.prod(shape)",
            "math.prod(shape)",
        ),
    ),
    *mutants_of(
        "models/flow_posterior_vae.py",
        FLOW_VAE,
        (
            "flow posterior: one order in all layers",
            "forwards if k % 2 == 0 else forwards.flip(0)",
            "forwards",
        ),
        ("flow posterior: planar maps not steered", "Planar(z_dim, context_dim)", "Planar(z_dim)"),
        (
            "flow posterior: MAF for IAF",
            "            Inverse(AffineAutoregressive(",
            "            (AffineAutoregressive(",
        ),
    ),
    *mutants_of(
        "training/run.py",
        TRAINING,
        (
            "fit: validation in training mode",
            "        self.model.eval()\n        validation",
            "        validation",
        ),
        (
            "resume: random state forgotten",
            'torch.set_rng_state(state["random"]["cpu"].cpu())',
            "pass",
        ),
        (
            "resume: optimiser forgotten",
            'optimiser.load_state_dict(state["optimisers"][name])',
            "pass",
        ),
        ("resume: best weights forgotten", 'state["best"], state["since"]', 'None, state["since"]'),
        (
            "resume: losses since the record forgotten",
            'state["best"], state["since"]',
            'state["best"], {}',
        ),
        ("resume: clock starts anew", "self._began -= ", "self._began -= 0 * "),
        ("fit: NaN unnoticed", "if not all(math.isfinite", "if False and not all(math.isfinite"),
        ("fit: validation on the training data", "move(self.validation,", "move(self.train,"),
        (
            "fit: validation moves the noise",
            "with torch.no_grad(), fork_seed(noise, self.device):",
            "with torch.no_grad():",
        ),
        ("fit: drop-out off after a record", "        self.model.train()\n", ""),
        ("fit: last weights instead of the best", "if first[-1] == min(first):", "if True:"),
        ("fit: best weights not copied", "v.detach().clone()", "v.detach()"),
        ("fit: gradients pile up", "optimiser.zero_grad()", "pass"),
        ("fit: schedule ignored", 'optimiser.param_groups[0]["lr"] = rate', "pass"),
        ("fit: same order in each epoch", "self.seed, epoch)", "self.seed)"),
        (
            "fit: not shuffled",
            "torch.randperm(self._examples, generator=generator)",
            "torch.arange(self._examples)",
        ),
        (
            "fit: every player moves everything",
            "name: list(parameters) for",
            "name: list(model.parameters()) for",
        ),
    ),
    *mutants_of(
        "training/run.py",
        TRAINING,
        ("checkpoint: NaN saved at an interruption", "        self._means()\n", ""),
        ("fit: seeds share an order", '"order", self.seed, epoch', '"order", self.seed + epoch'),
        ("fit: order from the noise's seed", 'seed_for("order", self.seed, epoch)', "self.seed"),
        ("fit: unfinished not marked", "None if done else", "None if True else"),
        ("fit: unfinished never taken back", "None if done else", "None if False else"),
        (
            "resume: a small term accepted",
            '[f"{p.grad.norm():.5g}" for p in weights if p.grad is not None]',
            'f"{sum(p.grad.square().sum() for p in weights if p.grad is not None):.5g}"',
        ),
    ),
    *mutants_of(
        "training/checkpoint.py",
        TRAINING,
        (
            "checkpoint: not atomic",
            "with replacing(self.path) as partial:",
            "self.folder.mkdir(exist_ok=True)\n        if partial := self.path:",
        ),
        ("resume: other data accepted", 'fingerprint(run.train, "train")', '""'),
        ("resume: other held-out data", 'fingerprint(held_out, "validation")', '""'),
        ("resume: other start accepted", 'fingerprint(run.model.state_dict(), "model")', '""'),
        ("resume: other turns accepted", '            "turns": run.turns,\n', ""),
        ("resume: other rates accepted", '            "rates": list(rates),\n', ""),
        ("resume: another weight decay accepted", 'o.param_groups[0]["weight_decay"]', "0"),
        ("resume: other decay rates accepted", 'o.param_groups[0]["betas"]', "0"),
        ("resume: other seed accepted", "run.record_every, run.seed)", "run.record_every)"),
        ("resume: other loss accepted", ", *self.run.first_step()]", "]"),
    ),
    *mutants_of(
        "training/loop.py",
        TRAINING,
        (
            "checkpoint: none at an interruption",
            "interrupted = True\n        _save(file)",
            "interrupted = True",
        ),
        (
            "fit: global random state used",
            'with fork_seed(seed_for("training noise", seed), device):',
            "if True:",
        ),
        (
            "fit: noise from the evaluation's seed",
            'fork_seed(seed_for("training noise", seed), device)',
            "fork_seed(seed, device)",
        ),
        (
            "fit: Ctrl-C ends one fit of many",
            "    if stopped:\n        raise",
            "    if 0:\n        raise",
        ),
        ("fit: in the mode it finds", "            run.model.train()\n", ""),
    ),
    *mutants_of(
        "batches.py",
        TRAINING,
        (
            "resume: other names accepted",
            'repr(list(data) if isinstance(data, dict) else "")',
            '""',
        ),
    ),
    *mutants_of(
        "training/interruption.py",
        TRAINING,
        ("fit: Ctrl-C handler kept", "signal.signal(signal.SIGINT, before)", "pass"),
    ),
    *mutants_of(
        "randomness.py",
        TRAINING,
        (
            "randomness: every GPU seeded",
            "torch.default_generator.manual_seed",
            "torch.manual_seed",
        ),
        ("randomness: seed ignored", "generator.manual_seed(seed)", "generator.manual_seed(0)"),
    ),
    *mutants_of(
        "evaluation/held_out.py",
        EVALUATION,
        ("evaluation: error over n", "/ math.sqrt(len(values)) if", "/ len(values) if"),
        (
            "evaluation: gap with the wrong sign",
            "self.importance_bound - self.elbo",
            "self.elbo - self.importance_bound",
        ),
        ("evaluation: nats called bits", "-log_prob / (dims * math.log(2))", "-log_prob / dims"),
        (
            "evaluation: seed ignored",
            "with fork_seed(seed, x.device)",
            "with fork_seed(0, x.device)",
        ),
        ("evaluation: float32 sums", "values = values.double()", "pass"),
    ),
    *mutants_of(
        "progress.py",
        PROGRESS,
        ("progress: speaks while grading", ' or "NBGRADER_EXECUTION" in os.environ', ""),
        ("progress: markup not escaped", "</progress> {html.escape(line)}", "</progress> {line}"),
        ("progress: updates without a limit", ">= SECONDS_BETWEEN_UPDATES", ">= 0"),
    ),
]
