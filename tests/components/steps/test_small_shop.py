"""A shop whose products have no word in common: the steps from the features to the ranker's context still run."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import layout, schema
from components.features.knowledge_graph import KnowledgeGraphConfig
from components.ranking.context import load_context
from components.splits import store
from components.steps.featurize import FeaturizeConfig, featurize
from components.steps.reduce import ReduceConfig, reduce


@pytest.fixture
def wordless(shop):
    """The trained shop with texts that say nothing but the item's id, featurized again."""
    file = shop / layout.CLEAN / "items.parquet"
    items = pq.read_table(file)
    texts = [name for name in schema.ITEMS if name not in (schema.PRICE, schema.STOCK)]
    pq.write_table(pa.table(dict.fromkeys(texts, items[schema.ITEM_ID])), file)
    featurize(FeaturizeConfig(), shop, 1)
    return shop


def test_without_words_the_vectors_have_no_columns(wordless):
    result = reduce(ReduceConfig(), wordless, 1)
    assert result.metrics["test_columns"] == 0
    data = store.load_dataset(wordless / layout.SPLIT / layout.TEST_FOLD / store.DATASET)
    context = load_context(wordless, layout.TEST_FOLD, data)
    assert context.vectors.shape == (len(data.items), 0)


def test_the_ranker_sees_columns_of_items_and_of_the_moment(shop):
    data = store.load_dataset(shop / layout.SPLIT / layout.TEST_FOLD / store.DATASET)
    context = load_context(shop, layout.TEST_FOLD, data)
    assert {"price", "repeat_rate", "purchases_7d", "trend", "display_share"} <= set(context.item_names)
    assert context.item_numbers.shape == (len(data.items), len(context.item_names))
    assert len(set(context.item_names)) == len(context.item_names)


def test_the_knowledge_graphs_columns_stand_beside_the_texts_where_they_are_asked_for(shop):
    graph = KnowledgeGraphConfig(embedding_size=3, epochs=2)
    result = reduce(ReduceConfig(knowledge_graph=graph), shop, 1)
    data = store.load_dataset(shop / layout.SPLIT / layout.TEST_FOLD / store.DATASET)
    context = load_context(shop, layout.TEST_FOLD, data)
    assert context.vectors.shape[1] == result.metrics["test_columns"] + 3
    assert "3 more of the knowledge graph" in result.summary
