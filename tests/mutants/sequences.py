"""Mistakes in models of sequences: the four parts, time, padding, particles, and their data."""

from mutant import mutants_of

SEQUENTIAL = "objectives/test_sequence_bounds.py"

SEQUENCES = [
    *mutants_of(
        "models/variational_rnn.py",
        "models/test_variational_rnn.py",
        (
            "vrnn: prior sees the state after x_t",
            "self.prior(states), posterior, state)",
            "self.prior(torch.cat((states[1:], state[None]))), posterior, state)",
        ),
        (
            "vrnn: KL to N(0, I) whatever the prior",
            "            path.prior,\n",
            "            StandardGaussian(path.z.shape[-1]).to(path.z)(),\n",
        ),
        ("vrnn: z drawn from the prior", "z = q.rsample()", "z = self.prior(state).rsample()"),
        (
            "vrnn: generation sees the state after x_t",
            "self._generate(path.z, path.state)",
            "self._generate(path.z, torch.cat((path.state[1:], path.last[None])))",
        ),
        (
            "vrnn: inference sees the next step",
            "features = self._see(x)\n        state =",
            "features = self._see(x.roll(-1, 0))\n        state =",
        ),
        ("vrnn: state does not start at zero", "features.new_zeros(", "features.new_ones("),
        (
            "vrnn: recurrence without z",
            "torch.cat((seen, z), -1), state)",
            "torch.cat((seen, 0 * z), -1), state)",
        ),
        (
            "vrnn: recurrence without x",
            "torch.cat((seen, z), -1), state)",
            "torch.cat((0 * seen, z), -1), state)",
        ),
        (
            "vrnn: generation without the state",
            "self.dropout(state)), -1)",
            "0 * state), -1)",
        ),
        (
            "vrnn: inference without the state",
            "torch.cat((seen, state), -1))",
            "torch.cat((seen, 0 * state), -1))",
        ),
        (
            "vrnn: continuation after the padding",
            "states[valid.sum(0), torch.arange(x.shape[1])]",
            "states[-1]",
        ),
        ("vrnn: filter without q", "return log_p - log_q, ", "return log_p, "),
        ("vrnn: filter without the prior", " + self.prior(state).log_prob(z)\n", "\n"),
        ("vrnn: importance bound without q", " - posterior.log_prob(z)", ""),
        ("vrnn: no dropout of features", "self.dropout(self.features(x))", "self.features(x)"),
        ("vrnn: no dropout of the state", "self.dropout(state)", "state"),
        ("vrnn: padding passed on", "x.where(valid[..., None], 0.0)", "x"),
        ("vrnn: x not checked", 'self.generation.check_event(x[valid], "x")', "pass"),
        ("vrnn: padding checked", "check_event(x[valid]", "check_event(x"),
        ("vrnn: loss summed", "self.elbo(batch).total.mean()", "self.elbo(batch).total.sum()"),
        (
            "vrnn: samples are means",
            "self._generate(z, state).sample()",
            "self._generate(z, state).sample().round() * 0",
        ),
        ("vrnn: samples repeat their first step", "drawn[-1][None]", "drawn[0][None]"),
        (
            "vrnn: learned prior whatever was asked",
            "gaussian if learned_prior else StandardGaussian(z)",
            "gaussian",
        ),
    ),
    *mutants_of(
        "objectives/padding.py",
        SEQUENTIAL,
        (
            "sequences: padding counts",
            "terms.where(valid.view(len(valid), *middle, -1), 0.0)",
            "terms",
        ),
        (
            "sequences: padding multiplied by zero",
            "terms.where(valid.view(len(valid), *middle, -1), 0.0)",
            "(terms * valid.view(len(valid), *middle, -1))",
        ),
        ("sequences: mean over time", "0.0).sum(0)", "0.0).mean(0)"),
        ("sequences: one step of padding counts", "[:, None] < length", "[:, None] <= length"),
        ("sequences: length zero accepted", "low < 1", "low < 0"),
        ("sequences: length beyond x accepted", "or high > x.shape[1]", ""),
        ("sequences: not cut after the longest", "return x[:, :high], length", "return x, length"),
        ("sequences: any q stacked", "if not isinstance(step, DiagonalGaussian)", "if False"),
    ),
    *mutants_of(
        "objectives/sequence_bounds.py",
        SEQUENTIAL,
        (
            "sequence ELBO: KL swapped",
            "kl_divergence(posterior, prior)",
            "kl_divergence(prior, posterior)",
        ),
        (
            "sequence ELBO: sampled KL's sign",
            "posterior.log_prob(z) - prior.log_prob(z)",
            "prior.log_prob(z) - posterior.log_prob(z)",
        ),
        ("sequence ELBO: samples summed", "valid).mean(0) for", "valid).sum(0) for"),
        (
            "sequence bound: mean of logarithms",
            ".logsumexp(0) - math.log(log_weight.shape[1])",
            ".mean(0)",
        ),
        ("sequence bound: log k of the wrong axis", "log_weight.shape[1])", "log_weight.shape[0])"),
        (
            "filter: weights kept after resampling",
            "log_weight = equal.where(poor, log_weight)",
            "pass",
        ),
        ("filter: paths not exchanged", "state = _choose(state, ancestors)", "pass"),
        ("filter: last step alone", "bound = bound + evidence", "bound = evidence"),
        ("filter: padding adds rounding", "evidence.where(now, 0.0)", "evidence"),
        (
            "filter: weights not normalised",
            "log_weight = weighted - evidence",
            "log_weight = weighted",
        ),
        ("filter: resampled when paths are good", "< threshold * k", "> threshold * k"),
        (
            "filter: one bad example resamples all",
            "ancestors.where(poor, torch.arange(k, device=ancestors.device)[:, None])",
            "ancestors",
        ),
        ("filter: first weights are one", "-math.log(k))", "0.0)"),
        ("filter: ancestors without chance", "offset = torch.rand(", "offset = torch.zeros("),
        ("filter: ancestors shifted by one", ".clamp(max=k - 1).T", ".add(1).clamp(max=k - 1).T"),
    ),
    *mutants_of(
        "exact/kalman.py",
        "exact/test_kalman.py",
        (
            "kalman: state noise forgotten",
            "@ self.transition.T + self.z_cov",
            "@ self.transition.T",
        ),
        ("kalman: x does not narrow z", "cov = cov - gain @ self.emission @ cov", "pass"),
        ("kalman: no prediction", "mean, cov = mean @ self.transition.T, ", "mean, cov = mean, "),
        ("kalman: messages from the start", "x.flip(1).unbind(1)", "x.unbind(1)"),
        ("kalman: views in reverse", "zip(*reversed(views), ", "zip(*views, "),
        ("kalman: message without the future", "information = message[0] + ", "information = "),
        ("kalman: pull without the future", "pull = message[1] + ", "pull = "),
    ),
    *mutants_of(
        "exact/identities/sequences.py",
        "exact/test_sequence_identity.py",
        ("identity 16: KL to a uniform prior", " + past[..., None, None].log()", ""),
        (
            "identity 16: reconstruction alone",
            "term = reconstruction - kl",
            "term = reconstruction",
        ),
        (
            "identity 16: steps not weighted by q",
            "expectation(before[..., None], term",
            "expectation(torch.ones_like(before)[..., None], term",
        ),
        (
            "identity 16: padding scored as chance",
            "torch.eye(n_x, dtype=torch.float64)[0]",
            "torch.full((n_x,), 1 / n_x, dtype=torch.float64)",
        ),
        (
            "identity 16: sums unchecked",
            "(q_t.sum(2 * t) - 1).abs().max() > tables.SUM_TOLERANCE",
            "False",
        ),
    ),
    *mutants_of(
        "data/sequences.py",
        "data/test_sequences.py",
        ("crop: whole pieces only", "-(-length // steps)", "max(length // steps, 1)"),
        ("crop: padding kept", "x[:length].tensor_split", "x.tensor_split"),
    ),
    *mutants_of(
        "data/chorales.py",
        "data/test_sequences.py",
        ("chorales: lengths that do not add up", " or lengths.sum() != len(roll)", ""),
        (
            "chorales: bits in the other order",
            "np.unpackbits(roll, axis=1)",
            'np.unpackbits(roll, axis=1, bitorder="little")',
        ),
        (
            "chorales: variable before the path",
            "if path is not None else",
            "if path is not None and not os.environ.get(VARIABLE) else",
        ),
    ),
    *mutants_of(
        "data/rows.py",
        "data/test_sequences.py",
        ("rows: columns", "examples.x.squeeze(1)", "examples.x.squeeze(1).mT"),
    ),
]
