package io.drover.model.kernel;

import java.lang.invoke.MethodHandles;
import java.util.Arrays;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

import io.drover.model.StorageType;

/** {@link RowOps} in the Vector API; the exponential repeats {@link Exp#exp} operation by operation. */
final class VectorRowOps implements RowOps {
    private static final VectorSpecies<Float> FLOATS = VectorWidth.floats(MethodHandles.lookup());
    private static final VectorSpecies<Integer> INTS = VectorWidth.ints(MethodHandles.lookup());
    private static final int LANES = FLOATS.length();
    private static final boolean NARROW = LANES == 8;
    private static final int STRIDES = 16;
    private static final int BLOCK = KvLayout.POSITIONS;

    @Override
    public void rmsNorm(final float[] x, final int xOffset, final float[] weight, final float epsilon, final float[] y,
            final int yOffset, final float[] lanes) {
        final int width = weight.length;
        final int whole = width / STRIDES * STRIDES;
        FloatVector sum0 = FloatVector.zero(FLOATS);
        FloatVector sum1 = FloatVector.zero(FLOATS);
        for (int i = 0; i < whole; i += STRIDES) {
            final FloatVector x0 = FloatVector.fromArray(FLOATS, x, xOffset + i);
            sum0 = x0.fma(x0, sum0);
            if (NARROW) {
                final FloatVector x1 = FloatVector.fromArray(FLOATS, x, xOffset + i + 8);
                sum1 = x1.fma(x1, sum1);
            }
        }
        sum0.intoArray(lanes, 0);
        if (NARROW) {
            sum1.intoArray(lanes, 8);
        }
        for (int i = whole; i < width; i++) {
            lanes[i - whole] = Math.fma(x[xOffset + i], x[xOffset + i], lanes[i - whole]);
        }
        final float factor = 1f / (float) Math.sqrt(Tree.sum16(lanes) / width + epsilon);
        final FloatVector factors = FloatVector.broadcast(FLOATS, factor);
        for (int i = 0; i < whole; i += LANES) {
            FloatVector.fromArray(FLOATS, x, xOffset + i)
                    .mul(factors)
                    .mul(FloatVector.fromArray(FLOATS, weight, i))
                    .intoArray(y, yOffset + i);
        }
        for (int i = whole; i < width; i++) {
            y[yOffset + i] = x[xOffset + i] * factor * weight[i];
        }
    }

    @Override
    public void swiGlu(final float[] gateUp, final int offset, final int width, final float[] y, final int yOffset) {
        final int whole = width / LANES * LANES;
        final FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        final FloatVector round = FloatVector.broadcast(FLOATS, Exp.ROUND);
        for (int i = 0; i < whole; i += LANES) {
            final FloatVector gate = FloatVector.fromArray(FLOATS, gateUp, offset + i);
            final FloatVector z = gate.neg();
            final FloatVector t = z.fma(FloatVector.broadcast(FLOATS, Exp.LOG2_E), round);
            final FloatVector n = t.sub(round);
            final FloatVector r = n.fma(FloatVector.broadcast(FLOATS, -Exp.LN2_LOW),
                    n.fma(FloatVector.broadcast(FLOATS, -Exp.LN2_HIGH), z));
            FloatVector p = r.fma(FloatVector.broadcast(FLOATS, Exp.C7), FloatVector.broadcast(FLOATS, Exp.C6));
            p = p.fma(r, FloatVector.broadcast(FLOATS, Exp.C5));
            p = p.fma(r, FloatVector.broadcast(FLOATS, Exp.C4));
            p = p.fma(r, FloatVector.broadcast(FLOATS, Exp.C3));
            p = p.fma(r, FloatVector.broadcast(FLOATS, Exp.C2));
            p = p.fma(r, one);
            p = p.fma(r, one);
            final FloatVector scaled = p.reinterpretAsInts()
                    .add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                    .reinterpretAsFloats();
            final FloatVector bounded = scaled.blend(0f, z.compare(VectorOperators.LT, Exp.LOW));
            final FloatVector e = z.mul(Float.POSITIVE_INFINITY).blend(bounded, z.compare(VectorOperators.LE, Exp.HIGH));
            gate.div(e.add(one)).mul(FloatVector.fromArray(FLOATS, gateUp, offset + width + i)).intoArray(y, yOffset + i);
        }
        for (int i = whole; i < width; i++) {
            final float gate = gateUp[offset + i];
            y[yOffset + i] = gate / (1f + Exp.exp(-gate)) * gateUp[offset + width + i];
        }
    }

    @Override
    public float softmax(final float[] scores, final int length, final float scale, final float[] lanes) {
        final int end = (length + BLOCK - 1) / BLOCK * BLOCK;
        for (int i = 0; i < end; i += LANES) {
            FloatVector.fromArray(FLOATS, scores, i).mul(scale).intoArray(scores, i);
        }
        Arrays.fill(scores, length, end, Float.NEGATIVE_INFINITY);
        FloatVector maxima = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < end; i += LANES) {
            maxima = maxima.max(FloatVector.fromArray(FLOATS, scores, i));
        }
        maxima.intoArray(lanes, 0);
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < LANES; i++) {
            max = Math.max(max, lanes[i]);
        }
        exponentials(scores, length, end, max);
        return sum(scores, end, lanes);
    }

    @Override
    public void roundBfloat16(final float[] x, final int xOffset, final int count, final float[] y, final int yOffset) {
        final int whole = count / LANES * LANES;
        for (int i = 0; i < whole; i += LANES) {
            final IntVector bits = FloatVector.fromArray(FLOATS, x, xOffset + i).reinterpretAsInts();
            final VectorMask<Integer> nan = bits.and(0x7fff_ffff).compare(VectorOperators.GT, 0x7f80_0000);
            final IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
            bits.add(0x7fff)
                    .add(odd)
                    .blend(bits.or(0x0040_0000), nan)
                    .and(0xffff_0000)
                    .reinterpretAsFloats()
                    .intoArray(y, yOffset + i);
        }
        for (int i = whole; i < count; i++) {
            y[yOffset + i] = StorageType.BFLOAT16.round(x[xOffset + i]);
        }
    }

    /** What lies behind the length becomes exactly 0, also where the maximum is infinite or no number. */
    private static void exponentials(final float[] scores, final int length, final int end, final float max) {
        final FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        final FloatVector round = FloatVector.broadcast(FLOATS, Exp.ROUND);
        for (int i = 0; i < end; i += LANES) {
            final FloatVector z = FloatVector.fromArray(FLOATS, scores, i).sub(max);
            final FloatVector t = z.fma(FloatVector.broadcast(FLOATS, Exp.LOG2_E), round);
            final FloatVector n = t.sub(round);
            final FloatVector r = n.fma(FloatVector.broadcast(FLOATS, -Exp.LN2_LOW),
                    n.fma(FloatVector.broadcast(FLOATS, -Exp.LN2_HIGH), z));
            FloatVector p = r.fma(FloatVector.broadcast(FLOATS, Exp.C7), FloatVector.broadcast(FLOATS, Exp.C6));
            p = p.fma(r, FloatVector.broadcast(FLOATS, Exp.C5));
            p = p.fma(r, FloatVector.broadcast(FLOATS, Exp.C4));
            p = p.fma(r, FloatVector.broadcast(FLOATS, Exp.C3));
            p = p.fma(r, FloatVector.broadcast(FLOATS, Exp.C2));
            p = p.fma(r, one);
            p = p.fma(r, one);
            final FloatVector scaled = p.reinterpretAsInts()
                    .add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                    .reinterpretAsFloats();
            final FloatVector bounded = scaled.blend(0f, z.compare(VectorOperators.LT, Exp.LOW));
            z.mul(Float.POSITIVE_INFINITY).blend(bounded, z.compare(VectorOperators.LE, Exp.HIGH)).intoArray(scores, i);
        }
        Arrays.fill(scores, length, end, 0f);
    }

    private static float sum(final float[] scores, final int end, final float[] lanes) {
        FloatVector sum0 = FloatVector.zero(FLOATS);
        FloatVector sum1 = FloatVector.zero(FLOATS);
        FloatVector sum2 = FloatVector.zero(FLOATS);
        FloatVector sum3 = FloatVector.zero(FLOATS);
        for (int i = 0; i < end; i += BLOCK) {
            sum0 = sum0.add(FloatVector.fromArray(FLOATS, scores, i));
            sum1 = sum1.add(FloatVector.fromArray(FLOATS, scores, i + LANES));
            if (NARROW) {
                sum2 = sum2.add(FloatVector.fromArray(FLOATS, scores, i + 2 * LANES));
                sum3 = sum3.add(FloatVector.fromArray(FLOATS, scores, i + 3 * LANES));
            }
        }
        sum0.intoArray(lanes, 0);
        sum1.intoArray(lanes, LANES);
        if (NARROW) {
            sum2.intoArray(lanes, 2 * LANES);
            sum3.intoArray(lanes, 3 * LANES);
        }
        return Tree.sum32(lanes);
    }
}
