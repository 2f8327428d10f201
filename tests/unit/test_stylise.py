"""The whole optimisation with the real network on small pictures."""

from __future__ import annotations

import dataclasses
import itertools
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor

from backend.engine.memory import Plan
from backend.engine.objective import Objective, style_grams
from backend.engine.propagation import features
from backend.engine.schedule import coarse_to_fine
from backend.engine.settings import STYLE_LAYERS, Scale, Settings
from backend.engine.stylise import Iterate, _refine, stylise
from backend.engine.vgg import VGG19
from backend.imaging.resize import resize

DEFAULTS = Settings()
SMALL = (Scale(32, 40, 6), Scale(64, 80, 6))


def waves(height: int, width: int, pitch: float) -> Tensor:
    """Coloured diagonal stripes: a picture with a texture."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([(1 + torch.sin((x + c * y) / pitch)) / 2 for c in (1, 2, 3)])[None].float()


def clouds(height: int, width: int) -> Tensor:
    """Soft coloured spots of all sizes, as photographs have them: amplitudes fall as 1 / f."""
    spectrum = torch.fft.rfft2(torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(2)))
    frequencies = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width))
    values = torch.fft.irfft2(spectrum / frequencies.clamp(min=1 / max(height, width)), s=(height, width))
    found: Tensor = (0.5 + 0.2 * values / values.std()).clamp(0, 1)
    return found


def run(network: VGG19, settings: Settings = DEFAULTS, schedule: tuple[Scale, ...] = SMALL) -> list[Iterate]:
    return list(stylise(network, waves(64, 80, 9), [(waves(70, 60, 2), 1.0)], schedule, settings))


def test_the_loss_falls_at_every_scale_and_the_steps_are_counted(network: VGG19) -> None:
    iterates = run(network)
    assert [i.step for i in iterates] == list(range(1, 13))
    assert [i.scale for i in iterates] == [1] * 6 + [2] * 6
    assert {(i.steps, i.scales) for i in iterates} == {(12, 2)}
    fractions = [i.fraction for i in iterates]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    for first, last in [(0, 5), (6, 11)]:
        assert iterates[last].losses["total"] < iterates[first].losses["total"]
    assert iterates[-1].picture().shape == (1, 3, 64, 80)


def test_the_result_is_closer_to_the_style_than_the_content_is(network: VGG19) -> None:
    layers = dataclasses.replace(Settings(), style_layers={"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0})

    def distance(picture: Tensor) -> float:
        ours = style_grams(network, [(picture, 1.0)], layers)
        theirs = style_grams(network, [(waves(70, 60, 2), 1.0)], layers)
        return sum(float((ours[name] - a).norm() / a.norm()) for name, a in theirs.items())

    result = run(network, schedule=(Scale(32, 40, 10), Scale(64, 80, 20)))[-1].picture().clamp(0, 1)
    assert distance(result) < 0.7 * distance(waves(64, 80, 9))


def test_the_plan_says_how_precisely_the_content_is_kept(network: VGG19) -> None:
    noise, schedule = dataclasses.replace(DEFAULTS, init="noise"), (Scale(64, 80, 1),)
    pictures = waves(64, 80, 9), [(waves(70, 60, 2), 1.0)]
    exact, rounded = (
        next(stylise(network, *pictures, schedule, noise, Plan(64, 1, 0, half))).losses["content"]
        for half in (False, True)
    )
    assert rounded != exact
    assert rounded == pytest.approx(exact, rel=1e-3)


def test_a_finer_scale_starts_with_the_contents_detail_only_where_it_was_painted() -> None:
    content = waves(64, 80, 3).round()
    painted, even = resize(content, (32, 40)), torch.full((1, 3, 32, 40), 0.4)
    assert (_refine(painted, content) - content).norm() < 0.9 * (resize(painted, (64, 80)) - content).norm()
    torch.testing.assert_close(_refine(even, content), torch.full_like(content, 0.4))


def test_style_strength_trades_content_for_style(network: VGG19) -> None:
    weak = run(network, Settings(style_weight=0.4))[-1].losses
    strong = run(network, Settings(style_weight=400))[-1].losses
    assert weak["content"] < strong["content"]
    assert weak["style"] > strong["style"]


@pytest.mark.parametrize(
    "settings", [DEFAULTS, Settings(init="noise"), Settings(init="mixed"), Settings(optimiser="adam")]
)
def test_the_same_seed_gives_the_same_picture(network: VGG19, settings: Settings) -> None:
    short = (Scale(32, 32, 3),)
    first, second = (run(network, settings, short)[-1].picture() for _ in range(2))
    torch.testing.assert_close(first, second, atol=1e-4, rtol=1e-4)
    assert torch.isfinite(first).all()


def test_the_last_step_at_each_scale_asks_for_no_gradient(network: VGG19, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    evaluate, loss = Objective.evaluate, Objective.loss

    def evaluated(self: Objective, picture: torch.Tensor) -> tuple[float, torch.Tensor]:
        asked.append("gradient")
        return evaluate(self, picture)

    def judged(self: Objective, picture: torch.Tensor) -> float:
        asked.append("loss")
        return loss(self, picture)

    monkeypatch.setattr(Objective, "evaluate", evaluated)
    monkeypatch.setattr(Objective, "loss", judged)
    run(network, Settings(reduced=False), (Scale(32, 32, 3), Scale(48, 48, 3)))
    assert asked == ["gradient", "gradient", "gradient", "loss"] * 2


def test_another_seed_gives_another_picture_from_noise(network: VGG19) -> None:
    short = (Scale(32, 32, 2),)
    pictures = [run(network, Settings(init="noise", seed=seed), short)[-1].picture() for seed in (1, 2)]
    assert (pictures[0] - pictures[1]).abs().mean() > 0.01


def test_the_papers_raw_sums_are_equation_7(network: VGG19) -> None:
    fifths = dict.fromkeys(STYLE_LAYERS, 1 / 5)
    settings = Settings(content_weight=2e-3, style_weight=3.0, style_layers=fifths, smoothness=0, relative=False)
    content, style, x = waves(48, 48, 9), waves(48, 48, 2), waves(48, 48, 4)
    grams = style_grams(network, [(style, 1.0)], settings)
    total, _ = Objective(network, content, grams, settings).evaluate(x)
    layers = {*settings.style_layers, *settings.content_layers}
    f, p, a = (features(network, picture, layers) for picture in (x, content, style))
    expected = 2e-3 * 0.5 * ((f["conv4_2"] - p["conv4_2"]) ** 2).sum()
    for layer in settings.style_layers:
        fm, am = f[layer][0].flatten(1), a[layer][0].flatten(1)
        n, m = fm.shape
        expected = expected + 3.0 / 5 * ((fm @ fm.t() - am @ am.t()) ** 2).sum() / (4 * n**2 * m**2)
    assert total == pytest.approx(expected.item(), rel=1e-4)


def test_the_gradient_is_that_of_the_loss(network: VGG19) -> None:
    settings = Settings()
    grams = style_grams(network, [(waves(48, 48, 2), 1.0)], settings)
    objective = Objective(network, waves(48, 48, 9), grams, settings)
    x = waves(48, 48, 4)
    _, gradient = objective.evaluate(x)
    direction = torch.nn.functional.avg_pool2d(torch.randn(1, 3, 50, 50), 3, 1)
    step = 2e-3
    slope = (objective.evaluate(x + step * direction)[0] - objective.evaluate(x - step * direction)[0]) / (2 * step)
    assert (gradient * direction).sum().item() == pytest.approx(slope, rel=0.03)


def test_several_styles_are_blended_by_weight(network: VGG19) -> None:
    a, b = waves(40, 40, 2), waves(40, 40, 7)
    blend = style_grams(network, [(a, 3.0), (b, 1.0)], Settings())
    alone = [style_grams(network, [(picture, 1.0)], Settings()) for picture in (a, b)]
    for layer, gram in blend.items():
        expected = 0.75 * alone[0][layer] + 0.25 * alone[1][layer]
        assert (gram - expected).norm() < 1e-5 * expected.norm()


def test_tiny_and_long_pictures_work(network: VGG19) -> None:
    for size in [(16, 16), (16, 200)]:
        schedule = coarse_to_fine(size, 64, "draft", 2)
        *_, last = stylise(network, waves(*size, 5), [(waves(16, 300, 2), 1.0)], schedule, Settings())
        assert torch.isfinite(last.picture()).all()


@pytest.mark.parametrize(
    ("reduced", "share", "expected"),
    [
        (True, 0.4, [True, True, False, False]),
        (False, 0.4, [True, True, False]),
        (True, 1.0, [True, True, False]),  # all but the exact steps
        (False, 1.0, [True, True]),
    ],
)
def test_the_wasserstein_distance_is_descended_first_and_the_papers_at_last(
    network: VGG19, reduced: bool, share: float, expected: list[bool]
) -> None:
    seen: list[tuple[bool, Objective]] = []

    class Watched(Objective):
        def __init__(
            self, network: VGG19, content: Tensor, grams: dict[str, Tensor], wanted: Settings, *_: Any
        ) -> None:
            super().__init__(network, content, grams, wanted)
            self.wanted = wanted

        def evaluate(self, picture: Tensor) -> tuple[float, Tensor]:
            seen.append((self.wanted.wasserstein, self))
            return super().evaluate(picture)

    settings = Settings(wasserstein_first=share, reduced=reduced)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backend.engine.stylise.Objective", Watched)
        last = run(network, settings, (Scale(32, 40, 8), Scale(64, 80, 10)))[-1]
    assert [distance for (distance, _), _ in itertools.groupby(seen)] == expected
    if not expected[-1]:
        plain = run(network, Settings(reduced=reduced), (Scale(32, 40, 8), Scale(64, 80, 10)))[-1]
        assert last.losses["total"] < 1.5 * plain.losses["total"]


@pytest.mark.parametrize("reduced", [True, False])
def test_the_wasserstein_distance_leads_to_where_the_losses_do(
    network: VGG19, reduced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The paper's weights for these sizes: with much more of either the other would hardly count.
    weights: dict[str, Any] = {
        "content_weight": 5e-5,
        "style_weight": 4e3,
        "style_layers": {"conv1_1": 1 / 64**2, "conv3_1": 1 / 256**2, "conv4_1": 1 / 512**2},
    }
    settings = Settings(wasserstein_first=1, exact=0, reduced=reduced, relative=False, smoothness=0, **weights)
    content, styles = waves(64, 80, 9), [(clouds(70, 60), 1.0)]
    judge = Objective(network, content, style_grams(network, styles, settings), settings)

    def loss() -> float:
        *_, last = itertools.islice(stylise(network, content, styles, (Scale(64, 80, 64),), settings), 60)
        return judge.loss(last.picture())

    aimed = loss()
    monkeypatch.setattr("backend.engine.stylise.AIMED", 64)
    assert aimed < 0.8 * loss()


def test_the_content_is_given_up_when_the_finest_scale_has_begun(network: VGG19) -> None:
    content = waves(64, 80, 9)
    there = weakref.ref(content)
    iterates = stylise(network, content, [(waves(70, 60, 2), 1.0)], (Scale(32, 40, 1), Scale(64, 80, 1)), DEFAULTS)
    del content
    next(iterates)
    assert there() is not None
    next(iterates)
    assert there() is None


def test_a_pause_can_end_a_job_within_a_step(network: VGG19) -> None:
    calls = 0

    def stop() -> None:
        nonlocal calls
        calls += 1
        if calls == 100:
            raise TimeoutError

    steps = 0
    with pytest.raises(TimeoutError):
        for _ in stylise(
            VGG19(network.convolutions, pause=stop), waves(64, 80, 9), [(waves(70, 60, 2), 1.0)], SMALL, DEFAULTS
        ):
            steps += 1
    assert calls == 100
    assert steps < 6
