"""Programs for the SageMaker Python SDK v2, each run unmodified in the SDK's own virtualenv. No endpoint is named."""

START = """
import json, sys, time
import sagemaker
from sagemaker import image_uris
from sagemaker.estimator import Estimator
from sagemaker.exceptions import UnexpectedStatusException
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer

session = sagemaker.Session()
image = image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1")
role = "arn:aws:iam::111122223333:role/SageMakerRole"

def estimator(image=image, **hyperparameters):
    made = Estimator(image, role, 1, "ml.m5.large", sagemaker_session=session)
    made.set_hyperparameters(**{"objective": "reg:squarederror", "num_round": 10, **hyperparameters})
    return made

def channel(prefix):
    return {"train": TrainingInput(f"s3://{session.default_bucket()}/{prefix}", content_type="text/csv")}

def upload():
    rows = "".join(f"{x * 2 + y},{x},{y}\\n" for x in range(20) for y in range(30))
    session.upload_string_as_file_body(rows, session.default_bucket(), "data/train.csv")
    return channel("data/")
"""

FIT_AND_DEPLOY = (
    START
    + """
channels = upload()
statuses, late = [], []
for logs in (True, False):
    job = estimator()
    job.fit(channels, logs=logs)
    found = session.describe_training_job(job.latest_training_job.name)
    statuses.append(found["TrainingJobStatus"])
    late.append(time.time() - found["TrainingEndTime"].timestamp())
predictor = job.deploy(1, "ml.m5.large", serializer=CSVSerializer())
found = session.sagemaker_client.describe_endpoint(EndpointName=predictor.endpoint_name)
statuses.append(found["EndpointStatus"])
late.append(time.time() - found["LastModifiedTime"].timestamp())
predictor.predict([[1.0, 2.0]])
predictor.delete_endpoint()
print("\\nRESULT", json.dumps({"statuses": statuses, "late": late}))
"""
)

WRONG_INPUT = (
    START
    + """
def reason(action):
    try:
        action()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing was raised"

channels = upload()
session.upload_string_as_file_body("label,x\\n1,2\\n", session.default_bucket(), "header/train.csv")
print("RESULT", json.dumps({
    "image": reason(lambda: estimator("111122223333.dkr.ecr.us-east-1.amazonaws.com/no-such:1").fit(channels)),
    "prefix": reason(lambda: estimator().fit(channel("nothing/here"))),
    "header": reason(lambda: estimator().fit(channel("header/"))),
    "hyperparameter": reason(lambda: estimator(eta=7).fit(channels)),
    "no round": reason(lambda: estimator(num_round=0).fit(channels, logs=False)),
}))
"""
)

STOP = (
    START
    + """
job = estimator(num_round=100000000, eta=0.000001)
job.fit(upload(), wait=False)
name = job.latest_training_job.name
while session.describe_training_job(name)["SecondaryStatus"] != "Training":
    time.sleep(0.1)
begin = time.time()
session.stop_training_job(name)
job.latest_training_job.wait(logs="None")
found = session.describe_training_job(name)
print("RESULT", json.dumps({"status": found["TrainingJobStatus"], "took": time.time() - begin}))
"""
)
