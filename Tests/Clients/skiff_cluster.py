"""Gives kr8s's tests the cluster that they expect from pytest-kind, as a running Skiff."""

import gc
import os
import pathlib
import subprocess

import pytest


class SkiffCluster:
    """The part of pytest_kind.KindCluster that the tests use."""

    def __init__(self, kubeconfig, kubectl):
        self.kubeconfig_path = pathlib.Path(kubeconfig)
        self.kubectl_path = pathlib.Path(kubectl)

    def kubectl(self, *arguments):
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig_path)}
        done = subprocess.run([self.kubectl_path, *arguments], env=environment, check=True, capture_output=True)
        return done.stdout.decode().rstrip("\n")


@pytest.fixture(scope="session", autouse=True)
def k8s_cluster():
    cluster = SkiffCluster(os.environ["SKIFF_KUBECONFIG"], os.environ["SKIFF_KUBECTL"])
    os.environ["KUBECONFIG"] = str(cluster.kubeconfig_path)
    yield cluster


@pytest.fixture
def ensure_gc():
    """Classes made for unknown kinds live until they are collected."""
    gc.collect()
    yield
    gc.collect()
