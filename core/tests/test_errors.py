"""The tree of errors: what handlers and existing scripts rely on."""

from __future__ import annotations

import builtins
import inspect
import pickle
import re

import pytest

from deeplake import errors
from deeplake.errors import DeepLakeError

CLASSES = [getattr(errors, name) for name in errors.__all__]

# Names that scripts for Deep Lake 3 catch, with the builtin bases that they have there.
PREDECESSOR: dict[str, tuple[type[BaseException], ...]] = {
    # dataset, tensor, group
    "TensorDoesNotExistError": (KeyError, AttributeError),
    "TensorAlreadyExistsError": (),
    "TensorGroupDoesNotExistError": (KeyError,),
    "TensorGroupAlreadyExistsError": (),
    "InvalidTensorNameError": (),
    "InvalidTensorGroupNameError": (),
    "InvalidDatasetNameException": (),
    "DatasetHandlerError": (),
    "DatasetCorruptError": (),
    "DatasetTooLargeToDelete": (),
    "TensorTooLargeToDelete": (),
    "RenameError": (),
    "PathNotEmptyException": (),
    "MemoryDatasetCanNotBePickledError": (),
    "GroupInfoNotSupportedError": (),
    "InfoError": (),
    "ReadOnlyModeError": (),
    "LockedException": (),
    "InvalidOperationError": (),
    "InvalidViewException": (),
    "DatasetViewSavingError": (),
    "UnsupportedParameterException": (),
    # samples, subscripts
    "TensorInvalidSampleShapeError": (),
    "DynamicTensorNumpyError": (),
    "InvalidShapeIntervalError": (),
    "InvalidKeyTypeError": (TypeError,),
    "UnsupportedTensorTypeError": (TypeError,),
    "TensorUnsupportedSampleType": (),
    "SampleAppendError": (),
    "SampleExtendError": (),
    "SampleUpdateError": (),
    "SampleAppendingError": (),
    "SampleExtendingError": (),
    "SampleHtypeMismatchError": (),
    "EmptyTensorError": (),
    "EmptyPolygonError": (),
    "SampleReadError": (),
    "GetChunkError": (),
    "ReadSampleFromChunkError": (),
    "GetDataFromLinkError": (),
    "BadLinkError": (),
    "MissingCredsError": (),
    "MissingManagedCredsError": (),
    "UnableToReadFromUrlError": (),
    "CorruptedSampleError": (),
    "InvalidImageDimensions": (),
    "TensorModifiedError": (),
    "IncompatibleHtypeError": (),
    "ClassNamesEmptyError": (),
    "EmbeddingTensorPopError": (),
    # compression
    "CompressionError": (),
    "UnsupportedCompressionError": (),
    "SampleCompressionError": (),
    "SampleDecompressionError": (),
    # meta
    "MetaError": (),
    "TensorMetaInvalidHtype": (),
    "TensorMetaInvalidHtypeOverwriteValue": (),
    "TensorMetaInvalidHtypeOverwriteKey": (),
    "TensorMetaMissingRequiredValue": (),
    "MeshTensorMetaMissingRequiredValue": (),
    "TensorDtypeMismatchError": (),
    "TensorMetaMutuallyExclusiveKeysError": (),
    "InvalidTensorLinkError": (),
    # versions
    "VersionControlError": (),
    "CheckoutError": (),
    "CommitError": (),
    "EmptyCommitError": (),
    "MergeError": (),
    "MergeNotSupportedError": (),
    "MergeMismatchError": (),
    "MergeConflictError": (),
    # transforms, loader, filter
    "TransformError": (),
    "InvalidInputDataError": (),
    "UnsupportedSchedulerError": (),
    "TensorMismatchError": (),
    "InvalidOutputDatasetError": (),
    "InvalidTransformDataset": (),
    "HubComposeEmptyListError": (),
    "HubComposeIncompatibleFunction": (),
    "TransformFailedError": (),
    "AllSamplesSkippedError": (),
    "FilterError": (),
    "DatasetUnsupportedPytorch": (),
    # ingestion
    "IngestionError": (),
    "InvalidPathException": (),
    "InvalidFileExtension": (),
    "AutoCompressionError": (),
    "SamePathException": (),
    "InvalidPandasDataframeError": (),
    "UnsupportedExtensionError": (),
    "ExternalCommandError": (),
    "KaggleError": (),
    "KaggleMissingCredentialsError": (),
    "KaggleDatasetAlreadyDownloadedError": (),
    # other
    "AgreementError": (),
    "AgreementNotAcceptedError": (),
    "NotLoggedInAgreementError": (),
    "ModuleNotInstalledException": (),
}

PREDECESSOR_BASES = [
    ("UnsupportedCompressionError", "CompressionError"),
    ("SampleCompressionError", "CompressionError"),
    ("SampleDecompressionError", "CompressionError"),
    ("TensorMetaInvalidHtype", "MetaError"),
    ("TensorMetaInvalidHtypeOverwriteValue", "MetaError"),
    ("TensorMetaInvalidHtypeOverwriteKey", "MetaError"),
    ("TensorMetaMissingRequiredValue", "MetaError"),
    ("MeshTensorMetaMissingRequiredValue", "MetaError"),
    ("TensorDtypeMismatchError", "MetaError"),
    ("TensorMetaMutuallyExclusiveKeysError", "MetaError"),
    ("InvalidTensorLinkError", "MetaError"),
    ("CheckoutError", "VersionControlError"),
    ("CommitError", "VersionControlError"),
    ("EmptyCommitError", "CommitError"),
    ("MergeNotSupportedError", "MergeError"),
    ("MergeMismatchError", "MergeError"),
    ("MergeConflictError", "MergeError"),
    ("InvalidInputDataError", "TransformError"),
    ("UnsupportedSchedulerError", "TransformError"),
    ("TensorMismatchError", "TransformError"),
    ("InvalidOutputDatasetError", "TransformError"),
    ("InvalidTransformDataset", "TransformError"),
    ("HubComposeEmptyListError", "TransformError"),
    ("HubComposeIncompatibleFunction", "TransformError"),
    ("KaggleMissingCredentialsError", "KaggleError"),
    ("KaggleDatasetAlreadyDownloadedError", "KaggleError"),
    ("AgreementNotAcceptedError", "AgreementError"),
    ("NotLoggedInAgreementError", "AgreementError"),
]


def test_there_is_one_root_and_everything_is_public() -> None:
    defined = [
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    ]
    assert set(defined) == set(CLASSES)
    assert all(issubclass(cls, DeepLakeError) for cls in CLASSES)
    assert DeepLakeError.__bases__ == (Exception,)


def test_codes_are_unique_and_readable() -> None:
    codes = [cls.code for cls in CLASSES]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*", code) for code in codes)
    assert errors.TensorDoesNotExistError.code == "tensor_does_not_exist"
    assert errors.InvalidPathException.code == "invalid_path"
    assert DeepLakeError.code == "deep_lake"


@pytest.mark.parametrize("cls", CLASSES)
def test_each_says_what_it_is_for_and_shows_its_message_as_it_is(cls: type[DeepLakeError]) -> None:
    assert cls.__doc__
    error = cls("tensor 'x', row 3: what to do")
    assert str(error) == "tensor 'x', row 3: what to do"
    assert isinstance(error, Exception)


@pytest.mark.parametrize("cls", CLASSES)
def test_each_survives_pickling(cls: type[DeepLakeError]) -> None:
    # Worker processes send errors home.
    error = pickle.loads(pickle.dumps(cls("row 3")))
    assert type(error) is cls
    assert str(error) == "row 3"


def test_storage_errors_take_several_arguments() -> None:
    # OSError would read them as errno and text.
    error = errors.ObjectNotFoundError("no object", "a/b")
    assert str(error) == "no object a/b"
    assert isinstance(error, FileNotFoundError)


@pytest.mark.parametrize(("name", "bases"), PREDECESSOR.items())
def test_names_that_scripts_catch(name: str, bases: tuple[type[BaseException], ...]) -> None:
    assert issubclass(getattr(errors, name), (DeepLakeError,))
    for base in bases:
        assert issubclass(getattr(errors, name), base)


@pytest.mark.parametrize(("name", "base"), PREDECESSOR_BASES)
def test_families_that_scripts_catch(name: str, base: str) -> None:
    assert issubclass(getattr(errors, name), getattr(errors, base))


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("PluginNotFoundError", ImportError),
        ("PluginLoadError", ImportError),
        ("PluginContractError", TypeError),
        ("ModuleNotInstalledException", ImportError),
        ("StorageError", OSError),
        ("CredentialsError", PermissionError),
        ("CredentialsExpiredError", PermissionError),
        ("BucketNotFoundError", FileNotFoundError),
        ("StorageUnreachableError", ConnectionError),
        ("StorageTimeoutError", TimeoutError),
        ("FormatError", ValueError),
        ("ChecksumError", ValueError),
        ("DatasetNotFoundError", FileNotFoundError),
        ("IndexOutOfRangeError", IndexError),
        ("MissingCredsError", KeyError),
        ("QueryError", RuntimeError),
        ("WorkerError", RuntimeError),
        ("SettingError", ValueError),
        ("UnknownSettingError", KeyError),
        ("SettingTypeError", TypeError),
    ],
)
def test_builtin_bases(name: str, base: type[BaseException]) -> None:
    assert issubclass(getattr(errors, name), base)


def test_an_outage_is_no_corruption() -> None:
    assert not issubclass(errors.StorageError, errors.FormatError)
    assert not issubclass(errors.FormatError, OSError)
    assert not issubclass(errors.StorageTimeoutError, errors.DatasetError)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = set(re.findall(r"[A-Z]\w+(?:Error|Exception)\b", errors.__doc__ or ""))
    assert drawn - set(errors.__all__) <= set(vars(builtins))
    # Direct children of the root are all drawn.
    assert {cls.__name__ for cls in DeepLakeError.__subclasses__()} & set(errors.__all__) <= drawn
