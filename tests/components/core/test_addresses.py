"""No address that is shown tells its user, its password or its query."""

import pytest

from components.core.addresses import masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://shop:secret@mlflow:5000", "http://…@mlflow:5000"),
        ("http://shop:sec@ret@mlflow:5000/a", "http://…@mlflow:5000/a"),
        ("at postgresql+psycopg://u:p@h/db?sslmode=x&password=p: away", "at postgresql+psycopg://…@h/db away"),
        ("sqlite:////srv/shop/mlflow.db", "sqlite:////srv/shop/mlflow.db"),
        (
            "http://mlflow:5000 did not answer, ask ann@shop.example",
            "http://mlflow:5000 did not answer, ask ann@shop.example",
        ),
    ],
)
def test_an_address_is_shown_without_user_password_and_query(text, shown):
    assert masked(text) == shown
