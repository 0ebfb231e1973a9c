"""Column names of the canonical tables. No other file spells them."""

USER_ID = "user_id"
ITEM_ID = "item_id"
EVENT_TYPE = "event_type"
TIMESTAMP = "timestamp"  # UTC
VALUE = "value"  # money paid for the line
QUANTITY = "quantity"  # units; 1 for goods sold by volume (fuel)
SESSION_ID = "session_id"  # the basket
STORE_ID = "store_id"
DISCOUNT = "discount"  # money taken off the line by the shop, >= 0
COUPON_DISCOUNT = "coupon_discount"  # money taken off by coupons, >= 0

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
)

TITLE = "title"
DEPARTMENT = "department"  # category path, level 1
CATEGORY = "category"  # level 2
SUBCATEGORY = "subcategory"  # level 3
BRAND = "brand"
MANUFACTURER_ID = "manufacturer_id"
PACKAGE_SIZE = "package_size"

ITEMS = (
    ITEM_ID,
    TITLE,
    DEPARTMENT,
    CATEGORY,
    SUBCATEGORY,
    BRAND,
    MANUFACTURER_ID,
    PACKAGE_SIZE,
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
)

WEEK_START = "week_start"  # UTC midnight of the promotion week's first day
DISPLAY_SHARE = "display_share"  # share of the promoting stores that showed the item in a display
MAILER_SHARE = "mailer_share"  # share of the promoting stores that printed the item in the mailer
PROMOTIONS = (ITEM_ID, WEEK_START, DISPLAY_SHARE, MAILER_SHARE)

EVENT_ID = "event_id"
REQUEST_ID = "request_id"
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

# Result tables
RANK = "rank"  # starts at 1
MODEL = "model"
RANKER = "ranker"  # the whole recommender, where it stands beside the names of its models
