"""The only room that imports BentoML: HTTP in, ranked answer out."""
