"""The four functions: flowers by their names, with a helper module and requirements."""

import json
import os

import joblib
import labels
import pandas_free


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))


def input_fn(request_body, request_content_type):
    if request_content_type != "application/json":
        raise ValueError(f"This model supports application/json only, not {request_content_type}")
    return [[flower[name] for name in labels.FEATURES] for flower in json.loads(request_body)["flowers"]]


def predict_fn(input_object, model):
    return [labels.NAMES[int(each)] for each in model.predict(input_object)]


def output_fn(prediction, response_content_type):
    return json.dumps({"names": prediction, "by": pandas_free.NAME, "accept": response_content_type})
