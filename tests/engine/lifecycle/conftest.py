"""A fresh fake package and a stack in memory for each test."""

import pytest

from engine.testing import FakePackage, MemoryStack


@pytest.fixture
def package():
    return FakePackage()


@pytest.fixture
def world(package):
    return package.world


@pytest.fixture
def stack(package):
    return MemoryStack([package])
