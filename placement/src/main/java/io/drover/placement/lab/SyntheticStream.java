package io.drover.placement.lab;

import java.util.SplittableRandom;

/**
 * Routing that has what real routing has, made from a seed: experts of very different popularity, which depends on what a text is about; an
 * expert's successor in the next layer is mostly one of a few; a token's experts come in groups; and what texts are about shifts slowly,
 * around the clock.
 */
final class SyntheticStream implements TokenStream {
    private static final int CONCURRENT = 64;
    private static final int LENGTH = 300;
    /** Chance that a token's highest-gate expert follows from that of the layer before. */
    private static final double FOLLOWS = 0.5;
    /** Chance that a further expert is one of the first one's usual companions. */
    private static final double COMPANION = 0.5;
    private static final int FEW = 4;

    private final SimulationSpec spec;
    private final SplittableRandom random;
    private final long salt;
    private final long tokensPerHour;
    private final int[] topic = new int[CONCURRENT];
    private final int[] left = new int[CONCURRENT];
    private final int[] number = new int[CONCURRENT];
    private final float[] gates;
    private long token = -1;
    private int drawn;

    /** @param tokensPerHour of the stream, so that a day's shift can be had in few tokens */
    SyntheticStream(final SimulationSpec spec, final long tokensPerHour, final long seed, final long salt) {
        this.spec = spec;
        this.salt = salt;
        this.tokensPerHour = tokensPerHour;
        random = new SplittableRandom(seed);
        gates = new float[spec.topK()];
        float sum = 0;
        for (int rank = 0; rank < gates.length; rank++) {
            gates[rank] = 1f / (rank + 2);
            sum += gates[rank];
        }
        for (int rank = 0; rank < gates.length; rank++) {
            gates[rank] /= sum;
        }
    }

    @Override
    public int next(final int[][] chosen, final float[][] weights) {
        token++;
        final int i = (int) (token % CONCURRENT);
        if (left[i]-- <= 0) {
            topic[i] = drawTopic();
            left[i] = 1 + random.nextInt(2 * LENGTH);
            number[i] = drawn++;
        }
        int owner = random.nextInt(spec.experts());
        for (int layer = 0; layer < spec.layers(); layer++) {
            owner = layer > 0 && random.nextDouble() < FOLLOWS
                    ? near(layer - 1, owner, random.nextInt(FEW), 1)
                    : popular(layer, topic[i]);
            chosen[layer][0] = owner;
            for (int rank = 1; rank < spec.topK(); rank++) {
                chosen[layer][rank] = another(layer, owner, topic[i], chosen[layer], rank);
            }
            System.arraycopy(gates, 0, weights[layer], 0, gates.length);
        }
        return number[i];
    }

    private int another(final int layer, final int owner, final int about, final int[] row, final int rank) {
        for (int attempt = 0;; attempt++) {
            final int expert = attempt > 8
                    ? random.nextInt(spec.experts())
                    : random.nextDouble() < COMPANION ? near(layer, owner, random.nextInt(2 * FEW), 2) : popular(layer, about);
            boolean fresh = true;
            for (int earlier = 0; earlier < rank; earlier++) {
                fresh &= row[earlier] != expert;
            }
            if (fresh) {
                return expert;
            }
        }
    }

    /** One of the topic's experts, the n-th with a chance that falls as 1 / sqrt(n). */
    private int popular(final int layer, final int about) {
        final double u = random.nextDouble();
        return hash(layer, about, (int) (u * u * spec.experts()), 3);
    }

    private int near(final int layer, final int expert, final int which, final int kind) {
        return hash(layer, expert, which, kind);
    }

    private int hash(final int a, final int b, final int c, final int kind) {
        long z = salt + a * 0x9e3779b97f4a7c15L + b * 0xbf58476d1ce4e5b9L + c * 0x94d049bb133111ebL + kind * 0xd6e8feb86659fd93L;
        z = (z ^ z >>> 32) * 0xd6e8feb86659fd93L;
        z = (z ^ z >>> 32) * 0xd6e8feb86659fd93L;
        z ^= z >>> 32;
        return (int) Long.remainderUnsigned(z, spec.experts());
    }

    /** Topics take turns: each swells and ebbs over a day of its own phase. */
    private int drawTopic() {
        double sum = 0;
        for (int t = 0; t < spec.topics(); t++) {
            sum += share(t);
        }
        double u = random.nextDouble() * sum;
        for (int t = 0; t < spec.topics(); t++) {
            u -= share(t);
            if (u < 0) {
                return t;
            }
        }
        return spec.topics() - 1;
    }

    private double share(final int about) {
        final double hour = (double) Math.max(0, token) / tokensPerHour;
        return 0.05 + Math.pow(1 + Math.cos(2 * Math.PI * (hour / 24 - (double) about / spec.topics())), 3);
    }

    @Override
    public String phase() {
        return "hour " + Math.max(0, token) / tokensPerHour;
    }

    @Override
    public int layers() {
        return spec.layers();
    }

    @Override
    public int experts() {
        return spec.experts();
    }

    @Override
    public int topK() {
        return spec.topK();
    }
}
