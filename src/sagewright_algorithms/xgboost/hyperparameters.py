"""XGBoost's hyperparameters: names, types, ranges and defaults.

https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost_hyperparameters.html; ranges as the container checks them. Names
with an underscore are those that SageMaker itself sends.
"""

from __future__ import annotations

from sagewright_algorithms.contract.hyperparameters import (
    Categorical,
    CommaList,
    Continuous,
    Hyperparameter,
    Integer,
    IntegerTuple,
    Interval,
    NestedList,
    Tunable,
)
from sagewright_algorithms.xgboost.rules import LINEAR_UPDATERS, MAXIMIZED, MINIMIZED, TREE_UPDATERS

_BOOLEAN = ("true", "false")

HYPERPARAMETERS: tuple[Hyperparameter, ...] = (
    Integer("num_class", "The number of classes", range=Interval(2)),
    Integer(
        "num_round",
        "The number of rounds to run the training",
        required=True,
        tunable=Tunable(1, 4000),
        range=Interval(1),
    ),
    Continuous(
        "alpha",
        "L1 regularization term on weights",
        default="0",
        aliases=("reg_alpha",),
        tunable=Tunable(0, 1000),
        range=Interval(0),
    ),
    Continuous(
        "base_score", "The initial prediction score of all instances, global bias", default="0.5", range=Interval(0)
    ),
    Categorical(
        "booster",
        "Which booster to use",
        default="gbtree",
        values=(
            "gbtree",
            "gblinear",
            "dart",
        ),
    ),
    Continuous(
        "colsample_bylevel",
        "Subsample ratio of columns for each level",
        default="1",
        tunable=Tunable(0.1, 1),
        range=Interval(0, 1, open_minimum=True),
    ),
    Continuous(
        "colsample_bynode",
        "Subsample ratio of columns for each node",
        default="1",
        tunable=Tunable(0.1, 1),
        range=Interval(0, 1, open_minimum=True),
    ),
    Continuous(
        "colsample_bytree",
        "Subsample ratio of columns for each tree",
        default="1",
        tunable=Tunable(0.5, 1),
        range=Interval(0, 1, open_minimum=True),
    ),
    Integer(
        "csv_weights",
        "Whether the column after the label of CSV input is the weight of the instance",
        default="0",
        range=Interval(0, 1),
    ),
    Categorical(
        "deterministic_histogram", "Build the histogram on GPU deterministically", default="true", values=_BOOLEAN
    ),
    Integer(
        "early_stopping_rounds",
        "Train until the validation score has not improved for this many rounds",
        range=Interval(1),
    ),
    Continuous(
        "eta",
        "Step size shrinkage used in updates",
        default="0.3",
        aliases=("learning_rate",),
        tunable=Tunable(0.1, 0.5),
        range=Interval(0, 1),
    ),
    CommaList("eval_metric", "Evaluation metrics, separated by commas"),
    Continuous(
        "gamma",
        "Minimum loss reduction required to split a leaf further",
        default="0",
        aliases=("min_split_loss",),
        tunable=Tunable(0, 5),
        range=Interval(0),
    ),
    Categorical(
        "grow_policy",
        "How new nodes are added to the tree",
        default="depthwise",
        values=(
            "depthwise",
            "lossguide",
        ),
    ),
    NestedList("interaction_constraints", "Groups of features that may interact", range=Interval(1)),
    Continuous(
        "lambda",
        "L2 regularization term on weights",
        default="1",
        aliases=("reg_lambda",),
        tunable=Tunable(0, 1000),
        range=Interval(0),
    ),
    Continuous("lambda_bias", "L2 regularization term on bias", default="0", range=Interval(0.0, 1.0)),
    Integer("max_bin", "Maximum number of bins for continuous features", default="256", range=Interval(0)),
    Continuous(
        "max_delta_step",
        "Maximum delta step for each tree's weight estimation",
        default="0",
        tunable=Tunable(0, 10),
        range=Interval(0),
    ),
    Integer(
        "max_depth", "Maximum depth of a tree; 0 is no limit", default="6", tunable=Tunable(0, 10), range=Interval(0)
    ),
    Integer("max_leaves", "Maximum number of nodes to be added", default="0", range=Interval(0)),
    Continuous(
        "min_child_weight",
        "Minimum sum of instance weight (hessian) in a child",
        default="1",
        tunable=Tunable(0, 120),
        range=Interval(0),
    ),
    IntegerTuple("monotone_constraints", "Monotonicity of each feature", default="(0, 0)", values=(-1, 0, 1)),
    Categorical(
        "normalize_type",
        "Type of the normalization algorithm",
        default="tree",
        values=(
            "tree",
            "forest",
        ),
    ),
    Integer("nthread", "Number of parallel threads", range=Interval(1)),
    Categorical(
        "objective",
        "Learning task and objective",
        default="reg:squarederror",
        values=(
            "aft_loss_distribution",
            "binary:logistic",
            "binary:logitraw",
            "binary:hinge",
            "count:poisson",
            "multi:softmax",
            "multi:softprob",
            "rank:pairwise",
            "rank:ndcg",
            "rank:map",
            "reg:linear",
            "reg:squarederror",
            "reg:logistic",
            "reg:gamma",
            "reg:pseudohubererror",
            "reg:squaredlogerror",
            "reg:absoluteerror",
            "reg:tweedie",
            "survival:aft",
            "survival:cox",
        ),
    ),
    Integer("one_drop", "At least one tree is always dropped", default="0", range=Interval(0, 1)),
    Categorical(
        "process_type",
        "Type of boosting process",
        default="default",
        values=(
            "default",
            "update",
        ),
    ),
    Continuous("rate_drop", "Fraction of previous trees to drop", default="0.0", range=Interval(0.0, 1.0)),
    Integer("refresh_leaf", "Whether the refresh updater updates leaves too", default="1", range=Interval(0, 1)),
    Categorical(
        "sample_type",
        "Type of the sampling algorithm",
        default="uniform",
        values=(
            "uniform",
            "weighted",
        ),
    ),
    Continuous(
        "scale_pos_weight",
        "Balance of positive and negative weights",
        default="1",
        range=Interval(0, open_minimum=True),
    ),
    Integer(
        "seed",
        "Random number seed",
        default="0",
        range=Interval(-2147483648, 2147483647, open_minimum=True, open_maximum=True),
    ),
    Categorical("single_precision_histogram", "Single precision to build histograms", default="false", values=_BOOLEAN),
    Continuous(
        "sketch_eps",
        "Inverse of the number of bins of the approximate algorithm",
        default="0.03",
        range=Interval(0, 1, open_minimum=True, open_maximum=True),
    ),
    Continuous("skip_drop", "Probability of skipping the dropout", default="0.0", range=Interval(0.0, 1.0)),
    Continuous(
        "subsample",
        "Subsample ratio of the training instances",
        default="1",
        tunable=Tunable(0.5, 1),
        range=Interval(0, 1, open_minimum=True),
    ),
    Categorical(
        "tree_method",
        "Tree construction algorithm",
        default="auto",
        values=(
            "auto",
            "exact",
            "approx",
            "hist",
            "gpu_hist",
        ),
    ),
    Continuous(
        "tweedie_variance_power",
        "Variance of the Tweedie distribution",
        default="1.5",
        range=Interval(1, 2, open_minimum=True, open_maximum=True),
    ),
    CommaList(
        "updater",
        "Sequence of tree updaters, separated by commas",
        default="grow_colmaker,prune",
        values=(*TREE_UPDATERS, *LINEAR_UPDATERS),
    ),
    Integer("verbosity", "0 silent, 1 warning, 2 info, 3 debug", default="1", range=Interval(0, 3)),
    Integer("silent", "1 prints no messages (container versions up to 1.0)", default="0", range=Interval(0, 1)),
    Categorical(
        "dsplit",
        "How data is split in distributed training",
        values=(
            "row",
            "col",
        ),
    ),
    Categorical(
        "predictor",
        "Predictor algorithm",
        values=(
            "auto",
            "cpu_predictor",
            "gpu_predictor",
        ),
    ),
    Integer("num_parallel_tree", "Number of trees grown in each round", range=Interval(1)),
    Categorical(
        "save_model_on_termination",
        "Save the model after every round, so that a killed job has one",
        default="false",
        values=_BOOLEAN,
    ),
    Categorical(
        "aft_loss_distribution",
        "Distribution of the noise of survival:aft",
        values=(
            "normal",
            "logistic",
            "extreme",
        ),
    ),
    Continuous("aft_loss_distribution_scale", "Scale of the noise of survival:aft", range=Interval(0)),
    Categorical(
        "sampling_method",
        "How training instances are sampled",
        values=(
            "uniform",
            "gradient_based",
        ),
    ),
    Integer("prob_buffer_row", "Rows kept for gradient based sampling", range=Interval(1.0, open_minimum=True)),
    Categorical("use_dask_gpu_training", "Distributed GPU training", default="false", values=_BOOLEAN),
    Integer("_kfold", "Folds of the cross validation", range=Interval(2)),
    Integer("_num_cv_round", "Repeats of the cross validation", default="1", range=Interval(1)),
    Categorical(
        "_tuning_objective_metric",
        "The objective of the tuning job that the job belongs to",
        values=tuple(f"validation:{name}" for name in MAXIMIZED + MINIMIZED),
    ),
)
