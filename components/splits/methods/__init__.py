"""One file per way of splitting; the file's name is the method's name in params.yaml."""
