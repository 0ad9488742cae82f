// The AWS SDK for JavaScript v3, as a user writes it. No endpoint is named.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";

import {
  CloudWatchLogsClient,
  DescribeLogStreamsCommand,
  paginateFilterLogEvents,
  ResourceNotFoundException,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  NoSuchKey,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  waitUntilBucketExists,
  waitUntilObjectExists,
} from "@aws-sdk/client-s3";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  CreateTrainingJobCommand,
  DeleteEndpointCommand,
  DescribeTrainingJobCommand,
  paginateListTrainingJobs,
  SageMakerClient,
  waitUntilEndpointInService,
  waitUntilTrainingJobCompletedOrStopped,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

import { main } from "./steps.mjs";

const ROLE = "arn:aws:iam::111122223333:role/SageMakerRole";
const IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1";
const s3 = new S3Client({ followRegionRedirects: true });
const sagemaker = new SageMakerClient();
const runtime = new SageMakerRuntimeClient();
const logs = new CloudWatchLogsClient();
const Bucket = `javascript-${process.pid}`;
const sha = (bytes) => createHash("sha256").update(bytes).digest("hex");
const send = (command) => s3.send(command);
const body = async (Key, more = {}) => (await send(new GetObjectCommand({ Bucket, Key, ...more }))).Body;

const step_buckets = async () => {
  await send(new CreateBucketCommand({ Bucket }));
  await waitUntilBucketExists({ client: s3, maxWaitTime: 10 }, { Bucket });
};

const step_put_and_get = async () => {
  const Key = "a key, ümlaut & co/text";
  const put = await send(new PutObjectCommand({ Bucket, Key, Body: "text", ContentType: "text/plain", Metadata: { a: "b" } }));
  assert.equal(put.$metadata.httpStatusCode, 200);
  assert.ok(put.ETag && put.ChecksumCRC32);
  const got = await send(new GetObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
  assert.equal(await got.Body.transformToString(), "text");
  assert.deepEqual([got.ContentType, got.Metadata, got.ETag], ["text/plain", { a: "b" }, put.ETag]);
  await waitUntilObjectExists({ client: s3, maxWaitTime: 10 }, { Bucket, Key });
};

const step_streams = async () => {
  const bytes = randomBytes(3_000_000);
  await send(new PutObjectCommand({ Bucket, Key: "stream", Body: Readable.from([bytes]), ContentLength: bytes.length }));
  const hash = createHash("sha256");
  for await (const chunk of await body("stream")) hash.update(chunk);
  assert.equal(hash.digest("hex"), sha(bytes));
  const range = await (await body("stream", { Range: "bytes=1000-1999" })).transformToByteArray();
  assert.equal(sha(range), sha(bytes.subarray(1000, 2000)));
};

const step_multipart = async () => {
  const bytes = randomBytes(12_000_001);
  const upload = new Upload({
    client: s3,
    params: { Bucket, Key: "multipart", Body: Readable.from([bytes.subarray(0, 5_000_000), bytes.subarray(5_000_000)]) },
    partSize: 5 * 2 ** 20,
    queueSize: 3,
  });
  const done = await upload.done();
  assert.match(done.ETag, /-3"$/);
  assert.equal(sha(await (await body("multipart")).transformToByteArray()), sha(bytes));
  const copied = await send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/multipart` }));
  assert.ok(copied.CopyObjectResult.ETag);
};

const step_presigned = async () => {
  const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: "signed" }), { expiresIn: 60 });
  assert.equal((await fetch(put, { method: "PUT", body: "by url" })).status, 200);
  const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "signed" }), { expiresIn: 60 });
  assert.equal(await (await fetch(get)).text(), "by url");
};

const step_pages = async () => {
  const keys = Array.from({ length: 25 }, (_, number) => `pages/${String(number).padStart(2, "0")}`);
  await Promise.all(keys.map((Key) => send(new PutObjectCommand({ Bucket, Key, Body: Key }))));
  const found = [];
  let pages = 0;
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 10 }, { Bucket, Prefix: "pages/" })) {
    found.push(...page.Contents.map((item) => item.Key));
    pages += 1;
  }
  assert.deepEqual([found, pages], [keys, 3]);
  const gone = await send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }));
  assert.equal(gone.Deleted.length, 25);
};

const step_errors = async () => {
  const missing = await send(new GetObjectCommand({ Bucket, Key: "none" })).catch((error) => error);
  assert.ok(missing instanceof NoSuchKey && missing instanceof S3ServiceException);
  assert.deepEqual([missing.name, missing.$metadata.httpStatusCode, missing.Key], ["NoSuchKey", 404, "none"]);
  assert.ok(missing.$metadata.requestId);
  const head = await send(new HeadObjectCommand({ Bucket, Key: "none" })).catch((error) => error);
  assert.deepEqual([head.name, head.$metadata.httpStatusCode], ["NotFound", 404]);
  const job = await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: "none" })).catch((error) => error);
  assert.deepEqual([job.name, job.$metadata.httpStatusCode], ["ValidationException", 400]);
  const stream = await logs.send(new DescribeLogStreamsCommand({ logGroupName: "none" })).catch((error) => error);
  assert.ok(stream instanceof ResourceNotFoundException);
};

const step_train_and_deploy = async () => {
  const rows = Array.from({ length: 200 }, (_, x) => `${x * 2},${x},${x % 7}\n`).join("");
  await send(new PutObjectCommand({ Bucket, Key: "train/rows.csv", Body: rows }));
  const TrainingJobName = `job-${process.pid}`;
  await sagemaker.send(
    new CreateTrainingJobCommand({
      TrainingJobName,
      RoleArn: ROLE,
      AlgorithmSpecification: { TrainingImage: IMAGE, TrainingInputMode: "File" },
      HyperParameters: { objective: "reg:squarederror", num_round: "5" },
      InputDataConfig: [
        {
          ChannelName: "train",
          ContentType: "text/csv",
          DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: `s3://${Bucket}/train/` } },
        },
      ],
      OutputDataConfig: { S3OutputPath: `s3://${Bucket}/output` },
      ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
      StoppingCondition: { MaxRuntimeInSeconds: 600 },
    }),
  );
  const quick = { client: sagemaker, maxWaitTime: 60, minDelay: 1, maxDelay: 2 };
  await waitUntilTrainingJobCompletedOrStopped(quick, { TrainingJobName });
  const job = await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName }));
  assert.equal(job.TrainingJobStatus, "Completed");
  assert.ok(job.CreationTime instanceof Date && job.TrainingEndTime >= job.TrainingStartTime);
  assert.ok(job.FinalMetricDataList.some((metric) => metric.MetricName === "train:rmse"));
  const names = [];
  for await (const page of paginateListTrainingJobs({ client: sagemaker }, { NameContains: TrainingJobName }))
    names.push(...page.TrainingJobSummaries.map((item) => item.TrainingJobName));
  assert.deepEqual(names, [TrainingJobName]);
  const lines = [];
  const filter = { logGroupName: "/aws/sagemaker/TrainingJobs", logStreamNamePrefix: `${TrainingJobName}/` };
  for await (const page of paginateFilterLogEvents({ client: logs }, filter))
    lines.push(...page.events.map((event) => event.message));
  assert.ok(lines.some((line) => line.includes("train-rmse")));
  await deploy(TrainingJobName, job.ModelArtifacts.S3ModelArtifacts, quick);
};

const deploy = async (EndpointName, ModelDataUrl, quick) => {
  const PrimaryContainer = { Image: IMAGE, ModelDataUrl };
  await sagemaker.send(new CreateModelCommand({ ModelName: EndpointName, ExecutionRoleArn: ROLE, PrimaryContainer }));
  const variant = { VariantName: "one", ModelName: EndpointName, InstanceType: "ml.m5.large", InitialInstanceCount: 1 };
  const EndpointConfigName = EndpointName;
  await sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName, ProductionVariants: [variant] }));
  await sagemaker.send(new CreateEndpointCommand({ EndpointName, EndpointConfigName }));
  await waitUntilEndpointInService(quick, { EndpointName });
  const answer = await runtime.send(
    new InvokeEndpointCommand({ EndpointName, ContentType: "text/csv", Body: Buffer.from("10,3\n") }),
  );
  assert.equal(answer.InvokedProductionVariant, "one");
  assert.ok(Number.isFinite(Number(answer.Body.transformToString())));
  const wrong = await runtime
    .send(new InvokeEndpointCommand({ EndpointName, ContentType: "text/none", Body: Buffer.from("1") }))
    .catch((error) => error);
  assert.deepEqual([wrong.name, wrong.$metadata.httpStatusCode, wrong.OriginalStatusCode], ["ModelError", 424, 415]);
  await sagemaker.send(new DeleteEndpointCommand({ EndpointName }));
};

await main({
  step_buckets,
  step_put_and_get,
  step_streams,
  step_multipart,
  step_presigned,
  step_pages,
  step_errors,
  step_train_and_deploy,
});
