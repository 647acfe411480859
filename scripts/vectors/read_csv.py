#!/usr/bin/env python3
"""Writes components/dataset/tests/vectors/csv.json: what pandas makes of small files.

    python3 -m venv venv && venv/bin/pip install pandas==1.5.3 numpy==1.26.4
    venv/bin/python scripts/vectors/read_csv.py

Python 3.11. Later versions of pandas count `None` as a missing value.
"""

import io
import json
import math
import pathlib

import numpy
import pandas

TARGET = pathlib.Path(__file__).resolve().parents[2] / "components/dataset/tests/vectors/csv.json"

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
]


def cell(value):
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


def column(name, series):
    values = [cell(value) for value in series.tolist()]
    present = [value for value in values if value is not None]
    kinds = {numpy.dtype("int64"): "int", numpy.dtype("float64"): "float", numpy.dtype("bool"): "bool"}
    kind = kinds.get(series.dtype)
    if kind is None:
        # Flags with missing values among them are objects to pandas.
        kind = "bool" if all(isinstance(value, bool) for value in present) else "text"
    if kind == "text":
        assert all(isinstance(value, str) for value in present), (name, present)
    return {"name": str(name), "type": kind, "values": values}


def case(name, text, options):
    result = {"name": name, "text": text, "options": options}
    try:
        frame = pandas.read_csv(io.BytesIO(text.encode()), **options)
    except Exception as error:
        return result | {"error": str(error).strip()}
    assert isinstance(frame.index, pandas.RangeIndex), name
    return result | {"columns": [column(name, frame[name]) for name in frame.columns]}


def main():
    assert len({name for name, _, _ in CASES}) == len(CASES)
    cases = [case(*arguments) for arguments in CASES]
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in cases)
    TARGET.write_text(f'{{"pandas": "{pandas.__version__}", "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
