"""What separates belonging images from others, with a known error: conformal p-values and thresholds, and Grubbs."""

from __future__ import annotations

import math

import numpy as np

ALPHA = 0.01  # share of belonging images that may be ruled out, and of others that may be taken for belonging
GRUBBS_ALPHA = 0.05  # of LatentTracer's outlier test


def grubbs_critical(count: int, alpha: float = GRUBBS_ALPHA) -> float:
    """Critical value of the one-sided Grubbs test, in standard deviations above the mean.

    G = (N - 1) / sqrt(N) * sqrt(t^2 / (N - 2 + t^2)), with t the upper alpha / N quantile of Student's t with N - 2
    degrees of freedom (Grubbs 1950; LatentTracer, section 3.3, uses it on the losses of belonging images).

    Args:
        count: number of belonging images, at least 3.
        alpha: significance level, between 0 and 1.

    Raises:
        ValueError: there are fewer than 3 images.
    """
    from scipy import stats  # a slow import that reading a stored threshold does not need

    if count < 3:
        raise ValueError("Grubbs' test needs at least 3 images")
    t = stats.t.isf(alpha / count, count - 2)
    return (count - 1) / math.sqrt(count) * math.sqrt(t**2 / (count - 2 + t**2))


def grubbs_threshold(scores: np.ndarray, alpha: float = GRUBBS_ALPHA, log: bool = False) -> float:
    """The largest score that Grubbs' test takes for belonging: mean + G * standard deviation.

    Args:
        scores: of belonging images, (n,) with n of at least 3; above 0 with `log`.
        alpha: significance level, between 0 and 1.
        log: whether the logarithms of the scores are tested, as ratios need it.
    """
    values = np.log(scores) if log else np.asarray(scores, float)
    limit = values.mean() + grubbs_critical(len(values), alpha) * values.std(ddof=1)
    return float(np.exp(limit) if log else limit)


def conformal_p_value(score: float, scores: np.ndarray) -> float:
    """The conformal p-value (1 + number of scores at least as high) / (n + 1), in (0, 1].

    It is valid for exchangeable images of any law (Vovk, Gammerman and Shafer 2005, section 2.2).

    Args:
        score: of the inspected image.
        scores: of the calibration images, (n,).
    """
    return (1 + int((np.asarray(scores) >= score).sum())) / (len(scores) + 1)


def conformal_threshold(scores: np.ndarray, alpha: float = ALPHA) -> float:
    """The largest calibration score whose conformal p-value exceeds `alpha`.

    Args:
        scores: of the calibration images, (n,).
        alpha: error that is allowed, between 0 and 1.

    Raises:
        ValueError: fewer scores than 1 / alpha - 1 cannot hold so small an error.
    """
    count = len(scores)
    rank = math.ceil((count + 1) * (1 - alpha))
    if rank > count:
        needed = math.ceil(1 / alpha) - 1
        raise ValueError(f"an error of {alpha:g} needs at least {needed} belonging images, not {count}")
    return float(np.sort(scores)[rank - 1])


def conformal_interval(count: int, alpha: float = ALPHA) -> tuple[float, float]:
    """95 % interval of the error that a threshold really has: with few calibration images it is not sharply known.

    Among calibration sets of this size it follows Beta(k, n + 1 - k), with k the rank of the threshold from above,
    whatever the scores' law, if they have no ties (Vovk 2012, section 2).

    Args:
        count: number of calibration images, n.
        alpha: error that the threshold was chosen for.
    """
    above = count + 1 - math.ceil((count + 1) * (1 - alpha))

    def quantile(level: float) -> float:
        """Of that law: the share at which `above` or more of `count` images lie above with this probability."""
        low, high = 0.0, 1.0
        for _ in range(40):
            share = (low + high) / 2
            fewer = sum(math.comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(above))
            low, high = (low, share) if 1 - fewer > level else (share, high)
        return low

    return quantile(0.025), quantile(0.975)  # by halving, since the page starts without scipy
