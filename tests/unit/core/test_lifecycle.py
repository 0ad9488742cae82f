import botocore.session
import pytest

from sagewright.core.lifecycle import (
    TRAINING_SECONDARY,
    TRAINING_STATUS,
    IllegalTransition,
    advance,
)


def test_every_state_is_reached_and_leads_to_an_end() -> None:
    machine = TRAINING_SECONDARY
    reached, front = {machine.initial}, {machine.initial}
    while front:
        front = {end for state in front for end in machine.edges.get(state, {}).values()} - reached
        reached |= front
    assert reached >= machine.states
    assert not set(machine.final) & set(machine.edges)
    assert all(machine.edges.get(state) for state in machine.states - machine.final)


def test_states_are_those_of_the_model() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    assert TRAINING_SECONDARY.states <= set(model.shape_for("SecondaryStatus").enum)
    assert set(TRAINING_STATUS.values()) <= set(model.shape_for("TrainingJobStatus").enum)
    assert set(TRAINING_STATUS) == TRAINING_SECONDARY.states


def test_a_job_goes_its_way() -> None:
    state = TRAINING_SECONDARY.initial
    for event in ("Pending", "Starting", "Downloading", "Training", "Stopping", "Uploading", "Stopped"):
        state = advance(TRAINING_SECONDARY, state, event)
    assert TRAINING_STATUS[state] == "Stopped"


@pytest.mark.parametrize("state", sorted(TRAINING_SECONDARY.final))
def test_nothing_leaves_the_end(state: str) -> None:
    with pytest.raises(IllegalTransition):
        advance(TRAINING_SECONDARY, state, "Starting")
