# SPDX-License-Identifier: Apache-2.0
"""Every error code of the C++ library has its exception."""

from __future__ import annotations

import pickle

import pytest
import smol
from smol import _native, errors


def test_every_code_has_a_class():
    assert list(errors.BY_CODE) == _native.error_codes()
    for code, kind in errors.BY_CODE.items():
        assert getattr(smol, kind.__name__) is kind
        assert kind.__doc__
        error = errors.from_code(code, "what failed", "decode")
        assert isinstance(error, smol.Error)
        assert (error.code, error.message, error.stage, str(error)) == (code, "what failed", "decode", "what failed")


def test_natural_parents():
    assert issubclass(smol.NotFoundError, FileNotFoundError)
    assert issubclass(smol.InvalidArgumentError, ValueError)
    assert issubclass(smol.OutOfMemoryError, MemoryError)
    assert issubclass(smol.IoError, OSError)
    assert issubclass(smol.DeadlineError, TimeoutError)
    assert issubclass(smol.TruncatedError, EOFError)


@pytest.mark.parametrize("kind", errors.BY_CODE.values())
def test_errors_travel_between_processes(kind):
    copy = pickle.loads(pickle.dumps(kind("message", "read")))
    assert type(copy) is kind and (copy.message, copy.stage) == ("message", "read")


def test_an_error_raised_in_cpp_is_caught_by_its_parents(card, tmp_path):
    for parent in (smol.Error, FileNotFoundError, OSError):
        with pytest.raises(parent):
            smol.load_card(tmp_path / "missing.yaml")
    (tmp_path / "wrong.yaml").write_text(card.read_text() + "nonsense: 1\n")
    with pytest.raises(ValueError, match="nonsense"):
        smol.load_card(tmp_path / "wrong.yaml")
