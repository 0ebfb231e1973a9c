"""Sequence models: trained with Keras, scored in numpy (docs/decisions/0003-numpy-inference.md)."""
