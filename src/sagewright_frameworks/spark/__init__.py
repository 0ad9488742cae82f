"""AWS's Spark container: ``smspark-submit`` on a real Spark, which is pyspark's, with S3 as a file system.

https://docs.aws.amazon.com/sagemaker/latest/dg/use-spark-processing-container.html
"""
