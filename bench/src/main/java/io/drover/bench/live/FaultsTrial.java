package io.drover.bench.live;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/**
 * One fault after the other under load, each with a load of its own through a gateway that it does not concern. Nodes 1 and 2 share a
 * media driver, nodes 3 and 4 another, whose memory, like the output of node 4, is on a small disk. Then {@link CorruptPeer}, in a
 * cluster of its own.
 */
final class FaultsTrial implements LiveBench.Trial {
    private static final int NODES = 4;
    private static final int GATEWAY = 2;
    private static final int DISK_MIB = 1024;

    /** Nodes on two media drivers. */
    private record TwoDrivers(Path small) implements LiveSite {
        @Override
        public int driver(final int node) {
            return node <= Faults.GATEWAY ? 0 : 1;
        }

        @Override
        public String aeronDirectory(final int driver) {
            return driver == 0 ? "" : small.resolve("aeron").toString();
        }

        @Override
        public Path logs(final int node, final Path records) {
            return node == Faults.DOOR ? small : records;
        }
    }

    @Override
    public int run(final LiveBench bench) throws Exception {
        return faults(bench) + new CorruptPeer(bench).run();
    }

    private static int faults(final LiveBench bench) throws Exception {
        try (SmallDisk disk = SmallDisk.mount(bench.file("small"), DISK_MIB)) {
            try (LiveCluster cluster = bench.cluster(NODES, new TwoDrivers(disk.directory()),
                    "drover.http.idle-deadline = " + Faults.IDLE_S + " s")) {
                try (Load load = bench.load("warm-up", cluster.url(Faults.GATEWAY), cluster.url(Faults.DOOR))) {
                    load.run(bench.warmUp);
                }
                return new Faults(bench, cluster, disk).run();
            } finally {
                keepLogs(bench, disk);
            }
        }
    }

    /** What was written to the small disk goes with it. */
    private static void keepLogs(final LiveBench bench, final SmallDisk disk) throws IOException {
        for (final String name : List.of("node-" + Faults.DOOR + ".log", "node-" + Faults.DOOR + ".out")) {
            if (Files.exists(disk.directory().resolve(name))) {
                Files.copy(disk.directory().resolve(name), bench.file(name), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }
}
