"""One peer of tests/benchmarks/preparation.py in a process of its own; prints its CPU seconds, wall and peak memory."""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from pathlib import Path

from tests.benchmarks.our_preparation import cpu_seconds, stages, warm_up

FOLDS = {"validation": "2017-10-20", "test": "2017-11-25"}  # cut-offs, as our split chooses them
ENDS = {"validation": "TIMESTAMP '2017-11-25'", "test": "TIMESTAMP '2100-01-01'"}
VOLUMES = ("COUPON/MISC ITEMS", "FUEL")
MEMORY_GB, THREADS = 2, 2
ITEM_TEXTS = ("title", "department", "category", "subcategory", "brand", "manufacturer_id", "package_size")
USER_TEXTS = (
    "age", "income", "home_ownership", "marital_status", "household_size", "household_composition", "kids_count",
)  # fmt: skip


def ours(root: Path, out: Path):
    """The steps clean and split, and the tables of featurize; also the report of clean and the guard of split."""
    from components.core import layout
    from components.data.engine import EngineConfig

    config = EngineConfig(memory_limit_gb=MEMORY_GB, threads=THREADS)
    warm_up(config)
    work = out / "project"
    (work / layout.VALIDATED).parent.mkdir(parents=True)
    (work / layout.VALIDATED).symlink_to(root / "validated")
    steps = stages(work, config)

    def run():
        for step in steps.values():
            step()

    def after():
        for folder in (layout.CLEAN, layout.SPLIT, layout.FEATURES):
            (work / folder).rename(out / folder.name)
        shutil.rmtree(work)

    return run, after


def sql(root: Path, out: Path, *, ordered: bool = False):
    """The same by hand: one connection, tables kept in memory, files as they come (or sorted, as ours are)."""
    import duckdb
    import numpy as np

    duckdb.sql("SELECT 1").fetchnumpy()
    con = duckdb.connect(config={"memory_limit": f"{MEMORY_GB}GiB", "threads": THREADS})
    con.execute("SET TimeZone = 'UTC'")
    for folder in ("clean", *(f"split/{f}" for f in FOLDS), *(f"features/{f}" for f in FOLDS)):
        (out / folder).mkdir(parents=True)

    def write(query, name):
        order = " ORDER BY ALL" if ordered else ""
        con.execute(f"COPY ({query}{order}) TO '{out / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")

    def run():
        _sql_clean(con, root, write)
        for fold, cutoff in FOLDS.items():
            con.execute(f"CREATE OR REPLACE TEMP TABLE h AS SELECT * FROM i WHERE timestamp < TIMESTAMP '{cutoff}'")
            write("SELECT * FROM h", f"split/{fold}/history")
            write(
                f"SELECT * FROM i WHERE timestamp >= TIMESTAMP '{cutoff}' AND timestamp < {ENDS[fold]}",
                f"split/{fold}/target",
            )
            np.savez(out / "split" / fold / "dataset.npz", **con.execute(SQL_DENSE).fetchnumpy())
            for kind, query in (("items", SQL_ITEMS), ("context", SQL_CONTEXT), ("users", SQL_USERS)):
                write(query.format(cutoff=f"TIMESTAMP '{cutoff}'"), f"features/{fold}/{kind}")

    return run, con.close


def _sql_clean(con, root: Path, write) -> None:
    """Copies, impossible events, guests, odd numbers and spaces, volumes, unlisted items, defaults; all counted."""

    def finite(name, default="NULL"):
        number = f"CASE WHEN isfinite({name}) AND {name} != 0 THEN {name} WHEN {name} = 0 THEN 0.0 END"
        return f"coalesce({number}, {default}) AS {name}"

    def texts(names):
        tidy = "coalesce(nullif(trim(regexp_replace({0}, '\\s+', ' ', 'g')), ''), 'unknown') AS {0}"
        return ", ".join(tidy.format(name) for name in names)

    lines = f"""SELECT user_id, item_id, event_type, timestamp, {finite("value")}, {finite("quantity", 1)},
        coalesce(nullif(trim(session_id), ''), user_id || '@' || epoch(timestamp)::BIGINT) AS session_id, store_id,
        {finite("discount", 0)}, {finite("coupon_discount", 0)}, NULL::VARCHAR AS request_id"""
    good = """trim(item_id) != '' AND timestamp IS NOT NULL AND trim(user_id) != ''
        AND event_type IN ('view', 'click', 'cart', 'purchase', 'rating')
        AND NOT (event_type = 'purchase' AND (quantity <= 0 OR value < 0))"""
    con.execute(f"CREATE TEMP TABLE given AS SELECT DISTINCT * FROM '{root}/validated/interactions.parquet'")
    for name in ("items", "users", "promotions"):
        con.execute(f"CREATE TEMP TABLE v_{name} AS SELECT DISTINCT * FROM '{root}/validated/{name}.parquet'")
    con.execute(f"""SELECT count(*), count(*) FILTER ({good}), count(*) FILTER (trim(user_id) = ''),
        count(*) FILTER (NOT isfinite(value)), count(*) FILTER (value IS NULL), count(*) FILTER (discount IS NULL),
        count(*) FILTER (trim(session_id) = ''), count(*) FILTER (quantity <= 0) FROM given""").fetchall()
    con.execute(f"CREATE TEMP TABLE v_interactions AS {lines} FROM given WHERE {good}")
    con.execute(f"""CREATE TEMP TABLE i AS SELECT * REPLACE (CASE WHEN quantity > 100 AND item_id IN (
        SELECT item_id FROM v_items WHERE category IN {VOLUMES}) THEN 1.0 ELSE quantity END AS quantity)
        FROM v_interactions""")
    con.execute(f"""CREATE TEMP TABLE items AS SELECT item_id, {texts(ITEM_TEXTS)}, NULL::VARCHAR AS description,
        NULL::DOUBLE AS price, NULL::DOUBLE AS stock, NULL::VARCHAR AS image, NULL::VARCHAR AS video,
        NULL::VARCHAR AS audio, NULL::VARCHAR AS attributes FROM (
        FROM v_items UNION ALL BY NAME SELECT DISTINCT item_id, 'Unlisted item ' || item_id AS title
        FROM v_interactions WHERE item_id NOT IN (SELECT item_id FROM v_items))""")
    con.execute(f"""CREATE TEMP TABLE promotions AS SELECT item_id, week_start, {finite("display_share")},
        {finite("mailer_share")} FROM v_promotions""")
    write("SELECT * FROM i", "clean/interactions")
    write("SELECT * FROM items", "clean/items")
    write("SELECT * FROM promotions", "clean/promotions")
    write(f"SELECT user_id, {texts(USER_TEXTS)}, NULL::VARCHAR AS attributes FROM v_users", "clean/users")


SQL_DENSE = """WITH popular AS (
    SELECT item_id FROM h GROUP BY item_id HAVING count(DISTINCT user_id) >= 10),
kept AS (SELECT user_id, item_id, epoch(timestamp)::BIGINT AS second FROM h SEMI JOIN popular USING (item_id)),
active AS (SELECT user_id FROM kept GROUP BY user_id HAVING count(DISTINCT item_id) >= 5),
dense AS (FROM kept SEMI JOIN active USING (user_id)),
users AS (SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS u FROM (SELECT DISTINCT user_id FROM dense)),
catalogue AS (SELECT item_id, row_number() OVER (ORDER BY item_id) - 1 AS n FROM (SELECT DISTINCT item_id FROM dense))
SELECT u::INTEGER AS u, n::INTEGER AS n, second FROM dense JOIN users USING (user_id) JOIN catalogue USING (item_id)
ORDER BY u, second, n"""
SQL_ITEMS = """WITH per_user AS (SELECT item_id, user_id, count(*) AS n FROM h GROUP BY ALL),
repeats AS (SELECT item_id, avg((n > 1)::INTEGER) AS repeat_rate FROM per_user GROUP BY item_id)
SELECT item_id, count(DISTINCT user_id)::DOUBLE AS users, count(*)::DOUBLE AS purchases,
  count(*) FILTER (timestamp >= {cutoff} - INTERVAL 28 DAY)::DOUBLE AS purchases_28d,
  avg(value / nullif(quantity, 0)) AS price,
  avg(value / nullif(quantity, 0)) FILTER (timestamp >= {cutoff} - INTERVAL 28 DAY) AS price_28d,
  sum(discount) / nullif(sum(value + discount), 0) AS discount_share,
  sum(discount) FILTER (timestamp >= {cutoff} - INTERVAL 28 DAY)
    / nullif(sum(value + discount) FILTER (timestamp >= {cutoff} - INTERVAL 28 DAY), 0) AS discount_share_28d,
  avg((coupon_discount > 0)::INTEGER) AS coupon_share,
  (epoch({cutoff}) - epoch(min(timestamp))) / 86400 AS age_days,
  (epoch({cutoff}) - epoch(max(timestamp))) / 86400 AS idle_days, any_value(repeat_rate) AS repeat_rate
FROM h LEFT JOIN repeats USING (item_id) GROUP BY item_id"""
SQL_CONTEXT = """WITH sums AS (SELECT item_id,
  count(*) FILTER (timestamp >= {cutoff} - INTERVAL 7 DAY)::DOUBLE AS purchases_7d,
  (count(*) FILTER (timestamp >= {cutoff} - INTERVAL 28 DAY) + 1.0) / (count(*) FILTER (
    timestamp < {cutoff} - INTERVAL 28 DAY AND timestamp >= {cutoff} - INTERVAL 56 DAY) + 1.0) AS trend,
  avg(value / nullif(quantity, 0)) FILTER (timestamp >= {cutoff} - INTERVAL 28 DAY)
    / nullif(avg(value / nullif(quantity, 0)), 0) AS price_change FROM h GROUP BY item_id),
now AS (SELECT item_id, max(display_share) AS d, max(mailer_share) AS m FROM promotions
  WHERE week_start = (SELECT max(week_start) FROM promotions WHERE week_start <= {cutoff}) GROUP BY item_id)
SELECT item_id, purchases_7d, trend, price_change, coalesce(d, 0) AS display_share, coalesce(m, 0) AS mailer_share
FROM sums LEFT JOIN now USING (item_id)"""
SQL_USERS = """WITH lines AS (
  SELECT h.*, (brand IN ('Private'))::INTEGER AS own FROM h LEFT JOIN items USING (item_id)),
sums AS (SELECT user_id, count(*)::DOUBLE AS user_lines, count(DISTINCT session_id)::DOUBLE AS user_baskets,
  count(DISTINCT session_id) FILTER (timestamp >= {cutoff} - INTERVAL 28 DAY)::DOUBLE AS user_baskets_28d,
  count(DISTINCT item_id)::DOUBLE AS user_items, sum(value) AS user_spend,
  avg(value / nullif(quantity, 0)) AS user_price,
  sum(discount) / nullif(sum(value + discount), 0) AS user_discount_share,
  avg((coupon_discount > 0)::INTEGER) AS user_coupon_share, avg(own) AS user_private_share,
  (epoch({cutoff}) - epoch(max(timestamp))) / 86400 AS user_idle_days FROM lines GROUP BY user_id)
SELECT *, user_spend / user_baskets AS user_spend_per_basket FROM sums"""


def pandas(root: Path, out: Path):
    """The same in pandas."""
    from tests.benchmarks import preparation_pandas

    for folder in ("clean", *(f"split/{f}" for f in FOLDS), *(f"features/{f}" for f in FOLDS)):
        (out / folder).mkdir(parents=True)
    return lambda: preparation_pandas.run(root, out, FOLDS, VOLUMES), lambda: None


def main(peer: str, root: Path) -> None:
    """Run one peer and print what it cost."""
    out = root / peer
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    peers = {"ours": ours, "sql": sql, "sql, sorted files": lambda r, o: sql(r, o, ordered=True), "pandas": pandas}
    run, after = peers[peer](root, out)
    cpu, wall = cpu_seconds(), time.time()
    run()
    cost = {"cpu": cpu_seconds() - cpu, "wall": time.time() - wall}
    after()
    cost["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(cost))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
