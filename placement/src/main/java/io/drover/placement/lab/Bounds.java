package io.drover.placement.lab;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import io.drover.placement.Device;
import io.drover.placement.Measures;
import io.drover.placement.Mode;

/**
 * Lower bounds on the traffic of any placement on a trace: a relaxation, so the true optimum may lie well above it.
 *
 * <p>With R returns possible in a token-layer (top-k in home, top-k - 1 in walk, where the highest-gate expert's own is none), each of the R calls
 * that runs where outputs are combined saves a return; and only if all do can the token-layer save its last vector, a dispatch or a
 * hand-over, too. So {@code vectors >= R + 1 - saved}, with {@code saved} the mean of (local calls + 1 if all are local), and
 * {@code copies >= 2 (1 - whole)}, with {@code whole} the share of token-layers that are wholly local. All are local only if the rarest of
 * them is: thus a device that hosts a set of experts saves at most the sum over the set of (calls to it + token-layers of which it is
 * the rarest), and the best set of c experts is that of the c greatest.
 *
 * <p>How sets may be chosen:
 * <ul>
 * <li><b>home</b>: each device chooses, over all layers, as many as it has slots, for the sequences homed there. Loads are not limited.
 * Where homes are chosen, each sequence has such a set of its own, and another one until its home is chosen.
 * <li><b>walk</b>: where the highest-gate expert runs on a device with c slots, its c - 1 best companions are there. A device has the
 * highest-gate experts of at most c experts, and runs at most {@code imbalance / devices} of a layer's calls. Slots and highest-gate
 * positions are divided over devices, and slots over layers, as is best; that each position is served once, and that loads are limited,
 * enters through prices (Lagrange), so that any prices give a bound.
 * </ul>
 *
 * <p>Loose because the companions of different experts are chosen apart from each other; because in walk a token that stays for the next
 * layer is free once that layer is local, whatever the transitions; because loads are allowed to be best layer by layer; and because
 * fitting to the very trace is allowed.
 */
final class Bounds {
    /** A layer's positions are cut into this many parts when they are divided over devices; rounding favours the bound. */
    private static final int PARTS = 40;
    /** Imbalances at which bounds are computed. */
    private static final double[] STEPS = {1, 1.05, 1.1, 1.2, 1.3, 1.5, 2};
    /** Prices of a device's load that are tried, beside 0. */
    private static final int LOAD_PRICES = 8;
    /** Above this many (expert, device) pairs of a layer the division is not computed. */
    private static final int MAX_PAIRS = 1024;

    private record WalkKey(int devices, double imbalance, long slots, boolean wholeOnly) {}

    private final Trace trace;
    private final int[][] calls;
    private final Map<WalkKey, Double> walk = new HashMap<>();

    Bounds(final Trace trace) {
        this.trace = trace;
        calls = new int[trace.layers()][trace.experts()];
        for (int token = 0; token < trace.tokens(); token++) {
            for (int layer = 0; layer < trace.layers(); layer++) {
                for (int rank = 0; rank < trace.topK(); rank++) {
                    calls[layer][trace.ids()[trace.at(token, layer) + rank]]++;
                }
            }
        }
    }

    /**
     * @param imbalance allowed in each layer, at least 1; has no influence in home
     * @return null if the case is too large to be computed
     */
    @Nullable
    LowerBound of(final Scenario scenario, final double imbalance) {
        if (scenario.mode() == Mode.HOME) {
            return new LowerBound(Double.POSITIVE_INFINITY, homeSaved(scenario, false), homeSaved(scenario, true), trace.topK());
        }
        if ((long) trace.experts() * scenario.devices() > MAX_PAIRS || trace.topK() == 1) {
            return null;
        }
        final double rounded = rounded(imbalance, scenario.devices());
        return new LowerBound(rounded,
                walk.computeIfAbsent(new WalkKey(scenario.devices(), rounded, scenario.slots(), false), this::walkSaved),
                walk.computeIfAbsent(new WalkKey(scenario.devices(), rounded, scenario.slots(), true), this::walkSaved),
                trace.topK() - 1);
    }

    /** Few different values, upwards: each costs seconds. */
    private static double rounded(final double imbalance, final int devices) {
        for (final double step : STEPS) {
            if (imbalance <= step + 1e-9) {
                return Math.min(step, devices);
            }
        }
        return devices;
    }

    /** The expert of ranks {@code from} and up that is called least in the whole trace. */
    private int rarest(final int at, final int layer, final int from) {
        int rarest = trace.ids()[at + from];
        for (int rank = from + 1; rank < trace.topK(); rank++) {
            final int expert = trace.ids()[at + rank];
            if (calls[layer][expert] < calls[layer][rarest]) {
                rarest = expert;
            }
        }
        return rarest;
    }

    private double homeSaved(final Scenario scenario, final boolean wholeOnly) {
        final int slots = scenario.topology().devices().stream().mapToInt(Device::slots).max().orElse(0);
        final double[][][] scores = new double[scenario.devices()][trace.layers()][trace.experts()];
        double saved = 0;
        for (int sequence = 0; sequence < trace.sequences().size(); sequence++) {
            final Trace.Sequence span = trace.sequences().get(sequence);
            if (scenario.prefix() > 0) {
                final int chosen = Math.min(span.end(), span.firstToken() + scenario.prefix());
                saved += best(score(span.firstToken(), chosen, wholeOnly, new double[trace.layers()][trace.experts()]), slots);
                saved += best(score(chosen, span.end(), wholeOnly, new double[trace.layers()][trace.experts()]), slots);
            } else {
                final int home = scenario.topology().index(Measures.drawHome(scenario.topology(), scenario.seed(), sequence));
                score(span.firstToken(), span.end(), wholeOnly, scores[home]);
            }
        }
        for (int device = 0; device < scenario.devices(); device++) {
            saved += best(scores[device], scenario.topology().device(device).slots());
        }
        return saved / trace.tokens() / trace.layers();
    }

    /** Adds to [layer][expert] what each saves at most where it is local. */
    private double[][] score(final int first, final int end, final boolean wholeOnly, final double[][] scores) {
        for (int token = first; token < end; token++) {
            for (int layer = 0; layer < trace.layers(); layer++) {
                final int at = trace.at(token, layer);
                scores[layer][rarest(at, layer, 0)]++;
                for (int rank = 0; !wholeOnly && rank < trace.topK(); rank++) {
                    scores[layer][trace.ids()[at + rank]]++;
                }
            }
        }
        return scores;
    }

    /** The sum of the greatest. */
    private static double best(final double[][] scores, final int slots) {
        final double[] all = Arrays.stream(scores).flatMapToDouble(Arrays::stream).sorted().toArray();
        double sum = 0;
        for (int i = 0; i < Math.min(all.length, slots); i++) {
            sum += all[all.length - 1 - i];
        }
        return sum;
    }

    private double walkSaved(final WalkKey key) {
        final int most = trace.experts() * (key.devices() - 1);
        final double[] increments = new double[trace.layers() * most];
        double saved = 0;
        for (int layer = 0; layer < trace.layers(); layer++) {
            final double[] all = layerSaved(companions(layer, key.wholeOnly()), key);
            final double[] gains = concave(Arrays.copyOfRange(all, trace.experts(), all.length));
            saved += gains[0];
            for (int slots = 1; slots <= most; slots++) {
                increments[layer * most + slots - 1] = gains[slots] - gains[slots - 1];
            }
        }
        Arrays.sort(increments);
        final long spare = Math.min(increments.length, key.slots() - (long) trace.layers() * trace.experts());
        for (int i = 0; i < spare; i++) {
            saved += increments[increments.length - 1 - i];
        }
        return saved / trace.layers();
    }

    /** Row [owner][n]: most that owner's n best companions save per position; [owner][experts]: owner's share of positions. */
    private double[][] companions(final int layer, final boolean wholeOnly) {
        final int experts = trace.experts();
        final double each = 1.0 / trace.tokens();
        final double[][] scores = new double[experts][experts];
        final double[][] best = new double[experts][experts + 1];
        for (int token = 0; token < trace.tokens(); token++) {
            final int at = trace.at(token, layer);
            final int owner = trace.ids()[at];
            best[owner][experts] += each;
            scores[owner][rarest(at, layer, 1)] += each;
            for (int rank = 1; !wholeOnly && rank < trace.topK(); rank++) {
                scores[owner][trace.ids()[at + rank]] += each;
            }
        }
        for (int owner = 0; owner < experts; owner++) {
            Arrays.sort(scores[owner]);
            for (int n = 1; n < experts; n++) {
                best[owner][n] = best[owner][n - 1] + scores[owner][experts - n];
            }
        }
        return best;
    }

    /** [slots of the layer over all devices] most that is saved per position. */
    private double[] layerSaved(final double[][] companions, final WalkKey key) {
        final int experts = trace.experts();
        final double[] prices = prices(companions, (double) key.slots() / trace.layers() / key.devices());
        double base = 0;
        for (int owner = 0; owner < experts; owner++) {
            base += prices[owner] * companions[owner][experts];
        }
        final double cap = key.imbalance() * trace.topK() / key.devices();
        // Calls of a device beside the highest-gate ones, per unit saved: R calls save R + 1 if all are local, less otherwise.
        final double returns = trace.topK() - 1;
        final double load = key.wholeOnly() ? returns : returns / (returns + 1);
        final double[][] device = new double[experts + 1][];
        for (int slots = 0; slots <= experts; slots++) {
            device[slots] = profits(companions, prices, slots, load, cap);
        }
        // Rounded up, the shares sum to less than one part per device too much.
        final int parts = PARTS + key.devices();
        final int most = experts * key.devices();
        double[][] best = new double[most + 1][parts];
        for (final double[] row : best) {
            Arrays.fill(row, Double.NEGATIVE_INFINITY);
            row[0] = 0;
        }
        for (int d = 0; d < key.devices(); d++) {
            best = withOneMore(best, device);
        }
        final double[] saved = new double[most + 1];
        for (int slots = 0; slots <= most; slots++) {
            double profit = Double.NEGATIVE_INFINITY;
            for (int part = PARTS; part < parts; part++) {
                profit = Math.max(profit, best[slots][part]);
            }
            saved[slots] = Math.clamp(base + profit, 0, key.wholeOnly() ? 1 : trace.topK());
        }
        return saved;
    }

    /** [owner] what a position of the owner costs a device: what it would gain with the mean number of slots. Any prices give a bound. */
    private static double[] prices(final double[][] companions, final double meanSlots) {
        final int experts = companions.length;
        final double mean = Math.clamp(meanSlots, 1, experts);
        final int below = Math.min(experts - 1, (int) mean);
        final double[] prices = new double[experts];
        for (int owner = 0; owner < experts; owner++) {
            final double low = rate(companions[owner], below);
            prices[owner] = low + (mean - below) * (rate(companions[owner], below + 1) - low);
        }
        return prices;
    }

    /**
     * [part] most that a device with these slots gains above the prices it pays, when its share of the positions lies in (part - 1, part];
     * part 0 is no share at all.
     */
    private static double[] profits(
            final double[][] companions, final double[] prices, final int slots, final double load, final double cap) {
        final int experts = companions.length;
        final double[] profits = new double[PARTS + 1];
        Arrays.fill(profits, Double.NEGATIVE_INFINITY);
        profits[0] = 0;
        if (slots == 0) {
            return profits;
        }
        final double hosted = mostOwned(companions, slots);
        for (int part = 1; part <= PARTS && (part - 1.0) / PARTS <= hosted; part++) {
            profits[part] = Double.POSITIVE_INFINITY;
        }
        for (int step = 0; step <= LOAD_PRICES; step++) {
            lower(profits, companions, prices, slots, load, (double) step / LOAD_PRICES / load, cap);
        }
        return profits;
    }

    /** Lowers profits to what they are at most when a call of the device's own costs {@code loadPrice} and it is given {@code cap} calls. */
    private static void lower(
            final double[] profits,
            final double[][] companions,
            final double[] prices,
            final int slots,
            final double load,
            final double loadPrice,
            final double cap) {
        final int experts = companions.length;
        final double[] margins = new double[experts];
        for (int owner = 0; owner < experts; owner++) {
            margins[owner] = (1 - loadPrice * load) * rate(companions[owner], slots) - loadPrice - prices[owner];
        }
        final double[] open = Arrays.stream(companions).mapToDouble(owner -> owner[experts]).toArray();
        final Integer[] order = new Integer[experts];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (a, b) -> Double.compare(margins[b], margins[a]));
        double sum = loadPrice * cap;
        int next = 0;
        for (int part = 1; part <= PARTS; part++) {
            double peak = sum;
            double room = 1.0 / PARTS;
            while (room > 1e-12 && next < experts) {
                final double taken = Math.min(room, open[order[next]]);
                sum += taken * margins[order[next]];
                peak = Math.max(peak, sum);
                room -= taken;
                open[order[next]] -= taken;
                next += open[order[next]] <= 1e-12 ? 1 : 0;
            }
            profits[part] = Math.min(profits[part], peak);
        }
    }

    private static double[][] withOneMore(final double[][] before, final double[][] device) {
        final int parts = before[0].length;
        final double[][] after = new double[before.length][parts];
        for (int slots = 0; slots < before.length; slots++) {
            final double[] sum = after[slots];
            Arrays.fill(sum, Double.NEGATIVE_INFINITY);
            for (int mine = 0; mine < device.length && mine <= slots; mine++) {
                final double[] rest = before[slots - mine];
                for (int part = 0; part <= PARTS; part++) {
                    final double gain = device[mine][part];
                    if (gain == Double.NEGATIVE_INFINITY) {
                        continue;
                    }
                    for (int other = 0; other + part < parts; other++) {
                        sum[other + part] = Math.max(sum[other + part], rest[other] + gain);
                    }
                }
            }
        }
        return after;
    }

    /** Largest share of positions whose highest-gate expert is among so many experts. */
    private static double mostOwned(final double[][] companions, final int slots) {
        final int experts = companions.length;
        final double[] shares = Arrays.stream(companions).mapToDouble(owner -> owner[experts]).sorted().toArray();
        double sum = 0;
        for (int i = 0; i < slots; i++) {
            sum += shares[experts - 1 - i];
        }
        return sum;
    }

    private static double rate(final double[] owner, final int slots) {
        final double share = owner[owner.length - 1];
        return share > 0 ? owner[slots - 1] / share : 0;
    }

    /** The least concave function that is nowhere below. */
    private static double[] concave(final double[] values) {
        final double[] hull = values.clone();
        int from = 0;
        while (from < values.length - 1) {
            int to = from + 1;
            for (int i = from + 2; i < values.length; i++) {
                if ((values[i] - values[from]) * (to - from) > (values[to] - values[from]) * (i - from)) {
                    to = i;
                }
            }
            for (int i = from + 1; i < to; i++) {
                hull[i] = values[from] + (values[to] - values[from]) * (i - from) / (to - from);
            }
            from = to;
        }
        return hull;
    }
}
