"""Endpoints as the API shows them; what makes them serve is in controller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sagewright.core.clock import Clock
from sagewright.core.errors import AwsError
from sagewright.kit.filters import Listing
from sagewright.kit.hold import Holder
from sagewright.kit.operation import Context, operation
from sagewright.kit.tags import Tags
from sagewright.services.sagemaker.hosting.fleet import Fleet, State, Variant, new_fleet, routes
from sagewright.services.sagemaker.hosting.models import container, model_data
from sagewright.services.sagemaker.hosting.nouns import ENDPOINT, ENDPOINT_CONFIG, MODEL
from sagewright.services.sagemaker.keys import key_of
from sagewright.store import Document, Store

IN_MOTION = ("Creating", "Updating", "Deleting")
"""EndpointStatus values that change by themselves."""

_LISTING = Listing()


class Endpoints:
    """An endpoint is one document: ``state`` (see fleet) and ``routes`` (see fleet.routes). kick: has the
    reconciler look at an endpoint's key.
    """

    def __init__(self, store: Store, clock: Clock, holder: Holder, tags: Tags, kick: Callable[[str], None]) -> None:
        self._store = store
        self._clock = clock
        self._holder = holder
        self._tags = tags
        self._kick = kick

    @operation()
    def create_endpoint(
        self,
        ctx: Context,
        endpoint_name: str,
        endpoint_config_name: str,
        deployment_config: dict[str, Any] | None = None,
        tags: list[dict[str, str]] | None = None,
    ) -> dict[str, Any]:
        _check_deployment(deployment_config)
        now = self._clock.now()
        fleet = new_fleet(endpoint_config_name, self._variants(ctx, endpoint_config_name), now)
        state = State(endpoint_config_name, coming=fleet, changed=now, deployment=deployment_config or {})
        arn = ENDPOINT.arn_of(ctx.account, ctx.region, endpoint_name)
        with self._store.transaction():
            document = ENDPOINT.insert(self._store, ctx, endpoint_name, body_of(state), status="Creating")
            self._tags.add(arn, tags or [])
        self._kick(key_of(document))
        return {"EndpointArn": arn}

    @operation()
    async def describe_endpoint(self, ctx: Context, endpoint_name: str) -> dict[str, Any]:
        await self._holder.settled(ctx, self._find(ctx, endpoint_name), lambda each: each.status in IN_MOTION)
        # one that was being deleted may be gone by now, which is what a waiter for its deletion wants to hear
        return described(self._find(ctx, endpoint_name))

    @operation()
    def list_endpoints(self, ctx: Context, **members: Any) -> dict[str, Any]:
        space = ENDPOINT.space(ctx.account, ctx.region)
        found, token = _LISTING.run(self._store, space, ctx.request, self._clock.now())
        return {"Endpoints": [_summary(document) for document in found], "NextToken": token}

    @operation()
    def update_endpoint(
        self,
        ctx: Context,
        endpoint_name: str,
        endpoint_config_name: str,
        retain_all_variant_properties: bool = False,
        exclude_retained_variant_properties: list[dict[str, str]] | None = None,
        deployment_config: dict[str, Any] | None = None,
        retain_deployment_config: bool = False,
    ) -> dict[str, Any]:
        _check_deployment(deployment_config)
        document = self._changeable(ctx, endpoint_name)
        state = State.from_json(document.body["state"])
        variants = self._variants(ctx, endpoint_config_name)
        if retain_all_variant_properties and state.current is not None:
            excluded = {each["VariantPropertyType"] for each in exclude_retained_variant_properties or []}
            variants = _retained(variants, state.current, excluded)
        now = self._clock.now()
        deployment = state.deployment if retain_deployment_config else deployment_config or {}
        fleet = new_fleet(endpoint_config_name, variants, now)
        return self._update(document, replace(state, coming=fleet, failure="", changed=now, deployment=deployment))

    @operation()
    def update_endpoint_weights_and_capacities(
        self, ctx: Context, endpoint_name: str, desired_weights_and_capacities: list[dict[str, Any]]
    ) -> dict[str, Any]:
        document = self._changeable(ctx, endpoint_name)
        state = State.from_json(document.body["state"])
        if state.current is None:
            raise RuntimeError("an endpoint in service has a fleet")
        wanted = {each["VariantName"]: each for each in desired_weights_and_capacities}
        present = {variant.name for variant in state.current.variants}
        for name, each in wanted.items():
            if name not in present:
                arn = ENDPOINT.arn_of(ctx.account, ctx.region, endpoint_name)
                raise AwsError("ValidationException", f'Could not find variant "{name}" of endpoint "{arn}".')
            if "ServerlessUpdateConfig" in each:
                raise AwsError("ValidationException", "Sagewright does not support serverless inference yet.")
        variants = tuple(
            replace(
                variant,
                weight=wanted.get(variant.name, {}).get("DesiredWeight", variant.weight),
                count=wanted.get(variant.name, {}).get("DesiredInstanceCount", variant.count),
            )
            for variant in state.current.variants
        )
        fleet = replace(state.current, variants=variants)
        return self._update(document, replace(state, current=fleet, failure="", changed=self._clock.now()))

    @operation()
    def delete_endpoint(self, ctx: Context, endpoint_name: str) -> None:
        document = self._find(ctx, endpoint_name)
        if document.status == "Deleting":
            return
        self._check_settled(document)
        state = replace(State.from_json(document.body["state"]), changed=self._clock.now())
        self._store.documents.update(document, body=body_of(state, serving=False), status="Deleting")
        self._kick(key_of(document))

    def _update(self, document: Document, state: State) -> dict[str, Any]:
        self._store.documents.update(document, body=body_of(state), status="Updating")
        self._kick(key_of(document))
        return {"EndpointArn": ENDPOINT.arn_of(document.space.account, document.space.region, document.key)}

    def _find(self, ctx: Context, name: str) -> Document:
        return ENDPOINT.find(self._store, ctx.account, ctx.region, name)

    def _changeable(self, ctx: Context, name: str) -> Document:
        document = self._find(ctx, name)
        self._check_settled(document)
        if document.status == "Failed":
            arn = ENDPOINT.arn_of(ctx.account, ctx.region, name)
            raise AwsError("ValidationException", f'Cannot update failed endpoint "{arn}".')
        return document

    def _check_settled(self, document: Document) -> None:
        if document.status in IN_MOTION:
            arn = ENDPOINT.arn_of(document.space.account, document.space.region, document.key)
            raise AwsError("ValidationException", f'Cannot update in-progress endpoint "{arn}".')

    def _variants(self, ctx: Context, config: str) -> tuple[Variant, ...]:
        """What the config's variants run, as it stands now: later changes of config or model do not matter."""
        described = ENDPOINT_CONFIG.find(self._store, ctx.account, ctx.region, config).body
        return tuple(self._variant(ctx, each) for each in described["ProductionVariants"])

    def _variant(self, ctx: Context, described: Mapping[str, Any]) -> Variant:
        model = MODEL.find(self._store, ctx.account, ctx.region, described["ModelName"]).body
        runs = container(model)
        data, packed = model_data(runs)
        return Variant(
            name=described["VariantName"],
            image=runs["Image"],
            model_data=data,
            packed=packed,
            environment=runs.get("Environment", {}),
            role=model.get("ExecutionRoleArn", ""),
            instance_type=described["InstanceType"],
            weight=described["InitialVariantWeight"],
            count=described["InitialInstanceCount"],
            current_weight=described["InitialVariantWeight"],
            startup_timeout=described.get("ContainerStartupHealthCheckTimeoutInSeconds", 0),
            network_isolation=model["EnableNetworkIsolation"],
        )


def body_of(state: State, *, serving: bool = True) -> dict[str, Any]:
    """An endpoint's document. serving: whether it takes requests."""
    return {"state": state.to_json(), "routes": routes(state) if serving else {"variants": []}}


def _check_deployment(config: Mapping[str, Any] | None) -> None:
    """Updates are blue/green, all at once, without a wait; other ways are refused rather than ignored."""
    if not config:
        return
    policy = config.get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {})
    asked = {
        "RollingUpdatePolicy": config.get("RollingUpdatePolicy"),
        "AutoRollbackConfiguration": config.get("AutoRollbackConfiguration"),
        "TerminationWaitInSeconds": policy.get("TerminationWaitInSeconds"),
        "WaitIntervalInSeconds": routing.get("WaitIntervalInSeconds"),
        f"traffic routing of type {routing.get('Type')}": routing.get("Type", "ALL_AT_ONCE") != "ALL_AT_ONCE",
    }
    for what, value in asked.items():
        if value:
            raise AwsError("ValidationException", f"DeploymentConfig: Sagewright does not support {what} yet.")


def _retained(variants: tuple[Variant, ...], current: Fleet, excluded: set[str]) -> tuple[Variant, ...]:
    """The variants with the weight and capacity that those of the same name have now."""
    present = {variant.name: variant for variant in current.variants}
    kept = []
    for variant in variants:
        before = present.get(variant.name, variant)
        weight = variant.weight if "DesiredWeight" in excluded else before.weight
        count = variant.count if "DesiredInstanceCount" in excluded else before.count
        kept.append(replace(variant, weight=weight, current_weight=weight, count=count))
    return tuple(kept)


def described(document: Document) -> dict[str, Any]:
    """An endpoint as DescribeEndpoint shows it."""
    state = State.from_json(document.body["state"])
    shown = state.current or state.coming
    answer: dict[str, Any] = {
        **_summary(document),
        "EndpointConfigName": state.config,
        "ProductionVariants": _variants_shown(shown, document.status) if shown is not None else None,
        "FailureReason": state.failure or None,
        "LastDeploymentConfig": dict(state.deployment) or None,
    }
    if state.current is not None and state.coming is not None:
        answer["PendingDeploymentSummary"] = {
            "EndpointConfigName": state.coming.config,
            "ProductionVariants": _variants_shown(state.coming, document.status),
            "StartTime": state.coming.begun,
        }
    return answer


def _variants_shown(fleet: Fleet, status: str) -> list[dict[str, Any]]:
    return [
        {
            "VariantName": variant.name,
            "DeployedImages": [
                {"SpecifiedImage": variant.image, "ResolvedImage": variant.image, "ResolutionTime": fleet.begun}
            ],
            "CurrentWeight": variant.current_weight,
            "DesiredWeight": variant.weight,
            "CurrentInstanceCount": len(fleet.in_service(variant.name)),
            "DesiredInstanceCount": variant.count,
            "VariantStatus": [{"Status": status}] if status in ("Creating", "Updating", "Deleting") else None,
        }
        for variant in fleet.variants
    ]


def _summary(document: Document) -> dict[str, Any]:
    space = document.space
    return {
        "EndpointName": document.key,
        "EndpointArn": ENDPOINT.arn_of(space.account, space.region, document.key),
        "CreationTime": document.created,
        "LastModifiedTime": document.body["state"]["changed"],
        "EndpointStatus": document.status,
    }
