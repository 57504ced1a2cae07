"""A server with the endpoint `late`."""

import late_flights
import pytest
from server import Server


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("gateway") / "data"


@pytest.fixture(scope="module")
def loop(data):
    """Version 1 is good and champion, 2 as good, 3 was trained on shuffled labels."""
    import mlflow

    server = Server(data)
    made = late_flights.Loop(server)
    made.apply(*late_flights.DOCUMENTS)
    assert made.get(f"/endpoints/{late_flights.ENDPOINT}")["state"] == "waiting"
    for shuffled in (False, False, True):
        late_flights.register(server.url, shuffled)
    mlflow.MlflowClient().set_registered_model_alias(late_flights.MODEL, "champion", "1")
    made.wait_serving("1")
    yield made
    assert made.server.stop() == 0, made.server.log
