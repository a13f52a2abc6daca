"""What raises a linear reward, and what lowers it, as rows of a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix

from assent.rewards.features import Column, Reader

MOST = 20  # rows either way
NAMELESS = "embedding"  # its axes mean nothing one by one


def effects(reader: Reader, weights: Float[np.ndarray, " feature"], features: csr_matrix) -> dict[str, Any]:
    """The features with the largest effects, and what each group of features adds.

    The `effect` of a feature is its weight times its standard deviation over the answers in `features`: how
    far it moves their scores. `weight` counts for one unit of the feature (a word, a point of Flesch; for
    TF-IDF a share of 1); `answers` have the feature, `share_of_answers` of all. Of `groups_of_features`, an
    `effect` is the standard deviation of all that the group adds to a score.
    """
    columns = reader.columns
    effect = weights * deviations(features)
    units = np.ones(len(weights))
    units[: len(reader.scale)] = reader.scale
    found_in = having(reader, features)
    rows = [
        {
            "feature": str(columns[place]),
            "effect": float(effect[place]),
            "weight": float(weights[place] / units[place]),
            "share_of_answers": float(found_in[place] / (len(features.indptr) - 1)),
            "answers": int(found_in[place]),
        }
        for place in largest(effect, columns)
    ]
    return {"effects": rows, "groups_of_features": _groups(columns, weights, features)}


def deviations(features: csr_matrix) -> Float[np.ndarray, " feature"]:
    """The population standard deviation of each column."""
    mean = np.asarray(features.mean(axis=0)).ravel()
    square = np.asarray(features.multiply(features).mean(axis=0)).ravel()
    return np.sqrt(np.maximum(square - mean**2, 0.0))


def largest(effect: Float[np.ndarray, " feature"], columns: Sequence[Column]) -> list[int]:
    """Positions of what raises most, then of what lowers most; equal effects in the order of their names."""
    named = [place for place, column in enumerate(columns) if column.group != NAMELESS]
    ordered = sorted(named, key=lambda place: (-abs(effect[place]), str(columns[place])))
    raising = [place for place in ordered if effect[place] > 0]
    lowering = [place for place in ordered if effect[place] < 0]
    return raising[:MOST] + lowering[:MOST]


def having(reader: Reader, features: csr_matrix) -> Int[np.ndarray, " feature"]:
    """How many answers have each feature at all: of a counted one, where it is not 0."""
    dense = len(reader.scale)
    counted = np.abs(features[:, :dense].toarray() * reader.scale + reader.mean) > 1e-9
    return np.concatenate([counted.sum(axis=0), np.diff(features[:, dense:].tocsc().indptr)])


def _groups(
    columns: Sequence[Column], weights: Float[np.ndarray, " feature"], features: csr_matrix
) -> list[dict[str, Any]]:
    places: dict[str, list[int]] = {}
    for place, column in enumerate(columns):
        places.setdefault(column.group, []).append(place)
    return [
        {"group": group, "effect": float(np.std(features[:, own] @ weights[own]))}
        for group, own in places.items()
    ]
