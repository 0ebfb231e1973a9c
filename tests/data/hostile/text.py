"""Hostile text: columns, quotes, encodings, line ends, long fields."""

from pathlib import Path

from components.data.landing import FileFormat, Limits
from tests.data.hostile.case import ACCEPTED, REFUSED, REJECTED, REMARKED, Case, file

LONG = "x" * 10_000
CHINESE = "用户,商品,标题\n1,2,牛奶巧克力\n2,3,绿茶礼盒装\n3,4,新鲜面包\n"
WESTERN = "user,item,title\n1,2,Crème brûlée\n2,3,Müsli\n3,4,Jalapeño\n"


def files(**contents: str):
    def make(folder: Path) -> None:
        for name, content in contents.items():
            (folder / f"{name}.csv").write_text(content, encoding="utf-8")

    return make


CASES = [
    Case("a column twice", "two columns of the header have one name", REFUSED,
         "column 'price' stands twice in the header", file("events.csv", "user,price,price\nu1,1,2\n")),
    Case("a column twice but for case", "'Price' and 'price', which engines do not tell apart", REFUSED,
         "column 'Price' and 'price' stands twice", file("events.csv", "user,Price,price\nu1,1,2\n")),
    Case("a nameless column", "the unnamed first column that pandas writes", REMARKED,
         "column 1 has no name and is called column_1", file("events.csv", ",user,item\n0,u1,i1\n"), rows=1),
    Case("one file lacks a column", "a later day without the column 'price', which no mapping reads", REMARKED,
         "b.csv: column 'price' is missing there and is empty in its rows",
         files(a="user,item,price\nu1,i1,2\n", b="user,item\nu2,i2\n"), rows=2),
    Case("one file has a further column", "a later day with a new column 'store'", REMARKED,
         "a.csv: column 'store' is missing there and is empty in its rows",
         files(a="user,item\nu1,i1\n", b="user,item,store\nu2,i2,s1\n"), rows=2),
    Case("columns in another order", "a later day with the same columns in another order", ACCEPTED, "",
         files(a="user,item\nu1,i1\n", b="item,user\ni2,u2\n"), rows=2),
    Case("ragged rows", "rows with a field too few and a field too many", REJECTED,
         "2 fields where the header has 3",
         file("events.csv", "user,item,price\nu1,i1,2\nu2,i2\nu3,i3,4,5\nu4,i4,5\n"), rows=2, rejected=2),
    Case("the last line is cut", "the export stopped inside a line", REJECTED,
         "1 fields where the header has 3", file("events.csv", "user,item,price\nu1,i1,2\nu2"), rows=1, rejected=1),
    Case("wrong delimiter declared", "params say semicolon, the file has commas", REFUSED,
         "comma cuts its lines alike, declare `delimiter: ','`",
         file("events.csv", "user,item,price\nu1,i1,2\n"), format=FileFormat(delimiter=";")),
    Case("delimiter in doubt", "comma and semicolon cut all lines equally well", REFUSED,
         "comma and semicolon cut its first lines equally well", file("events.csv", "a,b;c\n1,2;3\n4,5;6\n")),
    Case("every row ragged", "no row is as wide as the header", REFUSED,
         "every line of events.csv is rejected (2: 3 fields where the header has 2)",
         file("events.csv", "user,item\nu1,i1,2\nu2,i2,3\n")),
    Case("quotes and newlines inside fields", "fields with delimiters, doubled quotes and line ends", ACCEPTED, "",
         file("events.csv", 'user,item,note\nu1,i1,"two\nlines, and ""quotes"""\r\nu2,i2,"a;b"\n'), rows=2),
    Case("a quote inside a plain field", 'a 5" screen, as shops write inches', ACCEPTED, "",
         file("events.csv", 'user,item,title\nu1,i1,5" screen\nu2,i2,tea\n'), rows=2),
    Case("a quote that is never closed", "everything after it would be one field", REJECTED,
         "a quote is opened and never closed",
         file("events.csv", 'user,item,note\nu1,i1,fine\nu2,i2,"open\nu3,i3,fine\nu4,i4,fine\n'), rows=3, rejected=1),
    Case("text after a closing quote", 'a field "ab"c', REJECTED, "text after a closing quote",
         file("events.csv", 'user,item,note\nu1,i1,"ab"c\nu2,i2,fine\n'), rows=1, rejected=1),
    Case("NUL bytes", "a NUL byte inside a field", REJECTED, "a NUL byte inside the line",
         file("events.csv", b"user,item\nu1,i1\nu\x002,i2\nu3,i3\n"), rows=2, rejected=1),
    Case("byte order mark", "UTF-8 with its mark, as Excel exports", ACCEPTED, "",
         file("events.csv", b"\xef\xbb\xbfuser,item\nu1,i1\n"), rows=1),
    Case("UTF-16 with its mark", "what Excel calls Unicode text", ACCEPTED, "",
         file("events.csv", "user\titem\tüber\nu1\ti1\té\n".encode("utf-16")), rows=1),
    Case("UTF-16 without its mark", "every second byte is NUL", REFUSED,
         "looks like UTF-16 without its mark; declare `encoding: utf-16-le`",
         file("events.csv", "user,item\nu1,i1\nu2,i2\n".encode("utf-16-le"))),
    Case("UTF-16 cut short", "half a character at the end", REFUSED,
         "events.csv: is not utf-16", file("events.csv", "user,item\nu1,i1\n".encode("utf-16")[:-1])),
    Case("mark and declaration differ", "UTF-8 by its mark, declared as gb18030", REFUSED,
         "its byte order mark says utf-8, `encoding` says gb18030",
         file("events.csv", b"\xef\xbb\xbfuser,item\nu1,i1\n"), format=FileFormat(encoding="gb18030")),
    Case("GBK, undeclared", "a Chinese export that is not UTF-8", REMARKED,
         "taken as gb18030", file("events.csv", CHINESE.encode("gbk")), rows=3),
    Case("GBK, declared", "the same, with `encoding: gbk`", ACCEPTED, "",
         file("events.csv", CHINESE.encode("gbk")), rows=3, format=FileFormat(encoding="gbk")),
    Case("Windows-1252, undeclared", "a Western export that is not UTF-8", REMARKED,
         "taken as cp1252", file("events.csv", WESTERN.encode("cp1252")), rows=3),
    Case("encoding in doubt", "bytes that neither read as Chinese nor as Western text", REFUSED,
         "its bytes do not tell what else; declare its `encoding`",
         file("events.csv", b"user,item\n\xff\xfe\x81,\x8d\xff\xff\n\xc4\xe3,\xe9a\n")),
    Case("wrong encoding declared", "Western text declared as UTF-8: its rows beyond ASCII", REJECTED,
         "bytes that are not utf-8", file("events.csv", WESTERN.encode("cp1252") + b"4,5,tea\n"),
         rows=1, rejected=3, format=FileFormat(encoding="utf-8")),
    Case("mixed encodings", "most lines are UTF-8, one is GBK, one Windows-1252", REJECTED,
         "bytes that are not utf-8",
         file("events.csv", CHINESE.encode() + "4,5,奶酪\n".encode("gbk") + "5,6,café\n".encode("cp1252")),
         rows=3, rejected=2),
    Case("carriage returns only", "line ends of an old Mac", REFUSED,
         "its lines end in carriage returns only", file("events.csv", "user,item\ru1,i1\ru2,i2\r")),
    Case("a carriage return inside a field", "which some readers take for a line end", REJECTED,
         "a carriage return inside a field", file("events.csv", "user,item\nu1,a\rb\nu2,i2\n"), rows=1, rejected=1),
    Case("long ids and fields", "ids and titles of 10,000 characters", ACCEPTED, "",
         file("events.csv", f"user,item,title\nu{LONG},i{LONG},{LONG}\n"), rows=1),
    Case("a line beyond the limit", "a line longer than limits.max_record_mb", REJECTED,
         "a line of 1,500,004 bytes, more than limits.max_record_mb",
         file("events.csv", "user,item\nu1,i1\nu2," + "x" * 1_500_000 + "\nu3,i3\n"), rows=2, rejected=1,
         limits=Limits(max_record_mb=1)),
    Case("more columns than allowed", "a header of 5,000 columns", REFUSED,
         "5,000 columns, more than limits.max_columns",
         file("events.csv", ",".join(f"c{i}" for i in range(5000)) + "\n" + "1," * 4999 + "1\n")),
    Case("a column called source_file", "a name that landing uses itself", REFUSED,
         "has a name that landing uses itself; rename it", file("events.csv", "user,source_file\nu1,x\n")),
    Case("control characters in the header", "a column name with an escape sequence", REFUSED,
         "holds control characters; repair the header", file("events.csv", "user,\x1b[31mitem\nu1,i1\n")),
    Case("ids as written", "leading zeros, blanks, emoji, combining characters", ACCEPTED, "",
         file("events.csv", "user,item\n007, 12 \n🛒 x,e\u0301\n"), rows=2),
    Case("SQL-like strings", "'; DROP TABLE in values, column names and the name of the file", ACCEPTED, "",
         file("x'; DROP TABLE events; --.csv", "user,\"item'); DROP TABLE items; --\"\n1' OR '1'='1,i1\n"), rows=1),
    Case("formula-like strings", "=, +, - and @ at the start of a field, as spreadsheets run", ACCEPTED, "",
         file("events.csv", "user,item,title\n=1+1,@SUM(A1),\"=HYPERLINK(\"\"http://x\"\")\"\n-2,+3,\t=A1\n"), rows=2),
    Case("a user without items", "a sequence of no items", REJECTED, "a user without items",
         file("events.sequences", "u1 i1 i2\nu2\n\nu3 i1\n"), rows=3, rejected=1),
]  # fmt: skip
