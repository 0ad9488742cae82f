"""A random forest on scikit-learn's breast cancer data, as AWS's examples have it: arguments, channels, model_dir."""

import argparse
import json
import os

import joblib
import pandas_free
from helpers.tables import read
from sklearn.ensemble import RandomForestClassifier

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--n-estimators", type=int, default=10)
    parser.add_argument("--max-leaf-nodes", type=int, default=None)
    parser.add_argument("--bootstrap", type=str, default="True")
    parser.add_argument("--model-dir", type=str, default=os.environ["SM_MODEL_DIR"])
    parser.add_argument("--output-data-dir", type=str, default=os.environ["SM_OUTPUT_DATA_DIR"])
    parser.add_argument("--train", type=str, default=os.environ["SM_CHANNEL_TRAIN"])
    parser.add_argument("--test", type=str, default=os.environ.get("SM_CHANNEL_TEST"))
    args = parser.parse_args()

    X, y = read(args.train)
    model = RandomForestClassifier(
        args.n_estimators, max_leaf_nodes=args.max_leaf_nodes, bootstrap=args.bootstrap == "True", random_state=0
    ).fit(X, y)
    accuracy = model.score(*read(args.test))
    print(f"test-accuracy: {accuracy:.4f};")
    joblib.dump(model, os.path.join(args.model_dir, "model.joblib"))
    with open(os.path.join(args.output_data_dir, "report.json"), "w") as file:
        json.dump({"accuracy": accuracy, "by": pandas_free.NAME, "environment": dict(os.environ)}, file)
