package io.drover.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.junit.jupiter.api.Test;

final class RebalanceSettingsTest {
    private static final Pattern KEY = Pattern.compile("(?m)^  ([a-z-]+) = ([0-9.]+)(?: (second|minute)s?)?$");

    /** The file is what operators read; the record is what code uses where nothing is configured. */
    @Test
    void hasTheDefaultsOfReferenceConf() throws Exception {
        final Map<String, Double> file = referenceConf();
        final RecordComponent[] components = RebalanceSettings.class.getRecordComponents();
        assertThat(file).hasSize(components.length);
        for (final RecordComponent component : components) {
            final String key = component.getName().replaceFirst("Ns$", "").replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
            final Number value = (Number) component.getAccessor().invoke(RebalanceSettings.DEFAULT);
            assertThat(file).as(key).containsEntry(key, value.doubleValue());
        }
    }

    private static Map<String, Double> referenceConf() throws IOException {
        final Map<String, Double> values = new HashMap<>();
        try (InputStream in = RebalanceSettings.class.getResourceAsStream("/reference.conf")) {
            final Matcher line = KEY.matcher(new String(in.readAllBytes(), StandardCharsets.UTF_8));
            while (line.find()) {
                final double unit = line.group(3) == null
                        ? 1
                        : (line.group(3).equals("second") ? Duration.ofSeconds(1) : Duration.ofMinutes(1)).toNanos();
                values.put(line.group(1), Double.parseDouble(line.group(2)) * unit);
            }
        }
        return values;
    }

    @Test
    void refusesValuesOutOfRange() {
        assertThatThrownBy(() -> with(0, 0.05, 0.02, 2)).hasMessageContaining("minReplicas is at least 1, not 0");
        assertThatThrownBy(() -> with(1, 0.01, 0.02, 2)).hasMessageContaining("0.02 and 0.01");
        assertThatThrownBy(() -> with(1, 0.05, 0.02, -1)).hasMessageContaining("-1.0");
    }

    private static RebalanceSettings with(final int minReplicas, final double enter, final double leave, final double safety) {
        final RebalanceSettings usual = RebalanceSettings.DEFAULT;
        return new RebalanceSettings(minReplicas, usual.bootstrapNodes(), usual.reserveSlots(), usual.stepMoves(),
                usual.loadsPerDevice(), usual.horizonNs(), enter, leave, safety, usual.overlap(), usual.evaluateAfterNs(),
                usual.epochIntervalNs(), usual.acknowledgeNs(), usual.loadNs(), usual.maxSends(), usual.retryNs(),
                usual.watchdogNs(),
                usual.planningShare(), usual.effort(),
                usual.ledgerEntries());
    }
}
