package io.drover.cluster;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

import io.drover.actors.RoutingTable;
import io.drover.placement.Placement;
import io.drover.placement.RoutingStatistics;

/**
 * How evenly a placement spreads the calls that gates ask for, each expert's calls being shared equally by its replicas. In the terms of
 * {@link io.drover.placement.Measured}, which replays tokens where this knows only sums.
 *
 * @param layers       [layer] the busiest device's calls over the mean device's, at least 1; NaN for a dense layer and without calls
 * @param balancedness the mean device's calls over the busiest one's, both summed over layers: 1 if all have the same; NaN without calls
 */
public record LoadBalance(List<Double> layers, double balancedness) {
    /** Nothing is known yet. */
    public static final LoadBalance UNKNOWN = new LoadBalance(List.of(), Double.NaN);

    public LoadBalance {
        layers = List.copyOf(layers);
    }

    /** @param devices ordinals of the devices that can be given calls; those of a replica that are not among them count for nothing */
    static LoadBalance of(final RoutingStatistics statistics, final Placement placement, final List<Integer> devices) {
        final Double[] ratios = new Double[statistics.layers()];
        double means = 0;
        double maxima = 0;
        for (int layer = 0; layer < ratios.length; layer++) {
            final double[] load = load(statistics, placement, layer, devices);
            final double mean = Arrays.stream(load).sum() / Math.max(1, load.length);
            final double max = Arrays.stream(load).max().orElse(0);
            ratios[layer] = mean > 0 ? max / mean : Double.NaN;
            means += mean;
            maxima += max;
        }
        return new LoadBalance(List.of(ratios), maxima > 0 ? means / maxima : Double.NaN);
    }

    /** Ordinals of the devices that calls can go to. */
    static List<Integer> devices(final RoutingTable table) {
        final List<Integer> nodes = table.nodeOfDevice();
        return IntStream.range(0, nodes.size()).filter(device -> nodes.get(device) >= 0).boxed().toList();
    }

    private static double[] load(final RoutingStatistics statistics, final Placement placement, final int layer,
            final List<Integer> devices) {
        final double[] load = new double[devices.size()];
        for (int expert = 0; expert < placement.experts(layer); expert++) {
            final int replicas = placement.replicas(layer, expert);
            for (int replica = 0; replica < replicas; replica++) {
                final int at = devices.indexOf(placement.device(layer, expert, replica));
                if (at >= 0) {
                    load[at] += statistics.calls(layer, expert) / replicas;
                }
            }
        }
        return load;
    }

    /** Mean of the layers' ratios; NaN without calls. */
    public double imbalance() {
        return layers.stream().mapToDouble(Double::doubleValue).filter(Double::isFinite).average().orElse(Double.NaN);
    }

    /** The worst layer's ratio; NaN without calls. */
    public double worst() {
        return layers.stream().mapToDouble(Double::doubleValue).filter(Double::isFinite).max().orElse(Double.NaN);
    }
}
