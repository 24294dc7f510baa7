"""Mistakes in live figures: a control that moves nothing, words that say something else."""

from mutant import mutants_of

EVERY = "figures/test_every_live_figure.py"
DRAWN = "figures/test_elbo_gap_drawn.py"

LIVE_FIGURES = [
    *mutants_of(
        "figures/live.py",
        EVERY,
        (
            "live: the alternative text stands still",
            'f"{self.alt} {self.readout}", self.width',
            "self.alt, self.width",
        ),
        (
            "live: a saved notebook without the readout",
            r'f"{self.alt}\n{self.readout}"',
            "self.alt",
        ),
    ),
    *mutants_of(
        "figures/variational_rnn/sound.py",
        "figures/test_sound.py",
        ("sound: a key counted from A1", "key + LOWEST_NOTE - 69", "key + LOWEST_NOTE - 57"),
        ("sound: overtones fold back", "if n * frequency < RATE / 2", ""),
        (
            "sound: a held key sounds for one step",
            "edges[first], edges[after]",
            "edges[first], edges[first + 1]",
        ),
        ("sound: not normalised", "LOUDEST / loudest if loudest else 0.0", "0.1"),
        (
            "sound: normalised by the highest sample",
            "np.abs(sound).max(initial=0.0)",
            "sound.max(initial=0.0)",
        ),
        ("sound: a click at the end", " * np.minimum(left / RELEASE, 1)", ""),
        ("sound: a click at the beginning", "np.minimum(time / ATTACK, 1) * ", "np.cos(time) * "),
        (
            "sound: steps drift",
            "np.rint(np.arange(len(roll) + 1) * seconds * RATE).astype(int)",
            "np.arange(len(roll) + 1) * int(seconds * RATE)",
        ),
        ("sound: a tone does not fade", " * 0.5 ** (time / HALF_LIFE)", ""),
        ("sound: made loud a second time by the player", "normalize=False", "normalize=True"),
        ("sound: the picture upside down", "keys.T[::-1]", "keys.T"),
        ("sound: light where a key is on", "1 - keys.T", "keys.T"),
        ("sound: a label taken for markup", "html.escape(self.label)", "self.label"),
    ),
    *mutants_of(
        "figures/map/grid_of_bricks.py",
        "figures/test_map.py",
        (
            "map: a frame on the next box",
            "index(choice) - HEIGHT / 2",
            "index(choice) + HEIGHT / 2",
        ),
        ("map: a choice left out of the code", "if choice != next(iter(names))", "if False"),
        (
            "map: VAE + GAN for its neighbour",
            '"gaussian", "jsd_x"): System',
            '"gaussian", "kl"): System',
        ),
    ),
    *mutants_of(
        "figures/elbo_gap/gap_by_hand.py",
        EVERY,
        (
            "gap by hand: the mean moves nothing",
            "reference = shown = push(mu, log_scale, parameters)",
            "reference = shown = push(0.0, log_scale, parameters)",
        ),
        (
            "gap by hand: the reader's functions get no layers",
            "shown = push(mu, log_scale, parameters, *self.functions)",
            "shown = push(mu, log_scale, [], *self.functions)",
        ),
        ("gap by hand: the bars stand still", "        self._move_bars(numbers)\n", ""),
    ),
    *mutants_of(
        "figures/elbo_gap/gap_by_hand.py",
        DRAWN,
        (
            "gap by hand: KL and ELBO change places",
            'f"KL {numbers.kl:.3f}"',
            'f"KL {numbers.elbo:.3f}"',
        ),
        (
            "gap by hand: the KL is drawn from the floor",
            "self.kl.set_height(LOG_PX - top)",
            "self.kl.set_height(LOG_PX - FLOOR)",
        ),
        ("gap by hand: the line shows log q", "log_q.exp().numpy())", "log_q.numpy())"),
    ),
]
