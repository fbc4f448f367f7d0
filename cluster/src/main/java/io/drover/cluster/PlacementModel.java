package io.drover.cluster;

import com.typesafe.config.Config;

import io.drover.model.LayerPlan;
import io.drover.model.ModelConfig;
import io.drover.model.checkpoint.Checkpoint;
import io.drover.model.checkpoint.TensorView;
import io.drover.placement.ComputeRate;
import io.drover.placement.CostModel;
import io.drover.placement.JointPlanner;
import io.drover.placement.Link;
import io.drover.placement.Mode;
import io.drover.placement.Rebalance;
import io.drover.placement.RebalancePredictor;
import io.drover.placement.RebalanceSettings;
import io.drover.placement.Wire;

/** What the planner has to know of a model and of the machines, from the checkpoint and the configuration. */
final class PlacementModel {
    /** A frame's header and a row's share of ids and gate weights, about. */
    private static final int ROW_HEADER_BYTES = 32;

    private static final String MACHINES = "drover.cluster.";
    private static final String REBALANCE = "drover.placement.rebalance.";

    private PlacementModel() {}

    static ExpertMoves.Settings of(final Checkpoint checkpoint, final NodeSettings settings) {
        final ModelConfig model = checkpoint.config();
        final Config config = settings.config();
        final long expertBytes = largestExpertBytes(checkpoint);
        final Wire wire = new Wire(model.hiddenSize(), settings.engine().wireType().bytes(), ROW_HEADER_BYTES, 0, 1, false);
        final CostModel cost = new CostModel(Mode.HOME, wire, expertBytes, config.getInt(MACHINES + "step-tokens"),
                Double.POSITIVE_INFINITY);
        final Rebalance.Model experts = new Rebalance.Model(model.expertsPerLayer(), null, cost, link(config, "host"),
                link(config, "network"));
        final double bytesPerSecond = config.getMemorySize(MACHINES + "weight-bandwidth").toBytes();
        // Two operations for each weight, and a weight is at least two bytes.
        final ComputeRate rate = new ComputeRate(expertBytes / bytesPerSecond,
                expertBytes / config.getDouble(MACHINES + "operations-per-second"));
        return new ExpertMoves.Settings(experts, rebalance(config), new JointPlanner(), RebalancePredictor.of(cost, 1), rate, 1);
    }

    private static Link link(final Config config, final String tier) {
        return new Link(config.getMemorySize(MACHINES + tier + "-bandwidth").toBytes(),
                config.getDuration(MACHINES + tier + "-latency").toNanos() / 1e9);
    }

    /** {@code drover.placement.rebalance}. @throws IllegalArgumentException naming what is out of range */
    static RebalanceSettings rebalance(final Config config) {
        final Config own = config.getConfig(REBALANCE.substring(0, REBALANCE.length() - 1));
        return new RebalanceSettings(own.getInt("min-replicas"), own.getInt("bootstrap-nodes"), own.getInt("reserve-slots"),
                own.getInt("step-moves"), own.getInt("loads-per-device"), nanos(own, "horizon"), own.getDouble("enter-gain"),
                own.getDouble("leave-gain"), own.getDouble("safety"), own.getDouble("overlap"), nanos(own, "evaluate-after"),
                nanos(own, "epoch-interval"), nanos(own, "acknowledge"), nanos(own, "load"), own.getInt("max-sends"),
                nanos(own, "retry"),
                nanos(own, "watchdog"), own.getDouble("planning-share"), own.getInt("effort"), own.getInt("ledger-entries"));
    }

    private static long nanos(final Config config, final String key) {
        return config.getDuration(key).toNanos();
    }

    /** As the kernels pack it: bfloat16 stays, all else becomes float32. */
    static long largestExpertBytes(final Checkpoint checkpoint) {
        long largest = 1;
        for (int layer = 0; layer < checkpoint.config().layers().size(); layer++) {
            final LayerPlan.Moe moe = checkpoint.config().layers().get(layer).moe();
            if (moe != null) {
                // Where the files lack the expert, its numbers are taken to be like those of the trunk.
                final TensorView.Dtype dtype = checkpoint.hasExpert(layer, 0)
                        ? checkpoint.expert(layer, 0).up().dtype()
                        : checkpoint.embedding().dtype();
                final int bytes = dtype == TensorView.Dtype.BF16 ? Short.BYTES : Float.BYTES;
                largest = Math.max(largest, 3L * checkpoint.config().hiddenSize() * moe.expertWidth() * bytes);
            }
        }
        return largest;
    }
}
