"""ListObjects and ListObjectsV2 through boto3: order, prefixes, delimiters, markers, encodings, paging."""

from __future__ import annotations

import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from s3_client import refused

KEYS = [
    "a",
    "a/1",
    "a/2/x",
    "a/2/y",
    "b with space",
    "b+plus",
    "b/deep/er/k",
    "c%41",
    "é",
    "\uffff",
    "\U0001f600/smile",
]


@pytest.fixture(scope="module")
def bucket(s3):
    name = f"b-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    for key in reversed(KEYS):
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
    return name


def keys(answer):
    return [item["Key"] for item in answer.get("Contents", [])]


def prefixes(answer):
    return [item["Prefix"] for item in answer.get("CommonPrefixes", [])]


def test_keys_come_in_the_order_of_their_bytes(s3, bucket):
    answer = s3.list_objects_v2(Bucket=bucket)
    assert keys(answer) == sorted(KEYS, key=str.encode)
    assert (answer["KeyCount"], answer["IsTruncated"], answer["MaxKeys"]) == (len(KEYS), False, 1000)
    first = answer["Contents"][0]
    assert (first["Size"], first["StorageClass"]) == (1, "STANDARD")
    assert "Owner" not in first
    assert "Owner" in s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"][0]
    assert "Owner" in s3.list_objects(Bucket=bucket)["Contents"][0]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_with_a_delimiter(s3, bucket, operation, size):
    pages = list(
        s3.get_paginator(operation).paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size})
    )
    assert all(len(keys(page)) + len(prefixes(page)) <= size for page in pages)
    assert [key for page in pages for key in keys(page)] == ["a", "b with space", "b+plus", "c%41", "é", "\uffff"]
    assert [prefix for page in pages for prefix in prefixes(page)] == ["a/", "b/", "\U0001f600/"]


def test_prefixes_and_markers(s3, bucket):
    assert keys(s3.list_objects_v2(Bucket=bucket, Prefix="a/")) == ["a/1", "a/2/x", "a/2/y"]
    inner = s3.list_objects_v2(Bucket=bucket, Prefix="a/", Delimiter="/")
    assert (keys(inner), prefixes(inner)) == (["a/1"], ["a/2/"])
    assert prefixes(s3.list_objects_v2(Bucket=bucket, Delimiter="deep")) == ["b/deep"]
    assert keys(s3.list_objects_v2(Bucket=bucket, StartAfter="a/2/x"))[0] == "a/2/y"
    answer = s3.list_objects(Bucket=bucket, Marker="b", MaxKeys=1)
    assert (answer["Marker"], answer["IsTruncated"], keys(answer)) == ("b", True, ["b with space"])
    assert "NextMarker" not in answer
    assert s3.list_objects(Bucket=bucket, Delimiter="/", MaxKeys=2)["NextMarker"] == "a/"
    answer = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert (answer["KeyCount"], answer["IsTruncated"]) == (0, False)
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=5000)["MaxKeys"] == 1000


def test_markers_inside_a_common_prefix(s3, bucket):
    """A marker's common prefix has been told; a key to start after says nothing of it."""
    assert prefixes(s3.list_objects(Bucket=bucket, Delimiter="/", Marker="a/1")) == ["b/", "\U0001f600/"]
    assert prefixes(s3.list_objects_v2(Bucket=bucket, Delimiter="/", StartAfter="a/1"))[0] == "a/"
    answer = s3.list_objects_v2(Bucket=bucket, Delimiter="/", StartAfter="a", MaxKeys=1)
    assert prefixes(answer) == ["a/"]
    following = {"ContinuationToken": answer["NextContinuationToken"], "StartAfter": "a"}
    answer = s3.list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=1, **following)
    assert (keys(answer), answer["StartAfter"]) == (["b with space"], "a")


def test_delimiters_of_any_kind(s3, bucket):
    assert prefixes(s3.list_objects_v2(Bucket=bucket, Delimiter="/2/")) == ["a/2/"]
    assert prefixes(s3.list_objects_v2(Bucket=bucket, Prefix="a/", Delimiter="2/")) == ["a/2/"]
    assert prefixes(s3.list_objects_v2(Bucket=bucket, Delimiter="\U0001f600")) == ["\U0001f600"]
    answer = s3.list_objects_v2(Bucket=bucket, Delimiter="")
    assert (len(keys(answer)), "Delimiter" in answer) == (len(KEYS), False)


def test_restored_objects_say_so(s3):
    bucket = f"b-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=bucket)
    for key in ("archived", "restored"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x", StorageClass="GLACIER")
    s3.restore_object(Bucket=bucket, Key="restored", RestoreRequest={"Days": 2})
    asked = {"Bucket": bucket, "OptionalObjectAttributes": ["RestoreStatus"]}
    for answer, member in ((s3.list_objects_v2, "Contents"), (s3.list_object_versions, "Versions")):
        archived, restored = answer(**asked)[member]
        assert "RestoreStatus" not in archived
        assert restored["RestoreStatus"]["IsRestoreInProgress"] is False
        assert "RestoreExpiryDate" in restored["RestoreStatus"]
    assert "RestoreStatus" not in s3.list_objects(Bucket=bucket)["Contents"][1]
    with refused("InvalidArgument"):
        s3.list_objects_v2(Bucket=bucket, OptionalObjectAttributes=["Colour"])


def test_encodings(s3, bucket):
    answer = s3.list_objects_v2(Bucket=bucket, Prefix="b ", EncodingType="url")
    assert (answer["Prefix"], keys(answer)) == ("b+", ["b+with+space"])
    answer = s3.list_objects_v2(Bucket=bucket, Prefix="b/", EncodingType="url", Delimiter="/")
    assert prefixes(answer) == ["b/deep/"]
    with refused("InvalidArgument"):
        s3.list_objects_v2(Bucket=bucket, EncodingType="base64")
    with refused("InvalidArgument"):
        s3.list_objects_v2(Bucket=bucket, ContinuationToken="made up")
    with refused("InvalidArgument"):
        s3.list_objects_v2(Bucket=bucket, MaxKeys=-1)


def test_the_bare_listing_is_s3s(s3, bucket):
    url = s3.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket, "Prefix": "c"})
    with urllib.request.urlopen(url) as answer:
        text = answer.read().decode()
    assert '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' in text
    assert ("<Key>c%2541</Key>" if "encoding-type=url" in url else "<Key>c%41</Key>") in text


def test_characters_that_xml_cannot_hold(sagewright_server, s3):
    bucket = f"b-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a\x01&<b", Body=b"x")
    assert keys(s3.list_objects_v2(Bucket=bucket)) == ["a\x01&<b"]
    with urllib.request.urlopen(f"{sagewright_server.url}/{bucket}") as answer:
        assert "<Key>a&#x1;&amp;&lt;b</Key>" in answer.read().decode()


def test_versions_of_a_bucket_without_versioning(s3, bucket):
    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 3}))
    versions = [version for page in pages for version in page["Versions"]]
    assert [version["Key"] for version in versions] == sorted(KEYS, key=str.encode)
    assert {(version["VersionId"], version["IsLatest"]) for version in versions} == {("null", True)}
    page = s3.list_object_versions(Bucket=bucket, Delimiter="/", Prefix="a/")
    assert ([version["Key"] for version in page["Versions"]], prefixes(page)) == (["a/1"], ["a/2/"])


def test_many_objects_at_once(s3):
    bucket = f"b-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=bucket)
    wanted = [f"{number % 7}/{number:05d}" for number in range(2500)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=bucket, Key=key, Body=b"x"), wanted))
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket))
    assert [len(keys(page)) for page in pages] == [1000, 1000, 500]
    assert [key for page in pages for key in keys(page)] == sorted(wanted)
    assert len(prefixes(s3.list_objects_v2(Bucket=bucket, Delimiter="/"))) == 7
