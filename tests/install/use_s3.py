"""Runs in an environment that holds the kernel's wheel and that of the S3 plugin.

Usage: ``python use_s3.py ENDPOINT KEY SECRET``
"""

import sys

import numpy as np

import deeplake

endpoint, key, secret = sys.argv[1:]
creds = {"endpoint_url": endpoint, "aws_access_key_id": key, "aws_secret_access_key": secret}
ds = deeplake.empty("s3://bucket/path/dataset", creds=creds)
ds.create_tensor("x")
ds.x.extend(np.arange(6).reshape(3, 2))
ds.commit("three rows")
ds = deeplake.load("s3://bucket/path/dataset@main", creds=creds)
assert ds.x.numpy().tolist() == [[0, 1], [2, 3], [4, 5]]

print("used", deeplake.__version__, deeplake.__file__)
