# SPDX-License-Identifier: BSD-2-Clause
"""The command line and the configuration file, as an operator meets them."""
import re
import resource

import pytest

from harness import conf, phone, ports, sipweir as program

GOOD = conf.group(conf.tree(["127.0.0.1:5070"], limits={"connections": 10}))


@pytest.fixture
def file(tmp_path):
    """file(text) writes it and returns its path."""

    def write(text):
        path = tmp_path / "sipweir.conf"
        path.write_text(text)
        return str(path)

    return write


def check(path):
    return program.run("--check", "--config", path)


def errors(result, path):
    """[(line, rest)] of the errors; fails when there is a line of another form."""
    found = []
    for line in result.stderr.splitlines():
        m = re.fullmatch(re.escape(path) + r":(\d+): (.+)", line)
        assert m, f"not FILE:LINE: ...: {line!r}"
        found.append((int(m.group(1)), m.group(2)))
    return found


def test_check_accepts_a_good_file(file):
    result = check(file(GOOD))
    assert (result.returncode, result.stderr) == (0, "")


def test_check_warns_of_tls_outside_and_tcp_inside_and_says_what_mends_it(file, leaf):
    tls, inside = conf.secure(leaf), {"tls": {"ca": leaf.certificate}}
    path = file(conf.group(conf.tree(["127.0.0.1:5070"], listener={**tls, "address": "127.0.0.1:5061"})))
    result = check(path)
    assert result.returncode == 0
    assert re.match(re.escape(f"warning: {path}:") + r"\d+: listeners\.main\.transport: ", result.stderr)
    assert 'record_route_preset("PUBLIC-NAME:5061;transport=tls")' in result.stderr
    secured = [{"name": "s1", "address": "127.0.0.1:5070", "transport": "tls"}]
    for tree in (
        conf.tree(["127.0.0.1:5070"], listener=tls, pool={"servers": secured, **inside}),
        conf.tree(["127.0.0.1:5070"]),
        conf.tree(listener=tls),
    ):
        result = check(file(conf.group(tree)))
        assert (result.returncode, result.stderr) == (0, "")


def test_all_errors_of_a_file_are_told_at_once_with_file_and_line(file):
    text = """workers = 1;
conections = 5;
limits: { connections = -1;
	action = "explode";
	ipv4_prefix = 33; };
listeners = ( { name = "a"; address = "127.0.0.1:99999";
	backlog = "many";
	pool = "nowhere"; } );
timeouts: { idle = "5 parsecs";
	connect = 3; };
pools = ( { name = "main";
	servers = ( { name = "s1"; address = "127.0.0.1:5070"; wheight = 1; } ); } );
"""
    path = file(text)
    for result in (check(path), program.run("--config", path)):
        assert result.returncode == 2
        found = errors(result, path)
        wanted = [
            (2, "conections"),
            (3, "limits.connections"),
            (4, "limits.action"),
            (5, "limits.ipv4_prefix"),
            (6, "address"),
            (7, "backlog"),
            (8, "pool"),
            (9, "timeouts.idle"),
            (10, "timeouts.connect"),
            (12, "wheight"),
        ]
        for line, option in wanted:
            assert [rest for at, rest in found if at == line and option in rest.split(": ")[0]], (line, option, found)
        assert [at for at, _ in found] == sorted(at for at, _ in found), "in the order of the file"
        assert len(found) == len(wanted), found


def test_an_error_says_what_would_be_right(file):
    path = file(GOOD.replace("connections = 10", "connections = 2000000").replace("workers = 1", 'workers = "two"'))
    found = "\n".join(rest for _, rest in errors(check(path), path))
    assert "1000000" in found and "2000000" in found
    assert "256" in found, "the range of workers"


@pytest.mark.parametrize("literal", ["4294967296", "2147483648", "99999999999999999999", "0xFFFFFFFFFF", "4294967306"])
def test_an_integer_that_the_parser_would_wrap_is_an_error_and_not_no_limit(file, literal):
    path = file(GOOD.replace("connections = 10", f"connections = {literal}"))
    result = check(path)
    assert result.returncode == 2
    line = GOOD[: GOOD.index("connections = 10")].count("\n") + 1
    assert [at for at, _ in errors(result, path)] == [line]
    assert literal in result.stderr


@pytest.mark.parametrize(
    "change,option",
    [
        (("workers = 1;", "workers = 1; workers = 2;"), "workers"),
        (('pool = "main"', 'pool = "other"'), "pool"),
        (('transport = "tcp";', 'transport = "tcp"; proxy_protocol = "require";'), "trusted"),
        (
            ('transport = "tcp";', 'transport = "tcp"; proxy_protocol = "require"; trusted = [ "0.0.0.0/0" ];'),
            "trusted",
        ),
        (('transport = "tcp";', 'transport = "tcp"; proxy_protocol = "require"; trusted = [ "::/0" ];'), "trusted"),
        (
            (
                'transport = "tcp";',
                'transport = "tcp"; proxy_protocol = "require"; trusted = [ "0.0.0.0/1", "128.0.0.0/1" ];',
            ),
            "trusted",
        ),
        (('transport = "tcp";', 'transport = "carrier-pigeon";'), "transport"),
        (('transport = "tcp";', 'transport = "tls";'), "certificates"),
        (('transport = "tcp";', 'transport = "tls"; tls: { };'), "certificates"),
        (
            (
                'transport = "tcp";',
                'transport = "tls"; tls: { certificates = ( { certificate = "a.pem"; } ); };',
            ),
            "absolute path",
        ),
        (
            (
                'transport = "tcp";',
                'transport = "tls"; tls: { certificates = ( { certificate = "/a.pem"; } ); verify_client = "require"; };',
            ),
            "client_ca",
        ),
        (("workers = 1;", 'workers = 1; group = "nogroup";'), "user"),
        (('control = ""', f'control = "/{"x" * 107}"'), "107"),
    ],
    ids=[
        "duplicate",
        "pool",
        "no-trust",
        "trust-v4",
        "trust-v6",
        "trust-halves",
        "transport",
        "no-tls",
        "no-certificate",
        "relative",
        "no-client-ca",
        "group-alone",
        "long-path",
    ],
)
def test_what_does_not_fit_together_is_an_error(file, change, option):
    path = file(GOOD.replace(*change))
    result = check(path)
    assert result.returncode == 2
    assert option in result.stderr
    errors(result, path)


def class_file(file, one, **limits):
    return file(conf.group(conf.tree(["127.0.0.1:5070"], limits={**limits, "classes": [{"name": "c", **one}]})))


TEN = {"networks": ["192.0.2.0/24"]}


@pytest.mark.parametrize(
    "one,option,cure",
    [
        ({}, "limits.classes.c", "networks, files, endpoints"),
        ({"networks": ["192.0.2.1/24"]}, "limits.classes.c.networks[0]", "without bits behind its prefix"),
        ({"listeners": ["nowhere"]}, "limits.classes.c.listeners", "the name of one"),
        ({"certificate_names": ["trunk"]}, "limits.classes.c.certificate_names", "verify_client"),
        ({**TEN, "total_connections": 5, "reserved": 6}, "limits.classes.c.reserved", "at most that"),
        ({"networks": ["10.0.0.0/7"], "deny": True}, "limits.classes.c.networks", "/8"),
        ({"networks": ["2000::/15"], "deny": True}, "limits.classes.c.networks", "/16"),
        ({**TEN, "refuse_status": 401}, "limits.classes.c.refuse_status", "503"),
        ({**TEN, "message_rate": "5/s burst 0"}, "limits.classes.c.message_rate", "1..1000000"),
        ({**TEN, "max_handshakes": 5}, "limits.classes.c.max_handshakes", 'in "limits"'),
    ],
    ids=["nobody", "host-bits", "listener", "certificates", "reserved", "vast-v4", "vast-v6", "status", "burst", "global"],
)
def test_a_class_that_makes_no_sense_is_an_error_with_a_cure(file, one, option, cure):
    path = class_file(file, one)
    result = check(path)
    assert result.returncode == 2
    (found,) = errors(result, path)
    assert found[1].startswith(option + ": ") and cure in found[1].split("expected", 1)[1]


def test_a_class_may_not_deny_the_load_balancer(file):
    listener = {"proxy_protocol": "require", "trusted": ["10.0.0.0/16"]}
    limits = {"classes": [{"name": "c", "deny": True, "networks": ["10.0.3.0/24"]}]}
    path = file(conf.group(conf.tree(["127.0.0.1:5070"], listener=listener, limits=limits)))
    result = check(path)
    assert result.returncode == 2
    assert "10.0.3.0/24 is denied" in result.stderr and '"main"' in result.stderr


def test_what_a_class_says_for_nothing_is_a_warning(file):
    result = check(class_file(file, {**TEN, "deny": True, "connections": 5}))
    assert result.returncode == 0
    assert re.fullmatch(r"warning: .+: limits\.classes\.c\.connections: .*deny.*\n", result.stderr), result.stderr


def test_a_broken_number_of_limits_is_told_once_and_not_in_each_class(file):
    path = class_file(file, TEN, connections=-1)
    assert [rest.split(": ")[0] for _, rest in errors(check(path), path)] == ["limits.connections"]


def test_a_syntax_error_names_the_line(file):
    path = file("workers = 1;\nlimits: { connections = ; };\n")
    result = check(path)
    assert result.returncode == 2
    assert [at for at, _ in errors(result, path)] == [2]


@pytest.mark.parametrize("text", ["", "workers = 1;\n"], ids=["empty", "no-listener"])
def test_a_file_without_listener_is_an_error(file, text):
    result = check(file(text))
    assert result.returncode == 2
    assert "listeners" in result.stderr


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    for arguments in (["--check"], []):
        result = program.run(*arguments, "--config", str(tmp_path / "none.conf"))
        assert result.returncode == 2
        assert "none.conf" in result.stderr


def test_check_binds_nothing(file):
    with ports.listening() as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        assert check(file(GOOD.replace("127.0.0.1:0", address))).returncode == 0


def test_check_looks_whether_the_log_can_be_written(file, tmp_path):
    def with_log(target):
        return file(conf.group(conf.tree(["127.0.0.1:5070"], log={"target": str(target)})))

    result = check(with_log("/nonexistent/sipweir.log"))
    assert result.returncode == 2
    assert "log.target: cannot open /nonexistent/sipweir.log" in result.stderr
    log = tmp_path / "sipweir.log"
    assert check(with_log(log)).returncode == 0
    assert not log.exists(), "a check leaves nothing behind"


def test_print_config_loads_and_names_every_option(file):
    printed = program.run("--print-config")
    assert (printed.returncode, printed.stderr) == (0, "")
    result = check(file(printed.stdout))
    assert result.returncode == 0, result.stderr
    for option in (
        "workers",
        "max_unnamed",
        "certificates",
        "tracked_sources",
        "certificate_names",
        "over_message_rate",
        "ban_closes",
        "max_header_bytes",
        "half_closed",
        "drain_delay",
        "control",
        "server_name",
        "respond",
    ):
        assert re.search(rf"\b{option}\b", printed.stdout), option


def test_what_is_risky_is_warned_of_and_accepted(file):
    pool = {"servers": [{"name": "s1", "address": "127.0.0.1:5070", "transport": "tls"}], "tls": {"verify": False}}
    path = file(conf.group(conf.tree(["127.0.0.1:5070"], pool=pool)))
    result = check(path)
    assert result.returncode == 0, result.stderr
    assert re.match(rf"warning: {re.escape(path)}:\d+: pools\.main\.tls\.verify: ", result.stderr)


def test_version_and_help():
    version = program.run("--version")
    assert version.returncode == 0 and re.fullmatch(r"sipweir \d+\.\d+\.\d+.*\n", version.stdout)
    told = program.run("--help")
    assert told.returncode == 0
    for option in ("--config", "--check", "--print-config", "--demo", "--version"):
        assert option in told.stdout


@pytest.mark.parametrize("arguments", [["--explode"], ["--config"], ["extra"]])
def test_a_command_line_that_makes_no_sense_is_refused(arguments):
    result = program.run(*arguments)
    assert result.returncode == 2
    assert result.stderr and not result.stdout


def test_a_second_instance_on_the_same_port_is_refused(sipweir, file):
    first = sipweir()
    second = program.run("--config", file(GOOD.replace("127.0.0.1:0", first.address)))
    assert second.returncode == 2
    assert first.address in second.stderr and "in use" in second.stderr
    for _ in range(20):
        assert first.dial().ask().status == 200, "and has taken nothing of the first one's traffic"


def test_a_port_in_use_is_told(file):
    with ports.listening() as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        path = file(GOOD.replace("127.0.0.1:0", address))
        result = program.run("--config", path)
    assert result.returncode == 2
    assert len(errors(result, path)) == 1
    assert address in result.stderr and "in use" in result.stderr


def test_an_address_that_is_not_of_this_host_is_told(file):
    result = program.run("--config", file(GOOD.replace("127.0.0.1:0", "192.0.2.111:0")))
    assert result.returncode == 2
    assert "192.0.2.111" in result.stderr


def test_the_second_of_two_listeners_on_one_port_is_told(file):
    port = ports.free()
    tree = conf.tree(listeners=[{"name": n, "address": f"127.0.0.1:{port}"} for n in "ab"])
    result = program.run("--config", file(conf.group(tree)))
    assert result.returncode == 2
    assert str(port) in result.stderr


def test_more_connections_than_descriptors_is_an_error(tmp_path):
    one = program.Sipweir(tmp_path, conf.tree(["127.0.0.1:5070"], max_connections=1000), descriptors=512)
    one.start()
    assert one.wait_end() == 2
    assert "max_connections" in one.stderr()


def test_the_descriptor_limit_decides_when_max_connections_is_0(sipweir):
    weir = sipweir(descriptors=200, listener={"proxy_protocol": "require"}, limits={"connections": 0})
    held = []
    for _ in range(150):
        held.append(weir.dial())
    answered = 0
    for one in held:
        try:
            answered += one.ask(within=2).status == 200
        except (AssertionError, OSError):
            pass
    assert 20 < answered < 150
    for one in held:
        one.close()
    weir.log.wait_for("connection.closed", count=answered)
    assert weir.dial().ask().status == 200, "it works again when they have gone"


def test_the_soft_descriptor_limit_is_raised(sipweir):
    weir = sipweir()
    soft, hard = resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE)
    assert soft == hard


def test_a_backlog_that_the_kernel_cuts_is_told(sipweir):
    most = int(open("/proc/sys/net/core/somaxconn").read())
    weir = sipweir(listener={"backlog": min(65535, most * 2)})
    line = weir.wait_for("kernel.backlog")
    assert line["level"] == "warning" and "somaxconn" in line["message"]


def test_the_listening_line_names_the_real_port(sipweir):
    weir = sipweir(listeners=[{"name": "a"}, {"name": "b", "address": "[::1]:0"}])
    a, b = (weir.address_of(n) for n in "ab")
    assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d+", a) and re.fullmatch(r"\[::1\]:[1-9]\d+", b)
    for name in "ab":
        assert weir.dial(listener=name).ask().status == 200


def test_dual_stack_accepts_both_families(sipweir):
    weir = sipweir(listener={"address": "[::]:0", "dual_stack": True})
    port = weir.address.rpartition(":")[2]
    for address, source in ((f"127.0.0.1:{port}", "127.0.0.1"), (f"[::1]:{port}", "::1")):
        one = phone.Phone(address)
        assert one.ask().status == 200
        one.close()
        assert weir.wait_for("connection.closed", source=source)
