"""Engines behind the port `SearchEngine`: tantivy in the process, Elasticsearch or OpenSearch over HTTP."""
