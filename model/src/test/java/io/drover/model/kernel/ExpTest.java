package io.drover.model.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ExpTest {
    @Test
    void theErrorIsBelowOneUnitInTheLastPlace() {
        double worst = 0;
        final int low = Float.floatToRawIntBits(1e-9f);
        final int high = Float.floatToRawIntBits(88.7f);
        for (int bits = low; bits <= high; bits += 61) {
            final float x = Float.intBitsToFloat(bits);
            worst = Math.max(worst, Math.max(error(x), -x > Exp.LOW ? error(-x) : 0));
        }
        System.out.printf("exp: largest error %.3f units in the last place%n", worst);
        assertThat(worst).isLessThan(1);
    }

    @Test
    void theEndsOfTheRangeAreExact() {
        assertThat(Exp.exp(0f)).isEqualTo(1f);
        assertThat(Exp.exp(-0f)).isEqualTo(1f);
        assertThat(Exp.exp(Exp.LOW)).isBetween(Float.MIN_NORMAL, 1.001f * Float.MIN_NORMAL);
        assertThat(Exp.exp(Math.nextDown(Exp.LOW))).isZero();
        assertThat(Exp.exp(Exp.HIGH)).isBetween(3.402e38f, Float.MAX_VALUE);
        assertThat(Exp.exp(Math.nextUp(Exp.HIGH))).isInfinite();
        assertThat(Exp.exp(Float.NEGATIVE_INFINITY)).isZero();
        assertThat(Exp.exp(-Float.MAX_VALUE)).isZero();
        assertThat(Exp.exp(Float.MAX_VALUE)).isInfinite();
        assertThat(Exp.exp(Float.NaN)).isNaN();
    }

    @Test
    void theLogisticFunctionSaturates() {
        assertThat(Exp.sigmoid(0f)).isEqualTo(0.5f);
        assertThat(Exp.sigmoid(1000f)).isEqualTo(1f);
        assertThat(Exp.sigmoid(-1000f)).isZero();
    }

    private static double error(final float x) {
        final double exact = StrictMath.exp(x);
        return Math.abs(Exp.exp(x) - exact) / Math.ulp((float) exact);
    }
}
