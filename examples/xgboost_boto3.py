"""Train XGBoost on a table, deploy the model and ask it for a prediction, with boto3 alone.

    python xgboost_boto3.py breast_cancer.csv

Run it on AWS, or under `sagewright run`. The table is scikit-learn's breast cancer set, whose CSV file ships with it.
"""

import csv
import io
import random
import sys
import time

import boto3

ROLE = "arn:aws:iam::000000000000:role/SageMakerExecutionRole"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
INSTANCE = {"InstanceType": "ml.m5.large"}


def read_rows(path):
    """Rows with the label first, in random order."""
    with open(path, newline="") as file:
        _counts, *rows = csv.reader(file)
    random.Random(7).shuffle(rows)
    return [[row[-1], *row[:-1]] for row in rows]


def as_csv(rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def train(sagemaker, name, bucket):
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        HyperParameters={"objective": "binary:logistic", "num_round": "20"},
        InputDataConfig=[
            {
                "ChannelName": "train",
                "ContentType": "text/csv",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/train/"}},
            }
        ],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/output"},
        ResourceConfig={**INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name)
    return sagemaker.describe_training_job(TrainingJobName=name)


def deploy(sagemaker, name, model_data):
    container = {"Image": IMAGE, "ModelDataUrl": model_data}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1, **INSTANCE}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)


def main(path):
    name = f"breast-cancer-{int(time.time())}"
    rows = read_rows(path)
    s3 = boto3.client("s3", region_name="us-east-1")
    sagemaker = boto3.client("sagemaker", region_name="us-east-1")
    runtime = boto3.client("sagemaker-runtime", region_name="us-east-1")

    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="train/data.csv", Body=as_csv(rows[:500]))
    job = train(sagemaker, name, name)
    print(job["TrainingJobStatus"], job["FinalMetricDataList"][0]["MetricName"], job["FinalMetricDataList"][0]["Value"])

    deploy(sagemaker, name, job["ModelArtifacts"]["S3ModelArtifacts"])
    test = rows[500:]
    body = as_csv([row[1:] for row in test])
    answer = runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=body)["Body"].read().decode()
    scores = [float(value) for value in answer.replace(",", "\n").split()]
    right = sum((score > 0.5) == (row[0] == "1") for row, score in zip(test, scores, strict=True))
    print(f"test accuracy {right / len(test):.3f} on {len(test)} rows")

    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)


if __name__ == "__main__":
    main(*sys.argv[1:])
