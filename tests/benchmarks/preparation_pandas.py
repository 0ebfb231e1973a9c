"""The preparation of tests/benchmarks/preparation.py in pandas, as one would write it by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

UNKNOWN = "unknown"


def run(root: Path, out: Path, folds: dict[str, str], volumes: tuple[str, ...]) -> None:
    """Clean, split, index and aggregate; the files are those of the other peers."""
    lines, items, promotions = _clean(root / "validated", out / "clean", volumes)
    ends = [*(pd.Timestamp(c) for c in list(folds.values())[1:]), pd.Timestamp.max]
    for (fold, at), end in zip(folds.items(), ends, strict=True):
        cutoff = pd.Timestamp(at)
        past = lines[lines.timestamp < cutoff]
        past.to_parquet(out / "split" / fold / "history.parquet", compression="zstd", index=False)
        target = lines[(lines.timestamp >= cutoff) & (lines.timestamp < end)]
        target.to_parquet(out / "split" / fold / "target.parquet", compression="zstd", index=False)
        np.savez(out / "split" / fold / "dataset.npz", **_dense(past))
        features = {
            "items": _items(past, cutoff),
            "context": _context(past, promotions, cutoff),
            "users": _users(past, items, cutoff),
        }
        for name, table in features.items():
            table.to_parquet(out / "features" / fold / f"{name}.parquet", compression="zstd", index=False)


def _clean(source: Path, out: Path, volumes: tuple[str, ...]):
    names = ("interactions", "items", "users", "promotions")
    lines, items, users, promotions = (pd.read_parquet(source / f"{n}.parquet").drop_duplicates() for n in names)
    lines, promotions = _finite(lines), _finite(promotions)
    paid = lines.event_type == "purchase"
    known = lines.event_type.isin(["view", "click", "cart", "purchase", "rating"])
    somebody, something = lines.user_id.str.strip() != "", lines.item_id.str.strip() != ""
    impossible = paid & ((lines.quantity <= 0) | (lines.value < 0))
    lines = lines[something & lines.timestamp.notna() & somebody & known & ~impossible].assign(request_id=None)
    lines = lines.fillna({"quantity": 1.0, "discount": 0.0, "coupon_discount": 0.0})
    by_volume = items.item_id[items.category.isin(volumes)]
    lines.loc[(lines.quantity > 100) & lines.item_id.isin(by_volume), "quantity"] = 1.0
    unlisted = np.setdiff1d(lines.item_id.unique(), items.item_id)
    items = pd.concat([items, pd.DataFrame({"item_id": unlisted, "title": "Unlisted item " + unlisted})])
    items = _filled(items).assign(description=None, price=np.nan, stock=np.nan, image=None, video=None, audio=None)
    items, users = items.assign(attributes=None), _filled(users).assign(attributes=None)
    for name, table in zip(names, (lines, items, users, promotions), strict=True):
        table.to_parquet(out / f"{name}.parquet", compression="zstd", index=False)
    return lines, items, promotions


def _finite(table: pd.DataFrame) -> pd.DataFrame:
    numbers = table.select_dtypes("float64")
    return table.assign(**{c: numbers[c].where(np.isfinite(numbers[c])) + 0.0 for c in numbers})


def _filled(table: pd.DataFrame) -> pd.DataFrame:
    texts = {
        c: table[c].str.replace(r"\s+", " ", regex=True).str.strip().replace("", None).fillna(UNKNOWN)
        for c in table.columns[1:]
    }
    return table.assign(**texts)


def _dense(past: pd.DataFrame) -> dict[str, np.ndarray]:
    kept = past[past.groupby("item_id").user_id.transform("nunique") >= 10]
    kept = kept[kept.groupby("user_id").item_id.transform("nunique") >= 5]
    users, items = (kept[c].astype("category").cat.codes.to_numpy() for c in ("user_id", "item_id"))
    at = kept.timestamp.astype("int64").to_numpy()
    order = np.lexsort((items, at, users))
    return {"u": users[order], "n": items[order], "at": at[order]}


def _priced(past: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    recent = past.timestamp >= cutoff - pd.Timedelta(days=28)
    price = past.value / past.quantity.replace(0, np.nan)
    return past.assign(
        recent=recent,
        price=price,
        price_28d=price.where(recent),
        gross=past.value + past.discount,
        discount_28d=past.discount.where(recent),
        gross_28d=(past.value + past.discount).where(recent),
        coupon=past.coupon_discount > 0,
    )


def _items(past: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    groups = _priced(past, cutoff).groupby("item_id")
    sums = groups.agg(
        users=("user_id", "nunique"),
        purchases=("user_id", "size"),
        purchases_28d=("recent", "sum"),
        price=("price", "mean"),
        price_28d=("price_28d", "mean"),
        coupon_share=("coupon", "mean"),
        first=("timestamp", "min"),
        last=("timestamp", "max"),
        discount=("discount", "sum"),
        gross=("gross", "sum"),
    )
    recent = groups[["discount_28d", "gross_28d"]].sum(min_count=1)
    per_user = past.groupby(["item_id", "user_id"]).size()
    sums["discount_share"] = sums.discount / sums.gross.replace(0, np.nan)
    sums["discount_share_28d"] = recent.discount_28d / recent.gross_28d.replace(0, np.nan)
    sums["age_days"] = (cutoff - sums["first"]).dt.total_seconds() / 86_400
    sums["idle_days"] = (cutoff - sums["last"]).dt.total_seconds() / 86_400
    sums["repeat_rate"] = (per_user > 1).groupby("item_id").mean()
    return _numbers(sums.drop(columns=["first", "last", "discount", "gross"]))


def _context(past: pd.DataFrame, promotions: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    lines = _priced(past, cutoff)
    lines["week"] = past.timestamp >= cutoff - pd.Timedelta(days=7)
    lines["before"] = ~lines.recent & (past.timestamp >= cutoff - pd.Timedelta(days=56))
    sums = lines.groupby("item_id").agg(
        purchases_7d=("week", "sum"),
        recent=("recent", "sum"),
        before=("before", "sum"),
        price=("price", "mean"),
        price_28d=("price_28d", "mean"),
    )
    sums["trend"] = (sums.recent + 1.0) / (sums.before + 1.0)
    sums["price_change"] = sums.price_28d / sums.price.replace(0, np.nan)
    begun = promotions[promotions.week_start <= cutoff]
    now = begun[begun.week_start == begun.week_start.max()].groupby("item_id")[["display_share", "mailer_share"]].max()
    joined = sums[["purchases_7d", "trend", "price_change"]].join(now)
    return _numbers(joined.fillna({"display_share": 0.0, "mailer_share": 0.0}))


def _users(past: pd.DataFrame, items: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    lines = _priced(past, cutoff).merge(items[["item_id", "brand"]], on="item_id", how="left")
    lines["own"] = (lines.brand == "Private").where(lines.brand.notna())
    lines["session_28d"] = lines.session_id.where(lines.recent)
    sums = lines.groupby("user_id").agg(
        user_lines=("item_id", "size"),
        user_baskets=("session_id", "nunique"),
        user_baskets_28d=("session_28d", "nunique"),
        user_items=("item_id", "nunique"),
        user_spend=("value", "sum"),
        user_price=("price", "mean"),
        user_coupon_share=("coupon", "mean"),
        user_private_share=("own", "mean"),
        last=("timestamp", "max"),
        discount=("discount", "sum"),
        gross=("gross", "sum"),
    )
    sums["user_discount_share"] = sums.discount / sums.gross.replace(0, np.nan)
    sums["user_idle_days"] = (cutoff - sums["last"]).dt.total_seconds() / 86_400
    sums["user_spend_per_basket"] = sums.user_spend / sums.user_baskets
    return _numbers(sums.drop(columns=["last", "discount", "gross"]))


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype("float64").reset_index()
