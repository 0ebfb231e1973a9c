"""No address that is shown tells its user, its password or its query."""

import pytest

from components.core.addresses import masked, server_address


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


@pytest.mark.parametrize("text", ["http://localhost:9200", "https://shop.example", "http://[::1]:9200"])
def test_a_servers_address_is_taken_as_it_is(text):
    assert server_address(text) == text
    assert server_address(f"{text}/") == text


@pytest.mark.parametrize(
    "text",
    [
        "localhost:9200", "shop.example", "ftp://host", "http://", "http://host:port", "http://host:99999", "http://host/a",
        "http://host?a=b", "http://host#a", "http://[::1", "http://a b", "http://host\n", "http://u:secret@host", "",
    ],
)  # fmt: skip
def test_what_is_no_servers_address_is_refused_and_tells_no_password(text):
    with pytest.raises(ValueError, match=r"is no address|no user or password") as refused:
        server_address(text)
    assert "secret" not in str(refused.value)
