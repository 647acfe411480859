"""The iris model behind FastAPI, as its users write it."""

import gzip
import pickle
from typing import Annotated

import numpy as np
from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field

app = FastAPI()
with gzip.open("model-1.pkl.gz", "rb") as file:
    model = pickle.load(file)


class Sample(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    sepal_length: float = Field(alias="sepal length")
    sepal_width: float = Field(alias="sepal width")
    petal_length: float = Field(alias="petal length")
    petal_width: float = Field(alias="petal width")

    def row(self):
        return [self.sepal_length, self.sepal_width, self.petal_length, self.petal_width]


@app.get("/predict")
def predict_one(sample: Annotated[Sample, Query()]):
    return {"metadata": {"status": "OK", "error_code": 0}, "result": model.predict(np.array([sample.row()]))[0]}


@app.post("/predict")
def predict_many(samples: list[Sample]):
    rows = np.array([sample.row() for sample in samples])
    return {"metadata": {"status": "OK", "error_code": 0}, "result": model.predict(rows).tolist()}
