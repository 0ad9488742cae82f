"""Amazon S3: buckets and objects, streamed to and from files on disk.

Source of its behaviour: https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sagewright.core.clock import Clock
from sagewright.kit.operation import Context, Service
from sagewright.services.s3.access.acl import Access
from sagewright.services.s3.access.authorization import Authorization
from sagewright.services.s3.access.cors import CrossOrigin
from sagewright.services.s3.access.posting import Posting, SignIn
from sagewright.services.s3.buckets.bucket import Buckets
from sagewright.services.s3.buckets.configurations import Configurations
from sagewright.services.s3.buckets.lifecycle_configuration import LifecycleConfigurations
from sagewright.services.s3.buckets.lifecycle_runs import LifecycleRuns
from sagewright.services.s3.buckets.settings_lists import SettingLists
from sagewright.services.s3.buckets.versioning import Versioning
from sagewright.services.s3.digests import check_document
from sagewright.services.s3.multipart.assembly import Assemblies
from sagewright.services.s3.multipart.completion import Completion
from sagewright.services.s3.multipart.listing import UploadListing
from sagewright.services.s3.multipart.uploads import Multipart
from sagewright.services.s3.objects.attributes import Attributes
from sagewright.services.s3.objects.copying import Copying
from sagewright.services.s3.objects.deletion import Deletion
from sagewright.services.s3.objects.history import History
from sagewright.services.s3.objects.listing import Listing
from sagewright.services.s3.objects.lock import Locking
from sagewright.services.s3.objects.opening import Opening
from sagewright.services.s3.objects.restoring import Restoring
from sagewright.services.s3.objects.source import Sources
from sagewright.services.s3.objects.tagging import Tagging
from sagewright.services.s3.objects.whole import Objects
from sagewright.services.s3.records import Records
from sagewright.services.s3.storage.blobs import Unnamed, sweep
from sagewright.services.s3.storage.disk import Disk
from sagewright.services.s3.storage.writing import Intake
from sagewright.store import Store
from sagewright.wire.route import POST_OBJECT, PREFLIGHT

__all__ = ["lifecycle_runs", "s3", "sweep"]


def lifecycle_runs(store: Store, clock: Clock) -> LifecycleRuns:
    """What acts on the buckets' lifecycle rules: call its tidy() once a day."""
    return LifecycleRuns(Records(store, clock, Unnamed(store, Disk())))


def _never_mind() -> None:
    """For who runs no lifecycle rules."""


def _nobody(ctx: Context, fields: Mapping[str, str]) -> None:
    """For who takes no uploads by form from others."""


def s3(store: Store, clock: Clock, new_rules: Callable[[], None] = _never_mind, sign_in: SignIn = _nobody) -> Service:
    """The service over a store; call sweep(store) once before the first request.

    new_rules: called when a bucket gets lifecycle rules, which may be due for what it holds. sign_in: says who sent an
    upload by form.
    """
    disk = Disk()
    unnamed = Unnamed(store, disk)
    records = Records(store, clock, unnamed)
    intake = Intake(store, disk, unnamed)
    opening = Opening(records, disk)
    sources = Sources(records, opening)
    assemblies = Assemblies(store, unnamed)
    authorization = Authorization(records)
    cross_origin = CrossOrigin(records)
    posting = Posting(records, lambda ctx: service.handler("PutObject")(ctx), sign_in)
    service = Service(
        "s3",
        Buckets(records),
        Configurations(records),
        Versioning(records),
        SettingLists(records),
        LifecycleConfigurations(records, new_rules),
        Access(records),
        Objects(records, intake, opening),
        Deletion(records, authorization),
        Copying(records, intake, sources, disk),
        Restoring(records),
        Listing(records),
        History(records),
        Tagging(records),
        Locking(records),
        Attributes(records, opening),
        Multipart(records, intake, sources, assemblies),
        Completion(records, disk, assemblies),
        UploadListing(records),
        guard=authorization,
        unmodelled={PREFLIGHT: cross_origin.preflight, POST_OBJECT: posting.post_object},
        cross_origin=cross_origin.headers,
        check_body=check_document,
    )
    return service
