"""The steps of the loop: files in → files out. `table.py` lists them; each file here is one of them."""
