import botocore.session
import pytest

from sagewright.runtime.instances import UnknownInstanceType, describe_fit, fit, lookup
from sagewright.runtime.workload import Resources

GIB = 2**30
SMALL = Resources(2, 23 * GIB)


@pytest.mark.parametrize("use", ["Training", "ProductionVariant", "Processing", "Transform"])
def test_every_type_of_the_model_is_known(use: str) -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    for name in model.shape_for(f"{use}InstanceType").enum:
        found = lookup(name)
        assert found.vcpus >= 1
        assert found.memory >= GIB
        assert found.usd_per_hour > 0


@pytest.mark.parametrize(
    ("name", "vcpus", "gib", "gpus"),
    [
        ("ml.m5.large", 2, 8, 0),
        ("ml.t3.medium", 2, 4, 0),
        ("ml.c4.8xlarge", 36, 60, 0),
        ("ml.c5.9xlarge", 36, 72, 0),
        ("ml.r5.24xlarge", 96, 768, 0),
        ("ml.p3.2xlarge", 8, 61, 1),
        ("ml.g5.48xlarge", 192, 768, 8),
        ("ml.trn1.32xlarge", 128, 512, 0),
    ],
)
def test_known_sizes(name: str, vcpus: int, gib: int, gpus: int) -> None:
    assert lookup(name).resources == Resources(vcpus, gib * GIB, gpus)


@pytest.mark.parametrize("name", ["", "m5.large", "ml.m5", "ml.m5.huge", "ml.x.large", "ml.p3.large"])
def test_unknown_types(name: str) -> None:
    with pytest.raises(UnknownInstanceType):
        lookup(name)


def test_instances_of_a_job_fit_the_machine_together() -> None:
    one = fit("ml.m5.4xlarge", 4, SMALL)
    assert one == Resources(0.5, 23 * GIB // 4)
    assert fit("ml.m5.large", 1, SMALL) == Resources(2, 8 * GIB)


def test_the_log_says_what_a_job_really_got() -> None:
    assert describe_fit("ml.p3.2xlarge", 1, fit("ml.p3.2xlarge", 1, SMALL)) == (
        "ml.p3.2xlarge asked: 8 vCPU, 61 GiB, 1 GPU; this machine gives 2 vCPU, 23 GiB, no GPU: running on the CPU"
    )
    assert describe_fit("ml.m5.large", 2, fit("ml.m5.large", 2, SMALL)) == (
        "2 x ml.m5.large asked: 2 vCPU, 8 GiB; this machine gives 1 vCPU, 8 GiB each"
    )
    big = Resources(64, 488 * GIB, 4)
    assert describe_fit("ml.p3.8xlarge", 1, fit("ml.p3.8xlarge", 1, big)).endswith("gives 32 vCPU, 244 GiB, 4 GPUs")
