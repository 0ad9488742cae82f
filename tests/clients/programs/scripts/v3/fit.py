"""A script of ModelTrainer's: hyperparameters as arguments, channels and folders from the environment."""

import argparse
import json
import os
from pathlib import Path

import pandas_free
from sklearn.linear_model import LogisticRegression
from tables import read

parser = argparse.ArgumentParser()
parser.add_argument("--C", type=float)
parser.add_argument("--solver")
args = parser.parse_args()
assert json.loads(os.environ["SM_HPS"]) == {"C": args.C, "solver": args.solver}
X, y = read(os.environ["SM_CHANNEL_TRAIN"])
model = LogisticRegression(C=args.C, solver=args.solver).fit(X, y)
print(f"train-accuracy: {model.score(X, y):.4f}; {pandas_free.NAME}")
(Path(os.environ["SM_MODEL_DIR"]) / "coefficients.json").write_text(json.dumps(model.coef_.tolist()))
