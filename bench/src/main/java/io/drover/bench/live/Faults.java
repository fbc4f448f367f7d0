package io.drover.bench.live;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** The faults of {@link FaultsTrial}, in order. Nodes 3 and 4 use the media driver that is killed; its memory and the logs of node 4
 * are on the disk that is filled. */
final class Faults {
    static final int GATEWAY = 2;
    static final int DOOR = 4;
    static final int IDLE_S = 20;
    private static final int VICTIM = 3;
    private static final int DRIVER = 1;
    private static final double PROMISED_S = 5;
    private static final int BEFORE_S = 5;
    private static final double AFTER_S = 5;
    private static final double STILL_S = 5;
    private static final int ODD_CLIENTS = 8;
    private static final int PROCESS_S = 60;

    /** Lets it happen, and undoes it. */
    private interface Event {
        /** @return after how many seconds readiness told the truth; 0 where it had nothing to tell */
        double happen(Watch watch) throws Exception;
    }

    private final LiveBench bench;
    private final LiveCluster cluster;
    private final SmallDisk disk;
    private final List<String> rows = new ArrayList<>();
    private int bad;

    Faults(final LiveBench bench, final LiveCluster cluster, final SmallDisk disk) {
        this.bench = bench;
        this.cluster = cluster;
        this.disk = disk;
    }

    /** @return broken promises */
    int run() throws Exception {
        try {
            fault("kill -9", false, this::killed);
            fault("SIGSTOP for 5 s", false, this::stopped);
            fault("slow clients", false, this::slowClients);
            fault("clients that go away", false, this::goneClients);
            fault("full disk", false, this::fullDisk);
            fault("gateway restarted by SIGTERM", true, watch -> restarted("TERM"));
            fault("gateway restarted by kill -9", true, watch -> restarted("KILL"));
            fault("media driver killed", true, watch -> driverKilled());
            allDriversKilled();
        } finally {
            bench.say("fault | streams | failed | differing | readiness true after s");
            rows.forEach(row -> bench.say("%s", row));
        }
        return bad;
    }

    /** @param door whether a gateway is concerned: then it has a load of its own, whose streams may be told of an error */
    private void fault(final String name, final boolean door, final Event event) throws Exception {
        final String file = name.replaceAll("\\W+", "-");
        final double truthS;
        final List<Load> loads = new ArrayList<>();
        try (Watch watch = new Watch(cluster, List.of(GATEWAY, VICTIM))) {
            try {
                loads.add(bench.load(file, cluster.url(GATEWAY)));
                if (door) {
                    loads.add(bench.load(file + "-door", cluster.url(DOOR)));
                }
                bench.pause(BEFORE_S);
                truthS = event.happen(watch);
                bench.pause(BEFORE_S);
            } finally {
                for (final Load load : loads) {
                    load.close();
                }
            }
        }
        final Verdict verdict = bench.verdict(file);
        bad += bench.judge(name, verdict) + (truthS > PROMISED_S ? 1 : 0);
        rows.add("%s | %d | %d | %d | %.1f".formatted(name, verdict.streams(), verdict.failed().size(), verdict.wrong().size(),
                truthS));
        if (door) {
            final Verdict ends = bench.verdict(file + "-door");
            final int broken = bench.judgeEnds(name + ", through the gateway concerned", ends);
            // A gateway that is killed takes its streams' ends with it, and nothing else.
            bad += name.endsWith("kill -9") ? broken - ends.silent().size() : broken;
            rows.add("%s, streams through it | %d | %d, of which cut without a word %d | %d |".formatted(name, ends.streams(),
                    ends.failed().size(), ends.silent().size(), ends.wrong().size() + ends.wrongBeginnings().size()));
        }
    }

    private double killed(final Watch watch) throws Exception {
        final long fromNs = System.nanoTime();
        cluster.kill(VICTIM);
        bench.pause(AFTER_S);
        cluster.start(VICTIM);
        cluster.awaitWhole();
        return watch.afterS(GATEWAY, fromNs, seenOut(VICTIM));
    }

    private double stopped(final Watch watch) throws Exception {
        final long fromNs = System.nanoTime();
        cluster.signal(VICTIM, "STOP");
        bench.pause(STILL_S);
        cluster.signal(VICTIM, "CONT");
        cluster.awaitWhole();
        bench.say("SIGSTOP: all serve again %.1f s after it was continued", (System.nanoTime() - fromNs) / 1e9 - STILL_S);
        return watch.afterS(GATEWAY, fromNs, seenOut(VICTIM));
    }

    private static Predicate<Watch.Sight> seenOut(final int node) {
        return sight -> sight.readiness().status() > 0 && !sight.sees(node, "SERVING");
    }

    private double slowClients(final Watch watch) throws Exception {
        final double before = gatewayHeapMiB();
        try (OddClients slow = oddClients()) {
            slow.readSlowly(IDLE_S / 2);
            bench.say("slow clients: heap of the gateway %.1f MiB before, %.1f MiB with %d of them", before, gatewayHeapMiB(),
                    ODD_CLIENTS);
            slow.readSlowly(IDLE_S);
            awaitFewInFlight("slow clients to be cut");
        }
        return 0;
    }

    private double goneClients(final Watch watch) throws Exception {
        oddClients().close();
        final long fromNs = System.nanoTime();
        awaitFewInFlight("the streams of clients that are gone to end");
        bench.say("clients that go away: none of their streams is open after %.1f s", (System.nanoTime() - fromNs) / 1e9);
        return 0;
    }

    private void awaitFewInFlight(final String what) throws InterruptedException {
        LiveCluster.until(what,
                () -> cluster.get(GATEWAY, "/admin/status").path("requests_in_flight").asInt(Integer.MAX_VALUE) <= bench.clients);
    }

    private OddClients oddClients() throws IOException {
        return new OddClients(cluster.url(GATEWAY), cluster.get(GATEWAY, "/v1/models").at("/data/0/id").asText(), ODD_CLIENTS);
    }

    private double gatewayHeapMiB() throws IOException, InterruptedException {
        return SoakTrial.sample(cluster.process(GATEWAY).pid()).heapMiB();
    }

    /** The disk has the memory of a media driver, the logs of its nodes, and what is recorded. */
    private double fullDisk(final Watch watch) throws Exception {
        final long fromNs = System.nanoTime();
        disk.fill();
        try {
            final Process record = cluster.run("record", List.of(), bench.file(""),
                    List.of("record", disk.directory().resolve("trace").toString(), "--url", cluster.url(GATEWAY), "--tokens",
                            "2000"));
            if (!record.waitFor(PROCESS_S, TimeUnit.SECONDS)) {
                record.destroyForcibly();
            }
            bench.say("full disk: record ended with exit code %s: %s", record.isAlive() ? "none" : record.exitValue(),
                    lastLine(bench.file("record.log")));
            bad += record.isAlive() || record.exitValue() == 0 ? 1 : 0;
            cluster.kill(VICTIM);
            cluster.start(VICTIM);
            bad += startedOnFullDisk();
        } finally {
            disk.free();
        }
        if (!cluster.running().contains(VICTIM)) {
            cluster.start(VICTIM);
        }
        cluster.awaitWhole();
        bench.say("full disk: all serve again; %.0f s in all", (System.nanoTime() - fromNs) / 1e9);
        return 0;
    }

    /** Whether there is room depends on what the driver has given back of the node before; one that says that it is ready must serve. */
    private int startedOnFullDisk() throws Exception {
        final boolean ended = cluster.process(VICTIM).waitFor(PROCESS_S, TimeUnit.SECONDS);
        if (!ended && cluster.readiness(VICTIM).ready()) {
            try (Load load = bench.load("full-disk-door", cluster.url(VICTIM))) {
                load.run(BEFORE_S);
            }
            return bench.judge("full disk: a node that was started then", bench.verdict("full-disk-door"));
        }
        bench.say("full disk: a node that was started then %s", ended
                ? "ended with exit code " + cluster.process(VICTIM).exitValue() + ": "
                        + lastLine(bench.file("node-" + VICTIM + ".out"))
                : "is not ready after " + PROCESS_S + " s");
        if (!ended) {
            cluster.kill(VICTIM);
        }
        return 0;
    }

    private static String lastLine(final Path file) throws IOException {
        return Files.exists(file) ? Files.readAllLines(file).stream().reduce("", (a, b) -> b) : "";
    }

    /** @return until its door says that it is not ready, or answers no more */
    private double restarted(final String signal) throws Exception {
        final long fromNs = System.nanoTime();
        cluster.signal(DOOR, signal);
        final double truthS = untilNotReadyS(DOOR, fromNs);
        cluster.awaitEnd(DOOR);
        bench.say("SIG%s: the gateway's process ended after %.1f s with exit code %d", signal, (System.nanoTime() - fromNs) / 1e9,
                cluster.process(DOOR).exitValue());
        cluster.start(DOOR);
        cluster.awaitWhole();
        return truthS;
    }

    private double untilNotReadyS(final int node, final long fromNs) throws InterruptedException {
        LiveCluster.until("node-" + node + " to say that it is not ready", () -> !cluster.readiness(node).ready());
        return (System.nanoTime() - fromNs) / 1e9;
    }

    private double driverKilled() throws Exception {
        final long fromNs = System.nanoTime();
        cluster.killDriver(DRIVER);
        double truthS = 0;
        for (final int node : List.of(VICTIM, DOOR)) {
            truthS = Math.max(truthS, untilNotReadyS(node, fromNs));
        }
        for (final int node : List.of(VICTIM, DOOR)) {
            cluster.awaitEnd(node);
            bench.say("media driver killed: node-%d ended after %.1f s: %s", node, (System.nanoTime() - fromNs) / 1e9,
                    lastLine((node == DOOR ? disk.directory() : bench.file("")).resolve("node-" + node + ".out")));
        }
        cluster.start(VICTIM);
        cluster.start(DOOR);
        cluster.awaitWhole();
        return truthS;
    }

    /** The cluster is gone with them; what is judged is that nobody is left in doubt. Last, because nothing serves after it. */
    private void allDriversKilled() throws Exception {
        final String name = "both media drivers killed";
        final long fromNs;
        final double readyS;
        try (Load load = bench.load("drivers", cluster.url(GATEWAY))) {
            load.run(BEFORE_S);
            fromNs = System.nanoTime();
            cluster.killDriver(0);
            cluster.killDriver(DRIVER);
            readyS = untilNotReadyS(GATEWAY, fromNs);
            for (int node = 1; node <= DOOR; node++) {
                cluster.awaitEnd(node);
            }
            bench.say("%s: the last node ended after %.1f s: %s", name, (System.nanoTime() - fromNs) / 1e9,
                    lastLine(bench.file("node-" + GATEWAY + ".out")));
        }
        final Verdict verdict = bench.verdict("drivers");
        final double servedS = Math.max(0, (verdict.lastTokenNs() - fromNs) / 1e9);
        final double truthS = Math.max(0, readyS - servedS);
        bench.say("%s: tokens for %.1f s, ready for %.1f s", name, servedS, readyS);
        bad += bench.judgeEnds(name, verdict) + (truthS > PROMISED_S ? 1 : 0);
        rows.add("%s | %d | %d | %d | %.1f".formatted(name, verdict.streams(), verdict.failed().size(), verdict.wrong().size(),
                truthS));
    }
}
