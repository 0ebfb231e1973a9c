"""Commands of the command line that have a file of their own; `components/__main__.py` lists them."""
