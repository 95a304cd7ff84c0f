"""Exceptions that are no bug of ours: of the environment, and of the user's own classes."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hydrarec.core.contract import as_contract
from hydrarec.core.errors import DiskFullError, EnvironmentFault, UserCodeError, from_dict
from hydrarec.core.files import atomic_write


class Mine(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.layer(values)


@pytest.mark.parametrize(
    ("raised", "says"),
    [
        (MemoryError(), "out of memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory", "/x"), "out of memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes."), "out of memory"),
        (RuntimeError("std::bad_alloc"), "out of memory"),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), "out of memory"),
        (RuntimeError("can't start new thread"), "no more threads"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "no more threads"),
        (OSError(errno.EIO, "Input/output error", "/x"), "cannot be read or written: /x"),
        (OSError(errno.EMFILE, "Too many open files", "/x"), "too many open files"),
        (OSError(errno.EFBIG, "File too large", "/x"), "largest size"),
    ],
    ids=str,
)
def test_what_the_machine_lacks_is_its_fault(raised: BaseException, says: str) -> None:
    error = as_contract(raised)
    assert isinstance(error, EnvironmentFault) and error.exit_code == 6
    assert says in error.what
    assert error.expected and error.fix
    assert len(str(error).splitlines()) <= 4


def test_a_name_that_no_file_can_have_is_a_mistake(tmp_path: Path) -> None:
    for path in (tmp_path / ("a" * 300), tmp_path / ("a" * 300) / "config.yaml", Path("b/" * 3000)):
        with pytest.raises(OSError) as caught:
            path.read_text()
        error = as_contract(caught.value)
        assert error.exit_code == 2
        assert "too long" in error.what and "config.yaml" not in error.what


def test_memory_that_no_machine_has() -> None:
    with pytest.raises(MemoryError) as caught:
        np.empty(2**60, dtype=np.uint8)
    assert as_contract(caught.value).exit_code == 6
    with pytest.raises(RuntimeError) as refused:
        torch.empty(2**60, dtype=torch.uint8)
    assert as_contract(refused.value).exit_code == 6


def test_full_disk_stays_a_full_disk_on_its_way_from_another_process() -> None:
    error = as_contract(OSError(errno.ENOSPC, "No space left on device", "/x/y"))
    assert isinstance(error, DiskFullError) and error.exit_code == 6
    assert type(from_dict(json.loads(json.dumps(error.to_dict())))) is DiskFullError


def test_shape_error_in_the_users_class_is_theirs_with_their_traceback() -> None:
    with pytest.raises(RuntimeError) as caught:
        Mine()(torch.zeros(2, 4))
    error = as_contract(caught.value)
    assert isinstance(error, UserCodeError) and error.exit_code == 1
    assert f"error in {__name__}.Mine.forward: RuntimeError: mat1 and mat2 shapes" in error.what
    assert error.file == __file__
    assert "return self.layer(values)" in error.traceback
    assert error.to_dict()["traceback"] == error.traceback


def test_error_in_what_the_users_class_inherits_is_theirs_too() -> None:
    with pytest.raises(AttributeError) as inherited:
        Mine.get_parameter(Mine(), "no such")
    inherited.value.__traceback__ = inherited.value.__traceback__.tb_next  # without this function's own frame
    error = as_contract(inherited.value)
    assert isinstance(error, UserCodeError)
    assert f"error in {__name__}.Mine.get" in error.what


def test_error_in_our_own_code_is_ours(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, atomic_write(tmp_path / "no such folder" / "file"):
        pass
    caught.value.__traceback__ = caught.value.__traceback__.tb_next
    assert type(as_contract(caught.value)).code == "bug"
