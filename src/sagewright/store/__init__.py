"""Everything that must survive: documents, entries and blobs, behind one transaction."""

from sagewright.store.database import Store
from sagewright.store.documents import Document, DuplicateKey, StaleDocument
from sagewright.store.space import Space

__all__ = ["Document", "DuplicateKey", "Space", "StaleDocument", "Store"]
