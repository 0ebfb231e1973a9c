"""The concepts every other room shares: schema, vocabulary, dataset, ranking, bundle, config, errors."""
