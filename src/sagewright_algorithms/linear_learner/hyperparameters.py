"""Linear learner's hyperparameters: names, types, ranges and defaults.

https://docs.aws.amazon.com/sagemaker/latest/dg/ll_hyperparameters.html; defaults as AWS's container prints them.
"""

from __future__ import annotations

from typing import Any

from sagewright_algorithms.contract.hyperparameters import (
    Boolean,
    Categorical,
    Continuous,
    Hyperparameter,
    Integer,
    Interval,
    Tunable,
)
from sagewright_algorithms.linear_learner.rules import CRITERIA, LOSSES, OLD_CRITERIA

_AUTO = ("auto",)
_POSITIVE = Interval(0, open_minimum=True)
_NOT_NEGATIVE = Interval(0)
_UNIT = Interval(0, 1)
_INSIDE_UNIT = Interval(0, 1, open_minimum=True, open_maximum=True)
_BOOLEAN_OR_AUTO = ("auto", "true", "false")

_REQUIRED: tuple[Hyperparameter, ...] = (
    Categorical("predictor_type", "The type of the target variable", required=True, values=tuple(LOSSES)),
    Integer(
        "num_classes",
        "The number of classes of a multiclass_classifier, labelled from 0",
        default="1",
        range=Interval(1, 1_000_000),
    ),
    Integer("feature_dim", "The number of features", default="auto", range=Interval(1), special=_AUTO),
)

_MODEL: tuple[Hyperparameter, ...] = (
    Categorical(
        "loss",
        "The loss function",
        default="auto",
        values=("auto", *(name for some in LOSSES.values() for name in some)),
    ),
    Continuous("margin", "The margin of hinge_loss", default="1.0", range=_NOT_NEGATIVE),
    Continuous("quantile", "The quantile of quantile_loss", default="0.5", range=_INSIDE_UNIT),
    Continuous(
        "loss_insensitivity", "The errors that eps_insensitive losses pass over", default="0.01", range=_POSITIVE
    ),
    Continuous("huber_delta", "Where huber_loss turns linear", default="1.0", range=_NOT_NEGATIVE),
    Boolean("use_bias", "Whether the model has a bias term", default="true"),
    Categorical("init_method", "The distribution of initial weights", default="uniform", values=("uniform", "normal")),
    Continuous("init_scale", "The bound of uniform initial weights", default="0.07", range=_POSITIVE),
    Continuous("init_sigma", "The deviation of normal initial weights", default="0.01", range=_POSITIVE),
    Continuous("init_bias", "The initial bias", default="0.0"),
    Integer("num_models", "The number of models trained in parallel", default="auto", range=Interval(1), special=_AUTO),
)

_DATA: tuple[Hyperparameter, ...] = (
    Boolean("normalize_data", "Whether features are scaled", default="true", values=_BOOLEAN_OR_AUTO),
    Boolean("normalize_label", "Whether labels are scaled", default="auto", values=_BOOLEAN_OR_AUTO),
    Boolean("unbias_data", "Whether features are centred", default="auto", values=_BOOLEAN_OR_AUTO),
    Boolean("unbias_label", "Whether labels are centred", default="auto", values=_BOOLEAN_OR_AUTO),
    Integer("num_point_for_scaler", "The rows that scaling is computed from", default="10000", range=Interval(1)),
    Continuous(
        "positive_example_weight_mult",
        "The weight of positive examples of a binary classifier",
        default="1.0",
        tunable=Tunable(1e-5, 1e5, "Logarithmic"),
        range=_POSITIVE,
        special=("auto", "balanced"),
    ),
    Boolean("balance_multiclass_weights", "Whether every class counts the same in the loss", default="false"),
)

_OPTIMISATION: tuple[Hyperparameter, ...] = (
    Integer("epochs", "The most passes over the training data", default="15", range=Interval(1)),
    Integer(
        "mini_batch_size",
        "The observations of a mini-batch",
        default="1000",
        tunable=Tunable(100, 5000),
        range=Interval(1),
    ),
    Categorical("optimizer", "The optimiser", default="auto", values=("auto", "sgd", "adam", "rmsprop")),
    Continuous(
        "learning_rate",
        "The step size",
        default="auto",
        tunable=Tunable(1e-5, 1, "Logarithmic"),
        range=_POSITIVE,
        special=_AUTO,
    ),
    Continuous(
        "l1",
        "L1 regularisation",
        default="auto",
        tunable=Tunable(1e-7, 1, "Logarithmic"),
        range=_NOT_NEGATIVE,
        special=_AUTO,
    ),
    Continuous(
        "wd",
        "L2 regularisation",
        default="auto",
        tunable=Tunable(1e-7, 1, "Logarithmic"),
        range=_NOT_NEGATIVE,
        special=_AUTO,
    ),
    Continuous("momentum", "The momentum of sgd", default="auto", range=_UNIT, special=_AUTO),
    Continuous("beta_1", "The decay of adam's first moment", default="auto", range=_UNIT, special=_AUTO),
    Continuous("beta_2", "The decay of adam's second moment", default="auto", range=_UNIT, special=_AUTO),
    Continuous("bias_lr_mult", "The bias's learning rate, relative", default="auto", range=_POSITIVE, special=_AUTO),
    Continuous("bias_wd_mult", "The bias's L2, relative", default="auto", range=_NOT_NEGATIVE, special=_AUTO),
    Boolean("use_lr_scheduler", "Whether the learning rate decreases", default="true"),
    Integer("lr_scheduler_step", "Updates between decreases", default="auto", range=Interval(1), special=_AUTO),
    Continuous("lr_scheduler_factor", "The decrease", default="auto", range=_INSIDE_UNIT, special=_AUTO),
    Continuous("lr_scheduler_minimum_lr", "The lowest rate", default="auto", range=_POSITIVE, special=_AUTO),
    Integer("early_stopping_patience", "Epochs without improvement", default="3", range=Interval(1)),
    Continuous("early_stopping_tolerance", "The least improvement, relative", default="0.001", range=_POSITIVE),
)

_SELECTION: tuple[Hyperparameter, ...] = (
    Categorical(
        "binary_classifier_model_selection_criteria",
        "What selects the model and its threshold",
        default="accuracy",
        values=(*CRITERIA, *OLD_CRITERIA),
    ),
    Continuous("f_beta", "The beta of F scores", default="1.0", range=_POSITIVE),
    Continuous("target_recall", "The recall of precision_at_target_recall", default="0.8", range=_INSIDE_UNIT),
    Continuous("target_precision", "The precision of recall_at_target_precision", default="0.8", range=_INSIDE_UNIT),
    Integer(
        "num_calibration_samples",
        "The validation rows that the threshold is found on",
        default="10000000",
        range=Interval(1),
        special=_AUTO,
    ),
    Integer("accuracy_top_k", "The k of top-k accuracy", default="3", range=Interval(1)),
)

HYPERPARAMETERS = (*_REQUIRED, *_MODEL, *_DATA, *_OPTIMISATION, *_SELECTION)

DEFAULTS: dict[str, Any] = {row.name: row.parse(row.default) for row in HYPERPARAMETERS if row.default is not None}
"""What an unset hyperparameter is, parsed."""
