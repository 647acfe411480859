"""Asks a service of two versions of the iris model, `iris`, by the clients of Triton and KServe."""

import asyncio
import sys

import numpy
import tritonclient.http as triton
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from tritonclient.utils import InferenceServerException

BASE = sys.argv[1]
FIELDS = ["sepal length", "sepal width", "petal length", "petal width"]
SAMPLES = numpy.array([[6.3, 2.5, 4.9, 1.5], [1.0, 1.1, 0.777, 5.0]])
EXPECTED = ["Iris-versicolor", "Iris-setosa"]


def texts(array):
    return [text.decode() if isinstance(text, bytes) else text for text in array.tolist()]


def triton_input(name, array, datatype, binary):
    return triton.InferInput(name, array.shape, datatype).set_data_from_numpy(array, binary_data=binary)


def ask_triton():
    client = triton.InferenceServerClient(BASE.removeprefix("http://"))
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("iris") and client.is_model_ready("iris", "1")
    assert not client.is_model_ready("rose") and not client.is_model_ready("iris", "9")
    server = client.get_server_metadata()
    assert server["name"] == "palladium" and "binary_tensor_data" in server["extensions"], server
    model = client.get_model_metadata("iris")
    assert model["versions"] == ["1", "2"], model
    assert [tensor["name"] for tensor in model["inputs"]] == FIELDS, model
    assert model["outputs"] == [{"name": "predict", "datatype": "BYTES", "shape": [-1]}], model
    assert client.get_model_metadata("iris", "1") == model
    index = client.get_model_repository_index()
    assert [(entry["name"], entry["version"]) for entry in index] == [("iris", "1"), ("iris", "2")], index

    for binary in (True, False):
        matrices = [(SAMPLES, "FP64"), (SAMPLES.astype(numpy.float32), "FP32"), (SAMPLES.astype(numpy.int16), "INT16")]
        if binary:
            matrices.append((SAMPLES.astype(numpy.float16), "FP16"))
        for array, datatype in matrices:
            inputs = [triton_input("samples", array, datatype, binary)]
            for outputs in (
                None,
                [triton.InferRequestedOutput("predict", binary_data=True)],
                [triton.InferRequestedOutput("predict", binary_data=False)],
            ):
                result = client.infer("iris", inputs, outputs=outputs, request_id="42")
                assert texts(result.as_numpy("predict")) == EXPECTED, (datatype, binary)
                response = result.get_response()
                assert (response["id"], response["model_name"], response["model_version"]) == ("42", "iris", "2")
        columns = [
            triton_input(name, SAMPLES[:, [column]], "FP64", binary) for column, name in reversed([*enumerate(FIELDS)])
        ]
        result = client.infer("iris", columns, model_version="1")
        assert texts(result.as_numpy("predict")) == EXPECTED
        assert result.get_response()["model_version"] == "1"
        nothing = [triton_input("samples", SAMPLES[:0], "FP64", binary)]
        assert client.infer("iris", nothing).as_numpy("predict").shape == (0,)

    inputs = [triton_input("samples", SAMPLES, "FP64", True)]
    words = numpy.array([["a", "b", "c", "d"]], dtype=object)
    for model, version, asked, outputs, status, mention in [
        ("rose", "", inputs, None, "404", "no model"),
        ("iris", "9", inputs, None, "404", "no version"),
        ("iris", "", inputs, [triton.InferRequestedOutput("other")], "400", "no output"),
        ("iris", "", inputs, [triton.InferRequestedOutput("predict", class_count=2)], "400", "classification"),
        ("iris", "", [triton_input("samples", words, "BYTES", True)], None, "400", "sepal length"),
        ("iris", "", [triton_input("samples", SAMPLES[:, :3], "FP64", True)], None, "400", "[n, 4]"),
        ("iris", "", [triton_input("samples", SAMPLES * numpy.nan, "FP64", True)], None, "400", "NaN"),
    ]:
        try:
            client.infer(model, asked, model_version=version, outputs=outputs)
        except InferenceServerException as error:
            assert error.status() == status and mention in error.message(), (error.status(), error.message())
        else:
            raise AssertionError(f"no error mentions {mention}")
    client.close()


async def ask_kserve():
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        assert await client.is_server_live(BASE) and await client.is_server_ready(BASE)
        assert await client.is_model_ready(BASE, "iris")
        assert not await client.is_model_ready(BASE, "rose")
        for binary in (True, False):
            given = InferInput(name="samples", shape=[2, 4], datatype="FP64")
            given.set_data_from_numpy(SAMPLES, binary_data=binary)
            wanted = RequestedOutput("predict", {"binary_data": binary})
            request = InferRequest("iris", [given], request_id="42", request_outputs=[wanted])
            response = await client.infer(BASE, request, model_name="iris")
            assert (response.model_name, response.id) == ("iris", "42")
            assert texts(response.outputs[0].as_numpy()) == EXPECTED, binary
        columns = [
            InferInput(name=name, shape=[2], datatype="FP64", data=SAMPLES[:, column].tolist())
            for column, name in enumerate(FIELDS)
        ]
        response = await client.infer(BASE, InferRequest("iris", columns), model_name="iris")
        assert texts(response.outputs[0].as_numpy()) == EXPECTED
        try:
            await client.infer(BASE, InferRequest("iris", columns[:2]), model_name="iris")
        except Exception as error:
            assert "400" in str(error) and "the input `petal length` is missing" in str(error), error
        else:
            raise AssertionError("a missing input is no error")


ask_triton()
asyncio.run(ask_kserve())
