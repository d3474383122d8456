"""Every error that deeplake raises.

One root, grouped by what a handler would do. Each class also derives from the builtin a Python
programmer would expect, carries a stable ``code``, and its message says what was wrong, where
(tensor, row, path) and what to do about it::

    DeepLakeError
    ├── PluginError                       install, remove or upgrade a distribution
    │   ├── PluginNotFoundError (ImportError)      nothing provides the key: pip install "…"
    │   ├── PluginConflictError                    two distributions provide one key
    │   ├── PluginLoadError (ImportError)          the provider cannot be imported
    │   ├── PluginApiError                         the provider speaks another API version
    │   └── PluginContractError (TypeError)        the provider is not what its kind asks for
    ├── StorageError (OSError)            the store failed: retry; look at network, credentials
    │   ├── ObjectNotFoundError (FileNotFoundError)
    │   ├── PreconditionFailedError                a conditional put found another version
    │   ├── CredentialsError (PermissionError)
    │   │   └── CredentialsExpiredError            give fresh ones, or a provider that does
    │   ├── BucketNotFoundError (FileNotFoundError)
    │   ├── WrongRegionError                       the bucket is in another one
    │   ├── StorageUnreachableError (ConnectionError)  look at network and endpoint
    │   ├── StorageTimeoutError (TimeoutError)     tried again a few times before it is raised
    │   └── TransientStorageError                  as above: throttled, overloaded, cut off
    ├── FormatError (ValueError)          bytes that are not a valid object: restore from a copy
    │   ├── ChecksumError                          the bytes changed after they were written
    │   └── UnsupportedFormatError                 written by a newer deeplake: upgrade
    ├── DatasetError                      the dataset as a whole: path, existence, mode
    │   ├── DatasetHandlerError, DatasetNotFoundError (FileNotFoundError), DatasetCorruptError,
    │   │   InvalidDatasetNameException (ValueError), ReadOnlyModeError, InvalidOperationError,
    │   │   InvalidViewException, DatasetTooLargeToDelete, TensorTooLargeToDelete, RenameError,
    │   │   MemoryDatasetCanNotBePickledError, DatasetViewSavingError, InfoError, …
    ├── SchemaError                       names and meta of tensors and groups
    │   ├── TensorDoesNotExistError (KeyError, AttributeError), TensorAlreadyExistsError, …
    │   └── MetaError ── TensorMetaInvalidHtype, TensorDtypeMismatchError, …
    ├── SampleError                       one sample: its value, shape, bytes
    │   ├── SampleAppendError, SampleUpdateError, SampleExtendError,
    │   │   TensorInvalidSampleShapeError, …
    │   ├── CorruptedSampleError, SampleReadError
    │   └── CompressionError ── UnsupportedCompressionError, SampleCompressionError, …
    ├── SelectionError                    a subscript
    │   ├── InvalidKeyTypeError (TypeError), IndexOutOfRangeError (IndexError),
    │   │   DynamicTensorNumpyError (ValueError), InvalidSubscriptError (IndexError, ValueError)
    ├── VersionControlError               commits, branches, tags
    │   ├── CheckoutError, CommitError ── EmptyCommitError, ConflictError, MergeError ── …
    ├── LinkError                         linked samples
    │   ├── BadLinkError (ValueError), MissingCredsError (KeyError)
    │   └── GetDataFromLinkError (also a SampleReadError) ── UnableToReadFromUrlError (OSError),
    │       LinkRefusedError (PermissionError), LinkChangedError
    ├── TransformError                    @deeplake.compute
    ├── LoaderError                       TransformFailedError, WorkerError
    ├── QueryError (RuntimeError)         TQL: syntax, name, type, limit
    │   └── WeightsError (ValueError)              what rows are to be drawn by makes no sense
    ├── IngestionError                    ingest_*, export_*
    └── SettingError (ValueError)         deeplake.config, deeplake.random, environment variables
        ├── UnknownSettingError (KeyError)
        └── SettingTypeError (TypeError)
"""

from __future__ import annotations

import re
from typing import Any, ClassVar


class DeepLakeError(Exception):
    """Root of the tree.

    Attributes:
        code: Stable machine-readable name, for example ``"tensor_does_not_exist"``.
    """

    code: ClassVar[str] = "deep_lake"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        stem = re.sub(r"(Error|Exception)$", "", cls.__name__)
        cls.code = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", stem).lower()

    def __str__(self) -> str:
        # KeyError would show the message's repr: a message for humans is shown as it is.
        return " ".join(str(a) for a in self.args)


# --------------------------------------------------------------------------- plugins
class PluginError(DeepLakeError):
    """A plugin is missing, doubled, broken or of another API version."""


class PluginNotFoundError(PluginError, ImportError):
    """Nothing provides the key that was asked for."""


class PluginConflictError(PluginError):
    """Two distributions provide the same key."""


class PluginLoadError(PluginError, ImportError):
    """The provider of a key cannot be imported."""


class PluginApiError(PluginError):
    """The provider of a key speaks an API version that this kernel does not."""


class PluginContractError(PluginError, TypeError):
    """The provider of a key is not a class of the contract of its kind."""


class ModuleNotInstalledException(PluginError, ImportError):
    """A library that an optional feature needs is not installed."""


# --------------------------------------------------------------------------- storage
class StorageError(DeepLakeError, OSError):
    """The store failed or refused. Never means that stored data are corrupt."""

    def __init__(self, *args: object) -> None:
        # OSError would take two or more arguments for errno and strerror.
        super().__init__(" ".join(str(a) for a in args))


class ObjectNotFoundError(StorageError, FileNotFoundError):
    """No object has this key."""


class PreconditionFailedError(StorageError):
    """A conditional put found the object in another state than the caller expected."""


class CredentialsError(StorageError, PermissionError):
    """The store refused the credentials, or found none."""


class CredentialsExpiredError(CredentialsError):
    """The credentials were good once: fresh ones are needed, or a provider that gives them."""


class BucketNotFoundError(StorageError, FileNotFoundError):
    """There is no such bucket (container, account …)."""


class WrongRegionError(StorageError):
    """The bucket is in another region than the requests were made for."""


class StorageUnreachableError(StorageError, ConnectionError):
    """The server cannot be reached: no network, a wrong address, or nobody listens there."""


class GCSDefaultCredsNotFoundError(CredentialsError):
    """The environment has no credentials of Google."""


class StorageTimeoutError(StorageError, TimeoutError):
    """The store did not answer in time."""


class TransientStorageError(StorageError):
    """The store could not do it just now: it was overloaded, or the connection broke.

    Stores raise it for what they have not tried again themselves. The kernel then repeats what may
    be done twice, a few times, and passes the error on if it stays.
    """


# --------------------------------------------------------------------------- format
class FormatError(DeepLakeError, ValueError):
    """Bytes that are not a valid object of the format; the message names the object."""


class ChecksumError(FormatError):
    """The checksum of an object does not match its bytes."""


class UnsupportedFormatError(FormatError):
    """The dataset needs a feature that this version does not know; upgrade deeplake-core."""


# --------------------------------------------------------------------------- dataset
class DatasetError(DeepLakeError):
    """A dataset as a whole: its path, existence or mode."""


class DatasetHandlerError(DatasetError):
    """The dataset is not there, is already there, or must not be replaced."""


class DatasetNotFoundError(DatasetHandlerError, FileNotFoundError):
    """There is no dataset at the path."""


class DatasetCorruptError(DatasetError):
    """The dataset cannot be opened because what is stored is damaged."""


class InvalidDatasetNameException(DatasetError, ValueError):
    """The last component of the path has characters a dataset name cannot have."""


class InvalidPathException(DatasetError, ValueError):
    """The path is not what the operation needs."""


class PathNotEmptyException(DatasetError):
    """The path holds something that is not a dataset."""


class ReadOnlyModeError(DatasetError):
    """The dataset was opened read only."""


class InvalidOperationError(DatasetError):
    """The operation is not possible on a view."""


class InvalidViewException(DatasetError):
    """The view's dataset was changed after the view was taken."""


class DatasetTooLargeToDelete(DatasetError):
    """Pass ``large_ok=True`` to delete this much data."""


class TensorTooLargeToDelete(DatasetError):
    """Pass ``large_ok=True`` to delete this much data."""


class RenameError(DatasetError):
    """The dataset or tensor cannot take this name."""


class MemoryDatasetCanNotBePickledError(DatasetError):
    """A ``mem://`` dataset lives in one process only."""


class DatasetViewSavingError(DatasetError):
    """The view cannot be saved."""


class InfoError(DatasetError):
    """``info`` cannot be changed here."""


class GroupInfoNotSupportedError(DatasetError):
    """Groups have no ``info``."""


class LockedException(DatasetError):
    """Kept for code that catches it: there are no locks."""


class UnsupportedParameterException(DatasetError, ValueError):
    """The parameter is not supported here."""


class DatasetConnectError(DatasetError):
    """The dataset cannot be registered: there is no service."""


class InvalidSourcePathError(DatasetConnectError):
    """The path is not that of a dataset that could be registered."""


class InvalidDestinationPathError(DatasetConnectError):
    """Where it should be registered is not said, or said twice."""


class AgreementError(DatasetError):
    """Kept for code that catches it: no dataset asks for an agreement."""


class AgreementNotAcceptedError(AgreementError):
    """Kept for code that catches it."""


class NotLoggedInAgreementError(AgreementError):
    """Kept for code that catches it."""


class ConflictingDatasetParametersError(DatasetError, ValueError):
    """A vector store is given both a path and an open dataset."""


class DeepMemoryAccessError(DatasetError, ValueError):
    """A service of the cloud is asked for."""


# --------------------------------------------------------------------------- schema
class SchemaError(DeepLakeError):
    """Names and meta of tensors and groups."""


class TensorDoesNotExistError(SchemaError, KeyError, AttributeError):
    """There is no tensor of this name."""


class TensorAlreadyExistsError(SchemaError):
    """The name is taken by a tensor."""


class TensorGroupDoesNotExistError(SchemaError, KeyError):
    """There is no group of this name."""


class TensorGroupAlreadyExistsError(SchemaError):
    """The name is taken by a group."""


class InvalidTensorNameError(SchemaError, ValueError):
    """The name is empty, malformed, or an attribute of ``Dataset``."""


class InvalidTensorGroupNameError(SchemaError, ValueError):
    """The name is empty, malformed, or an attribute of ``Dataset``."""


class MetaError(SchemaError):
    """Meta of a tensor."""


class TensorMetaInvalidHtype(MetaError, ValueError):
    """No such htype."""


class TensorMetaInvalidHtypeOverwriteValue(MetaError, ValueError):
    """The meta value is not one that the htype allows."""


class TensorMetaInvalidHtypeOverwriteKey(MetaError, TypeError):
    """The htype has no such meta key."""


class TensorMetaMissingRequiredValue(MetaError, ValueError):
    """The htype needs a meta value that was not given."""


class MeshTensorMetaMissingRequiredValue(TensorMetaMissingRequiredValue):
    """A mesh tensor needs ``sample_compression``."""


class TensorMetaMutuallyExclusiveKeysError(MetaError, ValueError):
    """Two meta values exclude each other."""


class TensorDtypeMismatchError(MetaError, TypeError):
    """The sample's dtype cannot be cast safely to the tensor's."""


class InvalidTensorLinkError(MetaError):
    """A hidden companion tensor cannot be linked."""


class IncompatibleHtypeError(MetaError, ValueError):
    """The tensor's samples do not fit the htype it should be converted to."""


# --------------------------------------------------------------------------- samples
class SampleError(DeepLakeError):
    """One sample: its value, shape or bytes."""


class SampleAppendError(SampleError):
    """A sample could not be appended; the tensor is as it was."""


class SampleExtendError(SampleError):
    """A row could not be appended; complete rows before it were."""


class SampleUpdateError(SampleError):
    """A sample could not be updated; the tensor is as it was."""


class SampleAppendingError(SampleError, TypeError):
    """``ds.append`` takes a dict of samples by tensor name."""


class SampleExtendingError(SampleError, TypeError):
    """``ds.extend`` takes a dict of sequences by tensor name."""


class SampleHtypeMismatchError(SampleError, TypeError):
    """The sample is not of the tensor's htype."""


class TensorInvalidSampleShapeError(SampleError, ValueError):
    """The sample's shape does not fit the tensor."""


class InvalidSampleValueError(SampleError, ValueError):
    """The sample's type is right, but this value of it cannot be stored."""


class UnsupportedTensorTypeError(SampleError, TypeError):
    """Values of this type cannot be stored."""


class TensorUnsupportedSampleType(SampleError, TypeError):
    """Values of this type cannot be stored."""


class EmptyTensorError(SampleError, ValueError):
    """The tensor holds no sample that has a value."""


class EmptyPolygonError(SampleError, ValueError):
    """A polygon needs points."""


class SampleReadError(SampleError):
    """The file of a sample cannot be read."""


class CorruptedSampleError(SampleError, ValueError):
    """The bytes of a sample are not what they claim to be."""


class SampleTooLargeError(SampleError, MemoryError):
    """There is no memory for a sample, or a part of one, that is to be read."""


class InvalidImageDimensions(SampleError, ValueError):
    """An image has two dimensions, or three with 1, 3 or 4 channels."""


class JsonValidationError(SampleError, ValueError):
    """A value does not follow the tensor's json schema."""


class ClassNamesEmptyError(SampleError, ValueError):
    """The tensor has no class names."""


class GetChunkError(SampleError):
    """A chunk cannot be read."""


class ReadSampleFromChunkError(SampleError):
    """A sample cannot be read from its chunk."""


class TensorModifiedError(SampleError):
    """The tensor was changed."""


class IncorrectEmbeddingShapeError(SampleError, ValueError):
    """Embeddings differ in length, are no vectors, or are not as many as rows."""


class EmbeddingTensorPopError(SampleError):
    """Samples of this tensor cannot be removed."""


class CompressionError(SampleError):
    """Compression and decompression."""


class UnsupportedCompressionError(CompressionError, ValueError):
    """No such compression, or not for this htype."""


class SampleCompressionError(CompressionError, ValueError):
    """A sample cannot be encoded with the tensor's compression."""


class FilesOnlyError(SampleCompressionError, NotImplementedError):
    """The tensor's compression stores files of its format; no array is made one."""


class SampleDecompressionError(CompressionError, ValueError):
    """The stored bytes of a sample cannot be decoded."""


# --------------------------------------------------------------------------- selection
class SelectionError(DeepLakeError):
    """A subscript."""


class InvalidKeyTypeError(SelectionError, TypeError):
    """Values of this type cannot be used as a subscript."""


class IndexOutOfRangeError(SelectionError, IndexError):
    """The subscript is outside the axis."""


class InvalidSubscriptError(SelectionError, IndexError, ValueError):
    """The subscript as a whole makes no sense: two ellipses, a step of 0, more than axes."""


class DynamicTensorNumpyError(SelectionError, ValueError):
    """Samples of different shapes do not make one array; use ``aslist=True``."""


class InvalidShapeIntervalError(SelectionError, ValueError):
    """Bounds that are not an interval."""


# --------------------------------------------------------------------------- versions
class VersionControlError(DeepLakeError):
    """Commits, branches and tags."""


class CheckoutError(VersionControlError):
    """There is no such branch, commit or tag, or it already exists."""


class CommitError(VersionControlError):
    """The commit cannot be made."""


class EmptyCommitError(CommitError):
    """There is nothing to commit; pass ``allow_empty=True`` to commit all the same."""


class ConflictError(VersionControlError):
    """Another writer changed the same things; the work that lost is kept as a snapshot."""


class MergeError(VersionControlError):
    """The merge cannot be made."""


class MergeNotSupportedError(MergeError):
    """These datasets cannot be merged."""


class MergeMismatchError(MergeError):
    """A tensor has different meta on the two sides."""


class MergeConflictError(MergeError):
    """Both sides changed the same thing; pass ``conflict_resolution``."""


# --------------------------------------------------------------------------- links
class LinkError(DeepLakeError):
    """Linked samples."""


class BadLinkError(LinkError, ValueError):
    """The link cannot be opened."""


class MissingCredsError(LinkError, KeyError):
    """There are no credentials under this key."""


class MissingManagedCredsError(MissingCredsError):
    """There are no managed credentials under this key."""


class GetDataFromLinkError(LinkError, SampleReadError):
    """The linked data cannot be read."""


class UnableToReadFromUrlError(GetDataFromLinkError, OSError):
    """The server did not answer with the data."""

    def __init__(self, *args: object) -> None:
        # OSError would take two or more arguments for errno and strerror.
        super().__init__(" ".join(str(a) for a in args))


class LinkRefusedError(GetDataFromLinkError, PermissionError):
    """``deeplake.config["links"]`` does not allow to follow the link."""

    def __init__(self, *args: object) -> None:
        super().__init__(" ".join(str(a) for a in args))


class LinkChangedError(GetDataFromLinkError):
    """The linked data are not those that were linked."""


# --------------------------------------------------------------------------- transforms
class TransformError(DeepLakeError):
    """A ``@deeplake.compute`` pipeline failed.

    Args:
        index: Number of the sample of ``data_in``.
        sample: The sample.
        samples_processed: How many samples the last checkpoint had.

    Attributes:
        index, sample, samples_processed: As given; None where that is not known.
    """

    def __init__(
        self,
        *args: object,
        index: int | None = None,
        sample: Any = None,
        samples_processed: int | None = None,
    ) -> None:
        super().__init__(*args)
        self.index = index
        self.sample = sample
        self.samples_processed = samples_processed


class InvalidInputDataError(TransformError, TypeError):
    """``data_in`` needs ``__getitem__`` and ``__len__``."""


class UnsupportedSchedulerError(TransformError, ValueError):
    """No such scheduler."""


class TensorMismatchError(TransformError, ValueError):
    """The transform's output does not name the tensors of ``ds_out``."""


class InvalidOutputDatasetError(TransformError, ValueError):
    """``ds_out`` cannot take the output."""


class InvalidTransformDataset(TransformError, ValueError):
    """The transform wrote tensors of unequal length."""


class HubComposeEmptyListError(TransformError, ValueError):
    """``compose`` needs at least one function."""


class HubComposeIncompatibleFunction(TransformError, TypeError):
    """``compose`` takes functions made by ``@deeplake.compute``."""


class AllSamplesSkippedError(TransformError):
    """Every sample failed."""


class FilterError(TransformError):
    """A filter function failed."""


class FilterTextError(FilterError, ValueError):
    """A filter given as text that means nothing, or that the values do not fit."""


# --------------------------------------------------------------------------- loader
class LoaderError(DeepLakeError):
    """The loader."""


class TransformFailedError(LoaderError):
    """A transform raised; the cause is chained and names tensor and row.

    Attributes:
        index: Row of the dataset; None where it is not known.
    """

    index: int | None = None


class WorkerError(LoaderError, RuntimeError):
    """A worker process ended without an answer."""


class DatasetUnsupportedPytorch(LoaderError):
    """The dataset cannot be loaded into PyTorch as it is."""


# --------------------------------------------------------------------------- query
class QueryError(DeepLakeError, RuntimeError):
    """A query: syntax, name, type or limit."""


class WeightsError(QueryError, ValueError):
    """Rows cannot be drawn by these weights: negative, NaN, all 0, too many or too few of them."""


# --------------------------------------------------------------------------- ingestion
class IngestionError(DeepLakeError):
    """``ingest_*`` and ``export_*``."""


class InvalidFileExtension(IngestionError, ValueError):
    """No file has an extension that can be read."""


class AutoCompressionError(IngestionError, ValueError):
    """No compression can be chosen from the files."""


class SamePathException(IngestionError, ValueError):
    """Source and destination are the same."""


class InvalidPandasDataframeError(IngestionError, TypeError):
    """Not a pandas DataFrame."""


class UnsupportedExtensionError(IngestionError, ValueError):
    """Files with this extension cannot be read."""


class ExternalCommandError(IngestionError):
    """A command that was run for the ingestion failed."""


class KaggleError(IngestionError):
    """Ingestion from Kaggle."""


class KaggleMissingCredentialsError(KaggleError):
    """Kaggle needs credentials."""


class KaggleDatasetAlreadyDownloadedError(KaggleError):
    """The dataset was downloaded before; pass ``exist_ok=True``."""


# --------------------------------------------------------------------------- settings
class SettingError(DeepLakeError, ValueError):
    """A value that the setting cannot take."""


class UnknownSettingError(SettingError, KeyError):
    """There is no setting of this name."""


class SettingTypeError(SettingError, TypeError):
    """A value of a type that the setting cannot take."""


# --------------------------------------------------------------------------- names kept
# Names that nothing here raises, each below the class of ours that handles what it stood for.
class S3Error(StorageError):
    """Kept for code that catches it; nothing raises it."""


class S3GetError(S3Error):
    """Kept for code that catches it; nothing raises it."""


class S3GetAccessError(S3GetError):
    """Kept for code that catches it; nothing raises it."""


class S3SetError(S3Error):
    """Kept for code that catches it; nothing raises it."""


class S3DeletionError(S3Error):
    """Kept for code that catches it; nothing raises it."""


class S3ListError(S3Error):
    """Kept for code that catches it; nothing raises it."""


class DirectoryAtPathException(StorageError):
    """Kept for code that catches it; nothing raises it."""


class FileAtPathException(StorageError):
    """Kept for code that catches it; nothing raises it."""


class InvalidBytesRequestedError(StorageError):
    """Kept for code that catches it; nothing raises it."""


class ProviderListEmptyError(StorageError):
    """Kept for code that catches it; nothing raises it."""


class ProviderSizeListMismatch(StorageError):
    """Kept for code that catches it; nothing raises it."""


class ResourceNotFoundException(StorageError):
    """Kept for code that catches it; nothing raises it."""


class BadRequestException(StorageError):
    """Kept for code that catches it; nothing raises it."""


class OverLimitException(StorageError):
    """Kept for code that catches it; nothing raises it."""


class ServerException(StorageError):
    """Kept for code that catches it; nothing raises it."""


class BadGatewayException(StorageError):
    """Kept for code that catches it; nothing raises it."""


class GatewayTimeoutException(StorageError):
    """Kept for code that catches it; nothing raises it."""


class WaitTimeoutException(StorageError):
    """Kept for code that catches it; nothing raises it."""


class UnexpectedStatusCodeException(StorageError):
    """Kept for code that catches it; nothing raises it."""


class UnprocessableEntityException(StorageError):
    """Kept for code that catches it; nothing raises it."""


class UserNotLoggedInException(CredentialsError):
    """Kept for code that catches it; nothing raises it."""


class AuthenticationException(CredentialsError):
    """Kept for code that catches it; nothing raises it."""


class AuthorizationException(CredentialsError):
    """Kept for code that catches it; nothing raises it."""


class CouldNotCreateNewDatasetException(AuthorizationException):
    """Kept for code that catches it; nothing raises it."""


class EmptyTokenException(CredentialsError):
    """Kept for code that catches it; nothing raises it."""


class InvalidTokenException(CredentialsError):
    """Kept for code that catches it; nothing raises it."""


class TokenPermissionError(CredentialsError):
    """Kept for code that catches it; nothing raises it."""


class InvalidAuthContextError(CredentialsError):
    """Kept for code that catches it; nothing raises it."""


class BufferError(FormatError):
    """Kept for code that catches it; nothing raises it."""


class ChunkEngineError(FormatError):
    """Kept for code that catches it; nothing raises it."""


class FullChunkError(ChunkEngineError):
    """Kept for code that catches it; nothing raises it."""


class ChunkIdEncoderError(ChunkEngineError):
    """Kept for code that catches it; nothing raises it."""


class ChunkSizeTooSmallError(ChunkEngineError):
    """Kept for code that catches it; nothing raises it."""


class OutOfChunkCountError(FormatError):
    """Kept for code that catches it; nothing raises it."""


class OutOfSampleCountError(FormatError):
    """Kept for code that catches it; nothing raises it."""


class CorruptedMetaError(FormatError):
    """Kept for code that catches it; nothing raises it."""


class EmptyDeeplakePathException(DatasetError):
    """Kept for code that catches it; nothing raises it."""


class InvalidHubPathException(DatasetError):
    """Kept for code that catches it; nothing raises it."""


class ValidationDatasetMissingError(DatasetError):
    """Kept for code that catches it; nothing raises it."""


class TensorMetaMissingKey(SchemaError):
    """Kept for code that catches it; nothing raises it."""


class MissingTensorMappingError(SchemaError):
    """Kept for code that catches it; nothing raises it."""


class MetaDoesNotExistError(MetaError):
    """Kept for code that catches it; nothing raises it."""


class MetaAlreadyExistsError(MetaError):
    """Kept for code that catches it; nothing raises it."""


class MetaInvalidKey(MetaError):
    """Kept for code that catches it; nothing raises it."""


class MetaInvalidRequiredMetaKey(MetaError):
    """Kept for code that catches it; nothing raises it."""


class ManagedCredentialsNotFoundError(LinkError):
    """Kept for code that catches it; nothing raises it."""


class IncorrectRelevanceTypeError(QueryError):
    """Kept for code that catches it; nothing raises it."""


class IncorrectQueriesTypeError(QueryError):
    """Kept for code that catches it; nothing raises it."""


class FailedIngestionError(IngestionError):
    """Kept for code that catches it; nothing raises it."""


__all__ = sorted(
    name
    for name, value in list(globals().items())
    if isinstance(value, type) and issubclass(value, DeepLakeError)
)
