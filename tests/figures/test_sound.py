import base64
import io
import re
import wave

import numpy as np
import pytest
import torch

from course_lib.figures.variational_rnn.sound import RATE, Recording, waveform


def roll(*steps):
    """A step is a list of MIDI notes."""
    keys = np.zeros((len(steps), 88), np.uint8)
    for step, notes in zip(keys, steps, strict=True):
        step[np.array(notes, int) - 21] = 1
    return keys


def peaks(sound, count):
    """The loudest frequencies, in Hz, at least 15 Hz apart."""
    size = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    frequency, found = np.fft.rfftfreq(len(sound), 1 / RATE), []
    for place in size.argsort()[::-1]:
        if all(abs(frequency[place] - other) > 15 for other in found):
            found.append(frequency[place])
        if len(found) == count:
            return sorted(found)


@pytest.mark.parametrize(("note", "hertz"), [(21, 27.5), (60, 261.63), (69, 440), (108, 4186.01)])
def test_a_key_sounds_at_its_frequency(note, hertz):
    (peak,) = peaks(waveform(roll([note]), 2.0), 1)
    assert peak == pytest.approx(hertz, abs=0.6)


def test_a_chord_has_the_tones_of_its_keys():
    assert peaks(waveform(roll([60, 64, 67]), 2.0), 3) == pytest.approx(
        [261.63, 329.63, 392.0], abs=0.6
    )


def test_the_highest_key_has_no_overtone_that_folds_back():
    sound = waveform(roll([108]), 2.0)
    size = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    frequency = np.fft.rfftfreq(len(sound), 1 / RATE)
    assert size[abs(frequency - 4186) > 20].max() < 1e-3 * size.max()


def test_steps_follow_each_other_and_silence_is_silent():
    sound = waveform(roll([69], [], [57], []), 0.5)
    assert len(sound) == 4 * RATE // 2
    first, second, third, fourth = sound.reshape(4, -1)
    assert not second.any()
    assert not fourth.any()
    assert peaks(first, 1) == pytest.approx([440], abs=1.5)
    assert peaks(third, 1) == pytest.approx([220], abs=1.5)


def test_a_held_key_is_one_tone_and_a_new_one_begins_again():
    held, again = waveform(roll([60], [60], [60]), 0.5), waveform(roll([60], [62], [60]), 0.5)
    half = RATE // 2
    loudness = [np.abs(held[i * half : (i + 1) * half]).max() for i in range(3)]
    assert loudness[0] > 1.3 * loudness[1] > 1.3**2 * loudness[2]
    assert np.abs(held[half - 40 : half + 40]).max() > 0.5 * loudness[1]
    assert np.abs(again[half - 40 : half + 40]).max() < 0.2 * np.abs(again).max()


@pytest.mark.parametrize("notes", [[60], [36, 48, 60, 64, 67, 72], list(range(21, 109))])
def test_the_loudest_sample_is_the_same_whatever_sounds(notes):
    sound = waveform(roll(notes, notes), 0.3)
    assert sound.dtype == np.float32
    assert np.abs(sound).max() == pytest.approx(0.9)
    assert abs(sound[0]) < 1e-6
    assert abs(sound[-1]) < 1e-6


def test_steps_whose_length_is_no_whole_number_of_samples_do_not_drift():
    sound = waveform(roll(*[[60], [62]] * 50), 0.100_03)
    assert len(sound) == round(100 * 0.100_03 * RATE)


def test_nothing_at_all_is_no_error():
    assert not waveform(roll([], [])).any()
    assert "0.0 keys on" in Recording(roll([], []), "silence").picture.alt


@pytest.mark.parametrize(
    "bad", [np.zeros(88), np.zeros((3, 87)), np.zeros((0, 88)), np.full((2, 88), 0.5)]
)
def test_what_is_no_roll_is_refused(bad):
    with pytest.raises(ValueError, match=r"roll: expected \(steps, 88\) zeros and ones"):
        waveform(bad)


@pytest.mark.parametrize("bad", [0, -1.0, float("nan"), float("inf")])
def test_a_step_without_length_is_refused(bad):
    with pytest.raises(ValueError, match="seconds: expected a positive number"):
        waveform(roll([60]), bad)


def test_the_picture_has_high_keys_above_and_time_to_the_right():
    shown = Recording(roll([60, 67], [60]), "a fifth")
    dark = np.asarray(shown.picture.image.convert("L")) < 128
    height, width = dark.shape
    assert dark[-1].all()
    assert dark[0, : width // 2].all()
    assert not dark[0, width // 2 :].any()
    assert not dark[height // 2].any()
    assert shown.picture.alt == "piano roll of a fifth: 2 steps, 1.5 keys on at a time"
    assert f'alt="{shown.picture.alt}"' in shown._repr_html_()


def test_the_player_holds_the_sound_and_says_what_it_is():
    shown = Recording(torch.from_numpy(roll([60], [64])).float(), 'a "third" <up>', 0.25)
    text = shown._repr_html_()
    assert "<figcaption>a &quot;third&quot; &lt;up&gt;</figcaption>" in text
    assert 'aria-label="a &quot;third&quot; &lt;up&gt;"' in text
    stored = base64.b64decode(re.search(r"audio/wav;base64,([^\"]+)", text)[1])
    with wave.open(io.BytesIO(stored)) as file:
        assert (file.getframerate(), file.getnchannels()) == (RATE, 1)
        samples = np.frombuffer(file.readframes(-1), "<i2") / 32767
    assert np.allclose(samples, shown.samples, atol=1e-4)
    assert repr(Recording(roll([60]), "a note", 2.0)) == "a note, 2 s"
    with pytest.raises(ValueError, match="label: expected a description of the sound"):
        Recording(roll([60]), " ")
