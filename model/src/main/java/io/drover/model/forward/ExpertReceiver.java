package io.drover.model.forward;

import java.lang.foreign.Arena;
import java.security.MessageDigest;
import java.util.HexFormat;

import org.jspecify.annotations.Nullable;

import io.drover.model.LayerPlan;
import io.drover.model.ModelConfig;
import io.drover.model.StorageType;
import io.drover.model.kernel.Kernels;
import io.drover.model.kernel.PackedMatrix;

/**
 * Takes an {@link ExpertImage} in, in order and in pieces of any length, straight into the memory that will be multiplied with. Used by one
 * thread at a time.
 */
public final class ExpertReceiver implements AutoCloseable {
    private final int hidden;
    private final int width;
    private final Kernels kernels;
    private final StorageType wireType;
    private final Arena arena = Arena.ofShared();
    private final MessageDigest digest = ExpertImage.sha256();
    private final byte[] header = new byte[ExpertImage.HEADER_LENGTH];
    private @Nullable FeedForward feedForward;
    private long position;
    private boolean finished;

    /** @throws IllegalArgumentException if the layer has no routed experts */
    public ExpertReceiver(final ModelConfig config, final int layer, final Kernels kernels, final StorageType wireType) {
        final LayerPlan.Moe moe = config.layers().get(layer).moe();
        if (moe == null) {
            throw new IllegalArgumentException("layer " + layer + " has no routed experts");
        }
        hidden = config.hiddenSize();
        width = moe.expertWidth();
        this.kernels = kernels;
        this.wireType = wireType;
    }

    /** @throws IllegalArgumentException if this is no image of an expert of this layer, or longer than one */
    public void accept(final byte[] bytes) {
        digest.update(bytes);
        int done = 0;
        if (position < header.length) {
            done = Math.min(bytes.length, header.length - (int) position);
            System.arraycopy(bytes, 0, header, (int) position, done);
            position += done;
            if (position < header.length) {
                return;
            }
        }
        final FeedForward target = target();
        final long gateUpBytes = target.gateUp().bytes();
        if (position + bytes.length - done > header.length + target.bytes()) {
            throw new IllegalArgumentException(
                    "an image of more than the " + (header.length + target.bytes()) + " bytes of such an expert");
        }
        while (done < bytes.length) {
            final long at = position - header.length;
            final int part = (int) (at < gateUpBytes ? Math.min(bytes.length - done, gateUpBytes - at) : bytes.length - done);
            if (at < gateUpBytes) {
                target.gateUp().copyIn(at, bytes, done, part);
            } else {
                target.down().copyIn(at - gateUpBytes, bytes, done, part);
            }
            done += part;
            position += part;
        }
    }

    /**
     * The expert. Its memory is its own from now on.
     *
     * @throws IllegalArgumentException if bytes are missing
     */
    public ExpertWeights finish() {
        final FeedForward whole = feedForward;
        if (whole == null || position < header.length + whole.bytes()) {
            throw new IllegalArgumentException("an image that ends at byte " + position);
        }
        finished = true;
        return new ExpertWeights(arena, whole, kernels, wireType, HexFormat.of().formatHex(digest.digest()));
    }

    /** Frees the memory, unless {@link #finish} has given it away. */
    @Override
    public void close() {
        if (!finished) {
            arena.close();
        }
    }

    private FeedForward target() {
        FeedForward target = feedForward;
        if (target == null) {
            final StorageType[] types = ExpertImage.types(header, hidden, width);
            if (types == null) {
                throw new IllegalArgumentException("no image of an expert with hidden size " + hidden + " and width " + width);
            }
            target = FeedForward.of(PackedMatrix.blank(arena, types[0], 2 * width, hidden),
                    PackedMatrix.blank(arena, types[1], hidden, width));
            feedForward = target;
        }
        return target;
    }
}
