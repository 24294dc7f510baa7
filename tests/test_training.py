import math
import os
import signal
import threading

import pytest
import torch
from torch import nn

from course_lib.models import VAE
from course_lib.training import History, cosine, fit

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


def run(model, train=TRAIN, **arguments):
    defaults = {"steps": 23, "batch_size": 7, "record_every": 5, "learning_rate": 1e-2}
    return fit(model, train, **{**defaults, "validation": HELD_OUT, "progress": False, **arguments})


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


class Slope(Point):
    """A loss of slope one, so that an Adam step moves w by minus the learning rate."""

    def losses(self, batch):
        return {"model": self.w.sum()}


class Watcher(Point):
    """Remembers every batch, and whether it came in training."""

    def __init__(self):
        super().__init__()
        self.batches, self.held_out = [], []

    def losses(self, batch):
        (self.batches if self.training else self.held_out).append(batch)
        self.grad_enabled = torch.is_grad_enabled()
        return {"model": self.w.square().sum()}


class TestResume:
    @pytest.mark.parametrize("at", [1, 10, 13, 21, 22])
    def test_an_interrupted_run_continues_to_exactly_the_same_numbers(self, tmp_path, at):
        whole = noisy()
        history = run(whole)
        first = run(noisy(at=at, action=press_stop), checkpoint=tmp_path / "a.pt")
        resumed = noisy(seed=5)
        second = run(resumed, checkpoint=tmp_path / "a.pt")
        assert first.interrupted
        assert max(first.step, default=0) <= at
        assert same_weights(whole, resumed)
        assert same_history(history, second)

    @pytest.mark.parametrize("at", [6, 13])
    def test_a_crashed_run_continues_from_its_last_record(self, tmp_path, at):
        whole = noisy()
        history = run(whole)
        with pytest.raises(RuntimeError, match="power cut"):
            run(noisy(at=at, action=crash), checkpoint=tmp_path / "a.pt")
        resumed = noisy(seed=5)
        second = run(resumed, checkpoint=tmp_path / "a.pt")
        assert same_weights(whole, resumed)
        assert same_history(history, second)

    def test_it_does_only_the_steps_that_are_left(self, tmp_path):
        run(noisy(at=13, action=press_stop), checkpoint=tmp_path / "a.pt")
        rest = noisy()
        run(rest, checkpoint=tmp_path / "a.pt")
        assert rest.seen == 23 - 13
        done = noisy()
        run(done, checkpoint=tmp_path / "a.pt")
        assert not hasattr(done, "seen")
        assert same_weights(done, rest)

    def test_many_interruptions_are_as_good_as_none(self, tmp_path):
        whole = noisy()
        history = run(whole)
        for seed in range(4):
            again = noisy(seed=seed, at=5, action=press_stop)
            assert run(again, checkpoint=tmp_path / "a.pt").interrupted
        last = noisy(seed=6)
        assert same_history(history, run(last, checkpoint=tmp_path / "a.pt"))
        assert same_weights(whole, last)

    def test_the_clock_goes_on(self, tmp_path):
        first = run(noisy(at=13, action=press_stop), checkpoint=tmp_path / "a.pt")
        second = run(noisy(), checkpoint=tmp_path / "a.pt")
        assert second.seconds[: len(first.seconds)] == first.seconds
        assert second.seconds == sorted(second.seconds)

    def test_a_model_with_two_players_resumes_too(self, tmp_path):
        whole, resumed = Duel(), Duel()
        run(whole, torch.ones(20, 1), validation=None)
        run(Duel(), torch.ones(20, 1), validation=None, steps=8, checkpoint=tmp_path / "a.pt")
        run(resumed, torch.ones(20, 1), validation=None, checkpoint=tmp_path / "a.pt")
        assert same_weights(whole, resumed)


class TestInterruption:
    def test_it_keeps_history_checkpoint_and_the_best_weights(self, tmp_path):
        history = run(noisy(at=13, action=press_stop), checkpoint=tmp_path / "a.pt")
        assert history.interrupted
        assert history.step == [5, 10]
        saved = torch.load(tmp_path / "a.pt", weights_only=True)
        assert saved["step"] == 13

    def test_without_a_checkpoint_it_still_returns_what_happened(self):
        model = noisy(at=13, action=press_stop)
        history = run(model)
        assert history.interrupted
        assert history.best_step in (5, 10)
        assert model.seen == 13

    def test_at_the_last_step_there_is_nothing_to_interrupt(self):
        history = run(noisy(at=23, action=press_stop))
        assert not history.interrupted
        assert history.step[-1] == 23

    def test_a_second_ctrl_c_interrupts_at_once(self):
        def twice():
            press_stop()
            press_stop()

        with pytest.raises(KeyboardInterrupt):
            run(noisy(at=4, action=twice))

    def test_the_handler_of_ctrl_c_is_given_back(self):
        before = signal.getsignal(signal.SIGINT)
        run(noisy(at=4, action=press_stop))
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

    def test_a_vae_learns(self):
        x = bits(1).expand(200, -1)
        model = VAE.build(6, 2, (16,))
        history = fit(model, x, steps=150, record_every=50, learning_rate=1e-2, progress=False)
        assert history.loss["model"][-1] < 0.5 * history.loss["model"][0]


class Duel(nn.Module):
    """Two numbers, g and c: one player minimises g c, the other maximises it."""

    def __init__(self):
        super().__init__()
        self.g, self.c = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
        self.frozen = nn.Parameter(torch.ones(1))

    def players(self):
        return {"generator": [self.g], "critic": [self.c]}

    def loss(self, batch, player):
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

    def test_parameters_that_are_frozen_stay(self):
        model = VAE.build(6, 2, (8,))
        model.likelihood.requires_grad_(False)
        before = [p.clone() for p in model.likelihood.parameters()]
        run(model)
        assert all(map(torch.equal, before, model.likelihood.parameters()))


class TestCheckpoint:
    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "folder" / "vae.pt"
        run(noisy(), steps=10, checkpoint=path)
        return path

    @staticmethod
    def assert_refused(path, model, message="", **arguments):
        content, names = path.read_bytes(), sorted(os.listdir(path.parent))
        weights = {k: v.clone() for k, v in model.state_dict().items()}
        with pytest.raises(ValueError, match=f"^checkpoint: .*{path.name}.*{message}"):
            run(model, checkpoint=path, **arguments)
        assert path.read_bytes() == content
        assert sorted(os.listdir(path.parent)) == names
        assert all(torch.equal(v, weights[k]) for k, v in model.state_dict().items())

    @pytest.mark.parametrize(
        ("arguments", "what"),
        [
            ({"train": 1 - TRAIN}, "train"),
            ({"train": TRAIN[:40]}, "train"),
            ({"validation": None}, "validation"),
            ({"validation": 1 - HELD_OUT}, "validation"),
            ({"seed": 1}, "seed"),
            ({"batch_size": 8}, "batch_size"),
            ({"record_every": 4}, "record_every"),
            ({"steps": 9}, "10 steps"),
        ],
    )
    def test_one_of_other_data_or_settings_is_refused(self, path, arguments, what):
        self.assert_refused(path, noisy(), what, **arguments)

    def test_one_of_another_model_is_refused(self, path):
        wider = Noisy.build(6, 2, (9,))
        self.assert_refused(path, wider, "weights")
        self.assert_refused(path, VAE.build(6, 2, (8,)), "model")
        self.assert_refused(path, noisy().double(), "weights")

    @pytest.mark.parametrize("content", ["truncated", "empty", "text", "other"])
    def test_what_is_no_checkpoint_is_refused(self, path, content):
        if content == "other":
            torch.save({"weights": torch.zeros(3)}, path)
        else:
            whole = path.read_bytes()
            parts = {"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"notes\n"}
            path.write_bytes(parts[content])
        self.assert_refused(path, noisy(), "is not a checkpoint")

    def test_a_crash_while_saving_leaves_the_old_file(self, path, monkeypatch):
        before = path.read_bytes()

        def half_written(state, target):
            target.write_bytes(b"half")
            raise OSError("disk full")

        monkeypatch.setattr(torch, "save", half_written)
        with pytest.raises(OSError, match="disk full"):
            run(noisy(), checkpoint=path)
        assert path.read_bytes() == before
        monkeypatch.undo()
        whole, resumed = noisy(), noisy(seed=5)
        run(whole)
        run(resumed, checkpoint=path)
        assert same_weights(whole, resumed)

    def test_it_holds_nothing_but_tensors_and_plain_values(self, path):
        saved = torch.load(path, weights_only=True)
        assert History(**saved["history"]).step == [5, 10]
        assert not path.with_name(path.name + ".partial").exists()

    def test_the_training_data_are_read_once_a_run(self, tmp_path, monkeypatch):
        from course_lib.training import run as training_run

        calls, fingerprint = [], training_run.fingerprint
        counted = lambda *arguments: calls.append(1) or fingerprint(*arguments)  # noqa: E731
        monkeypatch.setattr(training_run, "fingerprint", counted)
        run(noisy(), record_every=1, checkpoint=tmp_path / "a.pt")
        assert len(calls) == 2


class TestNaN:
    @staticmethod
    def poison(model):
        with torch.no_grad():
            next(model.parameters()).fill_(math.nan)

    def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(self, tmp_path):
        path, model = tmp_path / "a.pt", noisy(at=7)
        run(noisy(), steps=5, checkpoint=path)
        before = path.read_bytes()
        model.at, model.action = 2, lambda: self.poison(model)
        with pytest.raises(FloatingPointError, match="NaN or infinite by step 10"):
            run(model, checkpoint=path)
        assert path.read_bytes() == before

    def test_an_interruption_after_it_does_not_save_it(self, tmp_path):
        path, model = tmp_path / "a.pt", noisy(at=2)
        run(noisy(), steps=5, checkpoint=path)
        before = path.read_bytes()

        def poison_and_stop():
            self.poison(model)
            press_stop()

        model.action = poison_and_stop
        with pytest.raises(FloatingPointError):
            run(model, checkpoint=path)
        assert path.read_bytes() == before

    def test_data_that_are_no_numbers_are_named(self):
        broken = TRAIN.clone()
        broken[3, 2] = math.nan
        with pytest.raises(ValueError, match="x: expected finite values"):
            run(noisy(), broken)


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
