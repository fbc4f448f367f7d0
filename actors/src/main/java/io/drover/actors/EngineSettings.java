package io.drover.actors;

import java.time.Duration;

import com.typesafe.config.Config;

import io.drover.model.StorageType;

/**
 * How a node computes: {@code drover.engine} of the configuration, where each key is explained.
 *
 * @param wireType        of expert inputs and outputs
 * @param kvType          of keys and values in the cache
 * @param kernels         auto, vector or plain
 * @param computeThreads  at least 1, the engine's own thread included
 * @param kvCacheBytes    for the pages of all sequences of this home
 * @param maxRunning      sequences that run at once
 * @param maxWaiting      sequences that may wait
 * @param prefillRows     prompt positions in flight at once
 * @param prefillChunk    prompt positions of one sequence in one step
 * @param batchRows       rows of one step through a layer
 * @param decodeShare     part of the time that decode keeps while there is prefill
 * @param remoteRows      rows of other nodes that may be here at once
 * @param receiptTimeout  for a peer to acknowledge a call frame
 * @param resultFloor     added to a peer's predicted result time
 * @param resultFactor    times a peer's own prediction
 * @param callTimeout     after which an expert call has failed
 * @param maxAttempts     frames sent for one call
 * @param hedging         of slow peers
 * @param buddy           copies of pages at other nodes
 * @param offerTimeout    for a home to answer an offered sequence
 * @param silence         without news of a stream, after which its home is asked
 * @param homeTimeout     without news of a stream, after which another home goes on with it
 * @param takeoverAfter   of suspicion, after which another home goes on with a home's streams
 * @param takeoverTimeout for a stream to be without a home
 * @param maxTakeovers    of one stream
 * @param loaderThreads   that pack expert weights
 * @param spins           turns without work before the engine yields; 0 where nodes share cores
 * @param warmUp          longest time to run kernels before readiness, so that they are compiled
 */
public record EngineSettings(StorageType wireType, StorageType kvType, String kernels, int computeThreads, long kvCacheBytes,
        int maxRunning, int maxWaiting, int prefillRows, int prefillChunk, int batchRows, double decodeShare, int remoteRows,
        Duration receiptTimeout, Duration resultFloor, double resultFactor, Duration callTimeout, int maxAttempts,
        Hedging hedging, Buddy buddy,
        Duration offerTimeout, Duration silence, Duration homeTimeout, Duration takeoverAfter, Duration takeoverTimeout,
        int maxTakeovers, int loaderThreads, int spins, Duration warmUp) {

    /**
     * What is done about peers that are slower than they use to be: {@code drover.engine.hedging}.
     *
     * @param enabled    whether anything is
     * @param quantile   of a peer's recent answers after which a call is late
     * @param floor      no call is late before
     * @param ceiling    each call is late after
     * @param budget     second calls per call
     * @param burst      second calls at once
     * @param slowFactor times slower than the middle of the peers
     * @param recovery   until a slow peer is tried again
     * @param slowHome   a slow peer that needs longer than this for an expert call loses its sequences
     */
    public record Hedging(boolean enabled, double quantile, Duration floor, Duration ceiling, double budget, int burst,
            double slowFactor, Duration recovery, Duration slowHome) {
        public Hedging {
            between("quantile", quantile, 0.5, 1);
            between("budget", budget, 0, 1);
            between("slow-factor", slowFactor, 1.5, 1e6);
            atLeast("hedging.burst", burst, 1);
            if (floor.compareTo(ceiling) > 0) {
                throw new IllegalArgumentException(
                        "drover.engine.hedging.floor is " + floor + "; expected at most ceiling, " + ceiling);
            }
        }

        private static void between(final String key, final double value, final double least, final double most) {
            if (!(value >= least && value <= most)) {
                throw new IllegalArgumentException(
                        "drover.engine.hedging." + key + " is " + value + "; expected " + least + " to " + most);
            }
        }

        static Hedging from(final Config config) {
            return new Hedging(config.getBoolean("enabled"), config.getDouble("quantile"), config.getDuration("floor"),
                    config.getDuration("ceiling"), config.getDouble("budget"), config.getInt("burst"),
                    config.getDouble("slow-factor"), config.getDuration("recovery"), config.getDuration("slow-home"));
        }

        PeerPace.Limits pace() {
            return new PeerPace.Limits(quantile, floor.toNanos(), ceiling.toNanos(),
                    enabled ? slowFactor : Double.POSITIVE_INFINITY, recovery.toNanos());
        }

        HedgeBudget newBudget() {
            return new HedgeBudget(enabled ? budget : 0, burst);
        }
    }

    /**
     * Copies of this home's pages at other nodes, and of theirs here: {@code drover.engine.buddy} and the keys beside it.
     *
     * @param enabled        whether there are any
     * @param share          of the cache for other homes' pages, at most
     * @param bytesPerSecond that this home copies, at most
     * @param keep           since the last page came
     */
    public record Buddy(boolean enabled, double share, long bytesPerSecond, Duration keep) {
        public Buddy {
            if (!(share >= 0 && share <= 1)) {
                throw new IllegalArgumentException("drover.engine.buddy-share is " + share + "; expected 0 to 1");
            }
            atLeast("buddy-rate", bytesPerSecond, 1);
        }

        static Buddy from(final Config config) {
            return new Buddy(config.getBoolean("buddy"), config.getDouble("buddy-share"), config.getBytes("buddy-rate"),
                    config.getDuration("buddy-keep"));
        }
    }

    public EngineSettings {
        atLeast("compute-threads", computeThreads, 1);
        atLeast("kv-cache", kvCacheBytes, 1);
        atLeast("max-running", maxRunning, 1);
        atLeast("max-waiting", maxWaiting, 1);
        atLeast("prefill-chunk", prefillChunk, 2);
        atLeast("prefill-rows", prefillRows, prefillChunk);
        atLeast("batch-rows", batchRows, prefillChunk);
        atLeast("remote-rows", remoteRows, 64);
        atLeast("max-attempts", maxAttempts, 1);
        atLeast("max-takeovers", maxTakeovers, 0);
        atLeast("loader-threads", loaderThreads, 1);
        atLeast("spins", spins, 0);
        if (!(decodeShare > 0 && decodeShare < 1)) {
            throw new IllegalArgumentException(
                    "drover.engine.decode-share is " + decodeShare + "; expected more than 0 and less than 1");
        }
    }

    private static void atLeast(final String key, final long value, final long least) {
        if (value < least) {
            throw new IllegalArgumentException("drover.engine." + key + " is " + value + "; expected at least " + least);
        }
    }

    /**
     * @param root a resolved configuration that includes the reference configuration
     * @throws IllegalArgumentException naming key, value and expectation
     */
    public static EngineSettings from(final Config root) {
        final Config config = root.getConfig("drover.engine");
        return new EngineSettings(
                StorageType.of(config.getString("wire")),
                StorageType.of(config.getString("kv")),
                config.getString("kernels"),
                config.getInt("compute-threads"),
                config.getBytes("kv-cache"),
                config.getInt("max-running"),
                config.getInt("max-waiting"),
                config.getInt("prefill-rows"),
                config.getInt("prefill-chunk"),
                config.getInt("batch-rows"),
                config.getDouble("decode-share"),
                config.getInt("remote-rows"),
                config.getDuration("receipt-timeout"),
                config.getDuration("result-floor"),
                config.getDouble("result-factor"),
                config.getDuration("call-timeout"),
                config.getInt("max-attempts"),
                Hedging.from(config.getConfig("hedging")),
                Buddy.from(config),
                config.getDuration("offer-timeout"),
                config.getDuration("silence"),
                config.getDuration("home-timeout"),
                config.getDuration("takeover-after"),
                config.getDuration("takeover-timeout"),
                config.getInt("max-takeovers"),
                config.getInt("loader-threads"),
                config.getInt("spins"),
                config.getDuration("warm-up"));
    }
}
