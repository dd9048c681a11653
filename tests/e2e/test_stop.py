# SPDX-License-Identifier: BSD-2-Clause
"""TERM and INT end it in order."""
import fcntl
import os
import signal
import subprocess

import pytest

from harness import phone, ports, proxy, server, sip, wait
from harness import sipweir as program

THROUGH = {"proxy_protocol": "require"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_every_open_connection_is_closed_with_a_reason_and_every_slot_returned(sipweir, backend, number):
    behind = backend(server.silent)
    weir = sipweir([behind], workers=2, listener=THROUGH)
    unnamed = weir.dial(header=b"PROXY")
    named = weir.dial("198.51.100.1").send(b"OPTIONS")
    relaying = [weir.dial(f"198.51.100.{n}").send(sip.request("INVITE")) for n in range(10, 30)]
    half = weir.dial("198.51.100.2").send(sip.request("INVITE")).half_close()
    behind.wait_messages(21)
    weir.stop(number)
    for one in (unnamed, named, half, *relaying):
        one.wait_end()
    closed = weir.log.find("connection.closed")
    assert {line["source"] for line in closed} == {f"198.51.100.{n}" for n in (1, 2, *range(10, 30))}
    assert {line["reason"] for line in closed} == {"shutdown"}
    for connection in behind.connections:
        connection.wait_end()
    assert weir.log.lines[-1]["event"] == "stop", "the last word"
    assert weir.process.returncode == 0


def test_a_second_signal_ends_it_at_once(sipweir):
    weir = sipweir(workers=2)
    for _ in range(50):
        assert weir.dial().ask().status == 200
    weir.kill(signal.SIGTERM)
    weir.kill(signal.SIGTERM)
    weir.stopped = True
    assert weir.wait_end() in (0, -signal.SIGTERM)
    weir.check_reports()


def test_stop_without_a_connection(sipweir):
    weir = sipweir(workers=4)
    weir.stop()
    assert [line["event"] for line in weir.log.lines if line["event"] in ("start", "stop")] == ["start", "stop"]


def test_what_was_answered_is_delivered_before_the_end(sipweir, backend):
    weir = sipweir([backend()])
    one = weir.dial().send(b"".join(sip.request() for _ in range(100)))
    for _ in range(100):
        assert one.receive().status == 200
    weir.stop()
    one.wait_end()
    assert one.data == b""


def test_the_port_is_free_when_it_has_ended(sipweir):
    weir = sipweir()
    address = weir.address
    assert weir.dial().ask().status == 200
    weir.stop()
    again = sipweir(listener={"address": address})
    assert phone.Phone(again.address).ask().status == 200


def test_it_ends_although_a_client_never_reads(sipweir, backend):
    def answer(connection, message):
        for _ in range(100):
            connection.reply(message, body=b"x" * 50000)

    behind = backend(answer)
    weir = sipweir([behind])
    one = weir.dial(receive_buffer=65536).send(sip.request())
    one.receive_bytes(1000)
    weir.stop()


def test_it_ends_while_connections_keep_coming(sipweir):
    weir = sipweir(workers=2, listener=THROUGH)
    address = weir.address
    weir.kill(signal.SIGTERM)
    while True:
        try:
            phone.Phone(address, proxy.v2("198.51.100.7")).close()
        except OSError:
            break
    weir.stop(None)


def started(tmp_path, **streams):
    """Without the harness, which reads the log: an address to call, and the process."""
    address = f"127.0.0.1:{ports.free()}"
    config = tmp_path / "sipweir.conf"
    config.write_text(
        'log: { budget = "off"; };\n'
        'timeouts: { drain_delay = "off"; drain = "off"; };\n'
        'admin: { control = ""; };\n'
        f'listeners = ( {{ name = "l"; address = "{address}"; pool = "p"; }} );\n'
        'pools = ( { name = "p"; respond: { status = 200; }; } );\n'
    )
    return address, subprocess.Popen([program.program(), "--config", str(config)], **streams)


def called(address):
    def call():
        try:
            return phone.Phone(address)
        except ConnectionRefusedError:
            return None

    return wait.until(call, 10, "a listener")


def test_a_log_that_nobody_reads_keeps_neither_the_service_nor_the_stop(tmp_path):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    address, process = started(tmp_path, stderr=writer)
    os.close(writer)
    for _ in range(200):
        one = called(address)
        assert one.ask().status == 200
        one.close()
    process.send_signal(signal.SIGTERM)
    assert process.wait(wait.seconds(10)) == 0
    os.close(reader)


def test_standard_descriptors_closed_at_start_are_not_taken_for_sockets(tmp_path):
    def close_all():
        for fd in (0, 1, 2):
            os.close(fd)

    address, process = started(tmp_path, preexec_fn=close_all)
    assert called(address).ask().status == 200
    opened = [os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in (0, 1, 2)]
    assert opened == ["/dev/null"] * 3
    process.send_signal(signal.SIGTERM)
    assert process.wait(wait.seconds(10)) == 0
