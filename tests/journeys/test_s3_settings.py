"""A bucket's settings as boto3 uses them, against a real server: kept, given back, or refused as S3 does."""

from __future__ import annotations

import base64
import http.client
import uuid

import pytest
from s3_client import make_client, refused

QUEUE = "arn:aws:sqs:us-east-1:123456789012:queue"
TOPIC = "arn:aws:sns:us-east-1:123456789012:topic"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f:live"


def filtered(**rules):
    return {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in rules.items()]}}


def queue(*events, **members):
    return {"QueueArn": QUEUE, "Events": list(events) or ["s3:ObjectCreated:*"], **members}


def notify(s3, bucket, **configuration):
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)


# Notification


def test_notifications(s3, bucket):
    notify(
        s3,
        bucket,
        QueueConfigurations=[queue(Id="q", Filter=filtered(prefix="in/", suffix=".csv"))],
        TopicConfigurations=[{"TopicArn": TOPIC, "Events": ["s3:ObjectRemoved:*"]}],
        LambdaFunctionConfigurations=[
            {"LambdaFunctionArn": FUNCTION, "Events": ["s3:ObjectCreated:Put"], "Filter": filtered(prefix="out/")}
        ],
        EventBridgeConfiguration={},
    )
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    rules = [{"Name": "Prefix", "Value": "in/"}, {"Name": "Suffix", "Value": ".csv"}]
    assert found["QueueConfigurations"] == [
        {"Id": "q", "QueueArn": QUEUE, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}
    ]
    assert found["TopicConfigurations"][0]["Id"]
    assert found["LambdaFunctionConfigurations"][0]["LambdaFunctionArn"] == FUNCTION
    assert found["EventBridgeConfiguration"] == {}
    notify(s3, bucket)
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert not [name for name in found if name.endswith("Configurations")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (queue(), queue()),
        (queue("s3:ObjectCreated:Put"), queue("s3:ObjectCreated:*")),
        (queue(Filter=filtered(prefix="a")), queue(Filter=filtered(prefix="ab"))),
        (queue(Filter=filtered(suffix="csv")), queue(Filter=filtered(suffix=".csv"))),
    ],
)
def test_notifications_that_would_both_be_sent(s3, bucket, first, second):
    with refused("InvalidArgument") as found:
        notify(s3, bucket, QueueConfigurations=[first, second])
    assert found.error["Message"].startswith("Configuration is ambiguously defined.")


def test_notifications_that_lie_apart(s3, bucket):
    apart = [
        queue(Filter=filtered(prefix="a", suffix=".csv")),
        queue(Filter=filtered(prefix="a", suffix=".json")),
        queue(Filter=filtered(prefix="b", suffix=".csv")),
        queue("s3:ObjectRemoved:Delete"),
    ]
    notify(s3, bucket, QueueConfigurations=apart)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (queue(QueueArn=TOPIC), "The ARN is not well formed"),
        (queue(QueueArn="queue"), "The ARN is not well formed"),
        (queue(QueueArn=QUEUE.replace("us-east-1", "eu-west-1")), "The notification destination service region"),
        (queue("s3:Nothing"), "The event is not supported for notifications"),
        (queue(Filter=filtered(middle="x")), "filter rule name must be either prefix or suffix"),
    ],
)
def test_notifications_that_are_refused(s3, bucket, target, message):
    with refused("InvalidArgument") as found:
        notify(s3, bucket, QueueConfigurations=[target])
    assert found.error["Message"].startswith(message)


def test_notifications_have_names_of_their_own(s3, bucket):
    with refused("InvalidArgument"):
        notify(s3, bucket, QueueConfigurations=[queue(Id="x"), queue("s3:ObjectRemoved:*", Id="x")])
    twice = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "a"}, {"Name": "Prefix", "Value": "b"}]}}
    with refused("InvalidArgument") as found:
        notify(s3, bucket, QueueConfigurations=[queue(Filter=twice)])
    assert found.error["Message"] == "Cannot specify more than one prefix rule in a filter."


# Website, encryption, logging, replication, payer, acceleration


@pytest.mark.parametrize(
    ("site", "code"),
    [
        ({"IndexDocument": {"Suffix": "a/b"}}, "InvalidArgument"),
        ({"ErrorDocument": {"Key": "e"}}, "InvalidArgument"),
        ({"RedirectAllRequestsTo": {"HostName": "h"}, "IndexDocument": {"Suffix": "i"}}, "InvalidArgument"),
        ({"RedirectAllRequestsTo": {"HostName": "h", "Protocol": "ftp"}}, "InvalidRequest"),
        ({"IndexDocument": {"Suffix": "i"}, "RoutingRules": []}, "MalformedXML"),
        (
            {
                "IndexDocument": {"Suffix": "i"},
                "RoutingRules": [{"Redirect": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}}],
            },
            "InvalidRequest",
        ),
        (
            {"IndexDocument": {"Suffix": "i"}, "RoutingRules": [{"Redirect": {"HostName": "h"}, "Condition": {}}]},
            "InvalidRequest",
        ),
    ],
)
def test_websites_that_are_refused(s3, bucket, site, code):
    with refused(code):
        s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=site)


def test_websites(s3, bucket):
    site = {
        "IndexDocument": {"Suffix": "index.html"},
        "ErrorDocument": {"Key": "error.html"},
        "RoutingRules": [
            {
                "Condition": {"KeyPrefixEquals": "docs/", "HttpErrorCodeReturnedEquals": "404"},
                "Redirect": {"HostName": "h", "Protocol": "https", "HttpRedirectCode": "302", "ReplaceKeyWith": "x"},
            }
        ],
    }
    for wanted in (site, {"RedirectAllRequestsTo": {"HostName": "example.com", "Protocol": "https"}}):
        s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=wanted)
        found = s3.get_bucket_website(Bucket=bucket)
        found.pop("ResponseMetadata")
        assert found == wanted


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:fsx"}}, "MalformedXML"),
        ({}, "MalformedXML"),
        (
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "alias/k"}},
            "InvalidArgument",
        ),
    ],
)
def test_encryptions_that_are_refused(s3, bucket, rule, code):
    with refused(code):
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    with refused("ServerSideEncryptionConfigurationNotFoundError", 404):
        s3.get_bucket_encryption(Bucket=bucket)


def test_logging(s3, bucket, sagewright_server):
    target = f"logs-{uuid.uuid4().hex[:20]}"

    def log(name):
        enabled = {"TargetBucket": name, "TargetPrefix": "p/"}
        s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": enabled})

    with refused("InvalidTargetBucketForLogging") as found:
        log(target)
    assert found.error["TargetBucket"] == target
    s3.create_bucket(Bucket=target)
    log(target)
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == {"TargetBucket": target, "TargetPrefix": "p/"}
    west = make_client(sagewright_server.url, region="us-west-2")
    west.create_bucket(Bucket=f"{target}-2", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    with refused("CrossLocationLoggingProhibitted", 403):
        log(f"{target}-2")
    other = make_client(sagewright_server.url, account="111122223333")
    other.create_bucket(Bucket=f"{target}-3")
    with refused("InvalidTargetBucketForLogging"):
        log(f"{target}-3")
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    west.close()
    other.close()


def test_replication(s3, bucket):
    target = f"copy-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=target)
    rule = {
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": "x"},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{target}"},
    }

    def replicate(**changes):
        wanted = {"Role": "arn:aws:iam::123456789012:role/r", "Rules": [{**rule, **changes}]}
        s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=wanted)

    with refused("ReplicationConfigurationNotFoundError", 404):
        s3.get_bucket_replication(Bucket=bucket)
    for name in (bucket, target):
        with refused("InvalidRequest") as found:
            replicate()
        assert "ersioning" in found.error["Message"]
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    replicate()
    found = s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]["Rules"][0]
    assert found.pop("ID")
    assert found == rule
    with refused("InvalidRequest") as found:
        replicate(Destination={"Bucket": "arn:aws:s3:::no-such-bucket-at-all"})
    assert found.error["Message"] == "Destination bucket must exist."
    s3.delete_bucket_replication(Bucket=bucket)


def test_the_payer_and_acceleration(s3, bucket):
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
    with refused("MalformedXML"):
        s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Nobody"})
    s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Enabled"
    dotted = f"{bucket}.dots"
    s3.create_bucket(Bucket=dotted)
    with refused("InvalidRequest"):
        s3.put_bucket_accelerate_configuration(Bucket=dotted, AccelerateConfiguration={"Status": "Enabled"})


# Settings with ids

DESTINATION = {"S3BucketDestination": {"Bucket": "arn:aws:s3:::reports", "Format": "CSV"}}
LISTS = [
    (
        "analytics",
        "Analytics",
        {"StorageClassAnalysis": {"DataExport": {"OutputSchemaVersion": "V_1", "Destination": DESTINATION}}},
    ),
    (
        "inventory",
        "Inventory",
        {
            "Destination": DESTINATION,
            "IsEnabled": True,
            "IncludedObjectVersions": "All",
            "OptionalFields": ["Size", "ETag"],
            "Schedule": {"Frequency": "Daily"},
        },
    ),
    ("metrics", "Metrics", {"Filter": {"Prefix": "p"}}),
    (
        "intelligent_tiering",
        "IntelligentTiering",
        {"Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]},
    ),
]


@pytest.mark.parametrize(("name", "member", "configuration"), LISTS)
def test_settings_with_ids(s3, bucket, name, member, configuration):
    def call(verb, plural="", **members):
        return getattr(s3, f"{verb}_bucket_{name}_configuration{plural}")(Bucket=bucket, **members)

    whole = f"{member}Configuration"
    with refused("NoSuchConfiguration", 404):
        call("get", Id="one")
    for number in range(102):
        call("put", Id=f"id-{number:03d}", **{whole: {"Id": f"id-{number:03d}", **configuration}})
    assert call("get", Id="id-007")[whole] == {"Id": "id-007", **configuration}
    first = call("list", "s")
    assert (first["IsTruncated"], len(first[f"{whole}List"])) == (True, 100)
    second = call("list", "s", ContinuationToken=first["NextContinuationToken"])
    assert [item["Id"] for item in second[f"{whole}List"]] == ["id-100", "id-101"]
    assert (second["IsTruncated"], second["ContinuationToken"]) == (False, first["NextContinuationToken"])
    call("delete", Id="id-007")
    with refused("NoSuchConfiguration", 404):
        call("delete", Id="id-007")
    with refused("InvalidArgument"):
        call("put", Id="one", **{whole: {"Id": "two", **configuration}})
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    assert f"{whole}List" not in call("list", "s")


def test_settings_with_ids_that_are_refused(s3, bucket):
    def tier(*tiers):
        wanted = {"Id": "x", "Status": "Enabled", "Tierings": [{"Days": d, "AccessTier": name} for d, name in tiers]}
        s3.put_bucket_intelligent_tiering_configuration(Bucket=bucket, Id="x", IntelligentTieringConfiguration=wanted)

    with refused("InvalidArgument"):
        tier((10, "ARCHIVE_ACCESS"))
    with refused("MalformedXML"):
        tier((90, "FROZEN"))
    with refused("MalformedXML"):
        tier((90, "ARCHIVE_ACCESS"), (120, "ARCHIVE_ACCESS"))
    inventory = {"Id": "x", **dict(LISTS[1][2]), "Schedule": {"Frequency": "Hourly"}}
    with refused("MalformedXML"):
        s3.put_bucket_inventory_configuration(Bucket=bucket, Id="x", InventoryConfiguration=inventory)
    inventory = {"Id": "x", **dict(LISTS[1][2])}
    inventory["Destination"] = {"S3BucketDestination": {"Bucket": "reports", "Format": "CSV"}}
    with refused("InvalidArgument"):
        s3.put_bucket_inventory_configuration(Bucket=bucket, Id="x", InventoryConfiguration=inventory)


# Digests of documents

TAGGING = b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
MD5, CRC32 = "sb8flr5uU/KlGqt1TV1ZmA==", "AAAAAA=="


def raw(server, bucket, headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("PUT", f"/{bucket}?tagging", TAGGING, headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "InvalidRequest"),
        ({"Content-MD5": "nonsense"}, "InvalidDigest"),
        ({"x-amz-content-sha256": "0" * 64}, "XAmzContentSHA256Mismatch"),
        ({"Content-MD5": base64.b64encode(bytes(16)).decode()}, "BadDigest"),
        ({"x-amz-checksum-crc32": CRC32}, "BadDigest"),
        ({"x-amz-checksum-crc32": "short"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": CRC32, "x-amz-checksum-sha1": CRC32}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": CRC32, "x-amz-sdk-checksum-algorithm": "SHA256"}, "InvalidRequest"),
    ],
)
def test_a_document_that_does_not_fit_its_digest_changes_nothing(s3, bucket, sagewright_server, headers, code):
    status, body = raw(sagewright_server, bucket, headers)
    assert (status, f"<Code>{code}</Code>" in body) == (400, True), body
    with refused("NoSuchTagSet", 404):
        s3.get_bucket_tagging(Bucket=bucket)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_documents_with_the_digests_of_boto3(s3, bucket, algorithm):
    tags = {"TagSet": [{"Key": "a", "Value": algorithm}]}
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tags, ChecksumAlgorithm=algorithm)
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags["TagSet"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    wanted = {"Objects": [{"Key": "k"}]}
    answer = s3.delete_objects(Bucket=bucket, Delete=wanted, ChecksumAlgorithm=algorithm)
    assert [item["Key"] for item in answer["Deleted"]] == ["k"]


# What is not here


def test_what_is_not_here_says_so(s3, bucket, sagewright_server):
    s3.put_object(Bucket=bucket, Key="k", Body=b"a,b\n")
    csv = {"CSV": {}}
    with refused("NotImplemented", 501):
        s3.select_object_content(
            Bucket=bucket,
            Key="k",
            Expression="select * from s3object",
            ExpressionType="SQL",
            InputSerialization=csv,
            OutputSerialization=csv,
        )
    with refused("NotImplemented", 501):
        s3.get_object_torrent(Bucket=bucket, Key="k")
    with refused("NotImplemented", 501):
        s3.get_bucket_metadata_configuration(Bucket=bucket)
    with refused("NotImplemented", 501):
        s3.list_directory_buckets()
    with refused("NotImplemented", 501):
        s3.create_bucket(
            Bucket="b--use1-az4--x-s3",
            CreateBucketConfiguration={"Location": {"Type": "AvailabilityZone", "Name": "use1-az4"}},
        )


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("point-123456789012.s3-accesspoint.us-east-1.amazonaws.com", "/"),
        ("mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com", "/k"),
        ("p-123456789012.s3-object-lambda.us-east-1.amazonaws.com", "/k"),
        ("p-123456789012.op-01ac5d28a6a232904.s3-outposts.us-east-1.amazonaws.com", "/k"),
        ("123456789012.s3-control.us-east-1.amazonaws.com", "/v20180820/jobs"),
    ],
)
def test_hosts_of_what_is_not_here(sagewright_server, host, path):
    connection = http.client.HTTPConnection("127.0.0.1", sagewright_server.port)
    connection.request("GET", path, headers={"Host": host, "x-amz-account-id": "123456789012"})
    answer = connection.getresponse()
    assert (answer.status, b"<Code>NotImplemented</Code>" in answer.read()) == (501, True)
    connection.close()
