package io.drover.streams;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

import org.agrona.BitUtil;

import io.aeron.logbuffer.LogBufferDescriptor;

/**
 * What the logs of a media driver need of shared memory. A log is one direction between two nodes and holds three terms.
 * Within the host there is one for each ordered pair of nodes; over UDP a driver keeps one for each direction of each pair
 * of a node here and a node elsewhere. Beside each there may be a small one for what may wait.
 *
 * @param termLength    bytes of a term
 * @param logs          in this driver, without those for what may wait
 * @param requiredBytes of the driver's file system, its own files included
 */
public record TermPlan(int termLength, int logs, long requiredBytes) {
    /** The driver's counters, command buffers and reports, rounded up. */
    static final long DRIVER_BYTES = 14L << 20;

    private static final int PAGE_BYTES = 4096;

    /**
     * @param nodesHere      that use this driver
     * @param nodesElsewhere that each of them talks to over UDP
     */
    public static TermPlan of(final DataPlaneSettings settings, final int nodesHere, final int nodesElsewhere) {
        if (nodesHere < 1 || nodesElsewhere < 0) {
            throw new IllegalArgumentException(
                    "a driver serves at least one node, and peers are not negative: " + nodesHere + ", " + nodesElsewhere);
        }
        final int logs = Math.addExact(Math.multiplyExact(nodesHere, nodesHere - 1),
                Math.multiplyExact(2 * nodesHere, nodesElsewhere));
        final long logBytes = LogBufferDescriptor.computeLogLength(settings.termLength(), PAGE_BYTES)
                + LogBufferDescriptor.computeLogLength(DataPlaneSettings.BACKGROUND_TERM_LENGTH, PAGE_BYTES);
        return new TermPlan(settings.termLength(), logs, DRIVER_BYTES + logs * logBytes);
    }

    /** This plan with the logs of the same nodes' bulk planes. */
    public TermPlan withBulk(final BulkSettings bulk) {
        final long logBytes = LogBufferDescriptor.computeLogLength(termLengthFor(bulk.frameLength()), PAGE_BYTES);
        return new TermPlan(termLength, 2 * logs, requiredBytes + logs * logBytes);
    }

    /**
     * Refuses to start where the logs would not fit: a memory-mapped file that outgrows its file system ends the process
     * with SIGBUS.
     *
     * @param aeronDirectory of the driver; it need not exist yet
     * @throws IllegalStateException with both numbers and what to do
     */
    public void check(final Path aeronDirectory) {
        check(aeronDirectory, usableBytes(aeronDirectory));
    }

    void check(final Path aeronDirectory, final long usableBytes) {
        if (usableBytes < requiredBytes) {
            throw new IllegalStateException(String.format(
                    "too little shared memory: %d logs with terms of %s need %s in %s, which has %s free. Give it more (docker run"
                            + " --shm-size, or a memory-backed volume at /dev/shm), lower drover.streams.largest-frame, or set"
                            + " drover.streams.aeron-directory to a larger file system",
                    logs, mebibytes(termLength), mebibytes(requiredBytes), aeronDirectory, mebibytes(usableBytes)));
        }
    }

    static int termLengthFor(final int largestFrameLength) {
        return BitUtil.findNextPositivePowerOfTwo(
                Math.max(DataPlaneSettings.TERM_MIN, DataPlaneSettings.MESSAGES_PER_TERM * largestFrameLength));
    }

    private static long usableBytes(final Path directory) {
        Path existing = directory.toAbsolutePath();
        while (!Files.exists(existing) && existing.getParent() != null) {
            existing = existing.getParent();
        }
        try {
            return Files.getFileStore(existing).getUsableSpace();
        } catch (final IOException e) {
            throw new UncheckedIOException("cannot tell the free space of " + existing, e);
        }
    }

    private static String mebibytes(final long bytes) {
        return String.format("%.1f MiB", bytes / (double) (1 << 20));
    }
}
