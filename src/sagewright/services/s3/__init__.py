"""Amazon S3: buckets and objects, streamed to and from files on disk.

Source of its behaviour: https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html
"""

from __future__ import annotations

from sagewright.core.clock import Clock
from sagewright.kit.operation import Service
from sagewright.services.s3.access.acl import Access
from sagewright.services.s3.buckets.bucket import Buckets
from sagewright.services.s3.buckets.configurations import Configurations
from sagewright.services.s3.multipart.completion import Completion
from sagewright.services.s3.multipart.listing import UploadListing
from sagewright.services.s3.multipart.uploads import Multipart
from sagewright.services.s3.objects.attributes import Attributes
from sagewright.services.s3.objects.copying import Copying
from sagewright.services.s3.objects.deletion import Deletion
from sagewright.services.s3.objects.listing import Listing
from sagewright.services.s3.objects.source import Sources
from sagewright.services.s3.objects.tagging import Tagging
from sagewright.services.s3.objects.whole import Objects
from sagewright.services.s3.records import Records
from sagewright.services.s3.storage.blobs import Unnamed, sweep
from sagewright.services.s3.storage.disk import Disk
from sagewright.services.s3.storage.writing import Intake
from sagewright.store import Store

__all__ = ["s3", "sweep"]


def s3(store: Store, clock: Clock) -> Service:
    """The service over a store; call sweep(store) once before the first request."""
    disk = Disk()
    unnamed = Unnamed(store, disk)
    records = Records(store, clock, unnamed)
    intake = Intake(store, disk, unnamed)
    sources = Sources(records, disk)
    return Service(
        "s3",
        Buckets(records),
        Configurations(records),
        Access(records),
        Objects(records, intake, disk),
        Deletion(records),
        Copying(records, intake, sources, disk),
        Listing(records),
        Tagging(records),
        Attributes(records),
        Multipart(records, intake, sources),
        Completion(records, disk),
        UploadListing(records),
    )
