"""transform_fn in the place of the three others."""

import os

import joblib


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))


def transform_fn(model, request_body, content_type, accept):
    rows = [[float(value) for value in line.split(",")] for line in request_body.splitlines()]
    return "".join(f"{each:g}\n" for each in model.predict(rows)), "text/csv"
