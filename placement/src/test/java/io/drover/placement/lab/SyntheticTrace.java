package io.drover.placement.lab;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Small traces with affinity and skew, made from a seed. */
final class SyntheticTrace {
    private SyntheticTrace() {}

    /** Sequences of alternating domains; each domain prefers its own half of the experts. */
    static Trace of(final long seed, final int layers, final int experts, final int topK, final int sequences, final int length) {
        final SplittableRandom random = new SplittableRandom(seed);
        final short[] ids = new short[sequences * length * layers * topK];
        final float[] weights = new float[ids.length];
        final List<Trace.Sequence> list = new ArrayList<>();
        int at = 0;
        for (int sequence = 0; sequence < sequences; sequence++) {
            final int domain = sequence / 2 % 2;
            list.add(new Trace.Sequence("s" + sequence, domain == 0 ? "law" : "stem", sequence * length, length));
            for (int token = 0; token < length; token++) {
                int last = random.nextInt(experts);
                for (int layer = 0; layer < layers; layer++) {
                    last = row(random, experts, topK, domain, last, ids, at);
                    for (int rank = 0; rank < topK; rank++) {
                        weights[at + rank] = (float) (topK - rank) / (topK * (topK + 1) / 2);
                    }
                    at += topK;
                }
            }
        }
        return new Trace("synthetic", layers, experts, topK, ids, weights, List.copyOf(list));
    }

    private static int row(
            final SplittableRandom random, final int experts, final int topK, final int domain, final int last, final short[] ids,
            final int at) {
        int rank = 0;
        while (rank < topK) {
            final int near = random.nextInt(3) > 0
                    ? (last + random.nextInt(3)) % experts
                    : domain * experts / 2 + random.nextInt(experts / 2);
            boolean fresh = true;
            for (int i = 0; i < rank; i++) {
                fresh &= ids[at + i] != near;
            }
            if (fresh) {
                ids[at + rank++] = (short) near;
            } else if (random.nextInt(4) == 0) {
                ids[at + rank] = (short) unused(ids, at, rank);
                rank++;
            }
        }
        return ids[at];
    }

    private static int unused(final short[] ids, final int at, final int rank) {
        int expert = 0;
        for (int i = 0; i < rank; i++) {
            if (ids[at + i] == expert) {
                expert++;
                i = -1;
            }
        }
        return expert;
    }

    /** Writes a trace as arrays. */
    static void write(final Trace trace, final Path directory) throws IOException {
        Files.createDirectories(directory);
        final int[] shape = {trace.tokens(), trace.layers(), trace.topK()};
        final byte[] ids = new byte[trace.ids().length];
        final byte[] probs = new byte[ids.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = (byte) trace.ids()[i];
            probs[i] = (byte) Math.round(255 * trace.weights()[i]);
        }
        Files.write(directory.resolve("expert_ids.npy"), npy("|u1", shape, ids));
        Files.write(directory.resolve("expert_probs.npy"), npy("|u1", shape, probs));
        final StringBuilder csv = new StringBuilder("trace,domain,first_token,tokens\n");
        for (final Trace.Sequence sequence : trace.sequences()) {
            csv.append(sequence.name())
                    .append(',')
                    .append(sequence.domain())
                    .append(',')
                    .append(sequence.firstToken())
                    .append(',')
                    .append(sequence.tokens())
                    .append('\n');
        }
        Files.writeString(directory.resolve("traces.csv"), csv);
    }

    /** A .npy file of version 1. */
    static byte[] npy(final String descr, final int[] shape, final byte[] elements) {
        final StringBuilder sides = new StringBuilder();
        for (final int side : shape) {
            sides.append(side).append(", ");
        }
        final String header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + sides + "), }\n";
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[]{(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0});
        out.writeBytes(ByteBuffer.allocate(2).order(ByteOrder.LITTLE_ENDIAN).putShort((short) header.length()).array());
        out.writeBytes(header.getBytes(StandardCharsets.ISO_8859_1));
        out.writeBytes(elements);
        return out.toByteArray();
    }
}
