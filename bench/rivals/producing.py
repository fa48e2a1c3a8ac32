"""Kafka's own kafka-producer-perf-test, in a Java of its own, as its shell script would run it."""

import asyncio
import os
import re
import subprocess
from resource import RUSAGE_CHILDREN, getrusage

from infra.native.jars import cache_folder, class_path, install, locked_jars
from infra.native.machine import program
from instastream.settings import Settings
from instastream.steps import Report

WARM_UP = 100_000  # records
# What kafka-run-class.sh says, where nobody says otherwise.
JAVA = ("-Xmx512M", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")
STEADY = re.compile(r"(\d+) steady state records sent, ([\d.]+) records/sec")


async def produce(
    settings: Settings,
    topic: str,
    *,
    count: int,
    record_bytes: int,
    linger_ms: int,
    batch_bytes: int,
    report: Report,
) -> tuple[float, float]:
    """Seconds by the clock and of its CPU for `count` records, acks=all, as fast as it can.

    By the clock without its start and the first records, while Java compiles what it runs; of the
    CPU with both, as so many records more.
    """
    jars = locked_jars("kafka") + locked_jars("kafka-tools")
    cache = cache_folder(os.environ)
    await install(jars, cache, report)
    argv = [str(program("kafka", os.environ)), *JAVA, "-cp", class_path(jars, cache)]
    argv += ["org.apache.kafka.tools.ProducerPerformance", "--bootstrap-server", settings.kafka]
    argv += ["--topic", settings.prefix + topic, "--throughput", "-1"]
    argv += ["--num-records", str(WARM_UP + count), "--warmup-records", str(WARM_UP)]
    argv += ["--record-size", str(record_bytes), "--command-property", "acks=all"]
    argv += [f"linger.ms={linger_ms}", f"batch.size={batch_bytes}"]
    before = getrusage(RUSAGE_CHILDREN)
    done = await asyncio.to_thread(
        subprocess.run, argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    found = STEADY.search(done.stdout)
    assert found, done.stdout
    assert int(found[1]) == count
    after = getrusage(RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return count / float(found[2]), cpu_s * count / (WARM_UP + count)
