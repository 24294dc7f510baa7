"""Mistakes in what several models share: players in training, autoregressive bits, densities."""

from mutant import mutants_of

TRAINING = "test_training.py"
BITS = "distributions/test_autoregressive.py"
DENSITY = "models/test_density.py"
OPTIONS = "models/test_build_options.py"
DEFAULTS = "models/test_defaults.py"

FOUNDATIONS = [
    *mutants_of(
        "whole_file.py",
        "test_whole_file.py",
        ("whole file: named before it is on the disk", "os.fsync(file.fileno())", "pass"),
        (
            "whole file: written where it is read",
            "os.replace(partial, path)",
            "path.write_bytes(partial.read_bytes())",
        ),
        ("whole file: half a file is left over", "partial.unlink(missing_ok=True)", "pass"),
        (
            "whole file: nobody else may read it",
            "partial.touch(exist_ok=False)",
            "os.close(os.open(partial, os.O_CREAT, 0o600))",
        ),
        ("whole file: two writers share a part", "secrets.token_hex(8)", "path.name"),
    ),
    *mutants_of(
        "distributions/bernoulli.py",
        BITS,
        (
            "bits: x times x for x - x^2",
            "torch.addcmul(value, value, value, value=-1)",
            "(value * value)",
        ),
        ("bits: grey values accepted", ".abs().max()", ".abs().max().isnan()"),
        ("bits: NaN called no bit", "super().check_entries(value, name)", "pass"),
    ),
    *mutants_of(
        "training/run.py",
        TRAINING,
        (
            "players: every turn on the same batch",
            "self._batch(step * len(self.turns) + turn)",
            "self._batch(step)",
        ),
        (
            "players: everyone's parameters receive the gradient",
            'loss.backward(inputs=optimiser.param_groups[0]["params"])',
            "loss.backward()",
        ),
        (
            "players: the order of turns ignored",
            'tuple(model.turns()) if hasattr(model, "turns") else tuple(self.optimisers)',
            "tuple(self.optimisers)",
        ),
        (
            "players: weight decay not passed on",
            '{"weight_decay": weight_decay, ',
            '{"weight_decay": 0.0, ',
        ),
        (
            "players: weight decay mixed into the gradient",
            '"decoupled_weight_decay": True',
            '"decoupled_weight_decay": False',
        ),
        ("players: decay rates not passed on", "Adam(p, betas=betas, ", "Adam(p, "),
        ("scale: only giants want scaling", "LARGE = 30.0", "LARGE = 3e4"),
    ),
    *mutants_of(
        "distributions/autoregressive.py",
        BITS,
        (
            "MADE brick: order of the visits taken for that of the bits",
            "visits.x.unflatten",
            "torch.cat(visits._values, -1).unflatten",
        ),
        (
            "MADE brick: sampling blind to the context",
            "self.batch_shape, self.context)",
            "self.batch_shape, 0 * self.context)",
        ),
        (
            "MADE brick: order not passed on",
            "context_dim=context_dim, order=order",
            "context_dim=context_dim",
        ),
        ("MADE brick: context dropped", "context if self.context_dim else None", "None"),
    ),
    *mutants_of(
        "models/density.py",
        DENSITY,
        (
            "density: loss summed over the batch",
            "self.log_prob(batch).mean()",
            "self.log_prob(batch).sum()",
        ),
        ("density: loss with the wrong sign", "-self.log_prob(batch)", "self.log_prob(batch)"),
        ("density: input not checked", 'self.brick.check_event(x, "x")', "pass"),
    ),
    *mutants_of(
        "models/pixelvae.py",
        OPTIONS,
        ("options: PixelVAE forgets dropout", '"dropout": dropout}', '"dropout": 0.0}'),
    ),
    *mutants_of(
        "models/coupling_flow.py",
        OPTIONS,
        (
            "options: a coupling flow forgets the margin",
            "marginal_units, levels, alpha)",
            "marginal_units, levels, 1e-3)",
        ),
    ),
    *mutants_of(
        "models/flow_gan.py",
        OPTIONS,
        ("options: FlowGAN forgets critic_turns", "lambda_, critic_turns)", "lambda_)"),
    ),
    *mutants_of(
        "models/adversarial_autoencoder.py",
        OPTIONS,
        (
            "options: one width for every critic",
            '"z_dim"), critic_hidden)',
            '"z_dim"), (200, 200))',
        ),
    ),
    *mutants_of(
        "models/multimodal_vae.py",
        OPTIONS,
        ("options: the objective is always the default", "objective or bound", "bound"),
    ),
    *mutants_of(
        "models/beta_vae.py",
        OPTIONS,
        (
            "options: free bits take no warm-up and no noise",
            "super().__init__(prior, likelihood, posterior, **options)",
            "super().__init__(prior, likelihood, posterior)",
        ),
    ),
    *mutants_of(
        "distributions/base.py",
        "distributions/test_base.py",
        (
            "checks: a sum that overflows is refused",
            "if known_true(value.isfinite().logical_not().any())",
            "if True",
        ),
        (
            "first parameter: only of the first part",
            "        if found is not None:\n            return found\n",
            "        return found\n",
        ),
    ),
    *mutants_of(
        "distributions/gaussian.py",
        "distributions/test_gaussian.py",
        ("white noise: KL without its one", "(q.mu - p.mu).square() - 1", "(q.mu - p.mu).square()"),
    ),
    *mutants_of(
        "models/info_vae.py",
        DEFAULTS,
        ("defaults: InfoVAE collapses", "alpha: float = 0.0", "alpha: float = -30.0"),
    ),
    *mutants_of(
        "models/flow_gan.py",
        DEFAULTS,
        (
            "defaults: FlowGAN with another critic",
            'critic: str = "saturating jsd"',
            'critic: str = "wasserstein"',
        ),
    ),
]
