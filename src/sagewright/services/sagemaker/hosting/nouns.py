"""The resources of hosting, by the names the API has for them."""

from sagewright.kit.resource import Noun

MODEL = Noun("Model", "model", "model")
ENDPOINT_CONFIG = Noun("EndpointConfig", "endpoint-config", "endpoint configuration")
ENDPOINT = Noun("Endpoint", "endpoint", "endpoint")
