# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures. Each test has its own programs, ports and folder, and each ends by stopping sipweir as its user would."""
import os
import pathlib

import pytest

from harness import certificates, conf, haproxy, kamailio, load, network, server, sipp, sipweir as program


def pytest_configure(config):
    # Tests that need a fixed port are marked with a group; only this way of dealing out keeps a group on one worker.
    if getattr(config.option, "dist", "no") == "load":
        config.option.dist = "loadgroup"


@pytest.fixture
def end():
    """Run what was appended when the test is over, last first; the first failure counts, the rest still run."""
    todo = []
    yield todo
    failures = []
    for finish in reversed(todo):
        try:
            finish()
        except (AssertionError, OSError) as failure:
            failures.append(failure)
    if failures:
        raise failures[0]


@pytest.fixture
def sipweir(tmp_path, end):
    """sipweir(backends, listener=..., pool=..., limits=..., timeouts=...): see conf.tree. Started, and listening."""

    def make(backends=(), descriptors=None, ready=True, warnings=0, **settings):
        folder = tmp_path / f"weir{len(end)}"
        folder.mkdir()
        backends = [one if isinstance(one, str) else one.address for one in backends]
        one = program.Sipweir(folder, conf.tree(backends, **settings), descriptors=descriptors, warnings=warnings)
        end.append(one.finish)
        one.start()
        return one.wait_ready() if ready else one

    return make


@pytest.fixture
def backend(end):
    """backend(answer=server.ok, ...): a SIP server of our own."""

    def make(answer=server.ok, **settings):
        one = server.Server(answer, **settings)
        end.append(one.stop)
        return one

    return make


@pytest.fixture
def balancer(tmp_path, end):
    """balancer("127.0.0.1:5060", "send-proxy-v2"): HAProxy in front of that address."""

    def make(*arguments):
        one = haproxy.balancer(tmp_path, *arguments)
        end.append(one.stop)
        return one

    return make


@pytest.fixture
def encrypter(tmp_path, end, authority):
    """encrypter("127.0.0.1:5061", "sipweir.test"): HAProxy as the TLS of phones that speak only TCP."""

    def make(target, name="sipweir.test"):
        one = haproxy.encrypt(tmp_path, target, authority, name)
        end.append(one.stop)
        return one

    return make


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """Who signs the certificates of the tests."""
    return certificates.Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory):
    """Another one, whom nobody trusts."""
    return certificates.Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="session")
def leaf(authority):
    """The certificate of sipweir.test; P-256, because that is quick."""
    return authority.issue("sipweir.test")


@pytest.fixture
def callees(tmp_path, end):
    """callees(scenario): sipp over TCP as the server that plays it."""

    def make(scenario):
        one = sipp.Uas(tmp_path, scenario, "tn")
        end.append(one.stop)
        return one

    return make


@pytest.fixture
def registrar(tmp_path, end):
    """Kamailio, with a callee of sipp's behind it."""
    callee = sipp.Uas(tmp_path)
    end.append(callee.stop)
    one = kamailio.Kamailio(tmp_path, callee.port)
    end.append(one.stop)
    return one


@pytest.fixture
def tls_registrar(tmp_path, end, authority):
    """The same, also over TLS at its `tls_address`, as kamailio.test."""
    callee = sipp.Uas(tmp_path)
    end.append(callee.stop)
    one = kamailio.Kamailio(tmp_path, callee.port, authority.issue("kamailio.test"))
    end.append(one.stop)
    return one


@pytest.fixture
def kamailio_of(tmp_path, end):
    """kamailio_of("kamailio-behind-sipweir.cfg", "127.0.0.1:5061"): Kamailio with a file of contrib/kamailio."""

    def make(name, public, **changes):
        one = kamailio.Contributed(tmp_path, name, public, **changes)
        end.append(one.stop)
        return one

    return make


@pytest.fixture
def phones(tmp_path, end):
    """phones(scenario, target, source, calls, transport): sipp, playing."""

    def make(*arguments, **settings):
        one = sipp.Sipp(tmp_path, *arguments, **settings)
        end.append(one.stop)
        return one

    return make


@pytest.fixture
def loads(end):
    """loads("connect", "127.0.0.1:5060", "--tls", connections=64): sipweir-load, running."""

    def make(*arguments, **options):
        one = load.Load(*arguments, **options)
        end.append(one.stop)
        return one

    return make


@pytest.fixture
def office(end):
    """Clients whose cable can be pulled out."""
    if os.geteuid() != 0:
        pytest.skip("a network namespace needs root")
    one = network.Office()
    end.append(one.stop)
    return one


@pytest.fixture(scope="session")
def vectors():
    """The folder of test vectors, which is not part of the project."""
    folder = os.environ.get("SIPWEIR_VECTORS")
    if not folder or not pathlib.Path(folder).is_dir():
        pytest.skip("SIPWEIR_VECTORS does not name a folder of vectors")
    return pathlib.Path(folder)
