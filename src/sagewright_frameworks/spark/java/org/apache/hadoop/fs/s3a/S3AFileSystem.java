package org.apache.hadoop.fs.s3a;

/** The name by which scripts and Hadoop's own defaults ask for S3, where hadoop-aws is not there. */
public class S3AFileSystem extends sagewright.spark.S3FileSystem {
}
