"""XGBoost with checkpoints: goes on where an earlier run has left off."""

import argparse
import os
from pathlib import Path

import numpy as np
import xgboost

parser = argparse.ArgumentParser()
parser.add_argument("--num_round", type=int)
parser.add_argument("--eta", type=float)
parser.add_argument("--objective")
parser.add_argument("--checkpoints", default="/opt/ml/checkpoints")
args = parser.parse_args()

table = np.vstack([np.loadtxt(file, delimiter=",") for file in Path(os.environ["SM_CHANNEL_TRAIN"]).glob("*.csv")])
data = xgboost.DMatrix(table[:, :-1], label=table[:, -1])
before = sorted(Path(args.checkpoints).glob("round-*.json"))
booster = xgboost.Booster(model_file=before[-1]) if before else None
begun = booster.num_boosted_rounds() if booster else 0
print(f"begun at {begun}")
for number in range(begun, args.num_round):
    booster = xgboost.train({"eta": args.eta, "objective": args.objective}, data, 1, xgb_model=booster)
    booster.save_model(f"{args.checkpoints}/round-{number + 1:03}.json")
score = float(xgboost.DMatrix(table[:, :-1]).num_row())
print(f"rows={score:.0f} rounds={booster.num_boosted_rounds()}")
booster.save_model(f"{os.environ['SM_MODEL_DIR']}/xgboost-model")
