"""What cannot be read is answered with what to declare, where its looks leave no doubt."""

import pytest

from components.data.hints import hint


@pytest.mark.parametrize(
    ("stood", "kind", "told"),
    [
        (["1,50", "12,5"], "number", 'numbers: {decimal: ","}'),
        (["1.234,50"], "number", 'numbers: {decimal: ",", thousands: "."}'),
        (["1,234.50"], "number", 'numbers: {thousands: ","}'),
        (["n/a"], "number", ""),
        (["01.02.2024 10:00"], "time written as iso", 'time: {format: "%d.%m.%Y %H:%M"}'),
        (["2024/1/2"], "time written as iso", 'time: {format: "%Y/%m/%d"}'),
        (["03/14/2024", "03/04/2024"], "time written as iso", 'time: {format: "%m/%d/%Y"}'),
        (["03/04/2024"], "time written as iso", 'time: {format: "%d/%m/%Y"} or time: {format: "%m/%d/%Y"}'),
        (["14/03/2024", "03/14/2024"], "time written as iso", ""),
        (["3/14/24 3:15 PM"], "time written as iso", 'time: {format: "%m/%d/%y %I:%M %p"}'),
        (["14.3.24 3:15"], "time written as iso", 'time: {format: "%d.%m.%y %H:%M"}'),
        (["14-03-24", "02-03-24"], "time written as iso", 'time: {format: "%d-%m-%y"}'),
        (["02/03/24"], "time written as iso", 'time: {format: "%d/%m/%y"} or time: {format: "%m/%d/%y"}'),
        (["Thu, 14 Mar 2024 15:15:00 GMT"], "time written as iso", 'time: {format: "%a, %d %b %Y %H:%M:%S %z"}'),
        (["2024-03-14 03:15:00pm"], "time written as iso", 'time: {format: "%Y-%m-%d %I:%M:%S%p"}'),
        (["2024年3月5日 10:00"], "time written as iso", 'time: {format: "%Y年%m月%d日 %H:%M"}'),
        (["2024/3/14 下午 3:15:00"], "time written as iso", 'time: {format: "%Y/%m/%d %p %I:%M:%S"}'),
        (["2024/3/14 上午9:15"], "time written as iso", 'time: {format: "%Y/%m/%d %p%I:%M"}'),
        (["20240314151500"], "time written as iso", 'time: {format: "%Y%m%d%H%M%S"}'),
        (["20240314T151500Z"], "time written as iso", 'time: {format: "%Y%m%dT%H%M%S%z"}'),
        (["２０２４-03-05 10:00"], "time written as iso", ""),
        (["45123.5", "45124"], "time written as iso", 'time: {format: "excel"}'),
        ([*["45123.5"] * 20, "soon"], "time written as iso", 'time: {format: "excel"}'),
        (["1700000000"], "time written as iso", 'time: {format: "unix_s"}'),
        (["1700000000", "1700000000000"], "time written as unix_s", 'time: {format: "unix_mixed"}'),
        (["yesterday", "1700000000"], "time written as iso", ""),
    ],
)
def test_a_hint_says_what_to_declare(stood, kind, told):
    assert hint(f"'{text}' is not a {kind}" for text in stood) == told
