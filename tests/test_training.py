import math
import os
import signal
import threading

import pytest
import torch
from torch import nn

from course_lib.models import VAE
from course_lib.progress import say_if_unfinished
from course_lib.randomness import fork_seed
from course_lib.training import History, Stopped, cosine, fit

pytestmark = pytest.mark.usefixtures("fixed_seed")


def bits(n):
    return torch.bernoulli(torch.full((n, 6), 0.4))


SOURCE = torch.Generator().manual_seed(1)
TRAIN = torch.bernoulli(torch.full((47, 6), 0.4), generator=SOURCE)
HELD_OUT = torch.bernoulli(torch.full((9, 6), 0.4), generator=SOURCE)


class Noisy(VAE):
    """A VAE with drop-out that can be told to do something at its n-th training loss."""

    at, action = None, None

    def losses(self, batch):
        if self.training:
            self.seen = getattr(self, "seen", 0) + 1
            if self.seen == self.at:
                self.action()
        return super().losses(batch)


def noisy(seed=0, at=None, action=None):
    torch.manual_seed(seed)
    model = Noisy.build(6, 2, (8,))
    model.posterior.network.insert(1, nn.Dropout(0.2))
    model.at, model.action = at, action
    return model


def press_stop():
    os.kill(os.getpid(), signal.SIGINT)


def crash():
    raise RuntimeError("power cut")


def fit_it(model, train=TRAIN, **arguments):
    defaults = {"steps": 23, "batch_size": 7, "record_every": 5, "learning_rate": 1e-2}
    return fit(model, train, **{**defaults, "validation": HELD_OUT, "progress": False, **arguments})


def run(model, train=TRAIN, **arguments):
    """Return the history of a run that nobody stops: a Ctrl-C that escaped would end pytest."""
    try:
        return fit_it(model, train, **arguments)
    except KeyboardInterrupt as error:
        raise AssertionError(f"stopped: {error}") from error


def stop(model, train=TRAIN, **arguments):
    """Return the history of a run that the reader stops."""
    with pytest.raises(Stopped) as caught:
        fit_it(model, train, **arguments)
    return caught.value.history


def only_file(folder):
    (path,) = folder.glob("*.pt")
    return path


def same_weights(first, second):
    states = first.state_dict(), second.state_dict()
    return all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def same_history(first, second):
    fields = ("step", "loss", "validation", "best_step", "interrupted")
    return all(getattr(first, name) == getattr(second, name) for name in fields)


class Point(nn.Module):
    """One number, pulled towards the data by (w - x)^2 / 2."""

    def __init__(self, start=0.0):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([start]))

    def losses(self, batch):
        return {"model": (self.w - batch).square().mean() / 2}


class SmallTerm(Point):
    """A large loss of one weight, and next to it a small one of another."""

    def __init__(self, size):
        super().__init__(start=1e4)
        self.v, self.size = nn.Parameter(torch.ones(1)), size

    def losses(self, batch):
        return {"model": super().losses(batch)["model"] + self.size * self.v.square().mean()}


class Pressed(Point):
    """The reader presses stop in step ``at``."""

    at, seen = 9, 0

    def losses(self, batch):
        self.seen += self.training
        if self.training and self.seen == self.at:
            press_stop()
        return super().losses(batch)


class Slope(Point):
    """A loss of slope one, so that an Adam step moves w by minus the learning rate."""

    def losses(self, batch):
        return {"model": self.w.sum()}


class Watcher(Point):
    """Remembers every batch, and whether it came in training."""

    def __init__(self, start=0.0):
        super().__init__(start)
        self.batches, self.held_out, self.noise, self.held_out_noise = [], [], [], []

    def losses(self, batch):
        (self.batches if self.training else self.held_out).append(batch)
        (self.noise if self.training else self.held_out_noise).append(torch.randn(3))
        self.grad_enabled = torch.is_grad_enabled()
        return {"model": self.w.square().sum()}


class TestResume:
    @pytest.mark.parametrize("at", [1, 10, 13, 21, 22])
    def test_an_interrupted_run_continues_to_exactly_the_same_numbers(self, tmp_path, at):
        whole = noisy()
        history = run(whole)
        first = stop(noisy(at=at, action=press_stop), checkpoint=tmp_path)
        resumed = noisy()
        second = run(resumed, checkpoint=tmp_path)
        assert first.interrupted
        assert max(first.step, default=0) <= at
        assert same_weights(whole, resumed)
        assert same_history(history, second)

    @pytest.mark.parametrize("at", [6, 13])
    def test_a_crashed_run_continues_from_its_last_record(self, tmp_path, at):
        whole = noisy()
        history = run(whole)
        with pytest.raises(RuntimeError, match="power cut"):
            run(noisy(at=at, action=crash), checkpoint=tmp_path)
        resumed = noisy()
        second = run(resumed, checkpoint=tmp_path)
        assert same_weights(whole, resumed)
        assert same_history(history, second)

    def test_it_does_only_the_steps_that_are_left(self, tmp_path):
        """Beside the first, by which it knows that it is the same run."""
        stop(noisy(at=13, action=press_stop), checkpoint=tmp_path)
        rest = noisy()
        run(rest, checkpoint=tmp_path)
        assert rest.seen == 1 + 23 - 13
        done = noisy()
        run(done, checkpoint=tmp_path)
        assert done.seen == 1
        assert same_weights(done, rest)

    def test_many_interruptions_are_as_good_as_none(self, tmp_path):
        whole = noisy()
        history = run(whole)
        for _ in range(4):
            assert stop(noisy(at=5, action=press_stop), checkpoint=tmp_path).interrupted
        last = noisy()
        assert same_history(history, run(last, checkpoint=tmp_path))
        assert same_weights(whole, last)

    def test_the_best_weights_so_far_are_kept_over_an_interruption(self, tmp_path):
        """w climbs past the validation data at 0.5 and is stopped beyond them."""
        data = {"train": torch.ones(9, 1), "validation": torch.full((4, 1), 0.5)}
        settings = {"steps": 12, "record_every": 1, "learning_rate": 0.1, **data}
        whole, stopped, resumed = Point(), Pressed(), Point()
        history = run(whole, **settings)
        assert history.best_step < Pressed.at
        stop(stopped, checkpoint=tmp_path, **settings)
        only_file(tmp_path).rename(tmp_path / only_file(tmp_path).name.replace("Pressed", "Point"))
        assert run(resumed, checkpoint=tmp_path, **settings).best_step == history.best_step
        assert same_weights(whole, resumed)
        assert same_weights(whole, stopped)

    def test_the_clock_goes_on(self, tmp_path):
        first = stop(noisy(at=13, action=press_stop), checkpoint=tmp_path)
        second = run(noisy(), checkpoint=tmp_path)
        assert second.seconds[: len(first.seconds)] == first.seconds
        assert second.seconds == sorted(second.seconds)

    def test_a_model_with_two_players_resumes_too(self, tmp_path):
        whole, resumed, data = Duel(), Duel(), torch.arange(20.0)[:, None]
        run(whole, data, validation=None)
        interrupted = Duel()
        interrupted.at = 19  # two losses a step
        stop(interrupted, data, validation=None, checkpoint=tmp_path)
        run(resumed, data, validation=None, checkpoint=tmp_path)
        assert same_weights(whole, resumed)


class TestInterruption:
    def test_it_keeps_history_checkpoint_and_the_best_weights(self, tmp_path):
        history = stop(noisy(at=13, action=press_stop), checkpoint=tmp_path)
        assert history.interrupted
        assert not history.finished
        assert history.step == [5, 10]
        assert torch.load(only_file(tmp_path), weights_only=True)["step"] == 13

    def test_without_a_checkpoint_what_happened_is_still_there(self):
        model = noisy(at=13, action=press_stop)
        history = stop(model)
        assert history.interrupted
        assert history.best_step in (5, 10)
        assert model.seen == 13
        assert not model.training

    def test_the_reader_is_told_how_far_it_came_and_what_to_do(self, tmp_path):
        for folder, then in ((None, "start anew"), (tmp_path, "continue from there")):
            with pytest.raises(Stopped) as caught:
                fit_it(noisy(at=13, action=press_stop), checkpoint=folder)
            assert str(caught.value) == (
                "training Noisy: unfinished, stopped at step 13 of 23;"
                f" run the cell again to {then}."
            )
            assert caught.value._render_traceback_() == [str(caught.value)]

    def test_one_ctrl_c_ends_a_loop_of_fits(self):
        models = [noisy(at=at, action=press_stop) for at in (None, 4, None)]
        with pytest.raises(KeyboardInterrupt):
            list(map(fit_it, models))
        assert [getattr(model, "seen", 0) for model in models] == [23, 4, 0]

    def test_at_the_last_step_the_run_is_whole_and_the_cell_ends_all_the_same(self):
        model = noisy(at=23, action=press_stop)
        with pytest.raises(Stopped, match="after the last of 23 steps") as caught:
            fit_it(model)
        assert caught.value.history.finished
        assert not caught.value.history.interrupted
        assert model.unfinished is None

    def test_a_ctrl_c_during_the_last_record_is_not_lost(self, monkeypatch):
        monkeypatch.setattr(Noisy, "eval", lambda self: press_stop() or self)
        with pytest.raises(KeyboardInterrupt):
            fit_it(noisy(), steps=5)

    def test_a_second_ctrl_c_interrupts_at_once(self):
        def twice():
            press_stop()
            press_stop()

        model = noisy(at=4, action=twice)
        with pytest.raises(KeyboardInterrupt):
            fit_it(model)
        assert model.unfinished == "step 3 of 23"

    def test_the_handler_of_ctrl_c_is_given_back(self):
        before = signal.getsignal(signal.SIGINT)
        stop(noisy(at=4, action=press_stop))
        assert signal.getsignal(signal.SIGINT) is before
        with pytest.raises(RuntimeError, match="power cut"):
            run(noisy(at=4, action=crash))
        assert signal.getsignal(signal.SIGINT) is before

    def test_a_run_outside_the_main_thread_trains_as_well(self):
        alone, threaded, histories = noisy(), noisy(), []
        run(alone)
        thread = threading.Thread(target=lambda: histories.append(run(threaded)))
        thread.start()
        thread.join()
        assert histories[0].step == [5, 10, 15, 20, 23]
        assert same_weights(alone, threaded)


class TestUnfinished:
    def test_a_model_whose_training_was_stopped_says_so_until_it_is_finished(self, tmp_path):
        model = noisy(at=13, action=press_stop)
        stop(model, checkpoint=tmp_path)
        assert model.unfinished == "step 13 of 23"
        rest = noisy()
        assert run(rest, checkpoint=tmp_path).finished
        assert rest.unfinished is None
        run(model, steps=2)
        assert model.unfinished is None

    def test_a_crash_leaves_it_unfinished_as_well(self):
        model = noisy(at=4, action=crash)
        with pytest.raises(RuntimeError):
            run(model)
        assert model.unfinished == "step 3 of 23"

    def test_it_is_said_in_one_line_where_its_numbers_are_printed(self, capsys):
        model = noisy(at=13, action=press_stop)
        say_if_unfinished(model)
        stop(model)
        assert capsys.readouterr().out == ""
        say_if_unfinished(model)
        said = capsys.readouterr().out
        assert said.startswith(
            "unfinished: the training of this Noisy was stopped at step 13 of 23"
        )
        assert said.count("\n") == 1
        run(model, steps=1)
        say_if_unfinished(model)
        assert capsys.readouterr().out == ""


class TestRandomness:
    def test_the_global_state_is_neither_moved_nor_read(self):
        first, second = noisy(), noisy()
        torch.manual_seed(10)
        before = torch.get_rng_state()
        run(first)
        assert torch.equal(torch.get_rng_state(), before)
        torch.manual_seed(11)
        run(second)
        assert same_weights(first, second)

    def test_a_run_on_the_cpu_leaves_every_gpu_alone(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: crash())
        run(Noisy.build(6, 2, (8,)))

    def test_neighbouring_seeds_share_neither_order_nor_noise(self):
        """Of two runs, no epoch of one has the order of an epoch of the other."""
        orders, noise = [], []
        for seed in (0, 1, 2, -1):
            watcher = Watcher()
            fit(
                watcher,
                torch.arange(40.0)[:, None],
                steps=16,
                batch_size=10,
                seed=seed,
                progress=False,
            )
            orders += [torch.cat(watcher.batches[i : i + 4]).flatten() for i in range(0, 16, 4)]
            noise.append(torch.stack(watcher.noise).flatten())
        assert len({tuple(order.tolist()) for order in orders}) == len(orders)
        drawn = torch.cat(noise)
        assert len(drawn.unique()) == len(drawn)

    def test_a_run_shares_no_noise_with_what_else_the_same_seed_decides(self):
        """The weights of a model built after manual_seed(s), and an evaluation with seed s."""
        watcher = Watcher()
        run(watcher, torch.zeros(9, 1), validation=torch.ones(3, 1), seed=7)
        with fork_seed(7):
            others = torch.randn(200)
        drawn = torch.stack(watcher.noise + watcher.held_out_noise[:1]).flatten()
        assert len(drawn.unique()) == len(drawn)
        assert not set(drawn.tolist()) & set(others.tolist())

    @pytest.mark.parametrize("seed", [2**62, -(2**62), 2**70])
    def test_every_integer_is_a_seed(self, seed):
        assert run(noisy(), steps=2, seed=seed).finished

    @pytest.mark.parametrize("seed", [0.5, "0", None])
    def test_what_is_no_integer_is_no_seed(self, seed):
        with pytest.raises(TypeError, match="integer"):
            run(noisy(), seed=seed)

    def test_the_seed_decides(self):
        first, second = noisy(), noisy()
        run(first, seed=0)
        run(second, seed=1)
        assert not same_weights(first, second)

    def test_the_seed_decides_the_noise_as_well_as_the_order(self):
        first, second, alike = noisy(), noisy(), TRAIN[:1].expand(20, -1)
        run(first, alike, seed=0)
        run(second, alike, seed=1)
        assert not same_weights(first, second)

    def test_validation_does_not_move_the_training(self):
        first, second = noisy(), noisy()
        with_it = run(first)
        without = run(second, validation=None)
        assert with_it.loss == without.loss

    def test_the_same_weights_get_the_same_validation(self):
        history = run(noisy(), learning_rate=1e-30)
        assert len(set(history.validation["model"])) == 1


class TestBatches:
    def test_an_epoch_visits_every_example_once_and_leaves_out_the_rest(self):
        watcher, data = Watcher(), torch.arange(23.0)[:, None]
        fit(watcher, data, steps=8, batch_size=5, progress=False)
        epochs = [torch.cat(watcher.batches[i : i + 4]).flatten().tolist() for i in (0, 4)]
        for epoch in epochs:
            assert len(set(epoch)) == 20
        assert epochs[0] != epochs[1]
        assert epochs[0] != sorted(epochs[0])

    def test_a_batch_larger_than_the_data_is_all_of_it(self):
        watcher = Watcher()
        fit(watcher, torch.arange(5.0)[:, None], steps=3, batch_size=100, progress=False)
        assert [sorted(b.flatten().tolist()) for b in watcher.batches] == [[0, 1, 2, 3, 4]] * 3

    @pytest.mark.parametrize("kind", ["tuple", "dict"])
    def test_parts_of_the_data_stay_together(self, kind):
        x = torch.arange(23.0)[:, None]
        data = (x, -x) if kind == "tuple" else {"image": x, "label": -x}
        watcher = Watcher()
        fit(watcher, data, validation=data, steps=6, batch_size=5, progress=False)
        for batch in watcher.batches + watcher.held_out:
            assert type(batch) is type(data)
            one, other = batch if kind == "tuple" else (batch["image"], batch["label"])
            assert torch.equal(one, -other)

    @pytest.mark.parametrize(
        ("data", "error"),
        [
            (torch.zeros(0, 6), ValueError),
            (torch.tensor(1.0), ValueError),
            ((torch.zeros(5, 6), torch.zeros(4)), ValueError),
            ({"x": torch.zeros(5, 6), "y": torch.zeros(0)}, ValueError),
            ((), ValueError),
            ([[0.0, 1.0]], TypeError),
            (torch.zeros(5, 6).numpy(), TypeError),
            ("digits", TypeError),
        ],
    )
    @pytest.mark.parametrize("which", ["train", "validation"])
    def test_what_is_no_data_set_is_refused_by_name(self, tmp_path, data, error, which):
        arguments = {"train": TRAIN, which: data}
        with pytest.raises(error, match=f"^{which}: expected"):
            fit(noisy(), steps=1, progress=False, checkpoint=tmp_path / "a.pt", **arguments)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("data", [None, torch.zeros(500, 6).numpy()])
    def test_the_message_names_the_kind_and_stays_short(self, data):
        with pytest.raises(TypeError, match=f"^train: .*got {type(data).__name__}$"):
            fit(noisy(), data, steps=1, progress=False)


class TestSteps:
    def test_each_step_takes_the_rate_of_the_schedule(self):
        model = Slope()
        fit(model, torch.zeros(9, 1), steps=10, learning_rate=cosine(0.1, 10), progress=False)
        expected = -sum(0.05 * (1 + math.cos(math.pi * step / 10)) for step in range(10))
        assert model.w.item() == pytest.approx(expected, rel=1e-5)

    def test_a_constant_rate_is_a_rate(self):
        model = Slope()
        fit(model, torch.zeros(9, 1), steps=10, learning_rate=0.03, progress=False)
        assert model.w.item() == pytest.approx(-0.3, rel=1e-5)

    def test_cosine_falls_from_the_rate_to_zero(self):
        rates = [cosine(0.1, 50)(step) for step in range(51)]
        assert rates[0] == 0.1
        assert rates[50] == 0
        assert rates == sorted(rates, reverse=True)

    def test_gradients_do_not_pile_up(self):
        """Near the minimum of a parabola the steps shrink; a sum of old gradients would run on."""
        model = Point(start=1.0)
        fit(model, torch.zeros(9, 1), steps=300, learning_rate=0.05, progress=False)
        assert abs(model.w.item()) < 0.02

    @pytest.mark.parametrize("name", ["steps", "batch_size", "record_every"])
    @pytest.mark.parametrize("bad", [0, -1, 2.5, True, None])
    def test_a_number_that_is_no_count_is_refused(self, name, bad):
        with pytest.raises(ValueError, match=f"^{name}: expected a positive integer"):
            run(noisy(), **{name: bad})

    @pytest.mark.parametrize("bad", [0, -1e-3, math.nan])
    def test_a_rate_that_does_not_descend_is_refused(self, bad):
        with pytest.raises(ValueError, match="learning_rate: expected a positive"):
            run(noisy(), learning_rate=bad)


class TestHistory:
    def test_a_record_is_the_mean_loss_since_the_one_before(self):
        model = Slope()
        history = fit(
            model, torch.zeros(9, 1), steps=5, record_every=2, learning_rate=1.0, progress=False
        )
        assert history.step == [2, 4, 5]
        assert history.loss["model"] == pytest.approx([-0.5, -2.5, -4.0], rel=1e-5)
        assert history.validation == {}
        assert history.best_step is None
        assert len(history.seconds) == 3

    def test_the_model_ends_with_the_weights_that_did_best_on_the_validation_data(self):
        """w climbs from 0 to 1 and passes 0.5, where the validation data lie, half-way."""
        model = Point()
        history = fit(
            model,
            torch.ones(9, 1),
            validation=torch.full((4, 1), 0.5),
            steps=12,
            record_every=1,
            learning_rate=0.1,
            progress=False,
        )
        losses = history.validation["model"]
        assert history.best_step == history.step[losses.index(min(losses))]
        assert 3 <= history.best_step <= 7
        assert (model.w.item() - 0.5) ** 2 / 2 == pytest.approx(min(losses), abs=1e-9)

    def test_without_validation_data_the_model_ends_with_its_last_weights(self):
        model = Slope()
        fit(model, torch.zeros(9, 1), steps=4, learning_rate=1.0, record_every=1, progress=False)
        assert model.w.item() == pytest.approx(-4, rel=1e-5)

    def test_validation_is_in_evaluation_mode_and_without_gradient(self):
        watcher = Watcher()
        run(watcher, torch.zeros(9, 1), validation=torch.ones(3, 1), steps=5)
        assert [batch.tolist() for batch in watcher.held_out] == [[[1.0]] * 3]
        assert not watcher.grad_enabled
        assert len(watcher.batches) == 5
        assert not watcher.training

    def test_training_goes_on_in_training_mode_after_a_record(self):
        watcher = Watcher()
        run(watcher, torch.zeros(9, 1), validation=torch.ones(3, 1), steps=10, record_every=1)
        assert len(watcher.batches) == len(watcher.held_out) == 10

    @pytest.mark.parametrize("begin", ["after a fit", "in evaluation mode"])
    def test_a_model_in_evaluation_mode_is_trained_in_training_mode(self, begin):
        """Drop-out is at work in a second fit as it is in a first."""
        model = Watcher()
        if begin == "after a fit":
            fit(model, torch.zeros(9, 1), steps=2, progress=False)
        before = len(model.batches)
        model.eval()
        fit(model, torch.zeros(9, 1), steps=3, progress=False)
        assert len(model.batches) == before + 3
        assert model.held_out == []

    def test_a_second_fit_starts_where_the_first_ended(self):
        model = Slope()
        for _ in range(2):
            fit(model, torch.zeros(9, 1), steps=3, learning_rate=1.0, progress=False)
        assert model.w.item() == pytest.approx(-6, rel=1e-5)

    def test_a_vae_learns(self):
        x = bits(1).expand(200, -1)
        model = VAE.build(6, 2, (16,))
        history = fit(model, x, steps=150, record_every=50, learning_rate=1e-2, progress=False)
        assert history.loss["model"][-1] < 0.5 * history.loss["model"][0]


class Duel(nn.Module):
    """Two numbers, g and c: one player minimises g c, the other maximises it."""

    at = calls = 0

    def __init__(self):
        super().__init__()
        self.g, self.c = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
        self.frozen = nn.Parameter(torch.ones(1))

    def players(self):
        return {"generator": [self.g], "critic": [self.c]}

    def loss(self, batch, player):
        self.calls += 1
        if self.calls == self.at:
            press_stop()
        product = (self.g * self.c * self.frozen * batch).mean()
        return {"generator": product, "critic": -product}[player]


class Eager(Duel):
    """The critic moves twice before the generator does; everyone remembers the batches."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def turns(self):
        return ("critic", "critic", "generator")

    def loss(self, batch, player):
        self.seen.append((player, batch))
        return super().loss(batch, player)


class TestPlayers:
    def test_each_player_moves_its_own_parameters_only(self):
        duel = Duel()
        fit(duel, torch.ones(9, 1), steps=1, batch_size=9, learning_rate=0.25, progress=False)
        assert duel.g.item() == pytest.approx(0.75, rel=1e-6)
        assert duel.c.item() == pytest.approx(1.25, rel=1e-6)
        assert duel.frozen.item() == 1

    def test_players_move_in_turn(self):
        """The critic's loss is taken after the generator's step."""
        history = fit(
            Duel(), torch.ones(9, 1), steps=1, batch_size=9, learning_rate=0.25, progress=False
        )
        assert history.loss["generator"] == [1.0]
        assert history.loss["critic"] == pytest.approx([-0.75], rel=1e-6)

    def test_turns_are_taken_in_the_order_the_model_asks_for_each_on_its_own_batch(self):
        model, data = Eager(), torch.arange(9.0)[:, None]
        fit(model, data, steps=2, batch_size=3, learning_rate=0.25, progress=False)
        assert [player for player, _ in model.seen] == ["critic", "critic", "generator"] * 2
        first_pass = torch.cat([batch for _, batch in model.seen[:3]])
        assert torch.equal(first_pass.sort(0).values, data)

    def test_only_the_player_whose_turn_it_is_receives_a_gradient(self):
        model = Duel()
        fit(model, torch.ones(9, 1), steps=1, batch_size=9, learning_rate=0.25, progress=False)
        assert model.g.grad.item() == 1  # from its own turn; the critic's turn adds nothing
        assert model.frozen.grad is None

    def test_the_decay_rates_reach_the_optimiser(self):
        """With a first rate of zero, a step depends on the sign of the last gradient alone."""
        weights, data = [], torch.randn(40, 1)
        for betas in ((0.0, 0.999), (0.9, 0.999)):
            model = Duel()
            fit(model, data, steps=5, batch_size=2, betas=betas, progress=False)
            weights.append(model.g.item())
        assert weights[0] != weights[1]

    def test_weight_decay_shrinks_a_weight_that_the_loss_does_not_touch(self):
        """Decoupled from the gradient: a step takes rate * decay of the weight, and no more."""

        class Untouched(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = torch.nn.Parameter(torch.tensor(2.0))

            def losses(self, batch):
                return {"model": 0 * self.weight * batch.sum()}

        model = Untouched()
        options = {"learning_rate": 0.1, "weight_decay": 0.5, "progress": False}
        fit(model, torch.ones(4, 1), steps=3, batch_size=2, **options)
        assert model.weight.item() == pytest.approx(2 * 0.95**3)
        with pytest.raises(ValueError, match="weight_decay: expected a number of at least 0"):
            fit(model, torch.ones(4, 1), steps=1, weight_decay=-0.1, progress=False)

    def test_parameters_that_are_frozen_stay(self):
        model = VAE.build(6, 2, (8,))
        model.likelihood.requires_grad_(False)
        before = [p.clone() for p in model.likelihood.parameters()]
        run(model)
        assert all(map(torch.equal, before, model.likelihood.parameters()))


class Weighted(Noisy):
    """A VAE whose loss has a weight that no list of settings shows."""

    weight, detached = 1.0, False

    def losses(self, batch):
        loss = super().losses(batch)["model"]
        fixed = loss.detach() if self.detached else loss
        return {"model": loss + (self.weight - 1) * fixed}


def weighted(**changes):
    torch.manual_seed(0)
    model = Weighted.build(6, 2, (8,))
    for name, value in changes.items():
        setattr(model, name, value)
    return model


class TestCheckpoint:
    @pytest.fixture
    def path(self, tmp_path):
        """Return the file of a run that was stopped at step 10."""
        stop(noisy(at=10, action=press_stop), checkpoint=tmp_path / "folder")
        return only_file(tmp_path / "folder")

    @staticmethod
    def assert_starts_anew(path, model, **arguments):
        """The run finds no file, makes its own, and leaves the other as it is."""
        content, names = path.read_bytes(), set(os.listdir(path.parent))
        history = run(model, checkpoint=path.parent, **arguments)
        assert path.read_bytes() == content
        assert len(set(os.listdir(path.parent)) - names) == 1
        assert history.finished

    @pytest.mark.parametrize(
        "arguments",
        [
            {"train": 1 - TRAIN},
            {"train": TRAIN[:40]},
            {"train": TRAIN.flip(0)},
            {"validation": None},
            {"validation": 1 - HELD_OUT},
            {"seed": 1},
            {"batch_size": 8},
            {"record_every": 4},
            {"steps": 24},
            {"steps": 9},
            {"betas": (0.5, 0.999)},
            {"weight_decay": 0.1},
            {"learning_rate": 2e-2},
            {"learning_rate": cosine(1e-2, 23)},
        ],
        ids=lambda arguments: ", ".join(arguments),
    )
    def test_a_run_on_other_data_or_settings_starts_anew(self, path, arguments):
        model = noisy()
        self.assert_starts_anew(path, model, **arguments)
        assert model.seen == arguments.get("steps", 23)

    def test_data_that_differ_only_after_the_first_batch_start_anew(self, path):
        watcher = Watcher()
        fit(watcher, torch.arange(47)[:, None], steps=1, batch_size=7, progress=False)
        later = sorted(set(range(47)) - set(watcher.batches[0].flatten().tolist()))[0]
        train = TRAIN.clone()
        train[later] = 1 - train[later]
        self.assert_starts_anew(path, noisy(), train=train)

    def test_what_the_first_step_does_not_show_starts_anew(self, tmp_path):
        """Seed, start and turns, where loss and gradient are the same in the first step."""
        zeros = {"train": torch.zeros(9, 1), "validation": None}
        run(Slope(), checkpoint=tmp_path, **zeros)
        self.assert_starts_anew(only_file(tmp_path), Slope(), seed=1, **zeros)
        run(Watcher(start=1.0), checkpoint=tmp_path / "w", **zeros)
        self.assert_starts_anew(only_file(tmp_path / "w"), Watcher(start=-1.0), **zeros)

    def test_a_schedule_that_differs_only_later_starts_anew(self, path):
        self.assert_starts_anew(path, noisy(), learning_rate=lambda s: 1e-2 if s < 20 else 1e-3)

    def test_another_model_or_another_start_starts_anew(self, path):
        self.assert_starts_anew(path, Noisy.build(6, 2, (9,)))
        self.assert_starts_anew(path, noisy(seed=5))
        self.assert_starts_anew(path, VAE.build(6, 2, (8,)))
        frozen = noisy()
        frozen.likelihood.requires_grad_(False)
        self.assert_starts_anew(path, frozen)

    @pytest.mark.parametrize("changes", [{"weight": 2.0}, {"weight": 2.0, "detached": True}])
    def test_another_loss_starts_anew(self, tmp_path, changes):
        """The second has the first's value with another gradient."""
        first = weighted() if len(changes) == 1 else weighted(weight=2.0)
        run(first, checkpoint=tmp_path)
        self.assert_starts_anew(only_file(tmp_path), weighted(**changes))

    def test_another_small_term_starts_anew(self, tmp_path):
        """Neither the loss nor the norm of all gradients shows it in five digits."""
        data = {"train": torch.zeros(9, 1), "validation": None}
        run(SmallTerm(1.0), checkpoint=tmp_path, **data)
        self.assert_starts_anew(only_file(tmp_path), SmallTerm(2.0), **data)

    def test_other_turns_start_anew(self, tmp_path, monkeypatch):
        data = torch.zeros(9, 1)
        run(Eager(), data, validation=None, checkpoint=tmp_path)
        path = only_file(tmp_path)
        monkeypatch.setattr(Eager, "turns", lambda self: ("critic", "generator", "critic"))
        self.assert_starts_anew(path, Eager(), train=data, validation=None)

    def test_parts_of_the_data_that_change_their_names_start_anew(self, tmp_path):
        data = {"image": TRAIN, "label": 1 - TRAIN}
        run(Watcher(), data, validation=None, checkpoint=tmp_path)
        swapped = {"label": TRAIN, "image": 1 - TRAIN}
        path = only_file(tmp_path)
        self.assert_starts_anew(path, Watcher(), train=swapped, validation=None)

    def test_the_folder_must_not_be_a_file(self, path):
        with pytest.raises(ValueError, match="checkpoint: expected a folder, got the file"):
            run(noisy(), checkpoint=path)

    @pytest.mark.parametrize("content", ["truncated", "empty", "text", "other"])
    def test_what_is_no_checkpoint_is_refused(self, path, content):
        if content == "other":
            torch.save({"weights": torch.zeros(3)}, path)
        else:
            whole = path.read_bytes()
            parts = {"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"notes\n"}
            path.write_bytes(parts[content])
        before = path.read_bytes()
        with pytest.raises(ValueError, match=f"^checkpoint: .*{path.name} is not a checkpoint"):
            run(noisy(), checkpoint=path.parent)
        assert path.read_bytes() == before

    def test_a_crash_while_saving_leaves_the_old_file(self, path, monkeypatch):
        before = path.read_bytes()

        def half_written(state, target):
            target.write_bytes(b"half")
            raise OSError("disk full")

        monkeypatch.setattr(torch, "save", half_written)
        with pytest.raises(OSError, match="disk full"):
            run(noisy(), checkpoint=path.parent)
        assert path.read_bytes() == before
        monkeypatch.undo()
        whole, resumed = noisy(), noisy()
        run(whole)
        run(resumed, checkpoint=path.parent)
        assert same_weights(whole, resumed)

    def test_it_holds_nothing_but_tensors_and_plain_values(self, path):
        saved = torch.load(path, weights_only=True)
        assert History(**saved["history"]).step == [5, 10]
        assert not path.with_name(path.name + ".partial").exists()

    def test_the_training_data_are_read_once_a_run(self, tmp_path, monkeypatch):
        from course_lib.training import checkpoint

        calls, fingerprint = [], checkpoint.fingerprint
        counted = lambda *arguments: calls.append(1) or fingerprint(*arguments)  # noqa: E731
        monkeypatch.setattr(checkpoint, "fingerprint", counted)
        run(noisy(), record_every=1, checkpoint=tmp_path)
        assert len(calls) == 3  # the weights at the start, and both data sets


class TestNaN:
    @staticmethod
    def poison(model):
        with torch.no_grad():
            next(model.parameters()).fill_(math.nan)

    def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(self, tmp_path):
        model = noisy()
        stop(noisy(at=5, action=press_stop), checkpoint=tmp_path)
        before = only_file(tmp_path).read_bytes()
        model.at, model.action = 3, lambda: self.poison(model)
        with pytest.raises(FloatingPointError, match="NaN or infinite by step 10"):
            run(model, checkpoint=tmp_path)
        assert only_file(tmp_path).read_bytes() == before

    def test_an_interruption_after_it_does_not_save_it(self, tmp_path):
        model = noisy(at=3)
        stop(noisy(at=5, action=press_stop), checkpoint=tmp_path)
        before = only_file(tmp_path).read_bytes()

        def poison_and_stop():
            self.poison(model)
            press_stop()

        model.action = poison_and_stop
        with pytest.raises(FloatingPointError):
            run(model, checkpoint=tmp_path)
        assert only_file(tmp_path).read_bytes() == before


def test_the_progress_bar_says_what_is_trained(monkeypatch):
    from course_lib import progress

    lines = []
    monkeypatch.setattr(progress, "_display", lambda: lambda *state: lines.append(state))
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_UPDATES", 0.0)
    run(noisy(), progress=True)
    assert lines[-1][0] == lines[-1][2] == 23
    assert lines[-1][3] == "training Noisy"
    assert "model loss" in lines[-1][1]
    assert "validation" in lines[-1][1]
    count = len(lines)
    run(noisy(), progress=False)
    assert len(lines) == count


@pytest.mark.parametrize("scale", [1e3, 1e6])
def test_data_of_a_large_scale_train_or_are_said_to_want_scaling(scale, fixed_seed):
    from course_lib.models import VAE

    x = torch.randn(60, 5) * scale
    with pytest.raises(FloatingPointError, match=r"train has entries up to .*: give each column"):
        fit(VAE.build(5, 2, (8,), "gaussian"), x, steps=50, progress=False)
    scaled = (x - x.mean(0)) / x.std(0)
    assert fit(VAE.build(5, 2, (8,), "gaussian"), scaled, steps=50, progress=False).finished


def test_measurements_as_they_come_are_said_to_want_scaling_and_then_train(fixed_seed):
    """Thirteen columns of sizes 0.4 to 750: scaled, a VAE is above independent Gaussians."""
    from sklearn.datasets import load_wine

    from course_lib.models import VAE

    x = torch.tensor(load_wine().data, dtype=torch.float32)
    with pytest.raises(FloatingPointError, match=r"entries up to 1.68e\+03: give each column"):
        fit(VAE.build(13, 2, likelihood="gaussian"), x, steps=100, progress=False)
    scaled = (x - x.mean(0)) / x.std(0)
    independent = torch.distributions.Normal(0.0, 1.0).log_prob(scaled).sum(1).mean().item()
    vae = VAE.build(13, 2, likelihood="gaussian")
    assert fit(vae, scaled, steps=200, progress=False).loss["model"][-1] < -independent - 3


def test_a_loss_that_is_no_number_for_another_reason_blames_no_scale():
    class Poisoned(torch.nn.Linear):
        def losses(self, batch):
            return {"model": self(batch).sum() * float("nan")}

    with pytest.raises(FloatingPointError) as caught:
        fit(Poisoned(2, 1), torch.randn(60, 2), steps=3, progress=False)
    assert "entries" not in str(caught.value)


@pytest.mark.parametrize("device", ["cuda:97", "xpu", "gpu", "no such thing"])
def test_a_device_that_is_not_there_is_named(device):
    with pytest.raises(ValueError, match=f"device: expected one that this machine has.*{device}"):
        fit(torch.nn.Linear(2, 1), torch.zeros(3, 2), steps=1, device=device, progress=False)


def test_a_run_that_stops_itself_goes_on_to_the_numbers_of_one_run(tmp_path):
    """A program trains in slices: ``stop_if`` is asked after every step but the last."""
    options = {"steps": 9, "batch_size": 10, "record_every": 4, "progress": False}
    torch.manual_seed(0)
    whole = VAE.build(6, 2, (8,))
    fit(whole, TRAIN, **options)
    asked, ends = [], 0
    for _ in range(20):
        torch.manual_seed(0)
        sliced = VAE.build(6, 2, (8,))
        stop_if = lambda step: asked.append(step) or step % 3 == 0  # noqa: E731
        try:
            history = fit(sliced, TRAIN, **options, checkpoint=tmp_path, stop_if=stop_if)
        except Stopped:
            ends += 1
        else:
            break
    assert ends == 2
    assert history.finished
    assert asked == [1, 2, 3, 4, 5, 6, 7, 8]
    for one, other in zip(sliced.parameters(), whole.parameters(), strict=True):
        assert torch.equal(one, other)
