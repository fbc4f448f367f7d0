package io.drover.model.forward;

import java.util.Arrays;

import org.jspecify.annotations.Nullable;

import io.drover.model.ModelConfig;

/**
 * A slab of token rows in flight on a node, as a structure of arrays. A row keeps its slot from {@link #set} until the owner reuses it;
 * between the calls of a layer its state is here and nowhere else. Used by one thread.
 */
public final class Rows {
    private final int capacity;
    private final int hidden;
    private final int maxTopK;
    private final int[] tokenIds;
    private final int[] positions;
    private final @Nullable KvSequence[] sequences;
    private final float[] residual;
    private final float[] shared;
    private final float[] sharedFactors;
    private final float[] expertInput;
    private final int[] experts;
    private final float[] weights;
    private final float[] expertOutput;

    /** @throws IllegalArgumentException if an array would have 2^31 numbers or more */
    public Rows(final ModelConfig config, final int capacity) {
        hidden = config.hiddenSize();
        maxTopK = config.maxTopK();
        final long largest = (long) capacity * Math.max(1, maxTopK) * hidden;
        if (capacity < 1 || largest > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException("rows in flight: " + capacity + "; expected 1 to "
                    + (Integer.MAX_VALUE - 8) / (Math.max(1, maxTopK) * hidden) + " for this model");
        }
        this.capacity = capacity;
        tokenIds = new int[capacity];
        positions = new int[capacity];
        sequences = new KvSequence[capacity];
        residual = new float[capacity * hidden];
        shared = new float[capacity * hidden];
        sharedFactors = new float[capacity];
        expertInput = new float[capacity * hidden];
        experts = new int[capacity * maxTopK];
        weights = new float[capacity * maxTopK];
        expertOutput = new float[capacity * maxTopK * hidden];
        Arrays.fill(experts, -1);
    }

    public int capacity() {
        return capacity;
    }

    public int hidden() {
        return hidden;
    }

    public int maxTopK() {
        return maxTopK;
    }

    /**
     * Puts a row into a slot.
     *
     * @param kv where its key and value go; null once the slot is free
     */
    public void set(final int slot, final int tokenId, final int position, final @Nullable KvSequence kv) {
        tokenIds[slot] = tokenId;
        positions[slot] = position;
        sequences[slot] = kv;
    }

    /** [slot, hidden]: what the experts of the row read, rounded to the wire type by {@link Trunk#route}. */
    public float[] expertInput() {
        return expertInput;
    }

    /** [slot, maxTopK]: the row's experts, highest weight first; -1 where the layer's top-k is smaller. */
    public int[] experts() {
        return experts;
    }

    /** [slot, maxTopK]: the weights of {@link #experts()}. */
    public float[] weights() {
        return weights;
    }

    /** [slot, maxTopK, hidden]: what the experts returned, rounded to the wire type. */
    public float[] expertOutput() {
        return expertOutput;
    }

    int tokenId(final int slot) {
        return tokenIds[slot];
    }

    int position(final int slot) {
        return positions[slot];
    }

    KvSequence sequence(final int slot) {
        final KvSequence sequence = sequences[slot];
        if (sequence == null) {
            throw new IllegalStateException("slot " + slot + " has no sequence");
        }
        return sequence;
    }

    /** [slot, hidden] */
    float[] residual() {
        return residual;
    }

    /** [slot, hidden]: the shared expert's output, kept from route to combine. */
    float[] shared() {
        return shared;
    }

    /** [slot]: what the shared expert's output is multiplied by. */
    float[] sharedFactors() {
        return sharedFactors;
    }
}
