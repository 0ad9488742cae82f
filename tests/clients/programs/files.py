"""Libraries that see S3 as files: s3fs, pandas, awswrangler, pyarrow and smart_open. No endpoint is named."""

from __future__ import annotations

import hashlib
import io
import os
import time
import urllib.request

import awswrangler as wr
import boto3
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.fs
import pyarrow.parquet
import s3fs
import smart_open
from steps import error_of, main

BUCKET = f"files-{time.time_ns()}"
LARGE = os.urandom(1_000_000) * 13
FRAME = pd.DataFrame({"a": range(100), "b": [f"ümlaut {n}" for n in range(100)], "part": ["x", "y"] * 50})
s3 = boto3.client("s3")
s3.create_bucket(Bucket=BUCKET)


def filesystem():
    return s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)


def step_s3fs_reads_and_writes():
    fs = filesystem()
    base = f"{BUCKET}/s3fs"
    fs.pipe(f"{base}/one", b"1")
    with fs.open(f"{base}/deep/two words & ü", "w") as file:
        file.write("two")
    assert fs.cat(f"{base}/one") == b"1"
    assert fs.cat(f"{base}/deep/two words & ü") == b"two"
    assert (fs.exists(f"{base}/one"), fs.exists(f"{base}/none"), fs.isdir(base)) == (True, False, True)
    assert sorted(fs.ls(base)) == [f"{base}/deep", f"{base}/one"]
    assert fs.find(base) == [f"{base}/deep/two words & ü", f"{base}/one"]
    assert fs.glob(f"{base}/*/two*") == [f"{base}/deep/two words & ü"]
    assert fs.info(f"{base}/one")["size"] == 1
    with fs.open(f"{base}/one", "rb") as file:
        assert file.read() == b"1"
    fs.copy(f"{base}/one", f"{base}/copied")
    fs.mv(f"{base}/copied", f"{base}/moved")
    assert (fs.exists(f"{base}/copied"), fs.cat(f"{base}/moved")) == (False, b"1")
    fs.rm(base, recursive=True)
    assert not fs.exists(base)
    error_of(lambda: fs.cat(f"{base}/one"), FileNotFoundError)


def step_s3fs_appends_and_streams():
    fs = filesystem()
    place = f"{BUCKET}/s3fs/large"
    with fs.open(place, "wb", block_size=5 * 2**20) as file:
        file.write(LARGE)
    assert fs.checksum(place)
    with fs.open(place, "ab", block_size=5 * 2**20) as file:
        file.write(b"the end")
    assert fs.size(place) == len(LARGE) + 7
    with fs.open(place, "rb", block_size=2**20) as file:
        file.seek(-10, 2)
        assert file.read() == LARGE[-3:] + b"the end"
        file.seek(1_234_567)
        assert file.read(100) == LARGE[1_234_567:1_234_667]
    s3.put_object(Bucket=BUCKET, Key="s3fs/small", Body=b"small")
    with fs.open(f"{BUCKET}/s3fs/small", "ab") as file:
        file.write(b" and more")
    assert fs.cat(f"{BUCKET}/s3fs/small") == b"small and more"


def step_s3fs_buckets_tags_and_addresses():
    fs = filesystem()
    fs.mkdir(f"{BUCKET}-other")
    assert f"{BUCKET}-other" in fs.ls("")
    fs.rmdir(f"{BUCKET}-other")
    assert not fs.exists(f"{BUCKET}-other")
    fs.pipe(f"{BUCKET}/tagged", b"t")
    fs.put_tags(f"{BUCKET}/tagged", {"a": "b"})
    assert fs.get_tags(f"{BUCKET}/tagged") == {"a": "b"}
    fs.setxattr(f"{BUCKET}/tagged", colour="blue")
    assert fs.getxattr(f"{BUCKET}/tagged", "colour") == "blue"
    with urllib.request.urlopen(fs.sign(f"{BUCKET}/tagged")) as file:
        assert file.read() == b"t"


def step_pandas():
    FRAME.to_csv(f"s3://{BUCKET}/pandas/frame.csv", index=False)
    pd.testing.assert_frame_equal(pd.read_csv(f"s3://{BUCKET}/pandas/frame.csv"), FRAME)
    FRAME.to_csv(f"s3://{BUCKET}/pandas/frame.csv.gz", index=False)
    pd.testing.assert_frame_equal(pd.read_csv(f"s3://{BUCKET}/pandas/frame.csv.gz"), FRAME)
    FRAME.to_parquet(f"s3://{BUCKET}/pandas/frame.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(f"s3://{BUCKET}/pandas/frame.parquet"), FRAME)
    chunks = pd.read_csv(f"s3://{BUCKET}/pandas/frame.csv", chunksize=30)
    assert [len(chunk) for chunk in chunks] == [30, 30, 30, 10]
    error_of(lambda: pd.read_csv(f"s3://{BUCKET}/pandas/none.csv"), FileNotFoundError)


def step_awswrangler():
    base = f"s3://{BUCKET}/wrangler"
    wr.s3.to_csv(FRAME, f"{base}/frame.csv", index=False)
    pd.testing.assert_frame_equal(wr.s3.read_csv(f"{base}/frame.csv"), FRAME, check_dtype=False)
    wr.s3.to_parquet(FRAME, f"{base}/table/", dataset=True, partition_cols=["part"])
    wr.s3.to_parquet(FRAME, f"{base}/table/", dataset=True, partition_cols=["part"], mode="append")
    assert len(wr.s3.list_objects(f"{base}/table/")) == 4
    assert len(wr.s3.read_parquet(f"{base}/table/", dataset=True)) == 200
    half = wr.s3.read_parquet(f"{base}/table/", dataset=True, partition_filter=lambda part: part["part"] == "x")
    assert len(half) == 100
    wr.s3.to_parquet(FRAME, f"{base}/table/", dataset=True, mode="overwrite")
    assert len(wr.s3.read_parquet(f"{base}/table/", dataset=True)) == 100
    wr.s3.to_json(FRAME, f"{base}/frame.json", orient="records", lines=True)
    assert len(wr.s3.read_json(f"{base}/frame.json", orient="records", lines=True)) == 100
    wr.s3.upload(io.BytesIO(LARGE), f"{base}/large")
    assert wr.s3.size_objects(f"{base}/large") == {f"{base}/large": len(LARGE)}
    assert wr.s3.does_object_exist(f"{base}/large")
    assert wr.s3.describe_objects(f"{base}/large")[f"{base}/large"]["ContentLength"] == len(LARGE)
    wr.s3.copy_objects([f"{base}/frame.csv"], base, f"{base}-copy")
    wr.s3.wait_objects_exist([f"{base}-copy/frame.csv"], delay=1, max_attempts=3)
    wr.s3.delete_objects(f"{base}/*")
    assert wr.s3.list_objects(f"{base}/") == []


def step_pyarrow_filesystem():
    """Arrow reads the endpoint from the environment for URIs only; S3FileSystem() has to be told."""
    fs = pa.fs.S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL"])
    base = f"{BUCKET}/arrow"
    with fs.open_output_stream(f"{base}/large") as file:
        for at in range(0, len(LARGE), 4_000_000):
            file.write(LARGE[at : at + 4_000_000])
    digest = hashlib.sha256()
    with fs.open_input_stream(f"{base}/large") as file:
        while piece := file.read(1_000_000):
            digest.update(piece)
    assert digest.digest() == hashlib.sha256(LARGE).digest()
    with fs.open_input_file(f"{base}/large") as file:
        assert file.read_at(10, 5_000_000) == LARGE[5_000_000:5_000_010]
    fs.create_dir(f"{base}/folder")
    kinds = {info.base_name: info.type.name for info in fs.get_file_info(pa.fs.FileSelector(base))}
    assert kinds == {"large": "File", "folder": "Directory"}
    assert fs.get_file_info(f"{base}/none").type.name == "NotFound"
    fs.copy_file(f"{base}/large", f"{base}/copy")
    fs.move(f"{base}/copy", f"{base}/moved")
    fs.delete_file(f"{base}/moved")
    fs.delete_dir(base)
    assert fs.get_file_info(base).type.name == "NotFound"


def step_pyarrow_data_sets():
    fs, _ = pa.fs.FileSystem.from_uri(f"s3://{BUCKET}")
    table = pa.Table.from_pandas(FRAME, preserve_index=False)
    pa.parquet.write_to_dataset(table, f"{BUCKET}/dataset", partition_cols=["part"], filesystem=fs)
    found = pa.dataset.dataset(f"s3://{BUCKET}/dataset", partitioning="hive")
    assert found.count_rows() == 100
    picked = found.to_table(filter=(pa.dataset.field("part") == "y") & (pa.dataset.field("a") < 10))
    assert sorted(picked["a"].to_pylist()) == [1, 3, 5, 7, 9]


def step_smart_open():
    place = f"s3://{BUCKET}/smart"
    with smart_open.open(f"{place}/text.txt.gz", "w", encoding="utf-8") as file:
        file.writelines(f"line {n} ü\n" for n in range(1000))
    with smart_open.open(f"{place}/text.txt.gz", encoding="utf-8") as file:
        assert [line.strip() for line in file] == [f"line {n} ü" for n in range(1000)]
    with smart_open.open(f"{place}/large", "wb", transport_params={"min_part_size": 5 * 2**20}) as file:
        file.write(LARGE)
    with smart_open.open(f"{place}/large", "rb") as file:
        file.seek(12_000_000)
        assert file.read(1000) == LARGE[12_000_000:12_001_000]
        file.seek(0)
        assert file.read() == LARGE
    with smart_open.open(f"{place}/once", "wb", transport_params={"multipart_upload": False}) as file:
        file.write(b"one request")
    assert s3.get_object(Bucket=BUCKET, Key="smart/once")["Body"].read() == b"one request"

    def torn():
        with smart_open.open(f"{place}/torn", "wb") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    error_of(torn, KeyboardInterrupt)
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="smart/torn")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


if __name__ == "__main__":
    main(globals())
