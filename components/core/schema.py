"""Names and types of the canonical tables and their columns. No other file spells them.

A table has required columns, which every source gives, and optional ones, which a source gives where the shop has them.
The clean step adds what was not given, so that later steps find every column. A source may also say where a row came
from (`TRACE`): validate keeps that with a rejected row, clean drops it.
"""

USER_ID = "user_id"
ITEM_ID = "item_id"
EVENT_TYPE = "event_type"
TIMESTAMP = "timestamp"  # UTC
VALUE = "value"  # money paid for the line, in the shop's currency; the rating of a rating event
QUANTITY = "quantity"  # units; 1 for goods sold by volume (fuel)
SESSION_ID = "session_id"  # the basket
STORE_ID = "store_id"
DISCOUNT = "discount"  # money taken off the line by the shop, >= 0
COUPON_DISCOUNT = "coupon_discount"  # money taken off by coupons, >= 0
REQUEST_ID = "request_id"  # the answer of the service that led to the event

VIEW, CLICK, CART, PURCHASE, RATING = "view", "click", "cart", "purchase", "rating"
CANCELLATION = "cancellation"  # undoes a purchase; clean matches the two and keeps neither
EVENT_TYPES = (VIEW, CLICK, CART, PURCHASE, RATING, CANCELLATION)

INTERACTIONS = (
    USER_ID,
    ITEM_ID,
    EVENT_TYPE,
    TIMESTAMP,
    VALUE,
    QUANTITY,
    SESSION_ID,
    STORE_ID,
    DISCOUNT,
    COUPON_DISCOUNT,
    REQUEST_ID,
)

UNKNOWN_TEXT = "unknown"  # what the clean step writes where a word that names a group is missing
TITLE_BEFORE_ID = "Item "  # and, before the item's id, where a title is
TITLE = "title"
DEPARTMENT = "department"  # category path, level 1
CATEGORY = "category"  # level 2
SUBCATEGORY = "subcategory"  # level 3
BRAND = "brand"
MANUFACTURER_ID = "manufacturer_id"
PACKAGE_SIZE = "package_size"
DESCRIPTION = "description"
PRICE = "price"  # list price of one unit
STOCK = "stock"  # units at hand
IMAGE, VIDEO, AUDIO = "image", "video", "audio"  # paths below data/
ATTRIBUTES = "attributes"  # JSON object of whatever else the shop knows: keys sorted, values text

ITEMS = (
    ITEM_ID,
    TITLE,
    DEPARTMENT,
    CATEGORY,
    SUBCATEGORY,
    BRAND,
    MANUFACTURER_ID,
    PACKAGE_SIZE,
    DESCRIPTION,
    PRICE,
    STOCK,
    IMAGE,
    VIDEO,
    AUDIO,
    ATTRIBUTES,
)

USERS = (
    USER_ID,
    "age",
    "income",
    "home_ownership",
    "marital_status",
    "household_size",
    "household_composition",
    "kids_count",
    ATTRIBUTES,
)

WEEK_START = "week_start"  # UTC midnight of the promotion week's first day
DISPLAY_SHARE = "display_share"  # share of the promoting stores that showed the item in a display
MAILER_SHARE = "mailer_share"  # share of the promoting stores that printed the item in the mailer
PROMOTIONS = (ITEM_ID, WEEK_START, DISPLAY_SHARE, MAILER_SHARE)

QUERY_ID = "query_id"
TEXT = "text"
RELEVANCE = "relevance"  # grade of a judgment, 0 is irrelevant
QUERIES = (QUERY_ID, TEXT, ITEM_ID, RELEVANCE)

EVENT_ID = "event_id"
POSITION = "position"  # starts at 1
SCORE = "score"
PROPENSITY = "propensity"
RELEASE = "release"
EXPERIMENT = "experiment"
VARIANT = "variant"
EXPOSURES = (
    REQUEST_ID,
    USER_ID,
    ITEM_ID,
    POSITION,
    SCORE,
    PROPENSITY,
    RELEASE,
    EXPERIMENT,
    VARIANT,
    TIMESTAMP,
)

INTERACTIONS_TABLE = "interactions"
ITEMS_TABLE = "items"
USERS_TABLE = "users"
PROMOTIONS_TABLE = "promotions"
QUERIES_TABLE = "queries"
EXPOSURES_TABLE = "exposures"
COLUMNS = {
    INTERACTIONS_TABLE: INTERACTIONS,
    ITEMS_TABLE: ITEMS,
    USERS_TABLE: USERS,
    PROMOTIONS_TABLE: PROMOTIONS,
    QUERIES_TABLE: QUERIES,
    EXPOSURES_TABLE: EXPOSURES,
}
# A user_id may be null where a session_id is there: a guest.
REQUIRED = {
    INTERACTIONS_TABLE: (USER_ID, ITEM_ID, EVENT_TYPE, TIMESTAMP),
    ITEMS_TABLE: (ITEM_ID,),
    USERS_TABLE: (USER_ID,),
    PROMOTIONS_TABLE: PROMOTIONS,
    QUERIES_TABLE: QUERIES,
    EXPOSURES_TABLE: (REQUEST_ID, ITEM_ID, POSITION, PROPENSITY, TIMESTAMP),
}
# Ibis' spelling; every other column is text.
TYPES = (
    dict.fromkeys((TIMESTAMP, WEEK_START), "timestamp(6)")
    | dict.fromkeys((VALUE, QUANTITY, DISCOUNT, COUPON_DISCOUNT, PRICE, STOCK), "float64")
    | dict.fromkeys((DISPLAY_SHARE, MAILER_SHARE, SCORE, PROPENSITY, RELEVANCE), "float64")
    | {POSITION: "int64"}
)

# Where a canonical row came from: the file below data/, its line or record there (from 1), what could not be
# read, and which rules of the mapping changed what was read (components/data/mapping/changes.py).
SOURCE_FILE, SOURCE_ROW, PROBLEM, CHANGED = "source_file", "source_row", "problem", "changed"
TRACE = (SOURCE_FILE, SOURCE_ROW, PROBLEM, CHANGED)


def column_type(name: str) -> str:
    """Ibis' name of a canonical column's type."""
    return TYPES.get(name, "string")


# Result tables
RANK = "rank"  # starts at 1
MODEL = "model"
RANKER = "ranker"  # the whole recommender, where it stands beside the names of its models
