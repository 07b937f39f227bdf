"""Files: the store that holds them, a folder or a bucket of an S3 server."""
