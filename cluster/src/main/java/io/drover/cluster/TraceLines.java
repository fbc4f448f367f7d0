package io.drover.cluster;

import java.nio.charset.StandardCharsets;

import org.apache.pekko.util.ByteString;

import io.drover.actors.RoutingRecord;
import io.drover.model.LayerPlan;
import io.drover.model.ModelConfig;

/**
 * The lines of a recording: the trace that {@code drover plan} reads, and between them lines that begin with {@link #NOTE} and say how
 * far each node is.
 */
public final class TraceLines {
    /** What begins a line that does not belong into the trace. */
    public static final String NOTE = "{\"drover_record\":";

    private static final int WEIGHT_DIGITS = 100_000;

    private TraceLines() {}

    /**
     * The trace's first line.
     *
     * @throws IllegalArgumentException if the layers of the model differ in their number of experts, which a trace cannot say
     */
    public static ByteString header(final String model, final ModelConfig config) {
        final int[] experts = config.layers()
                .stream()
                .map(LayerPlan::moe)
                .filter(moe -> moe != null)
                .mapToInt(LayerPlan.Moe::experts)
                .distinct()
                .toArray();
        if (experts.length != 1) {
            throw new IllegalArgumentException("a trace is of a model whose layers have the same number of experts; "
                    + model + " has " + java.util.Arrays.toString(experts));
        }
        final long layers = config.layers().stream().filter(layer -> layer.moe() != null).count();
        final String name = model.replace("\\", "\\\\").replace("\"", "\\\"");
        return ascii("{\"drover_trace\":1,\"model\":\"" + name + "\",\"layers\":" + layers + ",\"experts\":" + experts[0]
                + ",\"top_k\":" + config.maxTopK() + "}\n");
    }

    static ByteString progress(final String node, final long positions, final long dropped) {
        return ascii(NOTE + "{\"node\":\"" + node + "\",\"positions\":" + positions + ",\"dropped\":" + dropped + "}}\n");
    }

    static ByteString failure(final String node, final String why) {
        final String text = why.replace("\\", "\\\\").replace("\"", "'").replaceAll("\\p{Cntrl}+", " ");
        return ascii(NOTE + "{\"node\":\"" + node + "\",\"error\":\"" + text + "\"}}\n");
    }

    static ByteString line(final RoutingRecord record) {
        return line(record, record.topK());
    }

    private static ByteString line(final RoutingRecord record, final int topK) {
        final StringBuilder text = new StringBuilder(64 + record.experts().length * 12);
        text.append("{\"seq\":\"").append(record.sequence()).append("\",\"experts\":[");
        nested(text, record, topK, i -> text.append(record.experts()[i]));
        text.append("],\"weights\":[");
        nested(text, record, topK, i -> weight(text, record.weights()[i]));
        return ascii(text.append("]}\n").toString());
    }

    private interface Element {
        void append(int index);
    }

    private static void nested(final StringBuilder text, final RoutingRecord record, final int topK, final Element element) {
        final int stride = record.experts().length / record.positions();
        for (int i = 0; i < record.experts().length; i++) {
            if (i % topK == 0) {
                text.append(i == 0 ? "[[" : i % stride == 0 ? "]],[[" : "],[");
            } else {
                text.append(',');
            }
            element.append(i);
        }
        text.append("]]");
    }

    /** Five digits after the point; plain division would give a float's many. */
    private static void weight(final StringBuilder text, final float weight) {
        final long scaled = Math.round((double) weight * WEIGHT_DIGITS);
        text.append(scaled / WEIGHT_DIGITS);
        if (scaled % WEIGHT_DIGITS != 0) {
            text.append('.').append(Long.toString(WEIGHT_DIGITS + scaled % WEIGHT_DIGITS), 1, 6);
        }
    }

    private static ByteString ascii(final String text) {
        return ByteString.fromArrayUnsafe(text.getBytes(StandardCharsets.UTF_8));
    }
}
