#!/usr/bin/env python3
"""Writes components/dataset/tests/vectors/csv.json: what pandas makes of small files.

    python3 -m venv venv && venv/bin/pip install pandas==1.5.3 numpy==1.26.4
    venv/bin/python scripts/vectors/read_csv.py

Python 3.11. Later versions of pandas count `None` as a missing value.
"""

import contextlib
import io
import json
import math
import pathlib
import warnings

import numpy
import pandas

TARGET = pathlib.Path(__file__).resolve().parents[2] / "components/dataset/tests/vectors/csv.json"



class Encoded:
    """Text in another encoding than UTF-8."""

    def __init__(self, text, encoding):
        self.bytes = text.encode(encoding)


CASES = [
    ("types", "i,f,b,t\n1,1.5,True,x\n-2,2e3,false,y z\n", {}),
    ("whole numbers", "a\n007\n+5\n -12 \n9223372036854775807\n-9223372036854775808\n", {}),
    ("whole numbers beside numbers", "a\n1\n2.5\n007\n", {}),
    ("spellings of numbers", "a\n1.\n.5\n1.e5\n1E+5\n1e-3\n-0.0\n+1.5\n\t2.5 \n", {}),
    ("infinities", "a,b,c\ninf,-inf,1\n+INFINITY,Infinity,iNf\n", {}),
    ("many digits", "a\n3.141592653589793238\n123456789.123456789\n0.1\n1e300\n", {}),
    ("no numbers", "a,b,c,d,e,f,g,h\n.,1e,--5,0x10,1_000,1 2,1d5,e5\n", {}),
    ("no numbers either", "a,b,c,d,e,f\nNAN,+nan,infin,- 5,-,+\n", {}),
    ("flags in any case", "a\nTRUE\nfalse\ntRue\nFalse\n", {}),
    ("flags with spaces are text", "a,b\n True,False\nFalse,False \n", {}),
    ("flags with missing values", "a\nTrue\nNA\nFalse\n", {}),
    ("flags beside numbers", "a,b,c\nTrue,1,x\n1,True,True\n", {}),
    ("whole numbers with missing values", "a,b\n1,\n,2\n3,3\n", {}),
    ("nothing but missing values", "a,b\nNA,\n,null\n", {}),
    ("default markers", "a,b\n#N/A,1\n#N/A N/A,2\n#NA,3\n-1.#IND,4\n-1.#QNAN,5\n-NaN,6\n-nan,7\n1.#IND,8\n1.#QNAN,9\n"
     "<NA>,10\nN/A,11\nNA,12\nNULL,13\nNaN,14\nn/a,15\nnan,16\nnull,17\n,18\n", {}),
    ("what is no marker", "a\nNone\nna\nNan\nnil\n-\n?\n", {}),
    ("markers with spaces are text", "a,b\n NA,1\nx,NA \n", {}),
    ("text with missing values", "a,b\nx,1\nNA,2\n,3\n007,4\n", {}),
    ("quoted markers and numbers", 'a,b\n"NA","1"\n"","2"\n"x","3"\n', {}),
    ("text keeps the spelling of numbers", "a\n007\n1.50\n+1\nTrue\nx\n", {}),
    ("numbers after text", "a\nx\n1\n2.50\n", {}),
    ("blank lines", "\na,b\n\n  \n \t\n1,2\n\n3,4\n\n", {}),
    ("a quoted empty field is a row", 'a\n""\n1\n', {}),
    ("a quoted space is a row", 'a\n" "\n1\n', {}),
    ("carriage returns", "a,b\r1,2\r3,4\r", {}),
    ("windows lines", "a,b\r\n1,2\r\n\r\n3,x\r\n", {}),
    ("mixed lines", "a,b\r\r\n1,2\n\r3,4", {}),
    ("byte order mark", "\ufeffa,b\n1,2\n", {}),
    ("byte order mark before a quote", '\ufeff"a",b\n1,2\n', {}),
    ("byte order mark before a skipped line", "\ufeffx\na,b\n1,2\n", {"skiprows": 1}),
    ("quotes", 'a,b\n"x,y",2\n"z""q",3\n"u\nv",4\n', {}),
    ("quotes within a field", 'a,b\nz"q",1\n x"y ,2\n "q",3\n', {}),
    ("text after a quote", 'a,b\n"x"y,2\n"1"2,3\n', {}),
    ("not only ascii", "größe,名\n1,é\n2,日本\n", {}),
    ("spaces in names and fields stay", "a, b\nx, 1\n y , 2\n", {}),
    ("repeated names", "x,x,x.1,x\n1,2,3,4\n", {}),
    ("names that look like repeated ones", "x.1,x,x,x.1\n1,2,3,4\n", {}),
    ("empty names", ",a,\n1,2,3\n", {}),
    ("empty names that are taken", "a,a,,Unnamed: 2\n1,2,3,4\n", {}),
    ("no header", "a,b\n1,2\n", {"header": None}),
    ("names", "a,b\n1,2\n", {"names": ["p", "q"]}),
    ("names instead of a header", "a,b\n1,2\n", {"names": ["p", "q"], "header": 0}),
    ("names and no header", "1,2\n3,4\n", {"names": ["p", "q"], "header": None}),
    ("header infer", "a,b\n1,2\n", {"header": "infer"}),
    ("header in a later row", "x,y,z\nx\na,b\n1,2\n", {"header": 2}),
    ("header after blank lines", "\nx,y\n\na,b\n\n1,2\n", {"header": 1}),
    ("header beyond the end", "a,b\n1,2\n", {"header": 5}),
    ("negative header", "a,b\n1,2\n", {"header": -1}),
    ("nrows", "a,b\n1,2\n3,4\nx,6\n", {"nrows": 2}),
    ("nrows beyond the end", "a,b\n1,2\n3,4\n", {"nrows": 20}),
    ("nrows null", "a,b\n1,2\n3,4\n", {"nrows": None}),
    ("nothing after nrows is looked at", "a,b\n1,2\n3,4,5\n", {"nrows": 1}),
    ("skiprows count", "x\ny,y,y\na,b\n1,2\n", {"skiprows": 2}),
    ("skiprows null and zero", "a,b\n1,2\n", {"skiprows": 0}),
    ("skiprows counts blank lines", "\n\nx\na,b\n1,2\n", {"skiprows": 3}),
    ("skiprows list", "a,b\n\n1,2\n3,4\n5,6\n", {"skiprows": [1, 2]}),
    ("skiprows list out of order", "x\na,b\n1,2\n3,4\n5,6\n", {"skiprows": [3, 0]}),
    ("skiprows list with the header", "a,b\n\n1,2\n3,4\n5,6\n", {"skiprows": [0]}),
    ("skiprows list beyond the end", "a,b\n1,2\n3,4\n", {"skiprows": [1, 70]}),
    ("skiprows with a quoted line break", '"l\n1"\na,b\n1,2\n', {"skiprows": 1}),
    ("skiprows with a stray quote", '5" x\na,b\n1,2\n', {"skiprows": 1}),
    ("skiprows beyond the end", "a,b\n1,2\n", {"skiprows": 5}),
    ("skiprows with names and nrows", "1,2\n3,4\n5,6\n7,8\n", {"skiprows": 1, "names": ["p", "q"], "nrows": 2}),
    ("usecols names keep the order of the file", "a,b,c\n4,5,6\n", {"usecols": ["c", "a"]}),
    ("usecols positions keep the order of the file", "a,b,c\n4,5,6\n", {"usecols": [2, 0]}),
    ("usecols without a header", "1,2,3\n4,5,6\n", {"usecols": [2, 0], "header": None}),
    ("usecols among repeated names", "a,a,c\n4,5,6\n", {"usecols": ["a.1"]}),
    ("usecols among given names", "4,5,6\n", {"usecols": ["z", "x"], "names": ["x", "y", "z"]}),
    ("names of the chosen positions", "1,2,3\n4,5,6\n", {"usecols": [2, 0], "names": ["p", "q"]}),
    ("names of the chosen positions instead of a header", "a,b,c\n4,5,6\n",
     {"usecols": [0, 2], "names": ["p", "q"], "header": 0}),
    ("usecols and unknown names", "a,b,c\n4,5,6\n", {"usecols": ["a", "z"]}),
    ("usecols and unknown positions", "a,b,c\n4,5,6\n", {"usecols": [0, 5]}),
    ("na_values text", "a,b\n?,1\nx,?\n", {"na_values": "?"}),
    ("na_values number", "a,b,c\n99,99,x\n1,1.5,99\n2,99.00,99.0\n", {"na_values": 99}),
    ("na_values list", "a,b\n?,1\n-,2\n-1,-1\n", {"na_values": ["?", "-", -1]}),
    ("na_values number with a fraction", "a,b\n1.5,1.5\n1.50,x\n2.5,1.50\n", {"na_values": 1.5}),
    ("na_values texts that are numbers", "a,b\n1e3,1000\n1000,2\n2.5,3\n", {"na_values": ["1e3"]}),
    ("na_values in a late column of numbers", "a\n99\n1\n99.00\n2.5\n9.9e1\n", {"na_values": "99"}),
    ("na_values map", "a,b\nx,x\ny,NA\n", {"na_values": {"a": ["x"]}}),
    ("na_values map without lists", "a,b\n0,0\n1,1\n", {"na_values": {"a": 0, "b": "1"}}),
    ("na_values that make whole numbers", "a\n?\n1\n2\n", {"na_values": ["?"]}),
    ("sep semicolon", "a;b\n1;2,5\n", {"sep": ";"}),
    ("sep tab", "a\tb c\n1\t\n", {"sep": "\t"}),
    ("delimiter", "a|b\n1|x\n", {"delimiter": "|"}),
    ("sep space", 'a b\n"x y" 2\n', {"sep": " "}),
    ("one column", "a\n1\n\n2", {}),
    ("unterminated quote", 'a,b\n"x,2\n3,4', {}),
    ("nothing", "", {}),
    ("nothing but blank lines", "\n \n", {}),
    ("too many fields", "a,b\n1,2\n1,2,3\n", {}),
    ("repeated given names", "1,2\n", {"names": ["x", "x"]}),

    # Separators.
    ("delimiter wins over nothing", "a;b\n1;2\n", {"delimiter": ";"}),
    ("sep of two characters", "a||b||c\n1||x||2.5\n", {"sep": r"\|\|"}),
    ("sep expression with spaces around", "a , b;c\n1 ,2 ; 3\n", {"sep": r"\s*[,;]\s*"}),
    ("sep expression leaves quotes alone", 'a::b\n"x"::1\n"y::z"::2\n', {"sep": "::", "on_bad_lines": "skip"}),
    ("sep expression and blank lines", "a--b\n\n1--2\n  \n3--4\n", {"sep": "--"}),
    ("sep expression trims lines", "  a--b\n 1--2  \n", {"sep": "--"}),
    ("sep expression with empty fields", "a,;b\n1,;2\n,;3\n", {"sep": ",;"}),
    ("sep expression and names", "1;;x\n2;;y\n", {"sep": ";;", "names": ["p", "q"]}),
    ("sep expression and usecols", "a;;b;;c\n1;;2;;3\n", {"sep": ";;", "usecols": ["a", "c"]}),
    ("sep white space", "a  b\t c\n1 2\t\t3\n", {"sep": r"\s+"}),
    ("sep white space at both ends", "  a b  \n 1   2 \n\n3 4\n", {"sep": r"\s+"}),
    ("sep white space and quotes", 'a b\n"x y" 1\n"z" 2\n', {"sep": r"\s+"}),
    ("sep white space and comments", "a b\n1 2#x\n#y\n3 4\n", {"sep": r"\s+", "comment": "#"}),
    ("sep white space and windows lines", "a b\r\n1 2 \r\n3 4\r\n", {"sep": r"\s+"}),
    ("sep white space and names", " 1 2\n 3 4\n", {"sep": r"\s+", "names": ["x", "y"]}),
    ("sep of a letter", "axb\n1x2\n", {"sep": "x"}),
    ("sep of a character beyond ascii", "a§b\n1§x\n", {"sep": "§"}),
    ("sep of a character beyond ascii and quotes", 'a§b\n"x§y"§2\n', {"sep": "§"}),
    ("sep space and spaces", "a b\n1  2\n", {"sep": " ", "names": ["x", "y", "z"], "header": 0, "usecols": [0, 1, 2]}),
    ("sep space at the start", "a b\n 1\n", {"sep": " "}),
    ("sep detected comma", "a,b\n1,2\n", {"sep": None}),
    ("sep detected semicolon", "a;b;c\n1;2;3\n", {"sep": None}),
    ("sep detected tab", "a b\tc\n1 x\t2\n", {"sep": None}),
    ("sep detected bar", "aa|b|c\n1|2|3\n", {"sep": None}),
    ("sep detected colon", "a:b\n1:2\n", {"sep": None}),
    ("sep detected beside quotes", '"a,x";"b";c\n1;2;3\n', {"sep": None}),
    ("sep detected after skipped lines", "x,y,z\na;b\n1;2\n", {"sep": None, "skiprows": 1}),
    ("sep detected after a comment", "#x,y\na;b\n1;2\n", {"sep": None, "comment": "#"}),

    # Header and names.
    ("header list of one", "a,b\n1,2\n", {"header": 0}),
    ("header row and blank lines", "\n\na,b\n1,2\n", {"header": 0}),
    ("header row with blank lines that count", "\na,b\n1,2\n", {"header": 1, "skip_blank_lines": False}),
    ("header with quotes", '"a ""x""","b,c"\n1,2\n', {}),
    ("header with a line break", '"a\nb",c\n1,2\n', {}),
    ("header of numbers", "1,2\n3,4\n", {}),
    ("header and skipped lines", "x\ny\na,b\n1,2\n", {"skiprows": [0], "header": 1}),
    ("header none and skiprows", "x,y,z\n1,2\n3,4\n", {"header": None, "skiprows": 1}),
    ("names and skipped header", "a,b\n1,2\n", {"names": ["x", "y"], "skiprows": 1}),
    ("names and a header further down", "x,y\na,b\n1,2\n", {"names": ["p", "q"], "header": 1}),
    ("names of numbers", "1,2\n", {"names": [0, 1]}),
    ("header names with spaces", " a ,b\n1,2\n", {"skipinitialspace": True}),

    # Columns.
    ("usecols one", "a,b,c\n1,2,3\n", {"usecols": ["b"]}),
    ("usecols and short rows", "a,b,c\n1,2\n3,4,5\n", {"usecols": ["a", "c"]}),
    ("usecols and dtype", "a,b,c\n1,2,3\n", {"usecols": ["a", "c"], "dtype": {"c": "float64"}}),
    ("usecols and na_values", "a,b,c\n1,2,9\n", {"usecols": [0, 2], "na_values": {"c": 9}}),
    ("usecols without the header row's blanks", "a,,c\n1,2,3\n", {"usecols": [0, 2]}),
    ("index_col position", "a,b,c\n1,2,3\n4,5,6\n", {"index_col": 0}),
    ("index_col position of another", "a,b,c\n1,2,3\n4,5,6\n", {"index_col": 1}),
    ("index_col name", "a,b,c\n1,2,3\n4,5,6\n", {"index_col": "b"}),
    ("index_col list", "a,b,c\n1,2,3\n4,5,6\n", {"index_col": ["c", "a"]}),
    ("index_col list of positions", "a,b,c\n1,2,3\n4,5,6\n", {"index_col": [0, 2]}),
    ("index_col and usecols", "a,b,c\n1,2,3\n4,5,6\n", {"index_col": 0, "usecols": [1, 2]}),
    ("index_col by name and usecols", "a,b,c\n1,2,3\n4,5,6\n", {"index_col": "c", "usecols": ["a", "c"]}),
    ("index_col without a header", "1,2,3\n4,5,6\n", {"index_col": 0, "header": None}),
    ("index_col and names", "1,2,3\n4,5,6\n", {"index_col": "y", "names": ["x", "y", "z"]}),
    ("index_col that has no name", "a,b\nx,1,2\ny,3,4\n", {"index_col": 0}),
    ("index_col that has no name in names", "x,1,2\ny,3,4\n", {"index_col": 0, "names": ["a", "b"]}),
    ("index_col false", "a,b\n1,2\n3,4\n", {"index_col": False}),
    ("index_col false and trailing separators", "a,b\n1,2,\n3,4,\n", {"index_col": False}),
    ("index_col false, trailing separators and names", "1,2,\n3,4,\n", {"index_col": False, "names": ["a", "b"]}),
    ("index_col unknown", "a,b\n1,2\n", {"index_col": "z"}),
    ("index_col out of range", "a,b\n1,2\n", {"index_col": 7}),
    ("index_col and dtype", "a,b\nx,2\ny,3\n", {"index_col": 0, "dtype": {"b": "float64"}}),

    # Rows.
    ("short rows", "a,b,c\n1,2,3\n4\n5,6\n", {}),
    ("short rows of text", "a,b\nx,y\nz\n", {}),
    ("short rows without a filter", "a,b\nx,y\nz\n", {"na_filter": False}),
    ("short rows without a header", "1,2,3\n4\n", {"header": None}),
    ("long rows", "a,b\n1,2\n3,4,5\n", {}),
    ("long rows skipped", "a,b\n1,2\n3,4,5\n6,7\n", {"on_bad_lines": "skip"}),
    ("long rows warned about", "a,b\n1,2\n3,4,5\n6,7\n", {"on_bad_lines": "warn"}),
    ("long rows and errors", "a,b\n1,2\n3,4,5\n6,7\n", {"on_bad_lines": "error"}),
    ("long rows that are empty", "a,b\n1,2\n3,4,\n", {}),
    ("long rows skipped with nrows", "a,b\n1,2\n3,4,5\n6,7\n8,9\n", {"on_bad_lines": "skip", "nrows": 2}),
    ("long rows skipped in quotes", 'a,b\n1,2\n"3,4",5,6\n"6,7",8\n', {"on_bad_lines": "skip"}),
    ("skipfooter", "a,b\n1,2\n3,4\nTotal: 2\n", {"skipfooter": 1}),
    ("skipfooter of two lines", "a,b\n1,2\n3,4\nx\ny,z,w,v\n", {"skipfooter": 2}),
    ("skipfooter counts blank lines", "a,b\n1,2\n3,4\n\nTotal\n", {"skipfooter": 2}),
    ("skipfooter with quoted line breaks", 'a,b\n1,2\n"x\ny",4\n', {"skipfooter": 1}),
    ("skipfooter and skiprows", "x\na,b\n1,2\n3,4\nend\n", {"skipfooter": 1, "skiprows": 1}),
    ("skipfooter zero", "a,b\n1,2\n", {"skipfooter": 0}),
    ("skipfooter and nrows", "a,b\n1,2\n3,4\n", {"skipfooter": 1, "nrows": 1}),
    ("blank lines that count", "a,b\n1,2\n\n3,4\n", {"skip_blank_lines": False}),
    ("blank lines that count in text", "a\nx\n\ny\n", {"skip_blank_lines": False}),
    ("white space that counts", "a,b\nx,2\n  \ny,4\n", {"skip_blank_lines": False}),
    ("a blank line at the end that counts", "a,b\n1,2\n\n", {"skip_blank_lines": False}),
    ("blank windows lines that count", "a,b\r\n1,2\r\n\r\n3,4\r\n", {"skip_blank_lines": False}),
    ("tabs alone are blank", "a,b\n\t\t\n1,2\n", {}),
    ("tabs alone are fields", "a\tb\n\t\nx\ty\n", {"sep": "\t"}),
    ("nrows and blank lines", "a\n\n1\n\n2\n3\n", {"nrows": 2}),
    ("nrows and quoted line breaks", 'a,b\n"x\ny",1\nz,2\nw,3\n', {"nrows": 2}),
    ("a header alone", "a,b\n", {}),
    ("a header alone after others", "x\n\na,b", {"header": 1}),
    ("a header alone with names", "a,b\n", {"names": ["p", "q"], "header": 0}),
    ("a header alone and columns", "a,b,c\n", {"usecols": ["c", "a"]}),
    ("a header alone and an unknown column", "a,b\n", {"usecols": ["c"]}),
    ("a header alone and an unknown date", "a,b\n", {"parse_dates": ["c"]}),
    ("a header alone and types", "a,b,c\n", {"dtype": {"a": "int64", "b": "bool", "c": "category"}}),
    ("a header alone and labels", "a,b\n", {"index_col": "a"}),
    ("a header alone and a footer", "a,b\nend\n", {"skipfooter": 1}),
    ("a header alone and nrows", "a,b\n", {"nrows": 0}),
    ("nrows changes the type", "a\n1\n2\nx\n", {"nrows": 2}),
    ("skiprows list and comments", "#c\na,b\n1,2\n3,4\n", {"skiprows": [2], "comment": "#"}),
    ("skiprows list with gaps", "a\n0\n1\n2\n3\n4\n5\n6\n", {"skiprows": [1, 3, 5, 7]}),
    ("skiprows and nrows", "a\n0\n1\n2\n3\n4\n", {"skiprows": [1, 3], "nrows": 2}),
    ("skiprows with quotes before", '"x\ny"\na\n1\n', {"skiprows": [0]}),

    # Missing values.
    ("no default markers", "a,b\n,x\nNA,y\n1,nan\n", {"keep_default_na": False}),
    ("no default markers among numbers", "a,b\n,1\n2,3\n", {"keep_default_na": False}),
    ("own markers alone", "a,b\n-,NA\n1,x\n", {"keep_default_na": False, "na_values": "-"}),
    ("own markers alone and numbers", "a,b\n-,1\n2,-\n", {"keep_default_na": False, "na_values": ["-"]}),
    ("own markers of one column alone", "a,b\n-,NA\nNA,-\n", {"keep_default_na": False, "na_values": {"a": ["-"]}}),
    ("the empty text as a marker", "a,b\n,x\n1,NA\n", {"keep_default_na": False, "na_values": [""]}),
    ("no filter", "a,b,c\n,NA,1\n2,x,3\n", {"na_filter": False}),
    ("no filter and markers", "a,b\n9,x\n2,?\n", {"na_filter": False, "na_values": ["?", 9]}),
    ("no filter and words", "a\nnan\n1.5\n", {"na_filter": False}),
    ("markers in one column", "a,b\n9,9\n1,1\n", {"na_values": {"a": 9}}),
    ("markers in two columns", "a,b\n9,8\n1,2\n", {"na_values": {"a": [9], "b": ["8"]}}),
    ("markers beside the default ones", "a\nx\nNA\n-\n", {"na_values": ["-"]}),
    ("markers with spaces", "a,b\n n/k,1\nn/k,2\n", {"na_values": [" n/k"]}),
    ("markers among flags", "a\nTrue\n?\nFalse\n", {"na_values": "?"}),
    ("negative markers", "a,b\n-999,-999.0\n1,2.5\n", {"na_values": -999}),
    ("markers that leave nothing", "a,b\n0,x\n0,y\n", {"na_values": 0}),

    # Types.
    ("dtype int64", "a,b\n1,2\n", {"dtype": {"a": "int64"}}),
    ("dtype int64 of text", "a\n1\nx\n", {"dtype": {"a": "int64"}}),
    ("dtype int64 of numbers", "a\n1\n2.5\n", {"dtype": {"a": "int64"}}),
    ("dtype int64 of missing values", "a\n1\nNA\n", {"dtype": {"a": "int64"}}),
    ("dtype Int64 of missing values", "a,b\n1,1\nNA,2\n", {"dtype": {"a": "Int64", "b": "Int64"}}),
    ("dtype Int64 of large numbers", "a\n9223372036854775807\n\n-9223372036854775808\n", {"dtype": "Int64"}),
    ("dtype int32", "a\n1\n-2\n", {"dtype": "int32"}),
    ("dtype int8", "a\n1\n-128\n", {"dtype": "int8"}),
    ("dtype float64", "a,b\n1,2\n3,\n", {"dtype": "float64"}),
    ("dtype float", "a\n1\n2\n", {"dtype": "float"}),
    ("dtype float64 of text", "a\n1\nx\n", {"dtype": "float64"}),
    ("dtype float32", "a\n0.1\n16777217\n", {"dtype": "float32"}),
    ("dtype bool", "a\nTrue\nFalse\n", {"dtype": "bool"}),
    ("dtype bool of text", "a\nTrue\nx\n", {"dtype": "bool"}),
    ("dtype bool of missing values", "a\nTrue\nNA\n", {"dtype": "bool"}),
    ("dtype boolean of missing values", "a\nTrue\nNA\nfalse\n", {"dtype": "boolean"}),
    ("dtype int64 of whole numbers with fractions", "a,b,c\n1.0,1e3,7\n2,-3.,.0\n", {"dtype": "int64"}),
    ("dtype int64 of a whole number with a decimal comma", "a;b\n1,0;2\n", {"sep": ";", "decimal": ",", "dtype": "int64"}),
    ("dtype int64 of fractions with missing values", "a\n1.0\nNA\n", {"dtype": "int64"}),
    ("dtype int64 of large numbers with an exponent", "a\n1e20\n", {"dtype": "int64"}),
    ("dtype int64 of small numbers with an exponent", "a\n1e-3\n", {"dtype": "int64"}),
    ("dtype int64 of infinities", "a\ninf\n", {"dtype": "int64"}),
    ("dtype int64 beyond 64 bits with a fraction", "a\n9223372036854775807.0\n", {"dtype": "int64"}),
    ("dtype int8 of fractions beyond its range", "a\n300.0\n", {"dtype": "int8"}),
    ("dtype uint8 of negative fractions", "a\n-1.0\n", {"dtype": "uint8"}),
    ("dtype Int64 of whole numbers with fractions", "a,b\n1.0,1e3\nNA,-0.0\n", {"dtype": "Int64"}),
    ("dtype Int64 of fractions", "a\n1.5\n2\n", {"dtype": "Int64"}),
    ("dtype Int64 and a marker with a fraction", "a\n9.0\n2.0\n", {"dtype": "Int64", "na_values": 9}),
    ("dtype bool of 0 and 1", 'a,b,c\n0,1,"1"\n1,1,"0"\n', {"dtype": "bool"}),
    ("dtype bool of spellings of 0 and 1", "a,b\n1.0, 1\n0.0,00\n1e0,+1\n-0,01\n", {"dtype": "bool"}),
    ("dtype bool of other numbers", "a\n2\n0\n", {"dtype": "bool"}),
    ("dtype bool of fractions", "a\n0.5\n0\n", {"dtype": "bool"}),
    ("dtype bool of words and numbers", "a\nTrue\n1\n", {"dtype": "bool"}),
    ("dtype bool of numbers and missing values", "a\n0\nNA\n", {"dtype": "bool"}),
    ("dtype bool of numbers that are words", "a\n1\n0\n",
     {"dtype": "bool", "true_values": ["1"], "false_values": ["0"]}),
    ("dtype boolean of 0 and 1", "a,b\n0,1.0\n1,0.0\nNA,1\n", {"dtype": "boolean"}),
    ("dtype boolean of words and numbers", "a\nTrue\n1\nfalse\n0.0\n", {"dtype": "boolean"}),
    ("dtype boolean of other spellings of 1", "a\n+1\n", {"dtype": "boolean"}),
    ("dtype boolean of other numbers", "a\n2\n", {"dtype": "boolean"}),
    ("dtype boolean and a marker that is a number", "a\n1\n0\n", {"dtype": "boolean", "na_values": [0]}),
    ("dtype bool and own words", "a\nyes\nno\n", {"dtype": "bool", "true_values": ["yes"], "false_values": ["no"]}),
    ("dtype str", "a,b\n007,1.50\nNA,True\n", {"dtype": "str"}),
    ("dtype object", "a,b\n007,1.50\n8,\n", {"dtype": "object"}),
    ("dtype string", "a\n007\n\nx\n", {"dtype": {"a": "string"}}),
    ("dtype str without a filter", "a\n007\nNA\n", {"dtype": "str", "na_filter": False}),
    ("dtype str in quotes", 'a\n"007"\n"x, y"\n', {"dtype": "str"}),
    ("dtype category", "a,b\nx,1\ny,2\nx,3\n", {"dtype": {"a": "category"}}),
    ("dtype category with missing values", "a,b\nx,1\nNA,2\nw,3\n", {"dtype": {"a": "category"}}),
    ("dtype by position", "a,b\n1,2\n", {"dtype": {1: "float64"}}),
    ("dtype of several columns", "a,b,c\n1,2,3\n", {"dtype": {"a": "str", "b": "float64"}}),
    ("dtype datetime64", "a\n2024-01-31\n", {"dtype": {"a": "datetime64[ns]"}}),
    ("dtype unknown", "a\n1\n", {"dtype": {"a": "nonsense"}}),
    ("dtype without a header", "1,2\n3,4\n", {"header": None, "dtype": {0: "float64", 1: "str"}}),
    ("dtype and names", "1,2\n3,4\n", {"names": ["x", "y"], "dtype": {"y": "str"}}),
    ("dtype float64 with thousands", 'a\n"1,234.5"\n"2"\n', {"dtype": "float64", "thousands": ","}),
    ("dtype int64 with thousands", 'a\n"1,234"\n"2"\n', {"dtype": "int64", "thousands": ","}),
    ("dtype int64 and own markers", "a\n1\n2\n", {"dtype": "int64", "na_values": 9}),

    # Flags.
    ("true_values and false_values", "a,b\nyes,1\nno,2\n", {"true_values": ["yes"], "false_values": ["no"]}),
    ("true_values beside built-in words", "a\nyes\nTrue\nfalse\n", {"true_values": ["yes"]}),
    ("true_values that do not suffice", "a\nyes\nno\n", {"true_values": ["yes"]}),
    ("true_values in another case", "a\nYES\nFalse\n", {"true_values": ["yes"]}),
    ("true_values and missing values", "a\nyes\nNA\nno\n", {"true_values": ["yes"], "false_values": ["no"]}),
    ("numbers are no flags", "a\n1\n0\n", {"true_values": ["1"], "false_values": ["0"]}),
    ("several true_values", "a\ny\nj\nn\n", {"true_values": ["y", "j"], "false_values": ["n"]}),

    # Numbers.
    ("decimal comma", "a;b\n1,5;2\n-0,25;3\n", {"sep": ";", "decimal": ","}),
    ("decimal comma and whole numbers", "a;b\n1;2,0\n", {"sep": ";", "decimal": ","}),
    ("decimal comma with an exponent", "a;b\n1,5e3;x\n2;y\n", {"sep": ";", "decimal": ","}),
    ("decimal comma leaves points as text", "a;b\n1.5;1\n2.5;2\n", {"sep": ";", "decimal": ","}),
    ("thousands comma", 'a,b\n"1,234",1\n"5,678,901",2\n', {"thousands": ","}),
    ("thousands in fractions", 'a\n"1,234.5"\n"12.25"\n', {"thousands": ","}),
    ("thousands point and decimal comma", "a;b\n1.234,5;1.000\n2,25;10\n", {"sep": ";", "thousands": ".", "decimal": ","}),
    ("thousands apostrophe", "a\n1'000\n2'000'000\n", {"thousands": "'"}),
    ("thousands space", "a,b\n1 000,x\n20,y\n", {"thousands": " "}),
    ("thousands underscore", "a\n1_000\n-2_000.5\n", {"thousands": "_"}),
    ("thousands of negative numbers", 'a\n"-1,234"\n"+5,678"\n', {"thousands": ","}),
    ("thousands in text", 'a\n"1,234"\n"x,y"\n', {"thousands": ","}),
    ("numbers with spaces", "a,b\n 1 , 2.5\n3 ,4 \n", {}),
    ("very small and large numbers", "a\n1e-310\n1.7976931348623157e308\n5e-324\n", {}),
    ("sixteen digits and more", "a\n0.1234567890123456\n12345.678901234567\n-0.0000123456789012\n", {}),

    # Comments.
    ("comment lines", "#x\na,b\n#y\n1,2\n", {"comment": "#"}),
    ("comments at the end of lines", "a,b#x\n1,2#y\n3,4 #z\n", {"comment": "#"}),
    ("comments after text", "a,b\nx,y #z\n", {"comment": "#"}),
    ("comments in quotes", 'a,b\n"x#y",1\nz,2\n', {"comment": "#"}),
    ("comments with quotes", 'a,b\n1,2#"x\n3,4\n', {"comment": "#"}),
    ("comments after a separator", "a,b\n1,#x\n3,4\n", {"comment": "#"}),
    ("comments and blank lines that count", "a,b\n#x\n1,2\n", {"comment": "#", "skip_blank_lines": False}),
    ("comments and skiprows", "#x\n#y\na,b\n1,2\n", {"comment": "#", "skiprows": 1}),
    ("comments and the header row", "#x\na,b\n#y\nc,d\n1,2\n", {"comment": "#", "header": 1}),
    ("comments with windows lines", "a,b\r\n#x\r\n1,2#y\r\n", {"comment": "#"}),
    ("comment percent", "a,b\n1,2%x\n", {"comment": "%"}),
    ("comments and short rows", "a,b,c\n1,2#,3\n4,5,6\n", {"comment": "#"}),

    # Quotes and escapes.
    ("quotechar apostrophe", "a,b\n'x,y',1\n'z''w',2\n", {"quotechar": "'"}),
    ("other quotes mean themselves", "a,b\n\"x\",1\n", {"quotechar": "'"}),
    ("quoting none", 'a,b\n"x",1\n"y,2\n', {"quoting": 3}),
    ("quoting all", 'a,b\n"1","x"\n', {"quoting": 1}),
    ("quoting minimal", 'a,b\n"1",x\n', {"quoting": 0}),
    ("quoting not numeric", '"a","b"\n1,"x"\n', {"quoting": 2}),
    ("quoting not numeric and missing values", '"a","b"\n1,""\n,2\n', {"quoting": 2}),
    ("doublequote false", 'a,b\n"x""y",1\n', {"doublequote": False}),
    ("doublequote false and escapechar", 'a,b\n"x\\"y",1\n', {"doublequote": False, "escapechar": "\\"}),
    ("escapechar before a separator", "a,b\nx\\,y,1\n", {"escapechar": "\\"}),
    ("escapechar before a quote", 'a,b\n"x\\"y",1\n', {"escapechar": "\\"}),
    ("escapechar before itself", "a,b\nx\\\\,1\n", {"escapechar": "\\"}),
    ("escapechar before a line end", "a,b\nx\\\ny,1\n", {"escapechar": "\\"}),
    ("escapechar before a letter", "a,b\nx\\ny,1\n", {"escapechar": "\\"}),
    ("escapechar without quotes", 'a,b\n\\"x,1\n', {"escapechar": "\\", "quoting": 3}),
    ("skipinitialspace", "a, b, c\n1,  2, x\n", {"skipinitialspace": True}),
    ("skipinitialspace and quotes", 'a, b\n1, "x, y"\n', {"skipinitialspace": True}),
    ("skipinitialspace keeps trailing spaces", "a, b\nx , y \n", {"skipinitialspace": True}),
    ("skipinitialspace and missing values", "a, b\n1, NA\n2, \n", {"skipinitialspace": True}),
    ("quotes in the middle", 'a,b\nx"y"z,1\n', {}),
    ("empty quotes", 'a,b\n"",1\nx,2\n', {}),
    ("quotes with windows lines", 'a,b\r\n"x\r\ny",1\r\n"z",2\r\n', {}),
    ("a separator in quotes", 'a;b\n"x;y";1\n', {"sep": ";"}),
    ("a quote that is never closed", 'a,b\n1,2\n3,"x\n4,5\n', {}),
    ("quotes everywhere", '"a","b"\n"1","2.5"\n"3","x"\n', {}),

    # Dates.
    ("parse_dates", "a,b\n2024-01-31,1\n1999-12-31,2\n", {"parse_dates": ["a"]}),
    ("parse_dates by position", "a,b\n1,2024-01-31\n", {"parse_dates": [1]}),
    ("parse_dates of times", "a\n2024-01-31 10:20:30\n2024-01-31T23:59:59.123456\n", {"parse_dates": ["a"]}),
    ("parse_dates of missing values", "a,b\n2024-01-31,1\n,2\nNA,3\n", {"parse_dates": ["a"]}),
    ("parse_dates with the month first", "a\n01/02/2024\n03/04/2024\n", {"parse_dates": ["a"]}),
    ("parse_dates with the day first", "a\n01/02/2024\n03/04/2024\n", {"parse_dates": ["a"], "dayfirst": True}),
    ("parse_dates with dots", "a\n31.01.2024\n15.02.2024\n", {"parse_dates": ["a"], "dayfirst": True}),
    ("parse_dates with names of months", "a\n3 Jan 2024\n15 February 2024\n", {"parse_dates": ["a"]}),
    ("parse_dates with the name of the month first", 'a\n"Jan 3, 2024"\n"March 15, 2024"\n', {"parse_dates": ["a"]}),
    ("parse_dates without marks", "a\n20240131\n19991231\n", {"parse_dates": ["a"]}),
    ("parse_dates with a half day", "a\n2024-01-31 10:20 PM\n2024-01-31 12:00 AM\n", {"parse_dates": ["a"]}),
    ("parse_dates in UTC", "a\n2024-01-31T10:00:00Z\n2024-02-01T00:00:00Z\n", {"parse_dates": ["a"]}),
    ("parse_dates of two columns", "a,b\n2024-01-31,2024-02-01\n", {"parse_dates": ["a", "b"]}),
    ("parse_dates false", "a\n2024-01-31\n", {"parse_dates": False}),
    ("parse_dates true", "a,b\n2024-01-31,1\n", {"parse_dates": True, "index_col": 0}),
    ("parse_dates unknown", "a\n2024-01-31\n", {"parse_dates": ["z"]}),
    ("parse_dates beside index_col", "a,b\nx,2024-01-31\n", {"parse_dates": ["b"], "index_col": "a"}),
    ("parse_dates before 1970", "a\n1969-12-31 23:59:59\n1900-02-28\n", {"parse_dates": ["a"]}),

    # Encodings.
    ("latin-1", Encoded("größe,b\né,1\n", "latin-1"), {"encoding": "latin-1"}),
    ("iso-8859-15", Encoded("a,b\n€,1\n", "iso-8859-15"), {"encoding": "iso-8859-15"}),
    ("cp1252", Encoded("a,b\n€uro,1\n", "cp1252"), {"encoding": "cp1252"}),
    ("cp1251", Encoded("a,b\nДа,1\n", "cp1251"), {"encoding": "cp1251"}),
    ("utf-16", Encoded("größe,b\n日本,1\n", "utf-16"), {"encoding": "utf-16"}),
    ("utf-16-le", Encoded("a,b\nx,1\n", "utf-16-le"), {"encoding": "utf-16-le"}),
    ("utf-16-be", Encoded("a,b\nx,1\n", "utf-16-be"), {"encoding": "utf-16-be"}),
    ("utf-8-sig", Encoded("a,b\nx,1\n", "utf-8-sig"), {"encoding": "utf-8-sig"}),
    ("shift_jis", Encoded("a,b\n日本,1\n", "shift_jis"), {"encoding": "shift_jis"}),
    ("gbk", Encoded("a,b\n中文,1\n", "gbk"), {"encoding": "gbk"}),
    ("koi8-r", Encoded("a,b\nДа,1\n", "koi8-r"), {"encoding": "koi8-r"}),
    ("ascii", "a,b\nx,1\n", {"encoding": "ascii"}),
    ("another encoding than named", Encoded("a\nü\n", "latin-1"), {"encoding": "utf-8"}),
    ("beyond ascii", "a\nü\n", {"encoding": "ascii"}),

    # What has no effect.
    ("low_memory", "a,b\n1,x\n", {"low_memory": False}),
    ("memory_map", "a,b\n1,x\n", {"memory_map": False}),
    ("engine c", "a,b\n1,x\n", {"engine": "c"}),
    ("engine python", "a,b\n1,x\n", {"engine": "python"}),

    # Several options together.
    ("European file", "Name;Preis;Datum\nÄpfel;1.234,50;31.01.2024\nBirnen;;01.02.2024\n",
     {"sep": ";", "decimal": ",", "thousands": ".", "parse_dates": ["Datum"], "dayfirst": True}),
    ("fixed columns with a comment", "# made by hand\n  x   y\n1.5  2\n3    NA\n", {"sep": r"\s+", "comment": "#"}),
    ("a report", "Report\n\nid,name,ok\n1,x,yes\n2,\"y, z\",no\n\nTotal,2\n",
     {"skiprows": 2, "skipfooter": 2, "true_values": ["yes"], "false_values": ["no"]}),
    ("names, usecols, dtype and markers", "1,x,-\n2,y,3\n",
     {"names": ["i", "t", "n"], "usecols": ["i", "n"], "dtype": {"i": "float64"}, "na_values": "-"}),
    ("quotes, comments and blank lines", 'a,b\n\n"x#1",2 # y\n# z\n"w\n",3\n', {"comment": "#"}),
    ("index, dates and nrows", "d,x,y\n2024-01-31,1,2\n2024-02-01,3,4\nbad,5\n",
     {"index_col": "x", "parse_dates": ["d"], "nrows": 2}),
    ("tab separated with literal quotes", 'a\tb\n5" pipe\t1\n"x\t2\n', {"sep": "\t", "quoting": 3}),
    ("semicolons, spaces and apostrophes", "a; b\n1; 'x; y'\n2; z\n",
     {"sep": ";", "quotechar": "'", "skipinitialspace": True}),
    ("markers, dtype and short rows", "a,b,c\n1,?,x\n2\n", {"na_values": "?", "dtype": {"b": "Int64"}}),
    ("header none, skiprows, footer", "x\n1,2\n3,4\ny\n", {"header": None, "skiprows": [0], "skipfooter": 1}),
]


def cell(value):
    if value is None or value is pandas.NA or value is pandas.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if isinstance(value, numpy.generic):
        return cell(value.item())
    if isinstance(value, pandas.Timestamp):
        fraction = f".{value.microsecond:06}".rstrip("0").rstrip(".")
        # Fractions are written in groups of three digits.
        fraction += "0" * (-(len(fraction) - 1) % 3) if fraction else ""
        return value.strftime("%Y-%m-%dT%H:%M:%S") + fraction + ("Z" if value.tzinfo else "")
    return value


def kind(series, present):
    dtype = series.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        return "category"
    if isinstance(dtype, pandas.DatetimeTZDtype):
        return "timestamp_utc"
    # A column without rows is one in which all is missing.
    if series.empty and dtype == object:
        return "float"
    names = {"i": "int", "u": "int", "f": "float", "b": "bool", "M": "timestamp"}
    if dtype.kind in names:
        return names[dtype.kind]
    # Flags with missing values among them are objects to pandas; so is a column of missing values that is text.
    return "bool" if present and all(isinstance(value, bool) for value in present) else "text"


def column(name, series):
    values = [cell(value) for value in series.tolist()]
    present = [value for value in values if value is not None]
    type = kind(series, present)
    if type in ("text", "category"):
        assert all(isinstance(value, str) for value in present), (name, present)
    return {"name": str(name), "type": type, "values": values}


def case(name, text, options):
    if isinstance(text, Encoded):
        result, content = {"name": name, "base16": text.bytes.hex()}, text.bytes
    else:
        result, content = {"name": name, "text": text}, text.encode()
    result["options"] = options
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            frame = pandas.read_csv(io.BytesIO(content), **options)
    except Exception as error:
        return result | {"error": str(error).strip()}
    # Labels of rows are no part of a table.
    assert frame.empty or isinstance(frame.index, pandas.RangeIndex) or "index_col" in options, name
    return result | {"columns": [column(name, frame[name]) for name in frame.columns]}


def main():
    assert len({name for name, _, _ in CASES}) == len(CASES)
    assert (pandas.__version__, numpy.__version__) == ("1.5.3", "1.26.4")
    cases = [case(*arguments) for arguments in CASES]
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in cases)
    TARGET.write_text(f'{{"pandas": "{pandas.__version__}", "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
