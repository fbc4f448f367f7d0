package io.drover.bench.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import com.fasterxml.jackson.databind.ObjectMapper;

final class VerdictTest {
    private static final List<Load.Case> CASES = List.of(new Load.Case(new int[]{1}, new int[]{7, 8, 9}));

    private static StreamRecord stream(final int number, final String finish, final boolean done, final String fault,
            final int... ids) {
        final List<StreamRecord.Token> tokens = new ArrayList<>();
        for (final int id : ids) {
            tokens.add(new StreamRecord.Token(tokens.size(), id, 1_000_000L * (1 + tokens.size() * tokens.size())));
        }
        return new StreamRecord(number, 0, "http://a", "cmpl-" + number, 0, tokens, finish, done, fault);
    }

    @Test
    void everyKindOfFaultIsFoundAndAProperStreamIsNone() {
        final Verdict verdict = new Verdict(List.of(stream(0, "length", true, "", 7, 8, 9), stream(1, "length", true, "", 7, 8),
                stream(2, "length", true, "", 7, 8, 8), stream(3, "length", true, "", 7, 8, 9, 9),
                stream(4, "", true, "", 7, 8, 9),
                stream(5, "length", false, "", 7, 8, 9), stream(6, "", false, "broken: x", 7),
                stream(7, "", false, "error event: x", 8)), CASES);
        assertThat(verdict.wrong()).extracting(StreamRecord::request).containsExactly(1L, 2L, 3L);
        assertThat(verdict.failed()).extracting(StreamRecord::request).containsExactly(4L, 5L, 6L, 7L);
        assertThat(verdict.wrongBeginnings()).extracting(StreamRecord::request).containsExactly(7L);
    }

    @Test
    void aStreamThatIsToldOfAnErrorOrRefusedIsNotSilent() {
        final Verdict verdict = new Verdict(List.of(stream(0, "length", true, "", 7, 8, 9), stream(1, "", true, "", 7, 8, 9),
                stream(2, "length", false, "", 7, 8, 9), stream(3, "", false, "broken: x", 7), stream(4, "", false, "broken: x"),
                stream(5, "", false, "error event: x", 7), stream(6, "", false, "status 503: x"),
                stream(7, "", false, "no answer: x")), CASES);
        assertThat(verdict.silent()).extracting(StreamRecord::request).containsExactly(1L, 2L, 3L, 4L);
        assertThat(verdict.admitted("http://a", -1)).extracting(StreamRecord::request).containsExactly(0L, 1L, 2L, 3L, 5L);
        assertThat(verdict.admitted("http://a", 0)).isEmpty();
        assertThat(verdict.admitted("http://b", -1)).isEmpty();
    }

    @Test
    void gapsAreThoseThatEndInTheInterval() {
        final Verdict verdict = new Verdict(List.of(stream(0, "length", true, "", 7, 8, 9)), CASES);
        assertThat(verdict.gapsMs(0, Long.MAX_VALUE)).containsExactly(1, 3);
        assertThat(verdict.gapsMs(0, 2_000_001)).containsExactly(1);
        assertThat(verdict.longestMs(3_000_000, 4_000_000)).as("none ends in it").isEqualTo(3);
        assertThat(verdict.longestMs(5_000_001, 6_000_000)).isZero();
        assertThat(verdict.tokens(1_000_000, 5_000_000)).isEqualTo(2);
        assertThat(verdict.firstTokenNs("http://a", 1_500_000)).isEqualTo(2_000_000);
        assertThat(verdict.firstTokenNs("http://b", 0)).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void someStreamsAreToldFromTheOthers() {
        final Verdict verdict = new Verdict(List.of(stream(0, "length", true, "", 7, 8, 9), stream(1, "length", true, "", 7, 8)),
                CASES);
        assertThat(verdict.only(stream -> stream.id().equals("cmpl-1")).longestMs(0, Long.MAX_VALUE)).isEqualTo(1);
        assertThat(verdict.only(stream -> !stream.id().equals("cmpl-1")).longestMs(0, Long.MAX_VALUE)).isEqualTo(3);
    }

    @Test
    void recordsAreReadAsTheyWereWritten(@TempDir final Path directory) throws Exception {
        final StreamRecord written = stream(3, "length", true, "", 7, 8, 9);
        final Path file = Files.writeString(directory.resolve("r.jsonl"), new ObjectMapper().writeValueAsString(written) + "\n");
        assertThat(Verdict.read(file, CASES).streams()).isEqualTo(1);
        assertThat(Verdict.read(file, CASES).wrong()).isEmpty();
        Files.writeString(file, "{\"request\": 1, \"tok");
        assertThatThrownBy(() -> Verdict.read(file, CASES)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void percentilesAndMedians() {
        assertThat(Verdict.median(3, 1, 2)).isEqualTo(2);
        assertThat(Verdict.median(4, 1, 2, 3)).isEqualTo(2.5);
        assertThat(Verdict.percentile(new double[]{1, 2, 3, 4, 5}, 50)).isEqualTo(3);
        assertThat(Verdict.percentile(new double[]{1, 2, 3, 4, 5}, 100)).isEqualTo(5);
        assertThat(Verdict.percentile(new double[0], 99)).isZero();
    }
}
