"""K-fold cross validation (``_kfold``, ``_num_cv_round``): a model a fold, and predictions.csv of the rows held out.

Each fold's ``validation`` scores are those of the rows that it was not trained on. AWS's container scores its folds on
the whole channels, most rows of which they were trained on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagewright_algorithms.contract import log
from sagewright_algorithms.contract.errors import ClientError
from sagewright_algorithms.formats.examples import Examples, concatenate
from sagewright_algorithms.xgboost import artifacts, checkpoints, matrices
from sagewright_algorithms.xgboost.metrics import mean_of
from sagewright_algorithms.xgboost.team import Team
from sagewright_algorithms.xgboost.training import Plan, Training

Indices = NDArray[np.intp]


def run(plan: Plan, data: Mapping[str, Examples], team: Team) -> None:
    """The rows of train and validation together are what is folded. team: of one instance."""
    values = plan.job.hyperparameters
    folds, repeats = values["_kfold"], values.get("_num_cv_round", 1)
    examples = concatenate(data.values())
    assert examples is not None
    classification = plan.objective.startswith(("binary:", "multi:"))
    log.info(f"Run {repeats}-round of {folds}-fold cross validation with {examples.rows} rows")
    held_out = HeldOut(examples, repeats, classification=classification)
    trainings = []
    for fold, (inside, outside) in enumerate(_splits(examples, folds, repeats, values.get("seed", 0), classification)):
        log.info(f"Train cross validation fold {fold % folds + 1}")
        training = Training(plan, team, fold)
        matrix = matrices.matrix(_rows(examples, inside), plan.parameters)
        other = matrices.matrix(_rows(examples, outside), plan.parameters)
        booster = training.run([(matrix, "train"), (other, "validation")], checkpoints.latest(training.checkpoint_dir))
        artifacts.write(booster, training.model_file, plan.job.environment.version)
        if plan.job.stop.requested:
            return
        held_out.record(fold // folds, outside, booster.predict(other))
        trainings.append(training)
        if (fold + 1) % folds == 0:
            log.info(f"The metrics of round {(fold + 1) // folds} cross validation")
            _report(values["num_round"], trainings[-folds:])
    if repeats > 1:
        log.info(f"The overall metrics of {repeats}-round cross validation")
        _report(values["num_round"], trainings)
    held_out.save(plan)


def _splits(
    examples: Examples, folds: int, repeats: int, seed: int, classification: bool
) -> Iterator[tuple[Indices, Indices]]:
    from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

    if examples.rows < folds:
        raise ClientError(f"{folds}-fold cross validation needs at least {folds} rows, found {examples.rows}")
    kind = RepeatedStratifiedKFold if classification else RepeatedKFold
    splitter = kind(n_splits=folds, n_repeats=repeats, random_state=seed)
    found: Iterator[tuple[Indices, Indices]] = splitter.split(np.empty(examples.rows), examples.labels)
    return found


def _rows(examples: Examples, index: Indices) -> Examples:
    def pick(array: Any) -> Any:
        return None if array is None else array[index]

    return Examples(
        examples.features[index], pick(examples.labels), pick(examples.weights), pick(examples.groups), examples.sources
    )


def _report(rounds: int, trainings: Sequence[Training]) -> None:
    means = mean_of([training.history for training in trainings])
    scores = [f"{data}-{metric}:{value:.5f}" for (data, metric), value in means.items()]
    log.write_line("\t".join([f"[{rounds}]", *scores]))


class HeldOut:
    """Each row's predictions by the models that did not see it, one a repeat."""

    def __init__(self, examples: Examples, repeats: int, *, classification: bool) -> None:
        assert examples.labels is not None
        self._truth = examples.labels
        self._classification = classification
        self._scores = np.zeros((examples.rows, repeats))
        self._classes = np.zeros((examples.rows, repeats))

    def record(self, repeat: int, rows: Indices, predictions: NDArray[Any]) -> None:
        """predictions: (len(rows),) or, of multi:softprob, (len(rows), classes)."""
        if predictions.ndim > 1:
            self._classes[rows, repeat] = predictions.argmax(axis=1)
            self._scores[rows, repeat] = predictions.max(axis=1)
        else:
            self._classes[rows, repeat] = predictions > 0.5
            self._scores[rows, repeat] = predictions

    def save(self, plan: Plan) -> None:
        """Columns: truth, mean score and, for classification, the most frequent class."""
        columns = [self._truth, self._scores.mean(axis=1)]
        if self._classification:
            from scipy import stats

            columns.append(stats.mode(self._classes, axis=1).mode)
        folder = plan.job.environment.output_dir
        folder.mkdir(parents=True, exist_ok=True)
        log.info(f"Storing predictions on validation set(s) in {folder / 'predictions.csv'}")
        np.savetxt(folder / "predictions.csv", np.column_stack(columns), delimiter=",", fmt="%f")
