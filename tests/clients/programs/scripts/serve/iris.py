"""A decision tree as AWS's examples have it: one file that trains and serves."""

import argparse
import os

import joblib
import numpy as np
from sklearn.tree import DecisionTreeClassifier


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_leaf_nodes", type=int, default=-1)
    parser.add_argument("--model-dir", type=str, default=os.environ["SM_MODEL_DIR"])
    parser.add_argument("--train", type=str, default=os.environ["SM_CHANNEL_TRAIN"])
    args = parser.parse_args()
    table = np.loadtxt(os.path.join(args.train, "rows.csv"), delimiter=",")
    model = DecisionTreeClassifier(max_leaf_nodes=args.max_leaf_nodes, random_state=0).fit(table[:, 1:], table[:, 0])
    print(f"score: {model.score(table[:, 1:], table[:, 0]):.3f}")
    joblib.dump(model, os.path.join(args.model_dir, "model.joblib"))
