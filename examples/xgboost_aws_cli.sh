#!/bin/sh
# Train XGBoost on a table, deploy the model and ask it for a prediction, with the AWS CLI.
#
#     sh xgboost_aws_cli.sh breast_cancer.csv
#
# Run it on AWS, or under `sagewright run`. The table is scikit-learn's breast cancer set, whose CSV file ships with it.
set -eu

name="breast-cancer-$(date +%s)"
role=arn:aws:iam::000000000000:role/SageMakerExecutionRole
image=683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The label comes first, and there is no header.
tail -n +2 "$1" | awk -F, -v OFS=, '{ label = $NF; $NF = ""; sub(/,$/, ""); print label, $0 }' > "$work/train.csv"

aws s3 mb "s3://$name"
aws s3 cp --no-progress "$work/train.csv" "s3://$name/train/train.csv"

aws sagemaker create-training-job --training-job-name "$name" --role-arn "$role" \
    --algorithm-specification "TrainingImage=$image,TrainingInputMode=File" \
    --hyper-parameters objective=binary:logistic,num_round=20 \
    --input-data-config "ChannelName=train,ContentType=text/csv,DataSource={S3DataSource={S3DataType=S3Prefix,S3Uri=s3://$name/train/}}" \
    --output-data-config "S3OutputPath=s3://$name/output" \
    --resource-config InstanceType=ml.m5.large,InstanceCount=1,VolumeSizeInGB=10 \
    --stopping-condition MaxRuntimeInSeconds=600
aws sagemaker wait training-job-completed-or-stopped --training-job-name "$name"
model=$(aws sagemaker describe-training-job --training-job-name "$name" \
    --query ModelArtifacts.S3ModelArtifacts --output text)
aws s3 ls "$model"

aws sagemaker create-model --model-name "$name" --execution-role-arn "$role" \
    --primary-container "Image=$image,ModelDataUrl=$model"
aws sagemaker create-endpoint-config --endpoint-config-name "$name" \
    --production-variants "VariantName=AllTraffic,ModelName=$name,InitialInstanceCount=1,InstanceType=ml.m5.large"
aws sagemaker create-endpoint --endpoint-name "$name" --endpoint-config-name "$name"
aws sagemaker wait endpoint-in-service --endpoint-name "$name"

head -n 3 "$work/train.csv" | cut -d, -f2- > "$work/rows.csv"
aws sagemaker-runtime invoke-endpoint --endpoint-name "$name" --content-type text/csv \
    --body "fileb://$work/rows.csv" "$work/answer.csv"
echo "labels:" $(head -n 3 "$work/train.csv" | cut -d, -f1)
echo "predicted:" $(cat "$work/answer.csv")

aws sagemaker delete-endpoint --endpoint-name "$name"
