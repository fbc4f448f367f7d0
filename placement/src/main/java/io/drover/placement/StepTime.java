package io.drover.placement;

/** Turns a replay into the time and bytes of a step, layer by layer. */
final class StepTime {
    private static final Tier[] BETWEEN = {Tier.SAME_HOST, Tier.NETWORK};

    private final CostModel cost;
    private final Placement placement;
    private final Topology topology;
    private final Measures measures;
    private final double perStep;
    private final Tier kvTier;

    StepTime(final CostModel cost, final Placement placement, final Topology topology, final Measures measures) {
        this.cost = cost;
        this.placement = placement;
        this.topology = topology;
        this.measures = measures;
        perStep = (double) cost.stepTokens() / measures.positions();
        kvTier = topology.hosts() > 1 ? Tier.NETWORK : Tier.SAME_HOST;
    }

    /** What a routed layer takes. */
    PathReplay.Share share(final int layer) {
        final double[] bytes = new double[Tier.values().length];
        for (int index = 0; index < topology.size(); index++) {
            for (final Tier tier : BETWEEN) {
                bytes[tier.ordinal()] += sent(layer, index, tier);
            }
        }
        return new PathReplay.Share(computeSeconds(layer), transferSeconds(layer), bytes[Tier.SAME_HOST.ordinal()],
                bytes[Tier.NETWORK.ordinal()]);
    }

    private double computeSeconds(final int layer) {
        final double[] activated = new double[topology.size()];
        for (int expert = 0; expert < placement.experts(layer); expert++) {
            for (int i = 0; i < placement.replicas(layer, expert); i++) {
                final int index = topology.index(placement.device(layer, expert, i));
                if (index >= 0) {
                    final double share = (double) measures.replicaCalls(layer, expert, i) / measures.positions();
                    activated[index] += 1 - Math.pow(1 - share, cost.stepTokens());
                }
            }
        }
        double slowest = 0;
        for (int index = 0; index < topology.size(); index++) {
            final double seconds = topology.device(index)
                    .rate()
                    .seconds(activated[index], measures.calls(layer, index) * perStep);
            slowest = Math.max(slowest, seconds);
        }
        return slowest;
    }

    private double transferSeconds(final int layer) {
        double busiest = 0;
        double latency = 0;
        for (int index = 0; index < topology.size(); index++) {
            double out = 0;
            double in = 0;
            for (final Tier tier : BETWEEN) {
                final double sent = sent(layer, index, tier);
                out += sent / topology.link(tier).bytesPerSecond();
                in += perStep
                        * measures.receivedBytes(layer, index, tier, cost.wire())
                        / topology.link(tier).bytesPerSecond();
                if (sent > 0) {
                    latency = Math.max(latency, topology.link(tier).latencySeconds());
                }
            }
            busiest = Math.max(busiest, Math.max(out, in));
        }
        return busiest + 2 * latency;
    }

    private double sent(final int layer, final int index, final Tier tier) {
        final double kv = tier == kvTier ? (double) measures.attention(layer, index) * cost.wire().kvBytesSent() : 0;
        return perStep * (measures.sentBytes(layer, index, tier, cost.wire()) + kv);
    }
}
